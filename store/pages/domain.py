"""One domain: its mail day by day, and who reports about it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from store.pages.values import ChartDay, passing, total
from store.schema import domain_day_rollup, report, source_day_rollup


@dataclass(frozen=True, slots=True)
class ReporterRow:
    """Somebody who reports about a domain."""

    reporter: str | None
    """org_name; None: the reports have none."""
    reports: int
    messages: int
    last_day: date


def series(
    connection: Connection,
    domain: str,
    last_day: date,
    days: int = 90,
    forwarding: Collection[str] = (),
) -> tuple[ChartDay, ...]:
    """Give the days up to the last one that have reports, the oldest first.

    `forwarding` are the addresses whose failing mail was passed on by others. To look for them takes half a second of a
    large domain: it is for whoever judges, no page does it.
    """
    first_day = last_day - timedelta(days=days - 1)
    passed_on = _passed_on(connection, domain, first_day, last_day, forwarding)
    sums = domain_day_rollup.c
    query = select(sums.day, total(sums.messages), passing(domain_day_rollup))
    query = query.where(sums.policy_domain == domain, sums.day.between(first_day, last_day))
    return tuple(
        ChartDay(day, good, messages - good - passed_on[day], passed_on[day])
        for day, messages, good in connection.execute(query.group_by(sums.day).order_by(sums.day))
    )


def _passed_on(
    connection: Connection, domain: str, first_day: date, last_day: date, forwarding: Collection[str]
) -> Counter[date]:
    found = Counter[date]()
    if not forwarding:
        return found
    sums = source_day_rollup.c
    query = select(sums.day, sums.source_ip, sums.messages).where(
        sums.policy_domain == domain,
        sums.day.between(first_day, last_day),
        sums.dkim != "pass",
        sums.spf != "pass",
    )
    for day, address, messages in connection.execute(query):
        if address in forwarding:
            found[day] += messages
    return found


def reporters(
    connection: Connection, domain: str, first_day: date, last_day: date
) -> tuple[ReporterRow, ...]:
    """Give those whose counted reports are about days from the first to the last, with most messages first."""
    reports, messages = func.count(), total(report.c.messages)
    query = (
        select(report.c.reporter, reports, messages, func.max(report.c.day))
        .where(report.c.policy_domain == domain, report.c.day.between(first_day, last_day), report.c.counted)
        .group_by(report.c.reporter)
        .order_by(messages.desc(), report.c.reporter)
    )
    return tuple(ReporterRow(*row) for row in connection.execute(query))
