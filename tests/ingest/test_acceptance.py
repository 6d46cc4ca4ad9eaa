"""What was read is judged: is the mail genuine, is each report about a domain of ours; and refused where that is wanted."""

from pathlib import Path

import pytest

from fixtures.carriers import attachment, multipart, text
from ingest.acceptance import accept
from ingest.settings import AcceptSettings
from parsers.errors import RefusedError
from parsers.reading import Reading, read
from tests.parsers.small_reports import feedback, record

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"
OURS = ("example.org", "inselpost.example")
TRUSTING = AcceptSettings(trusted_authserv_id=("mx.example.org",))
STRICT = AcceptSettings(
    trusted_authserv_id=("mx.example.org",),
    unauthenticated="refuse",
    foreign="refuse",
    failure_headers="none",
)
GENUINE = "mx.example.org; dmarc=pass header.from=inselpost.example"
FORGED = GENUINE.replace("pass", "fail")
FAILURE_REPORT = (FIXTURES / "failures/rfc9991.eml").read_bytes()
"""About inselpost.example, from postamt-werder.example."""


def xml(domain: str | None = "example.org", email: str | None = "dmarc@inselpost.example") -> bytes:
    """Write a report about a domain, by the reporter with that address."""
    dates = "<date_range><begin>1793577600</begin><end>1793663999</end></date_range>"
    address = f"<email>{email}</email>" if email is not None else ""
    metadata = f"<org_name>Inselpost</org_name>{address}<report_id>{domain}</report_id>{dates}"
    about = f"<domain>{domain}</domain>" if domain is not None else ""
    policy = f"<policy_published>{about}<p>none</p></policy_published>"
    return feedback(f"<report_metadata>{metadata}</report_metadata>", policy, record())


def tls(*domains: str) -> bytes:
    """Write a TLS report with a policy about each domain."""
    policies = ", ".join(
        f'{{"policy": {{"policy-type": "sts", "policy-domain": "{domain}"}}, '
        '"summary": {"total-successful-session-count": 1, "total-failure-session-count": 0}}'
        for domain in domains
    )
    dates = '{"start-datetime": "2026-11-01T00:00:00Z", "end-datetime": "2026-11-01T23:59:59Z"}'
    fields = (
        f'"organization-name": "Inselpost", "date-range": {dates}, "report-id": "1", "policies": [{policies}]'
    )
    return f"{{{fields}}}".encode()


def mail(*parts: bytes, field: str = GENUINE, sender: str = "Reports <dmarc@inselpost.example>") -> Reading:
    """Read a mail with these attachments, the receiving server's field above a forged one."""
    header = (
        f"Authentication-Results: {field}\n"
        "Authentication-Results: mx.example.net; dmarc=pass header.from=inselpost.example\n"
        f"From: {sender}\nSubject: Reports\nMIME-Version: 1.0\n"
    )
    named = [
        attachment("application/json" if part.startswith(b"{") else "text/xml", f"report-{number}", part)
        for number, part in enumerate(parts)
    ]
    return read(header.encode() + multipart("mixed", "=_b_=", text("Hello"), *named), "1")


def reasons(reading: Reading) -> list[str]:
    assert all(isinstance(refusal.error, RefusedError) for refusal in reading.refusals)
    return [f"{refusal.name}: {refusal.error}" for refusal in reading.refusals]


# --- the verdict on the mail


@pytest.mark.parametrize(
    ("field", "sender", "verdict"),
    [
        (GENUINE, "dmarc@inselpost.example", "pass"),
        (GENUINE, "dmarc@Inselpost.Example.", "pass"),
        (FORGED, "dmarc@inselpost.example", "fail"),
        (GENUINE, "dmarc@nordfrucht.example", "unknown"),
        (GENUINE, "dmarc@inselpost.example, dmarc@nordfrucht.example", "unknown"),
        (GENUINE, "nobody", "unknown"),
        (GENUINE.replace(".org", ".com"), "dmarc@inselpost.example", None),
    ],
)
def test_the_verdict_is_that_of_the_trusted_server(field: str, sender: str, verdict: str | None) -> None:
    assert accept(mail(xml(), field=field, sender=sender), TRUSTING, ()).dmarc == verdict


def test_without_a_trusted_server_there_is_no_verdict() -> None:
    assert accept(mail(xml()), AcceptSettings(), ()).dmarc is None


@pytest.mark.parametrize(
    ("verdict", "field"),
    [
        ("fail", FORGED),
        ("unknown", GENUINE.replace("inselpost", "nordfrucht")),
        ("temperror", FORGED.replace("fail", "temperror")),
    ],
)
def test_a_mail_that_does_not_pass_is_refused_if_that_is_wanted(verdict: str, field: str) -> None:
    reading = mail(xml(), tls("example.org"), field=field)
    stored = accept(reading, TRUSTING, OURS)
    assert (len(stored.reports), len(stored.tls_reports), stored.refusals) == (1, 1, ())
    refused = accept(reading, STRICT, OURS)
    assert (refused.reports, refused.tls_reports, refused.dmarc) == ((), (), verdict)
    assert reasons(refused) == [
        f"report-{number}: the DMARC verdict on the mail is {verdict} (setting accept.unauthenticated)"
        for number in range(2)
    ]


def test_a_mail_without_a_verdict_is_refused_if_that_is_wanted() -> None:
    refused = accept(mail(xml(), field="mx.example.org; spf=pass"), STRICT, OURS)
    assert reasons(refused) == [
        "report-0: the DMARC verdict on the mail is not told by any trusted server (setting accept.unauthenticated)"
    ]


