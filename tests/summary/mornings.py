"""What a night brought, for the tests of the judgement: figures around evidence, in few words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from store.evidence import Evidence
from store.figures import DomainFigures, Figures, Intake, NewSource, Window
from store.policies import Published
from summary.bulletin import Bulletin, Finding, Judged, Thresholds, bulletin
from tests.summary.kit import DOMAIN, FIRST, LAST, evidence, judged

NOW = datetime(2026, 11, 15, 6, 30, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=1), NOW)
QUIET = Intake(
    outcomes={}, rejected=(), waiting=0, oldest_waiting_at=None, failing_mailboxes={}, lookups_waiting=0, conflicts=0
)  # fmt: skip
PUBLISHED = Published(
    p="none", sp=None, np=None, pct=None, testing=None, adkim=None, aspf=None, since=date(2026, 8, 1), day=LAST
)  # fmt: skip

# What example.org sends.

MICROSOFT = evidence("40.107.21.92", "dkim example.org selector1 pass", "spf example.org pass", messages=5000)
MIMECAST = evidence(
    "91.220.42.77", "dkim example.org mimecast20240216 pass", "spf example.org pass", messages=900
)
MIMECAST_ON_ONE_LEG = evidence(
    "91.220.42.77", "dkim example.org mimecast20240216 fail", "spf example.org pass", messages=900
)
MIMECAST_FAILS = evidence(
    "91.220.42.77", "dkim example.org mimecast20240216 fail", "spf example.org softfail", messages=900
)
RELAY_FAILS = evidence("203.0.113.26", "spf example.org softfail", messages=300)
BOUNCES = evidence(
    "40.107.21.92", "spf mail.outbound.protection.outlook.com pass", null_path=True, messages=112
)
MAILCHIMP = evidence(
    "198.2.134.19", "dkim example.org k2 pass", "spf mail19.atl11.rsgsv.net pass", messages=2000
)
CONSTANT_CONTACT = evidence(
    "208.75.123.146", "dkim auth.ccsend.com 1 pass", "spf in.constantcontact.com pass", messages=40
)
STRANGER = evidence("51.68.141.12", "spf example.org fail", messages=700)
ANOTHER_STRANGER = evidence("192.0.2.90", "spf example.org fail", messages=60)
NAMELESS = evidence("198.51.100.7", "spf example.org fail", messages=25)
FORWARDED = evidence("64.147.108.50", "dkim example.org selector1 pass", "spf pobox.com pass", messages=90)

USES = ("microsoft365", "mimecast", "mailchimp")


def judge(now: Sequence[Evidence], before: Sequence[Evidence], domain: str = DOMAIN) -> Judged:
    """Judge the sources of the window and of the 7 days before; every domain is example.org by another name."""
    lines, earlier = (
        tuple(replace(it, domain=domain) for it in judged(*pieces, uses=USES).lines)
        for pieces in (now, before)
    )
    return Judged(lines, earlier, readiness=None)


def figures(
    sources: Judged, domain: str = DOMAIN, *, new: Sequence[Evidence] = (), **more: Any
) -> DomainFigures:
    """Count what was judged; `new` is what no report named before."""
    usual: dict[str, Any] = {
        "domain": domain,
        "reports": 12 if sources.lines else 0,
        "late_reports": 0,
        "reporters": 3,
        "first_day": FIRST,
        "last_day": LAST,
        "messages": sum(it.messages for it in sources.lines),
        "passing": sum(it.passing for it in sources.lines),
        "earlier_messages": sum(it.messages for it in sources.earlier),
        "earlier_passing": sum(it.passing for it in sources.earlier),
        "days": (),
        "new_sources": tuple(
            NewSource(it.source_ip or "", FIRST, LAST, it.messages, it.messages) for it in new
        ),
        "silences": (),
        "policy": PUBLISHED,
        "policy_before": PUBLISHED,
        "newest_report_at": NOW - timedelta(hours=3),
        "was_daily": True,
    }
    return DomainFigures(**usual | more)


def morning(
    *now: Evidence,
    before: Sequence[Evidence] = (MICROSOFT, MIMECAST, MAILCHIMP),
    intake: Intake = QUIET,
    thresholds: Thresholds | None = None,
    **more: Any,
) -> Bulletin:
    """Judge a night that brought reports about example.org alone."""
    sources = judge(now, before)
    night = Figures(WINDOW, (figures(sources, **more),), intake)
    return bulletin(night, {DOMAIN: sources} if now else {}, thresholds or Thresholds(), NOW)


def findings(found: Bulletin) -> tuple[Finding, ...]:
    """Give what was found of example.org."""
    (news,) = found.domains
    return news.findings


def told(found: Bulletin) -> str:
    """Write what a letter tells, to be read and compared."""
    parts = [f"{found.subject}\n{found.level}\n", *_told(found.findings)]
    for news in found.domains:
        parts += [f"\n{news.figures.domain}: {news.level}. {news.sentence}\n", *_told(news.findings)]
    return "".join(parts)


def _told(found: Sequence[Finding]) -> list[str]:
    return [
        f"- {it.level} {it.kind}: {it.what}\n    {it.sentence}\n    {it.next_step or '(no step)'}\n"
        for it in found
    ]
