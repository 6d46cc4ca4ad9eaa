"""What came in since the last letter, in figures: connections in, values out. Selected by when reports were ingested."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, groupby
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    ScalarSelect,
    Text,
    case,
    column,
    func,
    or_,
    select,
    tuple_,
    values,
)

from store import conflicts
from store.health import FolderState, folder_states, lookups
from store.outcomes import Outcome
from store.policies import Published, published
from store.schema import domain_day_rollup, message, record, report, source_seen

LISTED: Final = timedelta(days=60)
"""How long a domain is told of after its last report."""
EARLIER: Final = timedelta(days=7)
"""With what came in so long before, a window is compared."""
PICTURED: Final = timedelta(days=29)
"""A picture shows the last day, and so many before."""
DAILY: Final = timedelta(days=14)
DAILY_AT_LEAST: Final = 12
"""Days of those that have a report where there is one on nearly every day."""
REGULAR: Final = 24
"""Days of the 30 up to its last report on which a regular reporter sent one: weekends alone would leave 22."""
SILENT: Final = timedelta(days=4)
"""A reporter is silent as many days after the last day it reported: its report comes a day later, two at times."""
REJECTED: Final = (Outcome.CORRUPT, Outcome.REFUSED, Outcome.PARTIAL)
NAMED: Final = 20
"""Mails that are named."""


@dataclass(frozen=True, slots=True)
class Window:
    """Reports ingested after the one moment, until the other."""

    after: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """Messages of one UTC day that was reported."""

    day: date
    messages: int
    passing: int


@dataclass(frozen=True, slots=True)
class NewSource:
    """An address that no report named before those of the window."""

    source_ip: str
    first_day: date
    last_day: date
    messages: int
    failing: int


@dataclass(frozen=True, slots=True)
class Silence:
    """A reporter that reported regularly, and does no more."""

    reporter: str
    last_day: date
    reports: int
    """In the 30 days up to its last one."""


@dataclass(frozen=True, slots=True)
class DomainFigures:
    """What the window brought about one policy domain."""

    domain: str
    reports: int
    late_reports: int
    """Of them, those about a day before the newest day of an earlier window: they change what was told already."""
    reporters: int
    first_day: date | None
    last_day: date | None
    """First and last day that the window's reports are about; None without a report."""
    messages: int
    passing: int
    earlier_messages: int
    earlier_passing: int
    """Of the reports ingested in the 7 days before the window."""
    days: tuple[Day, ...]
    """The 30 days up to the newest reported day; days without a report are left out."""
    new_sources: tuple[NewSource, ...]
    """Most messages first."""
    silences: tuple[Silence, ...]
    policy: Published | None
    """Its `since` is not looked for further back than the picture goes."""
    policy_before: Published | None
    """As the reports before the window had it."""
    newest_report_at: datetime | None
    """When the newest report about it was ingested by now: one that came in after the window breaks a silence too."""
    was_daily: bool
    """Whether in the 14 days before its newest report it had one on nearly every day."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Mail that could not be taken."""

    source: str
    """The mailbox, or 'file'."""
    name: str
    """Its subject, else its file name or UID."""
    sender: str | None
    outcome: Outcome
    reason: str | None


@dataclass(frozen=True, slots=True)
class Intake:
    """How ingestion went in the window, and what waits now."""

    outcomes: Mapping[Outcome, int]
    rejected: tuple[Rejected, ...]
    """Corrupt, refused and partial mail, the newest first, at most 20."""
    waiting: int
    """Messages without an outcome in the mailboxes."""
    oldest_waiting_at: datetime | None
    failing_mailboxes: Mapping[str, str]
    """Mailbox -> why its last poll did not go through."""
    lookups_waiting: int
    conflicts: int
    looked_at: datetime | None = None
    """When a mailbox was last asked for mail, now included: since then it may be ruamill that is silent. None: never."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that a letter is judged by, beside what its sources are."""

    window: Window
    domains: tuple[DomainFigures, ...]
    intake: Intake


