"""How a domain stands, judged beforehand: what `ruamill sources` and `ruamill readiness` say, kept for those who look."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from store.database import Database
from store.evidence import Evidence, Machine, evidence, machines
from store.figures import DomainFigures
from store.pages.domain import series
from store.pages.values import ChartDay
from store.policies import Published, published, reported_days
from summary.bulletin import DomainNews, Thresholds, news_of
from summary.findings.comparison import Comparison
from summary.findings.values import Judged, Level
from summary.hosts import Known
from summary.readiness import PERIODS, Readiness, readiness
from summary.selectors import Selector, selectors
from summary.sources import Judgement, SourceLine, judge_each
from summary.verdicts import Verdict

WEEK, MONTH, QUARTER = PERIODS
"""Days up to the last one that was reported."""
KEPT_ADDRESSES: Final = 50
"""Addresses of a source that are kept with it, those with most messages; the others are counted."""
_Lines = Mapping[int, tuple[SourceLine, ...]]
"""By the days of their period."""
_PASSED_ON: Final = frozenset({Verdict.FORWARDED, Verdict.RECIPIENT_GATEWAY})


@dataclass(frozen=True, slots=True)
class Line:
    """One source in a period."""

    source: SourceLine
    """With its first KEPT_ADDRESSES alone."""
    addresses: int
    """All of them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One domain."""

    domain: str
    judged_at: datetime
    last_day: date
    """The periods end on it."""
    level: Level
    sentence: str
    """The verdict over the 30 days, as a letter about them would word it."""
    policy: Published
    reported_days: Mapping[int, int]
    """Days of each period about which there are reports."""
    lines: Mapping[int, tuple[Line, ...]]
    """Of each period, as `ruamill sources --days` gives them; what was kept is read with those of some periods alone."""
    selectors: Mapping[int, tuple[Selector, ...]]
    """Of the same periods."""
    days: tuple[ChartDay, ...]
    """Of the longest period, those with reports, the oldest first."""
    readiness: Readiness


def look(
    database: Database, domain: str, known: Known, thresholds: Thresholds, now: datetime
) -> tuple[Standing, Judgement] | None:
    """Judge a domain as it stands, and give what was judged of its 30 days beside it; None without reports.

    Raises DatabaseUnavailableError.
    """
    with database.reading() as connection:
        policy = published(connection, domain, now.date())
        if policy is None:
            return None
        firsts = {days: policy.day - timedelta(days=days - 1) for days in PERIODS}
        reported = {days: reported_days(connection, domain, it, policy.day) for days, it in firsts.items()}
        told = {days: evidence(connection, domain, it, policy.day) for days, it in firsts.items()}
        found = machines(connection, domain, firsts[QUARTER])
    month, lines, lines_of_readiness = _judged(domain, told, found, known)
    with database.reading() as connection:
        days = series(connection, domain, policy.day, QUARTER, _forwarding(lines[QUARTER]))
    news = _news(domain, policy, month.lines, thresholds, now)
    standing = Standing(
        domain=domain,
        judged_at=now,
        last_day=policy.day,
        level=news.level,
        sentence=news.sentence,
        policy=policy,
        reported_days=reported,
        lines={period: tuple(map(_kept, every)) for period, every in lines.items()},
        selectors={period: selectors(domain, every) for period, every in told.items()},
        days=days,
        readiness=readiness(domain, policy, lines_of_readiness, reported),
    )
    return standing, month


def _judged(
    domain: str, told: Mapping[int, Sequence[Evidence]], found: Mapping[str, Machine], known: Known
) -> tuple[Judgement, _Lines, _Lines]:
    """Judge as `ruamill sources` does, which learns from 30 days where it shows fewer, and as `ruamill readiness`, from 90.

    Gives the 30 days, and the lines of each.
    """
    week, month = judge_each(domain, [told[WEEK], told[MONTH]], told[MONTH], found, known)
    judged = judge_each(domain, [told[days] for days in PERIODS], told[QUARTER], found, known)
    of_readiness = {days: it.lines for days, it in zip(PERIODS, judged, strict=True)}
    return month, {WEEK: week.lines, MONTH: month.lines, QUARTER: of_readiness[QUARTER]}, of_readiness


def _kept(line: SourceLine) -> Line:
    return Line(replace(line, addresses=line.addresses[:KEPT_ADDRESSES]), len(line.addresses))


def _forwarding(lines: Sequence[SourceLine]) -> frozenset[str]:
    """Give the addresses of whose failing mail most was passed on by others."""
    failing, passed_on = Counter[str](), Counter[str]()
    for line in lines:
        for it in line.addresses:
            failing[it.key] += it.failing
            passed_on[it.key] += it.failing if line.verdict in _PASSED_ON else 0
    return frozenset(address for address, number in passed_on.items() if 2 * number > failing[address])


def _news(
    domain: str, policy: Published, lines: tuple[SourceLine, ...], thresholds: Thresholds, now: datetime
) -> DomainNews:
    """Word it as a letter would that tells of the whole period, and has nothing earlier to compare it with."""
    figures = DomainFigures(
        domain=domain,
        reports=0,
        late_reports=0,
        reporters=0,
        first_day=min((it.first_day for it in lines), default=None),
        last_day=max((it.last_day for it in lines), default=None),
        messages=sum(it.messages for it in lines),
        passing=sum(it.passing for it in lines),
        earlier_messages=0,
        earlier_passing=0,
        days=(),
        new_sources=(),
        silences=(),
        policy=policy,
        policy_before=None,
        newest_report_at=None,
        was_daily=False,
    )
    return news_of(Comparison(figures, Judged(lines, (), None), thresholds), now, alone=True)
