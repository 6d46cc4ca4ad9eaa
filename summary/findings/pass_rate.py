"""A domain's sources in; whether fewer of its messages pass than in the 7 days before, and whose fail, out."""

from collections import Counter
from collections.abc import Sequence

from summary.findings.comparison import Comparison
from summary.findings.values import Finding, Kind, Level
from summary.findings.words import percent, short
from summary.readiness import OWN
from summary.sources import SourceLine
from summary.words import counted


def drop(sources: Comparison) -> Finding | None:
    """Tell of a drop. Strangers that the policy stops are left out, now and before: a wave of abuse is no drop."""
    now, before = (
        [it for it in lines if not sources.is_stopped(it)]
        for lines in (sources.lines, sources.judged.earlier)
    )
    messages, enough = _messages(now), sources.thresholds.drop_messages
    if messages < enough or _messages(before) < enough:
        return None
    shares, shares_before = _failing(now), _failing(before)
    points = round(100 * (sum(shares.values()) - sum(shares_before.values())), 1)
    if points < sources.thresholds.drop_points:
        return None
    worst = max(now, key=lambda it: shares[it.who] - shares_before.get(it.who, 0))
    passing = percent(sum(it.passing for it in now), messages)
    return Finding(
        level=Level.LOOK,
        kind=Kind.RATE_DROPPED,
        what=f"pass rate down by {points:g} points",
        sentence=f"{passing} of {counted(messages, 'message')} pass, {points:g} points fewer than in the 7 days before, because "
        f"of {short(worst.who)} above all.",
        next_step=worst.next_step,
        domain=worst.domain,
        who=worst.who,
    )


def nothing_passes(sources: Comparison) -> Finding | None:
    """Tell of a domain of whose mail none passes and nothing is known to be its own: it may be all of it."""
    messages = _messages([it for it in sources.lines if not sources.is_stopped(it)])
    known = any(it.verdict in OWN for it in (*sources.lines, *sources.judged.earlier))
    if known or messages < sources.thresholds.drop_messages:
        return None
    domain = sources.figures.domain
    return Finding(
        level=Level.LOOK,
        kind=Kind.NOTHING_PASSES,
        what="nothing passes",
        sentence=f"None of {counted(messages, 'message')} passes, and nothing shows whether any of them is yours.",
        next_step=f'If you send as {domain}, set up SPF and DKIM, and name your servers in networks below [domains."{domain}"]; '
        "if nobody does, publish p=reject.",
        domain=domain,
    )


def _messages(lines: Sequence[SourceLine]) -> int:
    return sum(it.messages for it in lines)


def _failing(lines: Sequence[SourceLine]) -> dict[str, float]:
    """Give the share of all messages that fail from each source."""
    messages, failing = _messages(lines), Counter[str]()
    for it in lines:
        failing[it.who] += it.failing
    return {who: number / messages for who, number in failing.items()}
