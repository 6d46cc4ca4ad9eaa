"""A mail gives up its headers and what may be a report in it, whatever its MIME shape."""

import tracemalloc
from base64 import b64encode, encodebytes
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fixtures.carriers import attachment, entity, gzipped, multipart, text, zipped
from parsers.errors import RefusedError
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.message import Mail, MailHeaders, looks_like_mail, names_report, read_headers, read_mail

XML = b'<?xml version="1.0"?>\n<feedback>\n<record/>\n</feedback>\n'
GZIP = "application/gzip"


def mail(content: bytes, subject: str = "Something") -> Mail:
    return read_mail(
        f"From: a@example.org\nSubject: {subject}\nMIME-Version: 1.0\n".encode() + content, DEFAULT_LIMITS
    )


def found(content: bytes) -> list[bytes]:
    return [each.data for each in mail(content).attachments]


def name_of(part: bytes) -> str:
    [only] = mail(multipart("mixed", "=_b_=", text("Hello"), part)).attachments
    return only.name


def headers(*fields: str) -> MailHeaders:
    return read_headers("\n".join((*fields, "", "Hello")).encode("utf-8", "surrogateescape"))


# --- attachments


@pytest.mark.parametrize("encoding", ["", "7bit", "8bit", "binary", "base64", "quoted-printable", "x-nobody"])
def test_xml_is_found_in_every_transfer_encoding(encoding: str) -> None:
    part = entity("text/xml", XML, encoding)
    assert [each.strip() for each in found(multipart("mixed", "=_b_=", text("Hello"), part))] == [XML.strip()]


@pytest.mark.parametrize("content", [XML, gzipped(XML), zipped({"r.xml": XML})], ids=["xml", "gzip", "zip"])
@pytest.mark.parametrize(
    "media_type", ["application/gzip", "text/plain", "image/png", "message/partial", "nonsense"]
)
def test_a_report_is_told_by_its_bytes_and_not_by_its_media_type(media_type: str, content: bytes) -> None:
    assert found(entity(media_type, content, "base64")) == [content]


@pytest.mark.parametrize("disposition", ["inline", "attachment", "", "nonsense;;;="])
def test_a_report_is_found_under_every_disposition(disposition: str) -> None:
    part = entity(GZIP, gzipped(XML), "base64", disposition)
    assert found(multipart("alternative", "=_b_=", text("Hello"), part)) == [gzipped(XML)]


def test_a_report_is_found_however_deep_it_stands() -> None:
    part = entity(GZIP, gzipped(XML), "base64")
    for number in range(5):
        part = multipart("mixed", f"=_{number}_=", text("Hello"), part)
    assert found(entity("message/rfc822", b"Subject: inner\n" + part)) == [gzipped(XML)]


def test_every_report_of_a_mail_is_found_in_order() -> None:
    parts = [entity(GZIP, gzipped(XML + bytes([65 + number])), "base64") for number in range(3)]
    assert found(multipart("mixed", "=_b_=", *parts)) == [gzipped(XML + each) for each in (b"A", b"B", b"C")]


def test_base64_is_read_without_line_breaks_and_without_padding() -> None:
    head = b"Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n"
    assert found(head + b64encode(gzipped(XML)).rstrip(b"=")) == [gzipped(XML)]


@pytest.mark.parametrize("content", [gzipped(XML), zipped({"r.xml": XML}), XML, b"<feedback/>"])
def test_base64_is_recognised_where_nothing_says_that_it_is(content: bytes) -> None:
    assert found(b"\nThe report:\n\n" + encodebytes(content)) == [content]


def test_base64_under_broken_headers_is_recognised() -> None:
    broken = b"Content-Type application/gzip\nContent-Transfer-Encoding: base64\n\n" + encodebytes(
        gzipped(XML)
    )
    assert found(multipart("mixed", "=_b_=", text("Hello"), broken)) == [gzipped(XML)]


def test_base64_that_breaks_off_within_a_group_is_decoded_as_far_as_it_goes() -> None:
    encoded = b64encode(gzipped(XML))
    for length in range(len(encoded) - 8, len(encoded)):
        [cut] = found(b"\n" + encoded[:length])
        assert gzipped(XML).startswith(cut)


