"""A document becomes a report: its header first, then its records in their order, however it is arranged."""

from dataclasses import replace
from itertools import chain

import pytest

from parsers.aggregate import BLOCK, ReportReader, read_report
from parsers.errors import CorruptError, NotAReportError, RefusedError
from parsers.limits import DEFAULT_LIMITS
from parsers.values import Report
from tests.parsers.small_reports import (
    METADATA,
    POLICY,
    VERSION,
    chunked,
    feedback,
    flawless,
    read,
    record,
    report,
    row,
)


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
    limits = replace(DEFAULT_LIMITS, records=3)
    reader = ReportReader(chunked(report(*NUMBERED), 1000), limits)
    assert reader.header.reporter == "Inselpost"
    with pytest.raises(RefusedError):
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


def test_a_report_as_rfc_7489_has_it_departs_in_nothing() -> None:
    assert read(flawless()).deviations == ()


def test_a_deviation_is_noted_once_and_counted() -> None:
    found = read(report(*(record(row(count=each)) for each in ("one", "two", "3", "four"))))
    [noted] = [it for it in found.deviations if it.place == "record/row/count"]
    assert (noted.code, noted.raw, noted.times) == ("unreadable-number", "one", 3)
    assert noted.action == "counted as 0"


def test_what_is_missing_in_every_record_is_noted_once_and_counted() -> None:
    found = read(report(*NUMBERED))
    assert [it.times for it in found.deviations if it.place == "record/identifiers"] == [len(NUMBERED)]


def test_deviations_are_the_same_whenever_they_are_asked_for() -> None:
    reader = ReportReader(chunked(report(record("<row/>"), record("<row/>")), 100))
    early = reader.deviations
    list(reader.blocks())
    late = reader.deviations
    assert len(late) > len(early)
    assert reader.deviations == late
    assert {it.times for it in late if it.place.startswith("record/")} == {2}


def test_only_so_many_deviations_are_told_apart() -> None:
    limits = replace(DEFAULT_LIMITS, deviations=2)
    found = read(
        report(*(record(row(address="x", count="x", evaluated="<dkim>x</dkim><spf>x</spf>")) for _ in "ab")),
        limits,
    )
    assert len(found.deviations) == 2
    assert sum(it.times for it in found.deviations) == 15  # 8 in the rows; 7 elements are missing


def test_a_report_in_any_chunks_is_the_same_report() -> None:
    content = report(*NUMBERED[:20])
    readers = [ReportReader(chunked(content, size)) for size in (1, 13, 1 << 20)]
    found = [(reader.header, tuple(chain.from_iterable(reader.blocks()))) for reader in readers]
    assert found[0] == found[1] == found[2]


# --- damage


def damaged(content: bytes, size: int = 1 << 16, container: str | None = None) -> Report:
    return read_report(chunked(content, size), container_damage=container)


