"""A mail or a file becomes reports and refusals, and nothing else: whatever its bytes, nothing is raised."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.carriers import attachment, deflated, gzipped, multipart, text, zipped
from parsers.errors import ReportError
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.reading import LARGE, Reading, read
from tests.parsers.small_reports import METADATA, POLICY, feedback, record, report, row

FIXTURES = Path(__file__).parents[2] / "fixtures"
SAMPLES = sorted(
    path
    for folder in ("reports", "mails", "refused")
    for path in (FIXTURES / folder).iterdir()
    if path.suffix != ".json"
)
REPORT = report(record())
HEADER = b"From: a@example.org\nSubject: Something\nMIME-Version: 1.0\n"
ANNOUNCING = HEADER.replace(b"Something", b"Report Domain: example.org Submitter: a Report-ID: 1")
GZIP = "application/gzip"

SMALL = Limits(
    mail_bytes=100_000,
    mime_parts=20,
    mime_depth=5,
    document_bytes=500_000,
    ratio=100,
    ratio_free_bytes=10_000,
    members=5,
    records=1_000,
    results=10,
    record_bytes=10_000,
    text_bytes=1_000,
    deviations=5,
)


def outcomes(raw: bytes, name: str = "1", limits: Limits = DEFAULT_LIMITS) -> list[str]:
    """Give `report` or `tls` for each report, then the outcome of each refusal."""
    reading = read(raw, name, limits)
    found = ["report" for _ in reading.reports] + ["tls" for _ in reading.tls_reports]
    return found + [it.error.outcome for it in reading.refusals]


def with_attachments(*contents: bytes, header: bytes = HEADER) -> bytes:
    parts = [attachment(GZIP, f"part{number}.gz", content) for number, content in enumerate(contents)]
    return header + multipart("mixed", "=_b_=", text("Hello"), *parts)


def assert_accounted_for(reading: Reading) -> None:
    assert reading.is_report or reading.refusals
    for refusal in reading.refusals:
        assert isinstance(refusal.error, ReportError)
        assert str(refusal.error)
        assert str(refusal.error).splitlines() == [str(refusal.error)]
    for each in reading.reports:
        opened = each.open()
        for block in opened.blocks():
            assert all(it.messages >= 0 for it in block)


# --- files


@pytest.mark.parametrize("raw", [REPORT, gzipped(REPORT), zipped({"r.xml": REPORT}), deflated(REPORT)])
def test_a_file_is_told_by_its_first_bytes(raw: bytes) -> None:
    assert outcomes(raw, "anything.bin") == ["report"]


def test_an_empty_file_is_no_report() -> None:
    reading = read(b"", "empty.xml")
    assert [(it.error.outcome, str(it.error)) for it in reading.refusals] == [("not_a_report", "empty file")]


@pytest.mark.parametrize(
    "raw", [b"", b"unused", gzipped(b"unused"), zipped({"a": b"unused"}), b"<html/>", b'{"a": 1}']
)
def test_a_file_named_as_a_report_that_holds_none_is_corrupt(raw: bytes) -> None:
    for name in ("report.xml.gz", "report.xml.zip", "google.com!example.org!1793577600!1793663999.zip"):
        assert outcomes(raw, name) == ["corrupt"]


def test_a_tls_report_named_as_a_report_stays_one() -> None:
    assert outcomes(b'{"organization-name": "x", "policies": []}', "report.xml.gz") == ["tls"]


@pytest.mark.parametrize("raw", [b"unused", gzipped(b"unused"), zipped({"a": b"unused"}), b"<html/>"])
def test_a_file_of_another_name_that_holds_none_is_no_report(raw: bytes) -> None:
    assert outcomes(raw, "notes.gz") == ["not_a_report"]


def test_over_mail_bytes_is_refused_with_its_name() -> None:
    reading = read(REPORT + b" " * 1_000, "r.xml", replace(DEFAULT_LIMITS, mail_bytes=1_000))
    [refusal] = reading.refusals
    assert refusal.error.outcome == "refused"
    assert "(limit mail_bytes)" in str(refusal.error)


# --- mails


def test_one_bad_attachment_does_not_take_the_good_one_along() -> None:
    assert outcomes(with_attachments(gzipped(REPORT)[:40], gzipped(REPORT))) == ["report", "corrupt"]


def test_what_else_lies_beside_a_report_is_nobodys_concern() -> None:
    assert outcomes(with_attachments(gzipped(REPORT), zipped({"photo.jpg": b"\xff\xd8"}))) == ["report"]


def test_an_ordinary_mail_is_no_report() -> None:
    assert outcomes(HEADER + text("Hello")) == ["not_a_report"]


def test_an_ordinary_mail_with_a_broken_archive_is_no_report() -> None:
    assert outcomes(with_attachments(zipped({"photo.jpg": b"\xff\xd8"})[:-5])) == ["not_a_report"]


def test_a_mail_that_announces_a_report_and_has_none_is_corrupt() -> None:
    assert outcomes(ANNOUNCING + text("Hello")) == ["corrupt"]


@pytest.mark.parametrize("content", [gzipped(b"unused"), gzipped(REPORT)[:40], gzipped(b"<html/>")])
def test_a_mail_that_announces_a_report_and_has_something_else_is_corrupt(content: bytes) -> None:
    assert outcomes(with_attachments(content, header=ANNOUNCING)) == ["corrupt"]


def test_a_bomb_is_refused_even_where_nothing_was_announced() -> None:
    bomb = gzipped(gzipped(gzipped(REPORT)))
    assert outcomes(with_attachments(bomb)) == ["refused"]


def test_a_mail_over_a_limit_is_refused_with_its_headers() -> None:
    reading = read(with_attachments(gzipped(REPORT)), "1", replace(DEFAULT_LIMITS, mime_parts=2))
    assert [it.error.outcome for it in reading.refusals] == ["refused"]
    assert reading.headers is not None
    assert reading.headers.subject == "Something"


def test_a_mail_forwarded_countless_times_is_refused() -> None:
    assert outcomes(b"Content-Type: message/rfc822\n\n" * 5_000) == ["refused"]


def test_a_subject_in_broken_base64_does_not_stop_the_report() -> None:
    assert outcomes(
        with_attachments(gzipped(REPORT), header=HEADER.replace(b"Something", b"=?utf-8?B?a?="))
    ) == ["report"]


@pytest.mark.parametrize("declared", ["idna", "punycode", "unicode_escape", "undefined", "utf-7", "hex"])
def test_a_declared_encoding_that_python_alone_knows_stops_nothing(declared: str) -> None:
    declaration = f"<?xml version='1.0' encoding='{declared}'?>".encode()
    assert outcomes(declaration + REPORT.replace(b"Inselpost", b"Inselpost \\x \xff")) == ["report"]


def test_blank_lines_before_a_mail_are_skipped() -> None:
    assert outcomes(b"\r\n\n" + with_attachments(gzipped(REPORT))) == ["report"]


# --- large reports


def test_a_large_report_is_read_while_it_is_stored() -> None:
    padded = record(row(), " " * 60_000)
    [large] = read(report(*[padded] * 80), "r.xml").reports
    assert large.document.size > LARGE
    assert large.report is None
    assert [len(block) for block in large.open().blocks()] == [80]
    assert [len(block) for block in large.open().blocks()] == [80]


def test_a_large_report_without_a_header_is_refused_at_once() -> None:
    assert outcomes(feedback(" " * (LARGE + 1))) == ["refused"]


def test_damage_far_behind_in_a_large_report_shows_when_it_is_read() -> None:
    padded = record(row(), " " * 60_000)
    [large] = read(report(*[padded] * 80)[:-20], "r.xml").reports
    opened = large.open()
    assert [len(block) for block in opened.blocks()] == [79]
    assert opened.damage


# --- anything at all

MAGIC = [
    b"",
    b"\x1f\x8b\x08",
    b"PK\x03\x04",
    b"\x78\x9c",
    b"<feedback>",
    b"From: a\n\n",
    HEADER,
    ANNOUNCING,
    b"{",
]
COMMON = settings(derandomize=True, deadline=None, max_examples=200)


@given(st.sampled_from(MAGIC), st.binary(max_size=2_000), st.sampled_from(["1", "r.xml.gz", ""]))
@COMMON
def test_any_bytes_are_accounted_for(head: bytes, rest: bytes, name: str) -> None:
    assert_accounted_for(read(head + rest, name, SMALL))


@given(st.sampled_from([gzipped, deflated, lambda content: zipped({"r": content})]), st.binary(max_size=500))
@COMMON
def test_any_bytes_in_a_container_are_accounted_for(pack: object, content: bytes) -> None:
    assert callable(pack)
    for packed in (pack(content), pack(b"<feedback>" + content)):
        assert_accounted_for(read(packed, "r.gz", SMALL))
        assert_accounted_for(read(with_attachments(packed), "1", SMALL))


EDITS = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=1, exclude_max=True),
        st.integers(min_value=0, max_value=40),
        st.binary(max_size=8) | st.sampled_from([b"<", b">", b"&", b"]]>", b"<!DOCTYPE a>", b"--", b"\n\n", b"=?", b"PK", b"%"]),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


@given(st.sampled_from(SAMPLES), EDITS)
@settings(COMMON, max_examples=400)
def test_any_damage_to_a_fixture_is_accounted_for(
    sample: Path, edits: list[tuple[float, int, bytes]]
) -> None:
    raw = sample.read_bytes()
    for place, deleted, inserted in edits:
        position = int(place * len(raw))
        raw = raw[:position] + inserted + raw[position + deleted :]
    assert_accounted_for(read(raw, sample.name, SMALL))


WORDS = st.sampled_from(
    ["feedback", "record", "row", "count", "source_ip", "policy_evaluated", "dkim", "spf", "result"]
)
TREES = st.recursive(
    st.sampled_from(["", "pass", "1", "-1", "192.0.2.1", "&amp;", "<x/>", "<!-- -->", "<?p?>"]),
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>", WORDS, st.lists(inner, max_size=4)
    ),
    max_leaves=30,
)


@given(st.lists(TREES, max_size=6))
@COMMON
def test_any_elements_in_any_order_are_accounted_for(trees: list[str]) -> None:
    assert_accounted_for(read(feedback(*trees), "r.xml", SMALL))
    assert_accounted_for(
        read(feedback(METADATA, POLICY, *(f"<record>{it}</record>" for it in trees)), "r.xml", SMALL)
    )