def figures(connection: Connection, window: Window, domains: Sequence[str] | None, now: datetime) -> Figures:
    """Give what the counted reports of a window say, about some policy domains or about all, in their order.

    A domain that the window brought nothing about is among them while its last report is not older than LISTED.
    """
    today = now.astimezone(UTC).date()
    chosen = _Chosen(window, domains)
    newest = _newest(connection, chosen, now)
    brought = _brought(connection, chosen, today)
    told = {domain: it.told_day for domain, it in brought.items() if it.told_day is not None}
    policies = {domain: published(connection, domain, today, window.until, PICTURED) for domain in newest}
    before = {
        domain: published(connection, domain, day, window.after, PICTURED) for domain, day in told.items()
    }
    sums = _sums(connection, chosen, window)
    earlier = _sums(connection, chosen, Window(window.after - EARLIER, window.after))
    days = _days(connection, {domain: it.day for domain, it in policies.items() if it})
    new_sources = _new_sources(connection, window, list(told))
    intake = _intake(connection, window)
    asked = Window(window.after, min(window.until, intake.looked_at or window.until))
    silences = _silences(connection, asked, list(told))
    found = (
        DomainFigures(
            domain=domain,
            reports=it.reports,
            late_reports=it.late_reports,
            reporters=it.reporters,
            first_day=it.first_day,
            last_day=it.last_day,
            messages=sums[domain].messages,
            passing=sums[domain].passing,
            earlier_messages=earlier[domain].messages,
            earlier_passing=earlier[domain].passing,
            days=days[domain],
            new_sources=new_sources[domain],
            silences=silences[domain],
            policy=policies[domain],
            policy_before=before.get(domain) if it.reports else policies[domain],
            newest_report_at=newest[domain],
            was_daily=_is_daily(days[domain]),
        )
        for domain, it in ((domain, brought.get(domain, _NOTHING)) for domain in newest)
    )
    return Figures(window, tuple(found), intake)


# --- which reports

_DOMAIN = func.coalesce(report.c.policy_domain, "")
"""Not the bare column: SQLite would walk its index, and so every report about a domain."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is asked about."""

    window: Window
    domains: Sequence[str] | None

    def within(self, window: Window) -> list[ColumnElement[bool]]:
        """Choose the counted reports about the domains that were ingested in a window, this one or another."""
        within = [report.c.counted, _DOMAIN != "", *_ingested(window)]
        return within if self.domains is None else [*within, _DOMAIN.in_(self.domains)]


def _ingested(window: Window) -> list[ColumnElement[bool]]:
    return [report.c.ingested_at > window.after, report.c.ingested_at <= window.until]


def _newest(connection: Connection, chosen: _Chosen, now: datetime) -> dict[str, datetime]:
    """Tell when the newest report by now was ingested about each domain that is listed at the end of the window."""
    ingested, until = report.c.ingested_at, chosen.window.until
    listed = chosen.within(Window(min(chosen.window.after, until - LISTED), max(until, now)))
    query = select(_DOMAIN, func.max(ingested)).where(*listed).group_by(_DOMAIN)
    found = connection.execute(query.having(func.min(ingested) <= until))
    return dict(sorted((domain, moment) for domain, moment in found))


@dataclass(frozen=True, slots=True)
class _Brought:
    """The reports of a window about a domain."""

    reports: int
    reporters: int
    first_day: date | None
    last_day: date | None
    late_reports: int
    told_day: date | None
    """The newest day of the reports before the window."""


_NOTHING = _Brought(0, 0, None, None, 0, None)


def _brought(connection: Connection, chosen: _Chosen, today: date) -> dict[str, _Brought]:
    before = report.alias("before")
    here = select(_DOMAIN.label("policy_domain")).where(*chosen.within(chosen.window)).distinct().subquery()
    told_day = (
        select(before.c.day)
        .where(
            before.c.policy_domain == here.c.policy_domain,
            before.c.counted,
            before.c.ingested_at <= chosen.window.after,
            before.c.day <= today,  # a reporter's clock may be wrong
        )
        .order_by(before.c.day.desc())
        .limit(1)
        .scalar_subquery()
    )
    told = select(here.c.policy_domain, told_day.label("day")).cte("told")
    query = (
        select(
            told.c.policy_domain,
            func.count(),
            func.count(report.c.reporter.distinct()),
            func.min(report.c.day),
            func.max(report.c.day),
            func.count().filter(report.c.day < told.c.day),
            told.c.day,
        )
        .join_from(report, told, told.c.policy_domain == _DOMAIN)
        .where(*chosen.within(chosen.window))
    )
    found = connection.execute(query.group_by(told.c.policy_domain, told.c.day))
    return {domain: _Brought(*values) for domain, *values in found}


