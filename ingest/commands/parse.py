"""`ruamill parse`: what is read in one file, as JSON."""

import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ingest import show
from ingest.configuration import ConfigurationError
from ingest.settings import Settings
from ingest.status import DONE, REJECTED
from parsers.aggregate import read_report
from parsers.errors import ReportError
from parsers.message import MailHeaders
from parsers.reading import Reading, ReadReport, read
from parsers.unpack import Refusal
from parsers.values import Report

_REPORT = TypeAdapter(Report)
_HEADERS = TypeAdapter(MailHeaders)


def run(settings: Settings, file: Path) -> int:
    """Print the reports in one file and what was not taken. A large report is held in memory."""
    raw = sys.stdin.buffer.read() if str(file) == "-" else _read(file)
    shown = _as_json(read(raw, file.name, settings.limits))
    show.as_json(shown)
    return DONE if shown["reports"] else REJECTED


def _as_json(reading: Reading) -> dict[str, Any]:
    reports, refusals = [], list(reading.refusals)
    for each in reading.reports:
        try:
            reports.append(_report(each))
        except ReportError as error:  # a large one is read only now
            refusals.append(Refusal(each.document.name, error))
    return {
        "mail": None if reading.headers is None else _HEADERS.dump_python(reading.headers, mode="json"),
        "reports": reports,
        "not_taken": [
            {"name": each.name, "outcome": each.error.outcome, "reason": str(each.error)} for each in refusals
        ],
    }


def _report(each: ReadReport) -> dict[str, Any]:
    report = each.report or read_report(each.document.chunks, each.limits)
    values = _REPORT.dump_python(report, mode="json")
    passed = [{"dmarc_pass": record.dmarc_pass} for record in report.records]
    return {
        "name": each.document.name,
        "xml_sha256": each.document.sha256,
        "xml_bytes": each.document.size,
        **values["header"],
        "records": [record | more for record, more in zip(values["records"], passed, strict=True)],
        "deviations": values["deviations"],
    }


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
