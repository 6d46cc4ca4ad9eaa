"""SMTP TLS reports: what each reporter sends is read, every departure named, everything hostile refused."""

import gc
import gzip
import json
import resource
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from parsers import text
from parsers.errors import CorruptError, NotAReportError, RefusedError, ReportError
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.tls import TlsReport, read_tls_report

FIXTURES = Path(__file__).parents[2] / "fixtures" / "tls"
REPORTS = sorted(path for path in FIXTURES.iterdir() if not path.name.endswith(".expected.json"))
_REPORT = TypeAdapter(TlsReport)


def content_of(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def values_of(report: TlsReport) -> Any:
    """Give a report in the terms of fixtures/tls: of a deviation its code and place."""
    dumped = _REPORT.dump_python(report, mode="json")
    return dumped | {"deviations": [f"{it.code} {it.place}" for it in report.deviations]}


def with_policies(policies: object, **more: object) -> bytes:
    return json.dumps(
        {"organization-name": "Inselpost", "report-id": "1", "policies": policies, **more}
    ).encode()


def with_summary(summary: object) -> bytes:
    return with_policies([{"policy": {"policy-type": "sts"}, "summary": summary}])


def codes(report: TlsReport, end: str = "") -> set[str]:
    """Give what was noted at places that end so."""
    return {it.code for it in report.deviations if it.place.endswith(end)}


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.name.partition(".")[0])
def test_a_report_says_what_is_written_beside_it(path: Path) -> None:
    beside = FIXTURES / f"{path.name.partition('.')[0]}.expected.json"
    assert values_of(read_tls_report(content_of(path))) == json.loads(beside.read_text(encoding="utf-8"))


# -- tolerance


@pytest.mark.parametrize(
    ("sent", "count", "code"),
    [
        (5, 5, set()),
        ("5", 5, set()),
        (" 5 ", 5, set()),
        (10_000_000_000, 10_000_000_000, set()),
        (10_000_000_001, 0, {"out-of-range"}),
        (-1, 0, {"out-of-range"}),
        (1.5, 0, {"unreadable-number"}),
        (float("nan"), 0, {"unreadable-number"}),
        (float("-inf"), 0, {"unreadable-number"}),
        (10**4_200, 0, {"unreadable-number"}),
        ("many", 0, {"unreadable-number"}),
        (True, 0, {"missing"}),
        (None, 0, {"missing"}),
        ([5], 0, {"missing"}),
        ({}, 0, {"missing"}),
    ],
)
def test_a_count_is_read_or_noted(sent: object, count: int, code: set[str]) -> None:
    report = read_tls_report(with_summary({"total-successful-session-count": sent}))
    assert report.policies[0].successful == count
    assert codes(report, "total-successful-session-count") == code


@pytest.mark.parametrize(
    ("sent", "read", "code"),
    [
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00+00:00", set()),
        ("2026-11-01t00:00:00z", "2026-11-01T00:00:00+00:00", set()),
        ("2026-11-01T01:30:00+01:30", "2026-11-01T00:00:00+00:00", set()),
        ("2026-11-01T00:00:00", "2026-11-01T00:00:00+00:00", {"date-iso"}),
        ("2026-11-01", "2026-11-01T00:00:00+00:00", {"date-iso"}),
        ("2026-11-01T23:59:59.999Z", "2026-11-01T23:59:59+00:00", set()),
        (1793491200, "2026-11-01T00:00:00+00:00", {"other-standard"}),
        (1793491200.5, "2026-11-01T00:00:00+00:00", {"date-fraction"}),
        (1793491200000, "2026-11-01T00:00:00+00:00", {"date-milliseconds"}),
        ("0001-01-01T00:00:00+23:59", None, {"unreadable-date"}),
        ("yesterday", None, {"unreadable-date"}),
        ("9" * 60_000, None, {"unreadable-date"}),
        ("", None, {"missing"}),
        ({}, None, {"missing"}),
    ],
)
def test_a_date_is_read_or_noted(sent: object, read: str | None, code: set[str]) -> None:
    report = read_tls_report(with_policies([{}], **{"date-range": {"start-datetime": sent}}))
    assert (report.begin and report.begin.isoformat()) == read
    assert codes(report, "start-datetime") == code


@pytest.mark.parametrize("odd", [None, [], {}, "words", 7, True, [[]], [None], {"policy": []}])
def test_a_value_of_another_type_is_left_empty(odd: object) -> None:
    names = ("organization-name", "date-range", "contact-info", "policies")
    report = read_tls_report(json.dumps({"report-id": "1", **dict.fromkeys(names, odd)}).encode())
    assert all(policy.domain is None for policy in report.policies)
    assert report.report_id == "1"


def test_a_text_is_kept_on_one_line_without_what_no_column_holds() -> None:
    report = read_tls_report(
        with_policies([{"failure-details": {"additional-information": "a\0\nb\ud800\x1bc"}}])
    )
    assert report.policies[0].failures[0].additional_information == "a b? c"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "windows-1252"])
def test_any_encoding_is_read(encoding: str) -> None:
    document = '{"organization-name": "Fährpost", "report-id": "1", "policies": []}'
    assert read_tls_report(document.encode(encoding)).organization == "Fährpost"