def test_a_mail_that_passes_is_taken() -> None:
    taken = accept(mail(xml(), tls("example.org")), STRICT, OURS)
    assert (len(taken.reports), len(taken.tls_reports), taken.refusals) == (1, 1, ())


def test_a_file_that_is_no_mail_has_no_verdict_and_is_taken() -> None:
    taken = accept(read(xml(), "report.xml"), STRICT, OURS)
    assert (len(taken.reports), taken.dmarc, taken.refusals) == (1, None, ())
    assert taken.reports[0].sender_fits is None


def test_ordinary_mail_stays_ordinary_mail() -> None:
    reading = mail(field=FORGED)
    judged = accept(reading, STRICT, OURS)
    assert judged.refusals == reading.refusals
    assert judged.dmarc == "fail"


def test_what_was_refused_before_stays_refused() -> None:
    reading = mail(xml(), b"<feedback>\n<nothing/>\n", field=FORGED)
    (before,) = reading.refusals
    judged = accept(reading, STRICT, OURS)
    assert judged.refusals[0] == before
    assert len(judged.refusals) == 2


# --- the sender


@pytest.mark.parametrize(
    ("email", "fits"),
    [
        ("dmarc@inselpost.example", True),
        ("noreply@Reports.Inselpost.example.", True),
        ("&lt;dmarc@inselpost.example&gt;", True),
        ("dmarc@nordfrucht.example", False),
        ("nobody", None),
        ("", None),
        (None, None),
    ],
)
def test_the_sender_fits_where_the_reporter_is_of_the_same_organisation(
    email: str | None, fits: bool | None
) -> None:
    (report,) = accept(mail(xml(email=email), sender="x@mail.inselpost.example"), TRUSTING, ()).reports
    assert report.sender_fits is fits


def test_without_a_readable_sender_it_is_not_known_whether_it_fits() -> None:
    (report,) = accept(mail(xml(), sender="nobody"), TRUSTING, ()).reports
    assert report.sender_fits is None


# --- what the report is about


@pytest.mark.parametrize(
    ("domain", "foreign"),
    [
        ("example.org", False),
        ("Example.ORG.", False),
        ("news.example.org", False),
        ("inselpost.example", False),
        ("example.net", True),
        ("notexample.org", True),
        ("org", True),
        (None, True),
    ],
)
def test_a_report_about_another_domain_is_foreign(domain: str | None, foreign: bool) -> None:
    (report,) = accept(mail(xml(domain)), TRUSTING, OURS).reports
    assert report.foreign is foreign
    (report,) = accept(mail(xml(domain)), TRUSTING, ()).reports
    assert report.foreign is False


@pytest.mark.parametrize(
    ("domains", "foreign"),
    [
        (["example.org"], False),
        (["example.net", "mail.example.org"], False),
        (["example.net"], True),
        (["example.net", "example.com"], True),
    ],
)
def test_a_tls_report_is_foreign_where_no_policy_is_ours(domains: list[str], foreign: bool) -> None:
    (report,) = accept(mail(tls(*domains)), TRUSTING, OURS).tls_reports
    assert report.foreign is foreign
    (report,) = accept(mail(tls(*domains)), TRUSTING, ()).tls_reports
    assert report.foreign is False


@pytest.mark.parametrize(
    ("domains", "foreign"),
    [((), False), (("inselpost.example",), False), (("example.org",), True), (("versand.example",), True)],
)
def test_a_failure_report_is_foreign_where_neither_its_domain_nor_the_author_is_ours(
    domains: tuple[str, ...], foreign: bool
) -> None:
    (failure,) = accept(read(FAILURE_REPORT, "1"), TRUSTING, domains).failures
    assert failure.foreign is foreign


def test_foreign_reports_are_refused_each_on_its_own() -> None:
    reading = mail(xml("example.net"), xml("example.org"), tls("example.net", "example.com"), xml(None))
    judged = accept(reading, STRICT, OURS)
    assert [report.header.policy.domain for report in judged.reports] == ["example.org"]
    assert judged.tls_reports == ()
    assert sorted(reasons(judged)) == [
        "report-0: about example.net, none of our domains (setting accept.foreign)",
        "report-2: about example.net, example.com, none of our domains (setting accept.foreign)",
        "report-3: about no domain, none of our domains (setting accept.foreign)",
    ]


def test_a_reason_names_a_few_domains_of_many() -> None:
    (reason,) = reasons(accept(mail(tls(*(f"{number}.example" for number in range(100)))), STRICT, OURS))
    assert "0.example, 1.example, 2.example, 3.example, 4.example, none of our" in reason


def test_a_foreign_failure_report_is_refused() -> None:
    settings = AcceptSettings(foreign="refuse")
    judged = accept(read(FAILURE_REPORT, "1"), settings, ("example.org",))
    assert judged.failures == ()
    assert reasons(judged) == [
        "failure report: about inselpost.example, none of our domains (setting accept.foreign)"
    ]


# --- failure reports


def test_the_headers_of_a_failure_report_are_kept_as_the_setting_says() -> None:
    accepted = {
        level: accept(read(FAILURE_REPORT, "1"), AcceptSettings(failure_headers=level), ())
        for level in ("redacted", "none", "full")
    }
    subjects = {level: reading.headers and reading.headers.subject for level, reading in accepted.items()}
    assert (subjects["redacted"], subjects["none"]) == (None, None)
    assert subjects["full"]
    kept = {level: reading.failures[0].report.headers for level, reading in accepted.items()}
    assert kept["none"] is None
    assert "Maren" in (kept["full"] or "")
    assert "Maren" not in (kept["redacted"] or "")
    assert "rechnung" not in (kept["redacted"] or "")
    assert "inselpost.example" in (kept["redacted"] or "")
