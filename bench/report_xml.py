"""One aggregate report as XML: who reports about whom and the records in, pieces of text out, never the whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.reporters import Reporter
from bench.senders import PolicyDomain, Sending, Signature

Line = tuple[int, str]
"""How deep an element stands, and its text."""

NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"


@dataclass(frozen=True, slots=True)
class Report:
    """What a report tells above its records; begin and end are seconds of the epoch, UTC."""

    reporter: Reporter
    domain: PolicyDomain
    report_id: str
    begin: int
    end: int

    @property
    def file_stem(self) -> str:
        """RFC 7489 7.2.1.1: receiver!policy-domain!begin!end!unique-id."""
        unique = "".join(letter for letter in self.report_id if letter.isalnum())
        return f"{self.reporter.submitter}!{self.domain.name}!{self.begin}!{self.end}!{unique}"


def pieces(report: Report, records: Iterable[Sending]) -> Iterator[str]:
    """Write a report, one record a piece."""
    indent = report.reporter.indent
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<feedback xmlns="{NAMESPACE}">' if report.reporter.rfc9990 else "<feedback>"
    yield _laid_out(_head(report), indent)
    for sending in records:
        yield _laid_out(_record(sending, report.reporter), indent)
    yield "\n</feedback>\n" if indent else "</feedback>\n"


def _laid_out(lines: Iterable[Line], indent: str) -> str:
    """Put lines beneath each other, indented by their depth, or all on one line."""
    if indent:
        return "".join(f"\n{indent * depth}{text}" for depth, text in lines)
    return "".join(text for _, text in lines)


def _head(report: Report) -> Iterator[Line]:
    reporter = report.reporter
    yield 1, "<version>1.0</version>"
    yield 1, "<report_metadata>"
    yield 2, f"<org_name>{reporter.org_name}</org_name>"
    yield 2, f"<email>{reporter.sender}</email>"
    yield 2, f"<extra_contact_info>https://{reporter.submitter}/dmarc</extra_contact_info>"
    yield 2, f"<report_id>{report.report_id}</report_id>"
    yield 2, "<date_range>"
    yield 3, f"<begin>{report.begin}</begin>"
    yield 3, f"<end>{report.end}</end>"
    yield 2, "</date_range>"
    if reporter.rfc9990:
        yield 2, "<generator>bench 1.0</generator>"
    yield 1, "</report_metadata>"
    yield 1, "<policy_published>"
    yield from _policy(report)
    yield 1, "</policy_published>"


def _policy(report: Report) -> Iterator[Line]:
    policy = report.domain.policy
    yield 2, f"<domain>{report.domain.name}</domain>"
    yield 2, "<adkim>r</adkim>"
    yield 2, "<aspf>r</aspf>"
    yield 2, f"<p>{policy}</p>"
    yield 2, f"<sp>{policy}</sp>"
    if report.reporter.rfc9990:
        yield 2, f"<np>{policy}</np>"
        yield 2, "<testing>n</testing>"
        yield 2, "<discovery_method>treewalk</discovery_method>"
    else:
        yield 2, "<pct>100</pct>"
    yield 2, "<fo>1</fo>"


def _record(sending: Sending, reporter: Reporter) -> Iterator[Line]:
    yield 1, "<record>"
    yield from _row(sending, reporter)
    yield 2, "<identifiers>"
    if reporter.envelope:
        yield 3, "<envelope_to>mailbox.example</envelope_to>"
        yield 3, f"<envelope_from>{sending.envelope_from}</envelope_from>"
    yield 3, f"<header_from>{sending.header_from}</header_from>"
    yield 2, "</identifiers>"
    yield 2, "<auth_results>"
    for signature in sending.signatures:
        yield from _dkim(signature)
    yield from _spf(sending, reporter)
    yield 2, "</auth_results>"
    yield 1, "</record>"


def _row(sending: Sending, reporter: Reporter) -> Iterator[Line]:
    disposition = sending.disposition
    if reporter.rfc9990 and "pass" in (sending.dkim, sending.spf):
        disposition = "pass"  # RFC 9990: the message passed; "none" is left for the policy
    yield 2, "<row>"
    yield 3, f"<source_ip>{sending.address}</source_ip>"
    yield 3, f"<count>{sending.messages}</count>"
    yield 3, "<policy_evaluated>"
    yield 4, f"<disposition>{disposition}</disposition>"
    yield 4, f"<dkim>{sending.dkim}</dkim>"
    yield 4, f"<spf>{sending.spf}</spf>"
    if sending.overridden:
        yield 4, "<reason>"
        yield 5, "<type>local_policy</type>"
        yield 5, "<comment>arc=pass</comment>"
        yield 4, "</reason>"
    yield 3, "</policy_evaluated>"
    yield 2, "</row>"


def _dkim(signature: Signature) -> Iterator[Line]:
    yield 3, "<dkim>"
    yield 4, f"<domain>{signature.domain}</domain>"
    yield 4, f"<selector>{signature.selector}</selector>"
    yield 4, f"<result>{signature.result}</result>"
    yield 3, "</dkim>"


def _spf(sending: Sending, reporter: Reporter) -> Iterator[Line]:
    yield 3, "<spf>"
    yield 4, f"<domain>{sending.spf_domain}</domain>"
    if reporter.scope:
        # RFC 9990 knows only mfrom
        yield 4, f"<scope>{'mfrom' if reporter.rfc9990 else sending.spf_scope}</scope>"
    yield 4, f"<result>{sending.spf_result}</result>"
    yield 3, "</spf>"