def test_a_mail_that_breaks_off_before_its_last_boundary_gives_what_is_there() -> None:
    whole = multipart("mixed", "=_b_=", text("Hello"), entity(GZIP, gzipped(XML), "base64"))
    assert found(whole.removesuffix(b"--=_b_=--\n")) == [gzipped(XML)]


def test_words_and_pictures_are_no_reports() -> None:
    parts = (
        text("Hello <feedback>"),
        entity("text/html", b"<html>feedback</html>"),
        entity("image/png", b"\x89PNG"),
    )
    assert found(multipart("mixed", "=_b_=", *parts)) == []


# --- names


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ('attachment; filename="a!b!1!2.xml.gz"', "a!b!1!2.xml.gz"),
        ("attachment; filename=a!b!1!2.xml.gz", "a!b!1!2.xml.gz"),
        ("attachment; filename*=utf-8''r%C3%A9sum%C3%A9.xml", "résumé.xml"),
        ("attachment; filename*0=one; filename*1=two.xml", "onetwo.xml"),
        ("attachment; filename*0*=utf-8''a%21; filename*1*=b%2Exml", "a!b.xml"),
        ('attachment; filename="=?utf-8?B?csOpc3Vtw6kueG1s?="', "résumé.xml"),
        ("attachment; filename*=nobody''%FF%FE", "\xff\xfe"),
        ('attachment; filename="one\n\ttwo"', "one two"),
        ("attachment", "application/gzip"),
        ("", "application/gzip"),
    ],
)  # fmt: skip
def test_an_attachment_has_its_file_name_or_else_its_media_type(field: str, name: str) -> None:
    assert name_of(entity(GZIP, gzipped(XML), "base64", field)) == name


@pytest.mark.parametrize(
    "field", ["filename*=x", "filename*x*=y", "filename*=%%%'%'%", "filename==", ";;;", "\xff"]
)
def test_a_file_name_that_cannot_be_read_hides_no_report(field: str) -> None:
    assert name_of(entity(GZIP, gzipped(XML), "base64", f"attachment; {field}"))


@pytest.mark.parametrize(
    "name",
    [
        "google.com!example.org!1793577600!1793663999.zip",
        "google.com!example.org!1793577600!1793663999.xml",
        "google.com!example.org!1793577600!1793663999.xml.gz",
        "google.com!example.org!1793577600!1793663999!abc123.xml.gz",
        "google.com!example.org!1793577600!1793663999",
        "report.xml.gz",
        "REPORT.XML.ZIP",
    ],
)
def test_a_file_name_of_the_standard_means_a_report(name: str) -> None:
    assert names_report(name)


@pytest.mark.parametrize(
    "name", ["", "invoice.zip", "report.xml", "a!b.zip", "Hurry! Sale! 50! 70 percent", "42.gz"]
)
def test_another_file_name_means_nothing(name: str) -> None:
    assert not names_report(name)


# --- headers


def test_the_headers_of_the_ledger_are_read() -> None:
    assert headers(
        "Message-ID: <1@example.org>",
        "From: Inselpost <a@example.org>",
        "Subject: Report",
        "Date: Mon, 2 Nov 2026 09:12:00 +0100",
    ) == MailHeaders(
        message_id="<1@example.org>",
        sender="Inselpost <a@example.org>",
        subject="Report",
        received=datetime(2026, 11, 2, 8, 12, tzinfo=UTC),
        from_domain="example.org",
        authentication_results=(),
    )


def test_headers_that_are_missing_are_none() -> None:
    assert headers("To: b@example.org") == MailHeaders(None, None, None, None, None, ())


