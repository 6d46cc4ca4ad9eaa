"""Bulletins for the tests of the letter: what a morning may bring, and what strangers may write into it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from store.figures import Day, DomainFigures, Intake, NewSource, Rejected, Silence, Window
from store.outcomes import Outcome
from store.policies import Published
from summary.bulletin import Bulletin, DomainNews, Finding, Kind, Level
from summary.readiness import Named, Period, Readiness, Touched
from summary.sources import Share, SourceLine
from summary.verdicts import Cause, Verdict

FIRST, LAST = date(2026, 11, 13), date(2026, 11, 14)
NOW = datetime(2026, 11, 15, 5, 30, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=1), NOW)
OUTCOMES = {Outcome.STORED: 46, Outcome.DUPLICATE: 3, Outcome.NOT_A_REPORT: 2, Outcome.CORRUPT: 1}


def policy(p: str, **more: Any) -> Published:
    """Publish a policy."""
    parts: dict[str, Any] = dict.fromkeys(("sp", "np", "pct", "testing", "adkim", "aspf"))
    return Published(**parts | {"p": p, "since": date(2026, 9, 1), "day": LAST} | more)


def line(who: str, verdict: Verdict, messages: int, failing: int = 0, **more: Any) -> SourceLine:
    """Judge a source."""
    usual: dict[str, Any] = {
        "domain": "example.org",
        "service": None,
        "owner": None,
        "cause": Cause.PASSES,
        "certain": True,
        "quarantined": 0,
        "rejected": 0,
        "dkim_failing": failing,
        "spf_failing": failing,
        "reason": "DKIM (d=example.org s=selector1) and SPF pass.",
        "next_step": None,
        "identifiers": (),
        "authors": (Share("example.org", None, messages, failing),),
        "addresses": (Share("192.0.2.1", None, messages, failing),),
        "reporters": ("google.com",),
        "first_day": FIRST,
        "last_day": LAST,
    }
    counts = {"messages": messages, "passing": messages - failing, "failing": failing}
    return SourceLine(who=who, verdict=verdict, **usual | counts | more)


MIMECAST = line(
    "Mimecast",
    Verdict.FAILING_OWN,
    1204,
    1204,
    service="mimecast",
    owner="Mimecast Services Limited",
    cause=Cause.OWN,
    reason=(
        "Its DKIM signature (d=example.org s=mimecast20240216) does not verify, and the SPF record of example.org does not "
        "list it."
    ),
    next_step=(
        "In Mimecast, compare the DKIM definition (Gateway, Policies, DNS Authentication Outbound) with the TXT record "
        "mimecast20240216._domainkey.example.org, and publish the key that it shows."
    ),
    identifiers=("dkim d=example.org s=mimecast20240216 fail", "spf example.org softfail"),
    addresses=(
        Share("91.220.42.77", "eu-smtp-delivery-77.mimecast.example", 900, 900),
        Share("91.220.42.81", "eu-smtp-delivery-81.mimecast.example", 304, 304),
    ),
    reporters=("Enterprise Outlook", "google.com", "Yahoo"),
)
ACME = line(
    "Acme Mailings",
    Verdict.UNKNOWN,
    210,
    210,
    owner="Acme Mailings",
    cause=Cause.SENDER,
    reason="Nothing shows that you use it: it is signed only as acme.example, not as example.org, and SPF does not pass.",
    next_step=(
        "Ask who of you uses Acme Mailings. If somebody does: have it sign with DKIM as example.org. "
        "If nobody does, a stricter policy stops it."
    ),
    identifiers=("dkim d=acme.example s=k1 pass", "spf bounce.acme.example pass"),
    addresses=(Share("192.0.2.80", "out1.acme.example", 210, 210),),
)
SCANNER = line(
    "scanner.example.org",
    Verdict.FRAGILE,
    84,
    owner="Example Telecom",
    cause=Cause.SPF_ALONE,
    dkim_failing=84,
    reason="Passes by SPF alone, which forwarding breaks: it has no DKIM signature.",
    next_step=(
        "Have it sign with DKIM as example.org; what cannot sign (IIS SMTP, scanners, applications) goes out "
        "through a server or service that can."
    ),
    identifiers=("spf example.org pass",),
    addresses=(Share("203.0.113.26", "scanner.example.org", 84, 0),),
)
LINES = (
    MIMECAST,
    SCANNER,
    ACME,
    line(
        "addresses without a known owner",
        Verdict.UNKNOWN,
        61,
        61,
        cause=Cause.STRANGER,
        next_step="Nothing, unless a machine of yours stands there: a stricter policy stops it.",
    ),
    line("Microsoft 365", Verdict.PASSING, 9310, 12),
    line("Mailchimp", Verdict.PASSING, 2000),
    line("Google Workspace", Verdict.FORWARDED, 96, 71),
    line("Proofpoint", Verdict.RECIPIENT_GATEWAY, 44, 44),
)


def month(messages: int, passing: float, *, worse_on: int | None = None) -> tuple[Day, ...]:
    """Count messages on 30 days, two of them unreported; fewer at weekends."""
    days = []
    for back in reversed(range(30)):
        day = LAST - timedelta(days=back)
        number = messages * (100 + 7 * (back % 5)) // 100 // (6 if day.weekday() > 4 else 1)
        share = 0.55 if worse_on is not None and back <= worse_on else passing
        if back not in {11, 12}:
            days.append(Day(day, number, int(number * share)))
    return tuple(days)


def figures(domain: str, messages: int, passing: int, **more: Any) -> DomainFigures:
    """Count what came in about a domain."""
    usual: dict[str, Any] = {
        "reports": 24,
        "late_reports": 0,
        "reporters": 9,
        "first_day": FIRST,
        "last_day": LAST,
        "earlier_messages": 7 * messages,
        "earlier_passing": 7 * passing,
        "days": month(messages // 2, passing / messages if messages else 1),
        "new_sources": (),
        "silences": (),
        "policy": policy("none"),
        "policy_before": policy("none"),
        "newest_report_at": NOW - timedelta(hours=2),
        "was_daily": True,
    }
    return DomainFigures(domain=domain, messages=messages, passing=passing, **usual | more)


READINESS = Readiness(
    domain="example.org",
    answer="Not yet ready for p=quarantine: 7.9% of your own mail fails (Mimecast), where 2.0% is bearable.",
    ready=False,
    published=policy("none", since=LAST),
    next_policy="quarantine",
    record="p=quarantine. To try it first: p=quarantine; t=y, which receivers that know RFC 9989 apply as none.",
    covers_subdomains=True,
    periods=(
        Period(
            30,
            28,
            176_420,
            (
                Touched(Verdict.PASSING, 160_100, 320),
                Touched(Verdict.FAILING_OWN, 13_900, 13_900),
                Touched(Verdict.FRAGILE, 1_200, 0),
                Touched(Verdict.UNKNOWN, 1_220, 1_220),
            ),
        ),
    ),
    blockers=(
        Named("Mimecast", Verdict.FAILING_OWN, 13_900, 13_900, 1_204, MIMECAST.reason, MIMECAST.next_step),
    ),
    to_mend=(Named("scanner.example.org", Verdict.FRAGILE, 1_200, 0, 0, SCANNER.reason, SCANNER.next_step),),
    to_decide=(Named("Acme Mailings", Verdict.UNKNOWN, 210, 210, 210, ACME.reason, ACME.next_step),),
    sp=None,
    sending=(),
    never_passed=(),
)
READY = replace(
    READINESS,
    answer="Ready for p=reject.",
    ready=True,
    published=policy("quarantine"),
    next_policy="reject",
    record="p=reject. To try it first: p=reject; t=y, which receivers that know RFC 9989 apply as quarantine.",
    periods=(Period(30, 30, 41_203, (Touched(Verdict.PASSING, 41_203, 40),)),),
    blockers=(),
    to_mend=(),
    to_decide=(),
)

FINDINGS = (
    Finding(
        Level.ACT,
        Kind.NOW_FAILS,
        "Mimecast is failing DKIM",
        "Mimecast, which passed before, now fails: all 1,204 messages without an aligned DKIM pass.",
        MIMECAST.next_step,
        "example.org",
        "Mimecast",
    ),
    Finding(
        Level.ACT,
        Kind.POLICY_WEAKENED,
        "policy weakened to none",
        "The published policy is weaker than before: p=none, and it was p=quarantine until 2026-11-13.",
        "If nobody of you changed it, look at _dmarc.example.org and at who can edit the zone.",
        "example.org",
    ),
    Finding(
        Level.LOOK,
        Kind.NEW_FAILING_SOURCE,
        "1 new failing source",
        "Acme Mailings is new, first seen on 2026-11-13: all 210 messages fail.",
        ACME.next_step,
        "example.org",
        "Acme Mailings",
    ),
    Finding(
        Level.LOOK,
        Kind.REPORTER_SILENT,
        "Comcast is silent",
        "Comcast, which sent 28 reports in 30 days, has sent none since 2026-11-10.",
        None,
        "example.org",
    ),
)
INTAKE = Intake(
    outcomes=OUTCOMES,
    rejected=(
        Rejected(
            "reports",
            "Report domain: example.org Submitter: mail.example.com",
            "dmarc@mail.example.com",
            Outcome.CORRUPT,
            "report.xml.gz: ends before its end: the file is cut off",
        ),
    ),
    waiting=4,
    oldest_waiting_at=NOW - timedelta(minutes=12),
    failing_mailboxes={},
    lookups_waiting=17,
    conflicts=1,
)
QUIET = Intake({Outcome.STORED: 21}, (), 0, None, {}, 0, 0)


def well(domain: str, messages: int = 2_750, **more: Any) -> DomainNews:
    """Tell of a domain that needs nobody."""
    found = figures(domain, messages, messages - messages // 500, policy=policy("quarantine"), **more)
    lines = (line("Microsoft 365", Verdict.PASSING, messages, messages // 500),)
    return DomainNews(found, Level.WELL, "All well: 99.8% of 2,750 messages pass.", (), lines, READY)


EXAMPLE = DomainNews(
    figures(
        "example.org",
        12_809,
        11_407,
        reports=24,
        late_reports=3,
        earlier_messages=88_100,
        earlier_passing=86_800,
        days=month(6_400, 0.985, worse_on=1),
        new_sources=(NewSource("192.0.2.80", FIRST, LAST, 210, 210),),
        silences=(Silence("Comcast", date(2026, 11, 10), 28),),
        policy_before=policy("quarantine"),
    ),
    Level.ACT,
    "Act: 1,204 messages of your own mail fail, and the policy no longer stops anybody.",
    FINDINGS,
    LINES,
    READINESS,
)
SHOP = DomainNews(
    figures("shop.example.net", 640, 610, earlier_messages=3_900, earlier_passing=3_880),
    Level.LOOK,
    "Look: 30 messages fail that are not known to be yours.",
    (
        Finding(
            Level.LOOK,
            Kind.NEW_FAILING_SOURCE,
            "1 new failing source",
            "Constant Contact is new, first seen on 2026-11-14: all 30 messages fail.",
            "Ask who of you uses Constant Contact.",
            "shop.example.net",
            "Constant Contact",
        ),
    ),
    (line("Microsoft 365", Verdict.PASSING, 610),),
    None,
)

TELLING = Bulletin(
    WINDOW,
    "DMARC example.org: act, Mimecast is failing DKIM (and 1 more domain)",
    Level.ACT,
    (EXAMPLE, SHOP, well("example.com"), well("example.net", 120)),
    INTAKE,
    (),
    NOW,
)
WELL = Bulletin(WINDOW, "DMARC example.com: all well", Level.WELL, (well("example.com"),), QUIET, (), NOW)
SILENT = Bulletin(
    WINDOW,
    "DMARC: no reports for 3 days",
    Level.ACT,
    (),
    Intake({}, (), 0, None, {"reports": "imap.example.org refused the login"}, 0, 0),
    (
        Finding(
            Level.ACT,
            Kind.NO_REPORTS,
            "no reports for 3 days",
            "No report has come in for 3 days, where there were some daily.",
            "See that the address in rua= still takes mail, and that `ruamill doctor` can read the mailbox.",
        ),
    ),
    NOW,
)


def of_many(number: int) -> Bulletin:
    """Tell of many domains, one in ten of which wants a look."""
    domains = [
        replace(EXAMPLE, figures=replace(EXAMPLE.figures, domain=f"brand-{place}.example.org"))
        if place < number // 10
        else well(f"brand-{place}.example.org")
        for place in range(number)
    ]
    return replace(TELLING, domains=tuple(domains))


def strangers(words: str) -> Bulletin:
    """Put the same words wherever a stranger's may stand."""
    source = replace(
        MIMECAST,
        who=words,
        owner=words,
        reason=words,
        next_step=words,
        identifiers=(words,) * 12,
        addresses=(Share("192.0.2.1", words, 1, 1),) * 30,
        reporters=(words,) * 30,
    )
    lines = tuple(
        replace(source, verdict=verdict, who=f"{number}{words}", next_step=f"{number}{words}")
        for verdict in Verdict
        for number in range(10)
    )
    finding = Finding(Level.ACT, Kind.NOW_FAILS, words, words, words, words, words)
    named = Named(words, Verdict.FAILING_OWN, 1, 1, 1, words, words)
    readiness = replace(
        READINESS, answer=words, ready=True, record=words, blockers=(named,) * 30, to_mend=(named,) * 30
    )
    news = DomainNews(
        figures(words, 12_345, 345, policy=policy("unknown")),
        Level.ACT,
        words,
        (finding,) * 30,
        lines,
        readiness,
    )
    rejected = Rejected(words, words, words, Outcome.REFUSED, words)
    intake = replace(
        INTAKE, outcomes={Outcome.REFUSED: 90}, rejected=(rejected,) * 20, failing_mailboxes={words: words}
    )
    return Bulletin(WINDOW, words, Level.ACT, (news,) * 30, intake, (finding,) * 30, NOW)