# --- how much, and how much of it passes


class _Sum(NamedTuple):
    messages: int = 0
    passing: int = 0


def _sums(connection: Connection, chosen: _Chosen, window: Window) -> dict[str, _Sum]:
    """Sum up messages, and those of them that pass."""
    passing = case((record.c.dmarc_pass, record.c.messages), else_=0)
    query = select(_DOMAIN, func.sum(record.c.messages), func.sum(passing)).join_from(report, record)
    found = connection.execute(query.where(*chosen.within(window)).group_by(_DOMAIN))
    rows = {domain: _Sum(int(messages), int(passing)) for domain, messages, passing in found}
    return defaultdict(_Sum, rows)


def _days(connection: Connection, last_days: Mapping[str, date]) -> dict[str, tuple[Day, ...]]:
    """Give the days up to the last one of each domain that have reports, the oldest first."""
    found = defaultdict[str, tuple[Day, ...]](tuple)
    if not last_days:
        return found
    spans = [(domain, last - PICTURED, last) for domain, last in last_days.items()]
    columns = column("policy_domain", Text), column("first_day", Date), column("last_day", Date)
    span = values(*columns, name="span").data(spans).cte("span").c
    rollup = domain_day_rollup.c
    passing = case(((rollup.dkim == "pass") | (rollup.spf == "pass"), rollup.messages), else_=0)
    query = (
        select(rollup.policy_domain, rollup.day, func.sum(rollup.messages), func.sum(passing))
        .where(rollup.policy_domain == span.policy_domain, rollup.day.between(span.first_day, span.last_day))
        .group_by(rollup.policy_domain, rollup.day)
        .order_by(rollup.policy_domain, rollup.day)
    )
    for domain, rows in groupby(connection.execute(query), key=lambda row: str(row[0])):
        found[domain] = tuple(Day(day, int(messages), int(passing)) for _, day, messages, passing in rows)
    return found


def _is_daily(days: Sequence[Day]) -> bool:
    """Tell whether nearly every one of the last days has a report."""
    return sum(days[-1].day - it.day < DAILY for it in days) >= DAILY_AT_LEAST


# --- who is new, and who is gone


def _new_sources(
    connection: Connection, window: Window, domains: Sequence[str]
) -> dict[str, tuple[NewSource, ...]]:
    """Find the addresses that no report before the window named.

    Most are known by `source_seen`: they were seen on a day before those of the window. Of the others alone the records
    are asked, and of those whose earlier day may be one that came in after the window.
    """
    failing = case((record.c.dmarc_pass, 0), else_=record.c.messages)
    sent = (
        select(
            _DOMAIN.label("policy_domain"),
            record.c.source_ip,
            func.min(report.c.day).label("first_day"),
            func.max(report.c.day).label("last_day"),
            func.sum(record.c.messages).label("messages"),
            func.sum(failing).label("failing"),
        )
        .join_from(report, record)
        .where(*_Chosen(window, domains).within(window), record.c.source_ip.is_not(None))
        .group_by(_DOMAIN, record.c.source_ip)
        .cte("sent")
    )
    pair = tuple_(sent.c.policy_domain, sent.c.source_ip)
    seen = source_seen.c
    since = select(_DOMAIN, record.c.source_ip).join_from(report, record)
    since = since.where(report.c.counted, report.c.ingested_at > window.until)
    query = (
        select(sent)
        .join(source_seen, pair == tuple_(seen.policy_domain, seen.source_ip))
        .where(or_(seen.first_day >= sent.c.first_day, pair.in_(since)), _named_before(window).is_(None))
        .order_by(sent.c.policy_domain, sent.c.messages.desc(), sent.c.source_ip)
    )
    found = defaultdict[str, tuple[NewSource, ...]](tuple)
    for domain, rows in groupby(connection.execute(query), key=lambda row: str(row[0])):
        found[domain] = tuple(
            NewSource(address, first, last, int(messages), int(failing))
            for _, address, first, last, messages, failing in rows
        )
    return found