@pytest.mark.parametrize(
    ("fields", "domain"),
    [
        (["From: a@Example.ORG"], "example.org"),
        (['From: "b@example.net" <a@example.org>'], "example.org"),
        (["From: =?utf-8?q?Insel=40post?= <a@example.org>"], "example.org"),
        (["From: a@example.org, b@example.org"], "example.org"),
        (["From: a@example.org, b@example.net"], None),
        (["From: a@example.org <b@example.net>"], None),
        (["From: a@example.org", "From: a@example.org"], None),
        (["From: Inselpost"], None),
        (["From: " + "(" * 5_000 + "a@example.org"], None),
        (["From: "], None),
    ],
)
def test_the_author_domain_is_known_where_only_one_can_be_meant(
    fields: list[str], domain: str | None
) -> None:
    assert headers(*fields).from_domain == domain


def test_authentication_results_come_unfolded_topmost_first_and_bounded() -> None:
    folded = "Authentication-Results: mx.example.org;\n\tdmarc=pass\n  header.from=example.net"
    others = [f"Authentication-Results: {number}; {'x' * 9_000}" for number in range(30)]
    found = headers(folded, *others).authentication_results
    assert found[0] == "mx.example.org; dmarc=pass header.from=example.net"
    assert len(found) == 20
    assert max(map(len, found)) <= 4_096


def test_a_mail_was_received_when_the_topmost_server_says() -> None:
    found = headers(
        "Received: from b by mx.example.org; Tue, 3 Nov 2026 10:00:00 +0000",
        "Received: from a by b; Tue, 3 Nov 2026 09:00:00 +0000",
        "Date: Mon, 2 Nov 2026 09:12:00 +0000",
    )
    assert found.received == datetime(2026, 11, 3, 10, tzinfo=UTC)


def test_a_moment_without_a_zone_is_utc() -> None:
    assert headers("Date: Mon, 2 Nov 2026 09:12:00 -0000").received == datetime(
        2026, 11, 2, 9, 12, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Mon, 99 Nov 2026 09:12:00 +0000",
        "31 Dec 9999 23:59 -2359",
        "; ; ;",
        "31 Feb 2026 0:0",
    ],
)
def test_a_date_that_is_none_is_left_empty(date: str) -> None:
    assert headers(f"Date: {date}").received is None


@pytest.mark.parametrize(
    ("sent", "decoded"),
    [
        ("=?utf-8?B?UmVwb3J0IERvbWFpbg==?=", "Report Domain"),
        ("=?iso-8859-1?Q?Pr=FCfung?= heute", "Prüfung heute"),
        ("=?utf-8?Q?one?=\n =?utf-8?Q?_two?=", "one two"),
        ("folded\n\tover lines", "folded over lines"),
        ("=?nobody?Q?x?=", "=?nobody?Q?x?="),
        ("=?utf-8?B?a?=", "=?utf-8?B?a?="),
        ("=?utf-8?Q?a=00b?=", "a b"),
        ("x" * 5_000, "x" * 1_000),
        ("", None),
    ],
)
def test_a_subject_is_one_line_of_bounded_length(sent: str, decoded: str | None) -> None:
    assert headers(f"Subject: {sent}").subject == decoded


def test_bytes_outside_ascii_in_a_header_can_be_stored_anywhere() -> None:
    subject = headers("Subject: caf\udce9").subject
    assert subject is not None
    assert subject.encode("utf-8").startswith(b"caf")


# --- what a mail is


@pytest.mark.parametrize(
    "head", [b"From: a", b"Received: x", b"\r\nSubject:x", b"From a@b Mon Nov  2", b"X-Y : z"]
)
def test_a_mail_is_told_by_its_first_line(head: bytes) -> None:
    assert looks_like_mail(head)


@pytest.mark.parametrize("head", [b"", b"<feedback>", b"Hello world: x", b": x", b"\x1f\x8b", b"unused"])
def test_what_begins_otherwise_is_no_mail(head: bytes) -> None:
    assert not looks_like_mail(head)


@pytest.mark.parametrize(
    "subject",
    [
        "Report Domain: example.org Submitter: google.com Report-ID: <1>",
        "report domain:example.org",
        "[Preview] Report Domain: example.org",
        "=?utf-8?Q?Report_Domain:_example.org?=",
    ],
)
def test_a_subject_of_the_standard_announces_a_report(subject: str) -> None:
    assert mail(b"\nHello", subject).announces_report


