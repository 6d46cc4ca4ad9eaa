"""Who sends: messages by sending address, from the rollup."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from store.schema import source_day_rollup


@dataclass(frozen=True, slots=True)
class SourceTotal:
    """One sending address, for one policy domain and the days asked for."""

    policy_domain: str
    source_ip: str
    messages: int
    passing: int
    """Messages that passed DMARC."""
    failing: int
    first_day: date
    last_day: date


def source_totals(
    connection: Connection, domain: str | None = None, days: int | None = None
) -> list[SourceTotal]:
    """Sum up each address, most messages first; `days` counts back from the last day that was reported."""
    table = source_day_rollup.c
    conditions: list[ColumnElement[bool]] = [] if domain is None else [table.policy_domain == domain]
    if days is not None and (last := connection.scalar(select(func.max(table.day)).where(*conditions))):
        conditions.append(table.day > last - timedelta(days=days))
    passing = func.sum(case((or_(table.dkim == "pass", table.spf == "pass"), table.messages), else_=0))
    messages = func.sum(table.messages)
    query = (
        select(
            table.policy_domain, table.source_ip, messages, passing, func.min(table.day), func.max(table.day)
        )
        .where(*conditions)
        .group_by(table.policy_domain, table.source_ip)
        .order_by(messages.desc(), table.policy_domain, table.source_ip)
    )
    return [
        SourceTotal(domain_, str(address), int(total), int(good), int(total) - int(good), first, last)
        for domain_, address, total, good, first, last in connection.execute(query)
    ]
