"""What lies in fixtures/ is read as the JSON beside it says: every report, every carrier, every refusal."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from parsers.aggregate import ReportReader
from parsers.reading import Reading, read
from parsers.values import Report
from tests.parsers.small_reports import chunked

FIXTURES = Path(__file__).parents[2] / "fixtures"
REPORTS = sorted((FIXTURES / "reports").glob("*.xml"))
MAILS = sorted((FIXTURES / "mails").glob("*.eml"))
REFUSED = sorted(path for path in (FIXTURES / "refused").iterdir() if path.suffix != ".json")

_REPORT = TypeAdapter(Report)


def by_name(path: Path) -> str:
    return path.stem


def expected_of(path: Path) -> Any:
    beside = path.parent / f"{path.name.partition('.')[0]}.json"
    return json.loads(beside.read_text(encoding="utf-8"))


def values_of(report: Report) -> Any:
    """Give a report in the terms of fixtures/reports: without the tokens as sent, deviations as `code place`: times."""
    dumped = _REPORT.dump_python(report, mode="json")
    records = [
        _without_raw(each) | {"dmarc_pass": record.dmarc_pass}
        for each, record in zip(dumped["records"], report.records, strict=True)
    ]
    deviations = {f"{each.code} {each.place}": each.times for each in report.deviations}
    return dumped["header"] | {"records": records, "deviations": deviations}


def _without_raw(values: Any) -> Any:
    if isinstance(values, list):
        return [_without_raw(each) for each in values]
    if isinstance(values, dict):
        return {key: _without_raw(each) for key, each in values.items() if not key.endswith("_raw")}
    return values


def reports_in(reading: Reading) -> list[Any]:
    whole = [each.report for each in reading.reports]
    assert all(whole)
    return [values_of(each) for each in whole if each]


@pytest.mark.parametrize("xml", REPORTS, ids=by_name)
def test_a_report_says_what_is_written_beside_it(xml: Path) -> None:
    reading = read(xml.read_bytes(), xml.name)
    assert reading.refusals == ()
    assert reports_in(reading) == [expected_of(xml)]


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("xml", REPORTS, ids=by_name)
def test_a_report_says_the_same_in_the_smallest_chunks(xml: Path, size: int) -> None:
    reader = ReportReader(chunked(xml.read_bytes(), size))
    records = tuple(chain.from_iterable(reader.blocks()))
    assert values_of(Report(reader.header, records, reader.deviations)) == expected_of(xml)


@pytest.mark.parametrize("mail", MAILS, ids=by_name)
def test_a_mail_carries_its_reports_whole(mail: Path) -> None:
    expected = expected_of(mail)
    reading = read(mail.read_bytes(), mail.name)
    assert reports_in(reading) == [
        expected_of(FIXTURES / "reports" / f"{name}.xml") for name in expected["reports"]
    ]
    assert ("partial" if reading.refusals else "stored") == expected["outcome"]


@pytest.mark.parametrize("file", REFUSED, ids=by_name)
def test_what_holds_no_usable_report_says_why(file: Path) -> None:
    expected = expected_of(file)
    reading = read(file.read_bytes(), file.name)
    [refusal] = reading.refusals
    assert reading.reports == ()
    assert refusal.error.outcome == expected["outcome"]
    assert expected["reason_contains"].lower() in str(refusal.error).lower()