@pytest.mark.parametrize("size", [1, 100, 1 << 16])
@pytest.mark.parametrize("number", [1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_the_whole_records_before_a_cut_are_kept(number: int, size: int) -> None:
    content = report(*NUMBERED[: number + 1])[: -len("</record></feedback>")]
    found = damaged(content, size)
    assert addresses(found) == addresses(read(report(*NUMBERED[:number])))
    assert found.damage is not None
    assert ("cut-off", "feedback") in codes(found)
    assert (
        next(it.action for it in found.deviations if it.code == "cut-off")
        == "the records before it were stored"
    )


@pytest.mark.parametrize(
    "damage", ["<record><row></record>", "<record>&nobody;</record>", "\x01", "<a b='1' b='2'/>"]
)
def test_the_whole_records_before_a_malformed_place_are_kept(damage: str) -> None:
    found = read(report(*NUMBERED[:3], damage, *NUMBERED[3:6]))
    assert len(found.records) == 3
    assert (found.damage or "").startswith("XML is not well-formed: ")


def test_what_follows_the_end_is_damage() -> None:
    found = read(report(*NUMBERED[:2]) + b"<feedback/>")
    assert (len(found.records), found.damage is None) == (2, False)


@pytest.mark.parametrize("content", [report(*NUMBERED[:1]), feedback(METADATA, record(), POLICY, record())])
def test_wherever_a_document_is_cut_it_is_kept_or_corrupt(content: bytes) -> None:
    whole = read(content)
    for length in range(len(content)):
        try:
            found = damaged(content[:length], 97)
        except CorruptError:
            continue
        assert found.damage is not None
        assert found.header == whole.header
        assert found.records == whole.records[: len(found.records)]
        assert found.records


@pytest.mark.parametrize(
    "content",
    [
        report()[:-5],
        report(*NUMBERED[:1])[:-30],
        feedback(METADATA, *NUMBERED[:3])[:-5],
        feedback(*NUMBERED[:3], POLICY)[:-5],
        feedback(VERSION)[:-5],
    ],
)
def test_without_a_whole_header_or_a_whole_record_it_is_corrupt(content: bytes) -> None:
    with pytest.raises(CorruptError, match="not well-formed"):
        damaged(content)
    with pytest.raises(CorruptError, match="the gzip stream ends too soon"):
        damaged(content, container="the gzip stream ends too soon")


def test_what_is_over_a_limit_is_never_kept_in_part() -> None:
    limits = replace(DEFAULT_LIMITS, records=3)
    with pytest.raises(RefusedError):
        read(report(*NUMBERED[:5])[:-5], limits)


def test_a_cut_container_is_noted_and_its_report_may_still_be_whole() -> None:
    found = damaged(report(*NUMBERED[:2]), container="the gzip stream ends too soon")
    assert (found.damage, len(found.records)) == (None, 2)
    assert ("cut-off", "container") in codes(found)


def test_the_reason_of_a_cut_container_is_that_of_its_report() -> None:
    found = damaged(report(*NUMBERED[:2])[:-5], container="the gzip stream ends too soon")
    assert found.damage == "the gzip stream ends too soon"
    assert {("cut-off", "container"), ("cut-off", "feedback")} <= set(codes(found))


# --- what is mended


@pytest.mark.parametrize("size", [1, 1 << 16])
@pytest.mark.parametrize(
    ("slip", "code"),
    [
        (b'<?xml version="1.0"?>"', "before-root"),
        (b'<?xml version="1.0"?> <xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">\n', "before-root"),
        (b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">', "before-root"),
    ],
)
def test_what_stands_before_the_root_is_skipped(slip: bytes, code: str, size: int) -> None:
    found = read_report(chunked(slip + flawless(), size))
    assert found.records == read(flawless()).records
    assert codes(found) == [(code, "document")]


def test_the_prefix_of_all_elements_may_be_undeclared() -> None:
    prefixed = flawless().replace(b"<", b"<d:").replace(b"<d:/", b"</d:")
    assert read(prefixed).records == read(flawless()).records
    assert codes(read(prefixed)) == [("undeclared-prefix", "feedback")]


@pytest.mark.parametrize("email", ["<dmarc@inselpost.example>", "Inselpost <dmarc@inselpost.example> "])
def test_an_address_may_stand_in_angle_brackets_that_are_not_escaped(email: str) -> None:
    content = flawless().replace(b"dmarc@inselpost.example", email.encode())
    found = read(content)
    assert found.header.email == "dmarc@inselpost.example"
    assert ("unescaped-markup", "report_metadata/email") in codes(found)


def test_what_is_escaped_or_cdata_is_not_mended() -> None:
    for email in (b"&lt;dmarc@inselpost.example&gt;", b"<![CDATA[<dmarc@inselpost.example>]]>"):
        found = read(flawless().replace(b"dmarc@inselpost.example", email))
        assert found.header.email == "dmarc@inselpost.example"
        assert codes(found) == [("decorated-address", "report_metadata/email")]


def test_a_schema_is_no_report() -> None:
    with pytest.raises(NotAReportError, match="<schema>"):
        read(
            b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="feedback"/></xs:schema>'
        )
