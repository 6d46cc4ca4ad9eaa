"""What reports say about each domain's policy, and on which days there are any: connections in, values out."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, distinct, func, select

from store.schema import domain_day_rollup, report

FILLED = timedelta(days=7)
"""How far back a part of the policy is looked for that the reports of the newest day leave out."""


@dataclass(frozen=True, slots=True)
class Published:
    """A domain's policy record, as the newest reports have it; empty where none of them says."""

    p: str | None
    """none, quarantine, reject, unknown"""
    sp: str | None
    np: str | None
    pct: int | None
    testing: str | None
    """The t tag: y or n (RFC 9989)."""
    adkim: str | None
    aspf: str | None
    since: date
    """First of the days up to `day` on which all of this was reported alike."""
    day: date
    """The newest reported day."""


def policy_domains(connection: Connection) -> list[str]:
    """Name the domains that were reported about, in order."""
    domain = domain_day_rollup.c.policy_domain
    return list(connection.scalars(select(domain).distinct().where(domain != "").order_by(domain)))


def last_day(connection: Connection, policy_domain: str | None, today: date) -> date | None:
    """Give the newest day that was reported about a domain, or about any; None before the first report.

    Days in the future, of reporters whose clocks are wrong, count only where there is no other.
    """
    days = domain_day_rollup.c
    query = (
        select(days.day)
        if policy_domain is None
        else select(days.day).where(days.policy_domain == policy_domain)
    )
    found: date | None = connection.scalar(query.order_by(days.day > today, days.day.desc()).limit(1))
    return found


def reported_days(connection: Connection, policy_domain: str, first_day: date, last_day: date) -> int:
    """Count the days from the first to the last on which something was reported about a domain."""
    days = domain_day_rollup.c
    within = (days.policy_domain == policy_domain, days.day.between(first_day, last_day))
    return connection.scalar(select(func.count(distinct(days.day))).where(*within)) or 0


def published(
    connection: Connection,
    policy_domain: str,
    today: date,
    until: datetime | None = None,
    back: timedelta | None = None,
) -> Published | None:
    """Give a domain's policy as the counted reports of its newest day have it; None without reports.

    Of all reports, or of those that were ingested until then, and as far `back` from the newest day. Reporters differ, by
    what they cached and by what they leave out: what most of those that say something say counts.
    """
    newest = last_day(connection, policy_domain, today)
    if newest is None:
        return None
    days = _policies(connection, policy_domain, newest, until, back)
    day, policy = next(days, (newest, _Policy()))
    since = day
    for earlier, other in days:
        if _differ(policy, other):
            break
        since = earlier
        if day - earlier < FILLED:
            policy = _filled(policy, other)
    return Published(**policy._asdict(), since=since, day=day)


class _Policy(NamedTuple):
    p: str | None = None
    sp: str | None = None
    np: str | None = None
    pct: int | None = None
    testing: str | None = None
    adkim: str | None = None
    aspf: str | None = None


def _policies(
    connection: Connection,
    policy_domain: str,
    newest: date,
    until: datetime | None,
    back: timedelta | None,
) -> Iterator[tuple[date, _Policy]]:
    """Give the policy of each day, the newest first."""
    parts = [report.c[name] for name in _Policy._fields]
    query = select(report.c.day, func.count(), *parts).where(
        report.c.policy_domain == policy_domain, report.c.counted, report.c.day <= newest
    )
    if until is not None:
        query = query.where(report.c.ingested_at <= until)
    if back is not None:
        query = query.where(report.c.day >= newest - back)
    found = connection.execute(query.group_by(report.c.day, *parts).order_by(report.c.day.desc(), *parts))
    for day, rows in groupby(found, key=lambda row: row[0]):
        reports, *columns = zip(*(row[1:] for row in rows), strict=True)
        yield day, _Policy._make(_most(reports, column) for column in columns)


def _most(reports: Iterable[int], values: Iterable[Any]) -> Any:  # noqa: ANN401 (text or number)
    """Give the value that most reports have, of those that have any."""
    votes: Counter[Any] = Counter()
    for number, value in zip(reports, values, strict=True):
        if value is not None:
            votes[value] += number
    return next((value for value, _ in votes.most_common(1)), None)


def _differ(one: _Policy, other: _Policy) -> bool:
    """Tell whether any part is another, where both say."""
    return any(None not in (new, old) and new != old for new, old in zip(one, other, strict=True))


def _filled(policy: _Policy, other: _Policy) -> _Policy:
    """Take from another day what this one does not say."""
    pairs = zip(policy, other, strict=True)
    return _Policy._make(new if new is not None else old for new, old in pairs)