def test_a_domain_longer_than_any_is_no_domain() -> None:
    report = read_tls_report(with_policies([{"policy": {"policy-domain": "a." * 128 + "example"}}]))
    assert report.policies[0].domain is None


# -- refusals


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b"null",
        b'"policies"',
        b'{"policies": []}',
        b'{"name": "x", "version": 1}',
        b"\xff\xfe{",
    ],
)
def test_other_json_is_no_report(document: bytes) -> None:
    with pytest.raises(NotAReportError):
        read_tls_report(document)


def test_a_report_that_is_cut_off_is_corrupt() -> None:
    for document in (with_policies([{}])[:-1], b'{"organization-name": "Inselpost", "poli'):
        with pytest.raises(CorruptError):
            read_tls_report(document)


REFUSED = {
    "bytes": (with_policies([]), "json_bytes", Limits(json_bytes=20)),
    "text": (with_policies([], **{"contact-info": "a" * 70_000}), "text_bytes", DEFAULT_LIMITS),
    "depth": (b'{"policies":' + b"[" * 4_000_000, "nested", DEFAULT_LIMITS),
    "deep objects": (b'{"policies":' + b'{"a":' * 800_000, "nested", DEFAULT_LIMITS),
    "policies": (with_policies([{}] * (DEFAULT_LIMITS.tls_entries + 1)), "policies", DEFAULT_LIMITS),
    "strings": (
        with_policies([{"policy": {"mx-host": ["a"] * DEFAULT_LIMITS.tls_entries}}]),
        "strings",
        DEFAULT_LIMITS,
    ),
    "failures": (
        with_policies([{"failure-details": [{}] * DEFAULT_LIMITS.tls_entries}]),
        "failure details",
        DEFAULT_LIMITS,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_over_a_limit_is_refused(name: str) -> None:
    document, word, limits = REFUSED[name]
    with pytest.raises(RefusedError, match=word):
        read_tls_report(document, limits)


HOSTILE = {
    "lists": b"[" + b"[]," * 1_390_000 + b"[]]",
    "deep lists": b"[" + (b"[" * 900 + b"]" * 900 + b",") * 2_300 + b"[]]",
    "objects": b"[" + b'{"":0},' * 590_000 + b"{}]",
    "repeated names": b"{" + b'"a":1,' * 690_000 + b'"a":1}',
    "numbers": b"[" + b"10," * 1_390_000 + b"1]",
    "one number": b"[" + b"9" * 4_190_000 + b"]",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_four_mebibytes_of_anything_take_little_time_and_memory(name: str) -> None:
    document = b'{"organization-name":"x","report-id":"y","policies":' + HOSTILE[name] + b"}"
    assert len(document) <= DEFAULT_LIMITS.json_bytes
    gc.freeze()  # what the tests before it hold is not looked through
    before = resource.getrusage(resource.RUSAGE_SELF)
    try:
        read_tls_report(document)
    except ReportError as error:
        assert isinstance(error, RefusedError)  # noqa: PT017 (some are read to their end)
    finally:
        gc.unfreeze()
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime - before.ru_utime < 2
    assert after.ru_maxrss - before.ru_maxrss < 300_000  # kilobytes


# -- the corpus


def documents(path: Path) -> list[bytes]:
    """Find the JSON in a file of the corpus with the standard library alone."""
    if path.suffix == ".json":
        return [path.read_bytes()]
    parts = [part.get_payload(decode=True) for part in message_from_bytes(path.read_bytes()).walk()]
    found = [part for part in parts if isinstance(part, bytes)]
    unpacked = [gzip.decompress(part) if part.startswith(b"\x1f\x8b") else part for part in found]
    return [part for part in unpacked if part.lstrip().startswith(b"{")]


@pytest.mark.corpus
def test_every_report_of_the_corpus_is_read_as_the_standard_library_reads_it(corpus: Path) -> None:
    paths = sorted(path for path in (corpus / "tlsrpt").rglob("*") if path.is_file())
    found = [document for path in paths for document in documents(path)]
    assert len(found) == len(paths) > 20
    for document in found:
        expected, report = json.loads(document), read_tls_report(document)
        assert report.organization == expected["organization-name"]
        assert report.report_id == expected["report-id"]
        assert report.begin
        assert report.begin.isoformat()[:19] == expected["date-range"]["start-datetime"][:19]
        assert [
            (
                policy.domain,
                policy.successful,
                policy.failed,
                [failure.sessions for failure in policy.failures],
            )
            for policy in report.policies
        ] == [
            (
                policy["policy"].get("policy-domain"),
                policy["summary"]["total-successful-session-count"],
                policy["summary"].get("total-failure-session-count", 0),
                [failure["failed-session-count"] for failure in policy.get("failure-details") or []],
            )
            for policy in expected["policies"]
        ]


@pytest.mark.parametrize("end", [b"\xc5", b'"}\xc5', b"\xe2\x82", b"\xf0\x9f\x98"])
def test_a_letter_that_is_broken_off_at_the_end_stops_nothing(end: bytes) -> None:
    with pytest.raises(ReportError):
        read_tls_report(b'{"organization-name": "Inselpost' + end)


def test_a_name_too_long_for_a_domain_is_not_remembered() -> None:
    before = text.read_domain.cache_info().misses
    read_tls_report(with_policies([{"policy": {"policy-domain": "x" * 60_000}}]))
    assert text.read_domain.cache_info().misses == before
