"""All domains at once: how much mail, how much of it passes, and how each was judged to stand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import CTE, Connection, Date, Dialect, ScalarSelect, Text, cast, column, func, select, values

from store.bulk import pieces
from store.pages.distinct import distinct
from store.pages.values import ChartDay, passing, total
from store.schema import domain_day_rollup, domain_standing

PERIOD: Final = timedelta(days=30)
BACK: Final = 2 * PERIOD - timedelta(days=1)
"""From the last day of a period to the first one of the period before."""


@dataclass(frozen=True, slots=True)
class Head:
    """What was judged of a domain, as far as a line tells it."""

    level: str
    """act, look, well"""
    sentence: str
    p: str | None
    """none, quarantine, reject, unknown"""
    testing: str | None
    """The t tag: y or n (RFC 9989)."""
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class DomainRow:
    """One domain."""

    domain: str
    last_day: date
    """The newest reported day."""
    messages: int
    """Of the 30 days up to it."""
    passing: int
    earlier_messages: int
    """Of the 30 days before these."""
    earlier_passing: int
    days: tuple[ChartDay, ...]
    """Of the 30 days, those with reports; what is forwarded is not told apart."""
    standing: Head | None
    """None: it was not judged yet."""


def overview(connection: Connection, today: date) -> tuple[DomainRow, ...]:
    """Give every domain that was reported about, in the order of their names. Days after today count as `last_day` says."""
    last_days, heads = _last_days(connection, today), _heads(connection)
    days = _days(connection, last_days)
    return tuple(_row(domain, last, days[domain], heads.get(domain)) for domain, last in last_days.items())


def _row(domain: str, last_day: date, days: Sequence[ChartDay], head: Head | None) -> DomainRow:
    now = [it for it in days if it.day > last_day - PERIOD]
    before = [it for it in days if it.day <= last_day - PERIOD]
    return DomainRow(
        domain=domain,
        last_day=last_day,
        messages=sum(it.messages for it in now),
        passing=sum(it.passing for it in now),
        earlier_messages=sum(it.messages for it in before),
        earlier_passing=sum(it.passing for it in before),
        days=tuple(now),
        standing=head,
    )


def _last_days(connection: Connection, today: date) -> Mapping[str, date]:
    """Find the newest day of each domain, as `store.policies.last_day` does for one."""
    sums = domain_day_rollup.c
    domain = distinct(sums.policy_domain).subquery().c.value
    newest = select(func.max(sums.day)).where(sums.policy_domain == domain)
    day = func.coalesce(newest.where(sums.day <= today).scalar_subquery(), newest.scalar_subquery())
    found = connection.execute(select(domain, day))
    return dict(sorted((name, last) for name, last in found))


def _days(connection: Connection, last_days: Mapping[str, date]) -> Mapping[str, list[ChartDay]]:
    """Give the days of both periods, of each domain as one text: PostgreSQL would go through all years for a join."""
    columns = column("policy_domain", Text), column("first_day", Date), column("last_day", Date)
    found: dict[str, list[ChartDay]] = {}
    for some in pieces([(domain, last - BACK, last) for domain, last in last_days.items()]):
        span = values(*columns, name="span").data(list(some)).cte("span")
        query = select(span.c.policy_domain, _as_text(connection.dialect, span))
        for domain, text in connection.execute(query):
            days: list[tuple[str, int, int]] = json.loads(text or "[]")
            found[domain] = [
                ChartDay(date.fromisoformat(day), good, messages - good)
                for day, messages, good in sorted(days)
            ]
    return found


def _as_text(dialect: Dialect, span: CTE) -> ScalarSelect[str]:
    """Give the days of a span as JSON: [day, messages, of them passing], in any order."""
    sums = domain_day_rollup.c
    within = (sums.policy_domain == span.c.policy_domain, sums.day.between(span.c.first_day, span.c.last_day))
    day = cast(sums.day, Text).label("day")
    days = select(day, total(sums.messages).label("messages"), passing(domain_day_rollup).label("passing"))
    rows = days.where(*within).group_by(sums.day).correlate(span).subquery()
    if dialect.name == "postgresql":
        return select(cast(func.json_agg(func.json_build_array(*rows.c)), Text)).scalar_subquery()
    return select(func.json_group_array(func.json_array(*rows.c))).scalar_subquery()


def _heads(connection: Connection) -> Mapping[str, Head]:
    told = domain_standing.c
    query = select(told.policy_domain, told.level, told.sentence, told.p, told.testing, told.judged_at)
    return {domain: Head(*parts) for domain, *parts in connection.execute(query)}
