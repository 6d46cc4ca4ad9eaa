"""Failure reports: the fields are read whatever carries them, never a body; persons are masked, hosts are not."""

import base64
import json
import quopri
import re
import time
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from parsers.arf import FIELD_LENGTH, HEADERS_LENGTH, REPEATS, failures_of
from parsers.errors import CorruptError
from parsers.failure import FailureReport, Level, redact
from parsers.text import address

FIXTURES = Path(__file__).parents[2] / "fixtures"
MAILS = sorted((FIXTURES / "failures").glob("*.eml"))
_REPORT = TypeAdapter(FailureReport)


def read(raw: bytes) -> tuple[FailureReport, ...]:
    return failures_of(list(message_from_bytes(raw).walk()))


def expected_of(path: Path) -> Any:
    return json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))


def values_of(report: FailureReport) -> Any:
    values = _REPORT.dump_python(report, mode="json")
    del values["content_sha256"]
    return values


def arf(
    feedback: str = "Feedback-Type: auth-failure\n", original: str = "", kind: str = "text/rfc822-headers"
) -> bytes:
    """Write a report of these fields about a message with this header section."""
    return (
        'Content-Type: multipart/report; boundary="b"\n\n'
        f"--b\nContent-Type: message/feedback-report\n\n{feedback}\n"
        f"--b\nContent-Type: {kind}\n\n{original}\n--b--\n"
    ).encode("utf-8", "surrogateescape")


def only(raw: bytes) -> FailureReport:
    [report] = read(raw)
    return report


def masked(headers: str) -> str | None:
    return redact(FailureReport("0" * 64, headers=headers), "redacted").headers


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: path.stem)
def test_a_mail_says_what_is_written_beside_it(mail: Path) -> None:
    expected = expected_of(mail)
    reports = read(mail.read_bytes())
    assert [values_of(report) for report in reports] == expected["reports"]
    assert [redact(report, "redacted").headers for report in reports] == expected["redacted_headers"]


@pytest.mark.parametrize(
    "mail",
    [*(FIXTURES / "mails").glob("*.eml"), FIXTURES / "refused" / "ordinary_mail.eml"],
    ids=lambda path: path.stem,
)
def test_other_mail_holds_none(mail: Path) -> None:
    assert read(mail.read_bytes()) == ()


# -- the fields


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        ("Source-IP: 192.0.2.1 (mail.inselpost.example)", "source_ip", "192.0.2.1"),
        ("Source-IP: [IPv6:2001:DB8::1]", "source_ip", "2001:db8::1"),
        ("Source-IP: ::ffff:192.0.2.1", "source_ip", "192.0.2.1"),
        ("Source-IP: unknown", "source_ip", None),
        ("Arrival-Date: 2 Nov 2026 20:15 +0000", "arrival_at", "2026-11-02T20:15:00Z"),
        ("Arrival-Date: soon", "arrival_at", None),
        ("Arrival-Date: Mon, 32 Jan 2026 00:00:00 +0000", "arrival_at", None),
        ("Arrival-Date: Fri, 31 Dec 9999 23:59:59 -2359", "arrival_at", None),
        ("Reported-Domain: Inselpost.Example.", "reported_domain", "inselpost.example"),
        ("Reported-Domain: " + "a." * 200 + "example", "reported_domain", None),
        ("Incidents: 12", "incidents", 12),
        ("Incidents: 99999999999999", "incidents", 1),
        ("Auth-Failure: SPF, signature", "auth_failure", ["spf", "signature"]),
        ("Auth-Failure: spf spf", "auth_failure", ["spf"]),
        ("Auth-Failure: arc", "auth_failure", ["unknown"]),
        ("Auth-Failure: arc", "auth_failure_raw", "arc"),
        ("Delivery-Result: Reject", "delivery_result", "reject"),
        ("Reporting-MTA: mx.inselpost.example", "reporting_mta", "mx.inselpost.example"),
        ("Original-Mail-From: <>", "original_mail_from", "<>"),
        ("User-Agent: a\0b\x1bc\udcff", "user_agent", "a b c\ufffd"),
        ("Version: " + "1" * 9_000, "version", "1" * FIELD_LENGTH),
        ("Version: 1\nVersion: 2", "version", "1"),
        ("SPF-DNS: x\n" * (REPEATS + 5), "spf_dns", "\n".join(["x"] * REPEATS)),
    ],
)
def test_a_field_is_read_or_left_empty(field: str, name: str, value: object) -> None:
    report = only(arf(f"Feedback-Type: auth-failure\n{field}\n"))
    assert values_of(report)[name] == value


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("a@Inselpost.example", "inselpost.example"),
        ('"bank@sparkasse.example" <a@inselpost.example>', "inselpost.example"),
        ("a@inselpost.example (bank@sparkasse.example)", "inselpost.example"),
        ("nobody", None),
    ],
)
def test_the_author_domain_is_that_of_the_address(sender: str, domain: str | None) -> None:
    assert only(arf(original=f"From: {sender}\n")).header_from == domain


