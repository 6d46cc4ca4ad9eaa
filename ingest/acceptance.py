"""What was read in a message in, the same judged out: is the mail genuine, is each report about one of our domains.

Pure. Ordinary mail is passed on as it is: nothing here makes a refusal of it.
"""

from dataclasses import replace

from ingest.settings import AcceptSettings
from parsers.alignment import organizational_domain
from parsers.authentication import verdict
from parsers.errors import RefusedError
from parsers.failure import redact
from parsers.message import MailHeaders
from parsers.reading import ReadFailure, Reading, ReadReport, ReadTlsReport
from parsers.text import domain
from parsers.unpack import Refusal

NAMED = 5
"""Domains of one report that a reason names."""

AnyReport = ReadReport | ReadTlsReport | ReadFailure


def accept(reading: Reading, acceptance: AcceptSettings, domains: tuple[str, ...]) -> Reading:
    """Judge a message's reports, and refuse those that the settings want refused.

    `domains` are our own, in lower case, those below them included; without any, every domain is ours.
    """
    headers = reading.headers
    judged = replace(
        reading,
        headers=_without_subject(reading, acceptance),
        dmarc=_verdict(headers, acceptance) if headers else None,
        reports=tuple(
            replace(each, foreign=_is_foreign(each, domains), sender_fits=_sender_fits(each, headers))
            for each in reading.reports
        ),
        tls_reports=tuple(replace(each, foreign=_is_foreign(each, domains)) for each in reading.tls_reports),
        failures=tuple(
            ReadFailure(redact(each.report, acceptance.failure_headers), _is_foreign(each, domains))
            for each in reading.failures
        ),
    )
    return _without_refused(judged, acceptance)


def _without_subject(reading: Reading, acceptance: AcceptSettings) -> MailHeaders | None:
    """Leave out a failure report's subject: many repeat the subject of the mail they are about."""
    if reading.headers and reading.failures and acceptance.failure_headers != "full":
        return replace(reading.headers, subject=None)
    return reading.headers


def _verdict(headers: MailHeaders, acceptance: AcceptSettings) -> str | None:
    return verdict(headers.authentication_results, acceptance.trusted_authserv_id, headers.from_domain)


def _is_foreign(each: AnyReport, domains: tuple[str, ...]) -> bool:
    return bool(domains) and not any(_is_ours(name, domains) for name in _about(each))


def _is_ours(name: str, domains: tuple[str, ...]) -> bool:
    return any(name == ours or name.endswith(f".{ours}") for ours in domains)


def _about(each: AnyReport) -> list[str]:
    """Give the domains that a report is about, each once; none where it names none."""
    match each:
        case ReadReport():
            names = [each.header.policy.domain]
        case ReadTlsReport():
            names = [policy.domain for policy in each.report.policies]
        case ReadFailure():
            names = [each.report.reported_domain, each.report.header_from]
    return [name for name in dict.fromkeys(map(domain, names)) if name]


def _sender_fits(each: ReadReport, headers: MailHeaders | None) -> bool | None:
    """Tell whether the mail's author and the reporter's address belong to one organisation."""
    author = headers and headers.from_domain
    reporter = _domain_of(each.header.email)
    return organizational_domain(author) == organizational_domain(reporter) if author and reporter else None


def _domain_of(address: str | None) -> str | None:
    _, at, name = (address or "").rpartition("@")
    return domain(name.strip("<> \t")) if at else None


def _without_refused(reading: Reading, acceptance: AcceptSettings) -> Reading:
    """Turn what the settings do not want into refusals, each with the setting's name."""

    def objection(each: AnyReport) -> RefusedError | None:
        return _objection(each, reading, acceptance)

    reports: tuple[AnyReport, ...] = (*reading.reports, *reading.tls_reports, *reading.failures)
    refusals = [Refusal(_name(each), error) for each in reports if (error := objection(each))]
    if not refusals:
        return reading
    return replace(
        reading,
        reports=tuple(each for each in reading.reports if not objection(each)),
        tls_reports=tuple(each for each in reading.tls_reports if not objection(each)),
        failures=tuple(each for each in reading.failures if not objection(each)),
        refusals=(*reading.refusals, *refusals),
    )


def _objection(each: AnyReport, reading: Reading, acceptance: AcceptSettings) -> RefusedError | None:
    if acceptance.unauthenticated == "refuse" and reading.headers and reading.dmarc != "pass":
        told = f"is {reading.dmarc}" if reading.dmarc else "is not told by any trusted server"
        return RefusedError(f"the DMARC verdict on the mail {told} (setting accept.unauthenticated)")
    if acceptance.foreign == "refuse" and each.foreign:
        about = ", ".join(_about(each)[:NAMED]) or "no domain"
        return RefusedError(f"about {about}, none of our domains (setting accept.foreign)")
    return None


def _name(each: AnyReport) -> str:
    return "failure report" if isinstance(each, ReadFailure) else each.document.name
