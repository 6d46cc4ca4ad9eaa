"""The table of cases: what was reported, and what a mail administrator would say of it."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from store.evidence import Evidence
from summary.verdicts import Verdict
from tests.summary.kit import MAILCHIMP, MICROSOFT, MIMECAST, OURS, evidence, judged

PASSING, FRAGILE, FAILING_OWN, BOUNCES, FORWARDED, RECIPIENT_GATEWAY, UNKNOWN = Verdict


@dataclass(frozen=True)
class Case:
    """Evidence beside what else is known, and what must come of it."""

    name: str
    evidence: Evidence
    verdict: Verdict
    who: str
    words: tuple[str, ...] = ()
    """In the reason and the next step."""
    certain: bool = True
    step: bool = False
    beside: tuple[Evidence, ...] = OURS
    known: dict[str, Any] = field(default_factory=dict)


ALTERED = "dkim example.org selector1 fail"
SOFTFAIL = "spf example.org softfail"
OUTLOOK = "spf eur05-vi1-obe.outbound.protection.outlook.com pass"

CASES = [
    # The three Mimecasts.
    Case(
        "our own gateway, its signature fails, SPF passes",
        MIMECAST, FRAGILE, "Mimecast",
        ("SPF alone", "s=mimecast20240216", "Mimecast: switch DKIM on."), step=True, beside=(MICROSOFT,),
    ),
    Case(
        "our own gateway, its signature fails, the return path is the sister company's",
        evidence("91.220.42.77", "dkim example.org mimecast20240216 fail", "spf example.com pass", messages=300),
        FAILING_OWN, "Mimecast",
        ("d=example.org s=mimecast20240216", "does not verify", "example.com", "Mimecast: switch DKIM on."), step=True,
    ),
    Case(
        "our own gateway, learnt from nothing but its kind of key",
        evidence("91.220.42.77", "dkim example.org mimecast20240216 fail", "spf example.org fail"),
        FAILING_OWN, "Mimecast", ("Mimecast: switch DKIM on.",), step=True, beside=(MICROSOFT,),
    ),
    Case(
        "our own gateway, by setting alone",
        evidence("91.220.42.77", SOFTFAIL), FAILING_OWN, "Mimecast",
        ("no DKIM signature", "SPF record of example.org"), step=True, beside=(), known={"uses": ("mimecast",)},
    ),
    Case(
        "a recipient's Mimecast puts our mail back",
        evidence("91.220.42.77", ALTERED, SOFTFAIL), RECIPIENT_GATEWAY, "Mimecast",
        ("nothing of yours is wrong", "s=selector1"), beside=(MICROSOFT,),
    ),
    Case(
        "a recipient's Mimecast, though we use Mimecast too: our SPF record leaves this machine out",
        evidence("91.220.42.77", ALTERED, "spf example.org fail"), RECIPIENT_GATEWAY, "Mimecast",
    ),
    Case(
        "a reporter named Mimecast is no evidence",
        evidence("51.68.141.12", SOFTFAIL, reporters=frozenset({"Mimecast"})), UNKNOWN, "OVHcloud",
        ("Nothing ties it to you",), step=True,
    ),
    Case(
        "a recipient's Proofpoint puts our mail back",
        evidence("148.163.135.28", ALTERED, "spf example.org fail"), RECIPIENT_GATEWAY, "Proofpoint",
    ),
    Case(
        "mail without our signature through a recipient's gateway: ours or a spoofer's",
        evidence("148.163.135.28", "spf example.org fail"), RECIPIENT_GATEWAY, "Proofpoint",
        ("Two are possible", 'uses = ["proofpoint"]'), certain=False, step=True,
    ),
    Case(
        "somebody else's mail through his own gateway",
        evidence("148.163.135.28", "dkim partner.example s1 pass", "spf partner.example pass"), UNKNOWN, "Proofpoint",
        ("Two are possible", "partner.example"), certain=False, step=True,
    ),
    Case(
        "our gateway, unsigned, with another's return path: may be another customer's",
        evidence("91.220.42.77", "spf partner.example pass"), FAILING_OWN, "Mimecast", ("Two are possible",),
        certain=False, step=True,
    ),
    # Bulk mail.
    Case(
        "bulk mail: DKIM passes, SPF is the provider's own, and nobody forwarded anything",
        MAILCHIMP, PASSING, "Mailchimp", ("d=news.example.org s=k2", "mail19.atl11.rsgsv.net"), beside=(),
    ),
    Case(
        "bulk mail of a service that nobody knows, with a key of its own",
        evidence("192.0.2.80", "dkim example.org acme1 pass", "spf acme-mail.example pass"), PASSING, "Acme Mailings",

    ),
    Case(
        "bulk mail whose key was never published",
        evidence("198.2.134.19", "dkim example.org k2 fail", "spf mail19.atl11.rsgsv.net pass"), FAILING_OWN, "Mailchimp",
        ("s=k2", "Mailchimp: switch DKIM on."), step=True, beside=(MICROSOFT,),
    ),
    Case(
        "bulk mail signed only by the service that we use otherwise",
        evidence("198.2.134.19", "dkim mailchimpapp.net k2 pass", "spf mail19.atl11.rsgsv.net pass"),
        FAILING_OWN, "Mailchimp", ("signed only as mailchimpapp.net", "not as example.org"), step=True,
    ),
    Case(
        "Amazon SES signs twice",
        evidence(
            "54.240.8.33", "dkim amazonses.com ihch pass", "dkim shop.example.org c4p7 pass",
            "spf eu-west-1.amazonses.com pass", author="shop.example.org",
        ),
        PASSING, "Amazon SES", ("d=shop.example.org s=c4p7",),
    ),
    Case(
        "a service that somebody signed up for",
        evidence("208.75.123.146", "dkim auth.ccsend.com 1000073432 pass", "spf in.constantcontact.com pass"),
        UNKNOWN, "Constant Contact",
        ("Nothing shows that you use it", "auth.ccsend.com", "Ask who", "Constant Contact: switch DKIM on."), step=True,
    ),
    # Forwarding.
    Case(
        "a mailing list, and the receiver says so",
        evidence("66.175.222.108", "dkim groups.io 20240830 pass", ALTERED, "spf groups.io pass", reasons=("mailing_list",)),
        FORWARDED, "Groups.io", ("mailing list",),
    ),
    Case(
        "a mailing list, and nobody says so",
        evidence("66.175.222.108", "dkim groups.io 20240830 pass", ALTERED, "spf groups.io pass"),
        FORWARDED, "Groups.io", ("groups.io",),
    ),
    Case(
        "a forwarder that signs too, ours broken",
        evidence("192.0.2.90", "dkim customer.example s1 pass", ALTERED, "spf customer.example pass"),
        FORWARDED, "Customer AG", ("s=selector1", "customer.example passes instead"),
    ),
    Case(
        "a forwarder that rewrites the return path (SRS), ours broken",
        evidence("64.147.108.50", ALTERED, "spf pobox.com pass"), FORWARDED, "Pobox",
    ),
    Case(
        "a forwarder that rewrites the return path (SRS), ours whole",
        evidence("64.147.108.50", "dkim example.org selector1 pass", "spf pobox.com pass"), FORWARDED, "Pobox",
        ("signature whole", "s=selector1"),
    ),
    Case(
        "a forwarder that keeps the return path, ours whole",
        evidence("192.0.2.90", "dkim example.org selector1 pass", SOFTFAIL), FORWARDED, "Customer AG",
    ),
    Case(
        "bulk mail forwarded by a mailbox service that we use ourselves",
        evidence("40.107.8.25", "dkim news.example.org k2 pass", "spf fabrikam.example pass", author="news.example.org"),
        FORWARDED, "Microsoft 365", ("s=k2",),
    ),
    Case(
        "our mail forwarded by another customer of Microsoft 365, altered",
        evidence("40.107.8.25", ALTERED, "spf fabrikam.example pass"), FORWARDED, "Microsoft 365",
        ("fabrikam.example",),
    ),
    Case(
        "the receiver trusts a chain of seals",
        evidence("192.0.2.90", SOFTFAIL, reasons=("local_policy", "arc")), FORWARDED, "Customer AG", ("ARC",),
    ),
    Case(
        "Microsoft 365 seals what our own gateway then spoils: no forwarding",
        evidence(
            "91.220.42.77", "dkim example.org mimecast20240216 fail", "spf example.com pass",
            reasons=("local_policy", "arc"),
        ),
        FAILING_OWN, "Mimecast", step=True,
    ),
    Case(
        "an altered signature and nothing else",
        evidence("192.0.2.90", ALTERED, SOFTFAIL), UNKNOWN, "Customer AG", ("Two are possible", "altered"), certain=False,
        step=True,
    ),
    Case(
        "a signature with a key that verifies nowhere",
        evidence("192.0.2.80", "dkim example.org acme1 fail", "spf acme-mail.example pass"), UNKNOWN, "Acme Mailings",
        ("Two are possible", "acme1._domainkey.example.org"), certain=False, step=True,
    ),
    # Microsoft 365 and its tenants.
    Case(
        "our tenant signs only as onmicrosoft.com, SPF passes",
        evidence(
            "40.107.21.92", "dkim exampleorg.onmicrosoft.com selector1-exampleorg-onmicrosoft-com pass",
            "spf example.org pass",
        ),
        FRAGILE, "Microsoft 365",
        ("signed only as exampleorg.onmicrosoft.com", "Microsoft 365: switch DKIM on."), step=True, beside=(),
    ),
    Case(
        "our tenant signs only as onmicrosoft.com, and SPF leaves it out",
        evidence(
            "40.107.21.92", "dkim exampleorg.onmicrosoft.com selector1-exampleorg-onmicrosoft-com pass", SOFTFAIL
        ),
        FAILING_OWN, "Microsoft 365", ("signed only as exampleorg.onmicrosoft.com",), step=True, beside=(),
    ),
    Case(
        "our tenant has another name, learnt beside an SPF pass",
        evidence("40.107.8.25", "dkim exgroup.onmicrosoft.com s pass", "spf spam.example pass", messages=200),
        FAILING_OWN, "Microsoft 365", step=True,
        beside=(evidence("40.107.21.92", "dkim exgroup.onmicrosoft.com s pass", "spf example.org pass", messages=50),),
    ),
    Case(
        "somebody else's tenant",
        evidence(
            "40.107.8.25", "dkim fabrikam.onmicrosoft.com selector1-fabrikam-onmicrosoft-com pass",
            "spf fabrikam.example pass",
        ),
        UNKNOWN, "Microsoft 365", ("Two are possible", "fabrikam.onmicrosoft.com"), certain=False, step=True,
    ),
    Case(
        "a private Gmail account with our address",
        evidence("209.85.220.41", "dkim gmail.com 20230601 pass", "spf gmail.com pass"), UNKNOWN, "Google Workspace",
        ("Two are possible", "gmail.com"), certain=False, step=True,
    ),
    Case(
        "Google's default signature with our domain in it",
        evidence("209.85.220.41", "dkim example-org.20230601.gappssmtp.com 20230601 pass", "spf example.org pass"),
        FRAGILE, "Google Workspace", ("Google Workspace: switch DKIM on.",), step=True,
    ),
    Case(
        "Microsoft 365 signs as us, and our SPF record leaves it out",
        evidence("40.107.21.92", "dkim example.org selector1 pass", "spf example.org fail"), FRAGILE, "Microsoft 365",
        ("DKIM alone", "SPF record of example.org", "Microsoft 365: include it in SPF."), step=True, beside=(),
    ),
    # Own servers.
    Case(
        "an IIS relay in our SPF record, without DKIM",
        evidence("203.0.113.25", "spf example.org pass"), FRAGILE, "Example Telecom",
        ("SPF alone", "no DKIM signature", "IIS SMTP"), step=True,
    ),
    Case(
        "the same, named below our domain",
        evidence("203.0.113.26", "spf example.org pass"), FRAGILE, "your own servers", ("SPF alone",), step=True,
    ),
    Case(
        "the same, by setting, and what runs on it",
        evidence("203.0.113.25", "spf example.org pass"), FRAGILE, "your own servers",
        ("IIS SMTP: switch DKIM on.",), step=True,
        known={"networks": ("203.0.113.0/24",), "uses": ("iis_smtp",)},
    ),
    Case(
        "an own server that our SPF record leaves out, without DKIM",
        evidence("203.0.113.26", SOFTFAIL), FAILING_OWN, "your own servers", ("does not list it",), step=True, beside=(),
    ),
    Case(
        "a name below our domain that nobody confirms",
        evidence("203.0.113.27", SOFTFAIL), UNKNOWN, "Example Telecom", ("Nothing ties it to you",), step=True,
    ),
    Case(
        "a rented machine in our SPF record",
        evidence("51.68.141.12", "spf example.org pass"), FRAGILE, "OVHcloud", step=True,
    ),
    Case(
        "a spoofer on a hoster where we have a machine as well",
        evidence("51.68.204.77", SOFTFAIL), UNKNOWN, "OVHcloud", ("Nothing ties it to you", "a stricter policy stops it"),
        step=True, beside=(evidence("51.68.141.12", "spf example.org pass"),),
    ),
    Case(
        "a spoofer whom receivers reject already",
        evidence("51.68.141.12", SOFTFAIL, disposition="reject"), UNKNOWN, "OVHcloud", ("receivers rejected it",),
    ),
    Case(
        "an address that cannot be read",
        evidence(None, SOFTFAIL), UNKNOWN, "an address that cannot be read", step=True,
    ),
    # Bounces and automatic replies.
    Case(
        "an out-of-office reply by HELO scope",
        evidence(
            "40.107.21.92", "dkim exampleorg.onmicrosoft.com s pass",
            f"{OUTLOOK} helo", null_path=True,
        ),
        BOUNCES, "Microsoft 365", ("automatic replies", "empty", "example.org", "From"), step=True,
    ),
    Case(
        "the same from a reporter that names neither scope nor return path",
        evidence("40.107.21.92", "dkim exampleorg.onmicrosoft.com s pass", OUTLOOK), BOUNCES, "Microsoft 365", step=True,
    ),
    Case(
        "an unsigned one of our gateway",
        evidence("91.220.42.77", "spf eu-smtp-1.mimecast.com none", null_path=True), BOUNCES, "Mimecast", step=True,
    ),
    Case(
        "a bounce of our own server whose HELO name has an SPF record",
        evidence("203.0.113.26", "spf relay.example.org pass helo", null_path=True), PASSING, "your own servers",
    ),
    Case(
        "an empty return path from a stranger",
        evidence("51.68.141.12", "spf vps1.ovh.example none", null_path=True), UNKNOWN, "OVHcloud", step=True,
    ),
    Case(
        "an automatic reply of another tenant",
        evidence("40.107.8.25", "dkim fabrikam.onmicrosoft.com s pass", f"{OUTLOOK} helo", null_path=True),
        UNKNOWN, "Microsoft 365", ("Two are possible",), certain=False, step=True,
    ),
    # Alignment, and what is temporary.
    Case(
        "strict DKIM alignment, a subdomain's author",
        evidence(
            "198.2.134.19", "dkim example.org k2 pass", "spf mail19.atl11.rsgsv.net pass",
            author="news.example.org", dkim="fail",
        ),
        FAILING_OWN, "Mailchimp", ("verifies and does not count for news.example.org", "adkim=r"), step=True,
    ),
    Case(
        "strict SPF alignment, a return path below the domain",
        evidence("203.0.113.25", "spf bounce.example.org pass", spf="fail"), FAILING_OWN, "Example Telecom",
        ("aspf=r",), step=True,
    ),
    Case(
        "the key could not be fetched",
        evidence("40.107.21.92", "dkim example.org selector1 temperror", "spf sister.example pass", messages=3000),
        FORWARDED, "Microsoft 365",
    ),
    Case(
        "the key could not be fetched from our own gateway",
        evidence("91.220.42.77", "dkim example.org mimecast20240216 temperror", "spf example.com pass"),
        FAILING_OWN, "Mimecast", ("could not fetch the key", "name servers"), step=True,
    ),
    Case(
        "SPF could not be checked, and nothing is signed",
        evidence("203.0.113.26", "spf example.org temperror"), FAILING_OWN, "your own servers",
        ("could not be fetched",), step=True,
    ),
    # Overrides that say nothing of forwarding.
    Case(
        "sampled out",
        evidence("51.68.141.12", SOFTFAIL, reasons=("sampled_out",)), UNKNOWN, "OVHcloud", step=True,
    ),
    Case(
        "spared by a local policy",
        evidence("51.68.141.12", SOFTFAIL, reasons=("local_policy",)), UNKNOWN, "OVHcloud", step=True,
    ),
    # Without look-ups.
    Case(
        "nothing was looked up: what passed tells",
        MAILCHIMP, PASSING, "Mailchimp", beside=(), known={"looked_up": False},
    ),
    Case(
        "nothing was looked up: a stranger",
        evidence("51.68.141.12", SOFTFAIL), UNKNOWN, "addresses without a known owner", step=True, known={"looked_up": False},
    ),
    Case(
        "nothing was looked up: our signature and another's pass",
        evidence("192.0.2.90", ALTERED, "spf customer.example pass"), FORWARDED, "customer.example",
        known={"looked_up": False},
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    marked = replace(case.evidence, reporters=case.evidence.reporters | {"here"})
    lines = judged(marked, *(it for it in case.beside if it != case.evidence), **case.known).lines
    (line,) = [it for it in lines if "here" in it.reporters]
    said = f"{line.reason} {line.next_step}"
    assert (line.verdict, line.who) == (case.verdict, case.who), said
    assert [word for word in case.words if word not in said] == [], said
    assert (line.certain, line.next_step is not None) == (case.certain, case.step), said
