"""A document becomes a report: its header first, then its records in their order, however it is arranged."""

from dataclasses import replace
from itertools import chain

import pytest

from parsers.aggregate import BLOCK, ReportReader
from parsers.errors import CorruptError, NotAReportError, RefusedError
from parsers.limits import DEFAULT_LIMITS
from parsers.values import Report
from tests.parsers.small_reports import METADATA, POLICY, chunked, feedback, read, record, report, row


def codes(found: Report) -> list[tuple[str, str]]:
    return [(it.code, it.place) for it in found.deviations]


def addresses(found: Report) -> list[str | None]:
    return [each.source_ip for each in found.records]


NUMBERED = [record(row(f"10.0.{number // 250}.{number % 250}")) for number in range(3 * BLOCK + 1)]


def test_records_keep_their_order() -> None:
    expected = [f"10.0.{number // 250}.{number % 250}" for number in range(len(NUMBERED))]
    assert addresses(read(report(*NUMBERED))) == expected


def test_records_come_in_blocks() -> None:
    reader = ReportReader(chunked(report(*NUMBERED), 1000))
    assert [len(block) for block in reader.blocks()] == [BLOCK, BLOCK, BLOCK, 1]


def test_the_header_is_there_before_any_record_is_read() -> None:
    reader = ReportReader(chunked(report(*NUMBERED)[:-10], 1000))
    assert reader.header.reporter == "Inselpost"
    with pytest.raises(CorruptError):
        list(reader.blocks())


def test_a_report_without_records_is_a_report() -> None:
    assert read(report()).records == ()


def test_a_header_after_the_records_is_read_all_the_same() -> None:
    found = read(feedback(*NUMBERED, POLICY, METADATA, "<version>1.0</version>"))
    assert (found.header.reporter, found.header.policy.domain) == ("Inselpost", "example.org")
    assert found.header.version == "1.0"
    assert len(found.records) == len(NUMBERED)
    assert ("after-records", "report_metadata") in codes(found)
    assert ("after-records", "policy_published") in codes(found)


def test_a_header_among_the_records_is_read_all_the_same() -> None:
    found = read(feedback(METADATA, record(row("192.0.2.1")), POLICY, record(row("192.0.2.2"))))
    assert found.header.policy.domain == "example.org"
    assert addresses(found) == ["192.0.2.1", "192.0.2.2"]


def test_what_is_noted_of_the_records_is_noted_once_where_the_document_is_read_twice() -> None:
    found = read(feedback(record(row("nowhere")), METADATA, POLICY))
    assert codes(found).count(("unreadable-address", "record/row/source_ip")) == 1
    assert next(it.times for it in found.deviations if it.code == "unreadable-address") == 1


def test_of_what_stands_twice_the_first_is_taken() -> None:
    found = read(feedback(METADATA, METADATA.replace("Inselpost", "Another"), POLICY, record()))
    assert found.header.reporter == "Inselpost"
    assert ("repeated", "report_metadata") in codes(found)


@pytest.mark.parametrize(
    ("children", "missing"),
    [([METADATA, record()], "policy_published"), ([POLICY, record()], "report_metadata"), ([record()], "policy_published")],
)  # fmt: skip
def test_what_is_missing_is_left_empty_and_noted(children: list[str], missing: str) -> None:
    found = read(feedback(*children))
    assert ("missing", missing) in codes(found)
    assert len(found.records) == 1


@pytest.mark.parametrize("content", [feedback(), b"<feedback/>", feedback("<a/>")])
def test_a_feedback_without_anything_of_a_report_is_corrupt(content: bytes) -> None:
    with pytest.raises(CorruptError, match="without report_metadata"):
        read(content)


def test_another_document_is_no_report() -> None:
    with pytest.raises(NotAReportError, match="<invoice>"):
        read(b"<invoice/>")


def test_over_records_is_refused_with_its_name() -> None:
    limits = replace(DEFAULT_LIMITS, records=3)
    assert len(read(report(*NUMBERED[:3]), limits).records) == 3
    with pytest.raises(RefusedError, match=r"more than 3 records \(limit records\)"):
        read(report(*NUMBERED[:4]), limits)


# --- the two standards


@pytest.mark.parametrize(
    ("document", "dialect"),
    [
        ("<feedback>{}</feedback>", "rfc7489"),
        ("<feedback xmlns='http://dmarc.org/dmarc-xml/0.1'>{}</feedback>", "rfc7489"),
        ("<feedback xmlns='urn:ietf:params:xml:ns:dmarc-2.0'>{}</feedback>", "rfc9990"),
        ("<d:feedback xmlns:d='urn:ietf:params:xml:ns:dmarc-2.0'>{}</d:feedback>", "rfc9990"),
    ],
)
def test_the_namespace_of_the_root_tells_the_standard(document: str, dialect: str) -> None:
    content = METADATA + POLICY
    assert read(document.replace("{}", content).encode()).header.dialect == dialect


@pytest.mark.parametrize(
    "children",
    [
        [METADATA, POLICY.replace("<p>", "<testing>n</testing><p>")],
        [METADATA, POLICY.replace("<p>", "<discovery_method>psl</discovery_method><p>")],
        [METADATA.replace("<org_name>", "<generator>x</generator><org_name>"), POLICY],
    ],
)
def test_what_only_rfc_9990_has_tells_the_standard_without_a_namespace(children: list[str]) -> None:
    assert read(feedback(*children)).header.dialect == "rfc9990"


# --- what is noted


def test_a_deviation_is_noted_once_and_counted() -> None:
    found = read(report(*(record(row(count=each)) for each in ("one", "two", "3", "four"))))
    [noted] = found.deviations
    assert (noted.code, noted.raw, noted.times) == ("unreadable-number", "one", 3)
    assert noted.action == "counted as 0"


def test_only_so_many_deviations_are_told_apart() -> None:
    limits = replace(DEFAULT_LIMITS, deviations=2)
    found = read(
        report(*(record(row(address="x", count="x", evaluated="<dkim>x</dkim><spf>x</spf>")) for _ in "ab")),
        limits,
    )
    assert len(found.deviations) == 2
    assert sum(it.times for it in found.deviations) == 8


def test_a_report_in_any_chunks_is_the_same_report() -> None:
    content = report(*NUMBERED[:20])
    readers = [ReportReader(chunked(content, size)) for size in (1, 13, 1 << 20)]
    found = [(reader.header, tuple(chain.from_iterable(reader.blocks()))) for reader in readers]
    assert found[0] == found[1] == found[2]