@pytest.mark.parametrize("subject", ["Re: Report Domain: example.org", "Our next report domain: who pays?"])
def test_an_answer_to_a_report_is_ordinary_mail(subject: str) -> None:
    assert not mail(b"\nWhat does this mean?", subject).announces_report


def test_a_file_name_of_the_standard_announces_a_report() -> None:
    part = attachment(GZIP, "google.com!example.org!1793577600!1793663999.zip", b"unused")
    assert mail(multipart("mixed", "=_b_=", text("Hello"), part)).announces_report


def test_xml_of_a_report_announces_a_report() -> None:
    assert mail(entity("text/xml", XML)).announces_report


def test_an_archive_alone_announces_nothing() -> None:
    assert not mail(attachment("application/zip", "photos.zip", zipped({"a.jpg": b"x"}))).announces_report


def test_a_feedback_report_part_makes_a_failure_report() -> None:
    part = entity("message/feedback-report", b"Feedback-Type: auth-failure\n")
    assert mail(multipart("report", "=_b_=", text("Hello"), part)).failure_report


def test_exims_failure_report_is_told_by_its_subject() -> None:
    assert mail(b"\nA message failed", "DMARC Forensic Report for example.org").failure_report


def test_a_report_under_the_subject_of_a_failure_report_is_an_aggregate_report() -> None:
    assert not mail(entity(GZIP, gzipped(XML), "base64"), "DMARC Failure Report").failure_report


# --- limits


def refused(raw: bytes, limits: Limits) -> str:
    with pytest.raises(RefusedError) as caught:
        read_mail(raw, limits)
    return str(caught.value)


def test_a_mail_with_too_many_parts_is_refused() -> None:
    limits = replace(DEFAULT_LIMITS, mime_parts=5)
    parts = [text("Hello")] * 4
    assert len(read_mail(multipart("mixed", "=_b_=", *parts), limits).attachments) == 0
    assert "(limit mime_parts)" in refused(multipart("mixed", "=_b_=", *parts, text("One more")), limits)


@pytest.mark.parametrize(
    ("raw", "limits", "named"),
    [
        (b"Subject: x\n\n" + b"a\n" * 20, {"mail_lines": 20}, "mail_lines"),
        (b"Subject: x\r\n\r\n" + b"a\r" * 20, {"mail_lines": 20}, "mail_lines"),
        (b"a: b\n" * 6 + b"\nHello", {"header_fields": 5}, "header_fields"),
        (b"Subject: " + b"x" * 100 + b"\n\nHello", {"header_bytes": 100}, "header_bytes"),
        (b"Subject: x\n" + b" y\n" * 50 + b"\nHello", {"header_bytes": 100}, "header_bytes"),
    ],
)
def test_over_a_limit_is_refused_with_its_name(raw: bytes, limits: dict[str, int], named: str) -> None:
    assert f"(limit {named})" in refused(raw, replace(DEFAULT_LIMITS, **limits))
    assert read_mail(raw, DEFAULT_LIMITS).attachments == ()


def nested(depth: int) -> bytes:
    part = text("Hello")
    for number in range(depth):
        part = multipart("mixed", f"=_{number}_=", part)
    return part


def test_parts_within_parts_too_deep_are_refused() -> None:
    limits = replace(DEFAULT_LIMITS, mime_depth=3)
    assert read_mail(nested(3), limits).attachments == ()
    assert "(limit mime_depth)" in refused(nested(4), limits)


def test_forwarded_mails_count_as_depth() -> None:
    raw = b"Content-Type: message/rfc822\n\n" * 4 + b"Subject: x\n\nHello"
    assert "(limit mime_depth)" in refused(raw, replace(DEFAULT_LIMITS, mime_depth=3))


def test_parts_nested_deeper_than_the_interpreter_can_follow_are_refused() -> None:
    assert "(limit mime_depth)" in refused(b"Content-Type: message/rfc822\n\n" * 5_000, DEFAULT_LIMITS)


def test_countless_parts_are_refused_before_they_fill_the_memory() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 100_000
    tracemalloc.start()
    try:
        reason = refused(raw, DEFAULT_LIMITS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "(limit mime_parts)" in reason
    assert peak < 8 << 20
