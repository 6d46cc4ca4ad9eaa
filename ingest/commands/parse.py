"""`ruamill parse`: what is read in one file, as JSON."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ingest import show
from ingest.acceptance import accept
from ingest.configuration import ConfigurationError
from ingest.settings import Settings
from ingest.status import DONE, REJECTED
from parsers.aggregate import read_report
from parsers.alignment import recompute
from parsers.errors import ReportError
from parsers.failure import FailureReport
from parsers.message import MailHeaders
from parsers.reading import Reading, ReadReport, read
from parsers.tls import TlsReport
from parsers.unpack import Refusal
from parsers.values import Report

_REPORT = TypeAdapter(Report)
_TLS_REPORT = TypeAdapter(TlsReport)
_FAILURE = TypeAdapter(FailureReport)
_HEADERS = TypeAdapter(MailHeaders)


def run(settings: Settings, file: Path) -> int:
    """Print the reports in one file and what was not taken. A large report is held in memory."""
    raw = sys.stdin.buffer.read() if str(file) == "-" else _read(file)
    reading = accept(read(raw, file.name, settings.limits), settings.accept, tuple(settings.domains))
    shown = _as_json(reading)
    show.as_json(shown)
    return DONE if shown["reports"] or shown["tls_reports"] or shown["failure_reports"] else REJECTED


def _as_json(reading: Reading) -> dict[str, Any]:
    reports, refusals = [], list(reading.refusals)
    for each in reading.reports:
        try:
            reports.append(_report(each))
        except ReportError as error:  # a large one is read only now
            refusals.append(Refusal(each.document.name, error))
    return {
        "mail": None if reading.headers is None else _mail(reading.headers, reading.dmarc),
        "reports": reports,
        "tls_reports": [_TLS_REPORT.dump_python(it.report, mode="json") for it in reading.tls_reports],
        "failure_reports": [_FAILURE.dump_python(it.report, mode="json") for it in reading.failures],
        "not_taken": [
            {"name": each.name, "outcome": each.error.outcome, "reason": str(each.error)} for each in refusals
        ],
    }


def _mail(headers: MailHeaders, dmarc: str | None) -> dict[str, Any]:
    values: dict[str, Any] = _HEADERS.dump_python(headers, mode="json")
    return {**values, "dmarc": dmarc}


def _report(each: ReadReport) -> dict[str, Any]:
    report = each.report or read_report(each.document.chunks, each.limits, each.document.damage)
    values = _REPORT.dump_python(report, mode="json")
    judged = [
        {"dmarc_pass": record.dmarc_pass, "recomputed": asdict(recompute(record, report.header.policy))}
        for record in report.records
    ]
    return {
        "name": each.document.name,
        "xml_sha256": each.document.sha256,
        "xml_bytes": each.document.size,
        "foreign": each.foreign,
        "sender_fits": each.sender_fits,
        "damage": report.damage,
        **values["header"],
        "records": [record | more for record, more in zip(values["records"], judged, strict=True)],
        "deviations": values["deviations"],
    }


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