def test_a_report_that_says_nothing_is_corrupt() -> None:
    for feedback in ("", "words\n", "X-Anything: 1\n"):
        with pytest.raises(CorruptError):
            read(arf(feedback))


def test_the_same_report_is_known_again_however_it_was_carried() -> None:
    raw = arf(
        "Feedback-Type: auth-failure\nSource-IP: 192.0.2.1\n", "From: a@inselpost.example\nSubject: x\n y\n"
    )
    report = only(raw)
    assert only(raw.replace(b"\n", b"\r\n")) == report
    assert redact(report, "redacted").content_sha256 == report.content_sha256
    assert only(raw.replace(b"192.0.2.1", b"192.0.2.2")).content_sha256 != report.content_sha256
    assert only(raw.replace(b"Subject: x", b"Subject: z")).content_sha256 != report.content_sha256


# -- never a body


@pytest.mark.parametrize(
    "kind", ["message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"]
)
def test_of_the_message_only_its_header_section_is_read(kind: str) -> None:
    report = only(arf(original="Subject: hello\n\nSecret: body\n", kind=kind))
    assert report.headers == "Subject: hello"


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "8bit", "x-unknown"])
@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_nothing_of_the_body_is_read_out_of_an_encoded_message(kind: str, encoding: str) -> None:
    plain = ("Subject: Grüße " + "a" * 100 + "\nX: y\n\nSecret: body\n").encode()
    encoded = {"quoted-printable": quopri.encodestring, "base64": base64.encodebytes}.get(encoding, bytes)(
        plain
    )
    original = encoded.decode("utf-8", "surrogateescape")
    report = only(arf(original=original, kind=f"{kind}\nContent-Transfer-Encoding: {encoding}"))
    assert report.headers == "Subject: Grüße " + "a" * 100 + "\nX: y"


@pytest.mark.parametrize("original", ["just words\nSubject: x\n", "Subject: x\njust words\n"])
def test_what_is_no_header_field_is_not_read(original: str) -> None:
    assert "words" not in (only(arf(original=original)).headers or "")


def test_a_long_header_section_ends_with_a_whole_field() -> None:
    report = only(arf(original="".join(f"X-{number}: {'a' * 1_000}\n" for number in range(100))))
    assert report.headers
    lines = report.headers.split("\n")
    assert HEADERS_LENGTH - 1_100 < len(report.headers) <= HEADERS_LENGTH
    assert all(line.endswith("a" * 1_000) for line in lines)


# -- masking