def _named_before(window: Window) -> ScalarSelect[int]:
    """Look for a record of a report before the window: as a scalar, of which PostgreSQL makes no join (see store.rollups)."""
    its_report, earlier = report.alias("its_report"), record.alias("earlier")
    return (
        select(its_report.c.id)
        .join_from(earlier, its_report)
        .where(
            earlier.c.source_ip == source_seen.c.source_ip,
            func.coalesce(its_report.c.policy_domain, "") == source_seen.c.policy_domain,  # see _DOMAIN
            its_report.c.counted,
            its_report.c.ingested_at <= window.after,
        )
        .limit(1)
        .correlate(source_seen)
        .scalar_subquery()
    )


def _silences(
    connection: Connection, window: Window, domains: Sequence[str]
) -> dict[str, tuple[Silence, ...]]:
    """Find the reporters that fell silent in the window: each falls once, as one window follows the other."""
    first, end = (moment.astimezone(UTC).date() - SILENT for moment in (window.after, window.until))
    last = func.max(report.c.day)
    query = (
        select(_DOMAIN, report.c.reporter, last)
        .where(report.c.counted, report.c.day >= first, report.c.ingested_at <= window.until)
        .where(_DOMAIN.in_(domains), report.c.reporter.is_not(None))
        .group_by(_DOMAIN, report.c.reporter)
        .having(last < end)
        .order_by(_DOMAIN, report.c.reporter)
    )
    found = defaultdict[str, tuple[Silence, ...]](tuple)
    for domain, reporter, day in connection.execute(query):
        reports, days = _regularity(connection, domain, reporter, day)
        if days >= REGULAR:
            found[domain] += (Silence(reporter, day, reports),)
    return found


def _regularity(connection: Connection, domain: str, reporter: str, last_day: date) -> tuple[int, int]:
    """Count a reporter's reports up to its last one, and their days."""
    query = select(func.count(), func.count(report.c.day.distinct())).where(
        report.c.policy_domain == domain,
        report.c.counted,
        report.c.reporter == reporter,
        report.c.day.between(last_day - PICTURED, last_day),
    )
    reports, days = connection.execute(query).one()
    return reports, days


# --- ingestion


def _intake(connection: Connection, window: Window) -> Intake:
    decided = message.c.decided_at > window.after, message.c.decided_at <= window.until
    outcomes = select(message.c.outcome, func.count()).where(*decided).group_by(message.c.outcome)
    every = folder_states(connection)
    folders = [it for it in every if _is_current(it, window)]
    oldest = [it.oldest_waiting_at for it in folders if it.oldest_waiting_at]
    return Intake(
        outcomes={Outcome(word): number for word, number in connection.execute(outcomes)},
        rejected=_rejected(connection, decided),
        waiting=sum(it.waiting or 0 for it in folders),
        oldest_waiting_at=min(oldest, default=None),
        failing_mailboxes={it.source: it.last_error for it in folders if it.last_error},
        lookups_waiting=lookups(connection)["waiting"],
        conflicts=conflicts.waiting(connection),
        looked_at=max(chain.from_iterable(map(_looks, every)), default=None),
    )


def _is_current(folder: FolderState, window: Window) -> bool:
    """Tell whether a folder is still looked at: those of mailboxes that were taken out of the settings stay."""
    return any(it > window.after for it in _looks(folder))


def _looks(folder: FolderState) -> list[datetime]:
    return [it for it in (folder.last_poll_at, folder.last_error_at) if it]


def _rejected(connection: Connection, decided: Sequence[ColumnElement[bool]]) -> tuple[Rejected, ...]:
    told = message.c
    columns = told.source, func.coalesce(func.nullif(told.subject, ""), told.uid), told.sender, told.outcome
    query = select(*columns, told.reason).where(*decided, told.outcome.in_(REJECTED)).limit(NAMED)
    found = connection.execute(query.order_by(told.decided_at.desc(), told.id.desc()))
    return tuple(
        Rejected(source, name, sender, Outcome(outcome), reason)
        for source, name, sender, outcome, reason in found
    )