@pytest.mark.parametrize(
    ("header", "left"),
    [
        ("Subject: Re: your illness", "Subject: *"),
        ("X-Anything: a@inselpost.example", "X-Anything: *"),
        ("From: Maren Kunze <m@inselpost.example>", "From: *@inselpost.example"),
        ('To: "m k"@inselpost.example, b@[192.0.2.1]', "To: *@inselpost.example, *@[192.0.2.1]"),
        ("Cc: undisclosed recipients: ;", "Cc: *"),
        ("Return-Path: <>", "Return-Path: <>"),
        ("Received: by x (envelope-from <a=b@c.example>)", "Received: by x (envelope-from <*@c.example>)"),
        ("Received: by x for bounce-1=k.example@c.example;", "Received: by x for *@c.example;"),
        ('Received: by x for "m k"@c.example', "Received: by x for *@c.example"),
        ("Received: from x (account kunze verified)", "Received: from x (account * verified)"),
        ("Received: from x (authenticated as kunze) by y", "Received: from x (authenticated as *) by y"),
        ("Received: from x (authenticated bits=0) by y", "Received: from x (authenticated *) by y"),
        (
            "Authentication-Results: mx; auth=pass smtp.auth=kunze smtp.mailfrom=k@c.example",
            "Authentication-Results: mx; auth=pass smtp.auth=* smtp.mailfrom=*@c.example",
        ),
        (
            "DKIM-Signature: v=1; d=c.example; i=k@c.example; z=Subject:x; b=ab",
            "DKIM-Signature: v=1; d=c.example; i=*@c.example",
        ),
        ('Content-Type: application/pdf; name="Kunze.pdf"', "Content-Type: application/pdf"),
    ],
)
def test_persons_are_masked_and_hosts_are_not(header: str, left: str) -> None:
    assert masked(header) == left


def test_the_report_itself_is_masked_too() -> None:
    mail = FIXTURES / "failures" / "rfc9991.eml"
    report = only(mail.read_bytes())
    levels: tuple[Level, ...] = ("none", "redacted")
    for level in levels:
        masked = redact(report, level)
        assert masked.original_mail_from == "*@versand.example"
        assert masked.original_rcpt_to == "*@postamt-werder.example, *@postamt-werder.example"
        assert masked.dkim_identity == "*@versand.example"
        assert "rechnung@" not in (masked.authentication_results or "")
        assert (masked.source_ip, masked.reported_domain) == (report.source_ip, report.reported_domain)
    assert redact(report, "none").headers is None
    assert redact(report, "full") == report


def test_nobody_is_left_in_what_is_masked() -> None:
    for mail in MAILS:
        for report in read(mail.read_bytes()):
            shown = json.dumps(values_of(redact(report, "redacted")))
            assert not re.findall(r"[\w.+-]@", shown)


@pytest.mark.parametrize(
    "piece", ["a", "@", '"', "a@", '"@', "(", "user=", "i=", "=a", "<", ";", "authenticated "]
)
def test_masking_takes_little_time_whatever_stands_there(piece: str) -> None:
    names = ("Received", "From", "DKIM-Signature", "Content-Type", "Subject")
    value = piece * (HEADERS_LENGTH // len(piece))
    report = only(arf(f"Auth-Failure: {piece * 4_000}\n", f"From: {value}\n"))
    began = time.process_time()
    for name in names:
        redact(replace(report, headers=f"{name}: {value}"), "redacted")
    assert time.process_time() - began < 1


# -- the corpus


def feedback_in(raw: bytes) -> str:
    """Cut the feedback out of a mail by hand: what stands between its part's header and the next boundary."""
    _, _, part = raw.replace(b"\r\n", b"\n").partition(b"message/feedback-report")
    header, _, rest = part.partition(b"\n\n")
    body = rest.partition(b"\n--")[0]
    decoded = base64.b64decode(body) if b"base64" in header else body
    return decoded.decode()


def said(words: str, *names: str) -> str | None:
    """Find what a field says, unfolded or not: the first word of it."""
    found = re.search(rf"^[ ]*(?:{'|'.join(names)}):[ ]*(\S+)", words, re.MULTILINE)
    return found and found[1]


@pytest.mark.corpus
def test_every_report_of_the_corpus_is_read_as_it_stands_there(corpus: Path) -> None:
    paths = sorted(path for path in (corpus / "failure").rglob("*") if path.is_file())
    assert len(paths) > 10
    for path in paths:
        raw = path.read_bytes()
        report = only(raw)
        words = feedback_in(raw) or raw.decode()
        source = said(words, "Source-IP", "Sender IP Address")
        assert report.feedback_type == (said(words, "Feedback-Type") or "auth-failure")
        assert report.source_ip == (source and address(source))
        assert report.reported_domain == said(words, "Reported-Domain", "Sender Domain")
        assert report.headers
        assert "\n\n" not in report.headers
