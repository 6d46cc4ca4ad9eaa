"""The database as a whole: whether there is anything to look at yet, how much, and how old it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from store.health import FolderState, folder_states, lookups, size
from store.migrate import revision
from store.pages.distinct import distinct
from store.pages.values import total
from store.schema import domain_day_rollup, domain_standing, mailbox_state, message, report


@dataclass(frozen=True, slots=True)
class State:
    """What the database holds, and when it was worked on last."""

    revision: str | None
    """Of the schema."""
    bytes: int
    """On the disk."""
    domains: int
    messages: int
    """Sum of what was reported and counted."""
    records: int
    first_day: date | None
    last_day: date | None
    """None: nothing was reported yet."""
    newest_report_at: datetime | None
    """When the newest report was stored."""
    judged_at: datetime | None
    """When a domain was judged last; None: none ever was."""
    folders: tuple[FolderState, ...]
    """Those that were ever polled."""
    lookups: Mapping[str, int]
    """Addresses in each state of their look-up."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """How far a new database has come: what to do next follows from it."""

    polled: bool
    """A mailbox was looked at."""
    any_message: bool
    """A mail or a file was seen."""
    any_report: bool
    """A report was stored."""
    any_counted: bool
    """A report about a domain of ours was counted."""


def arrived(connection: Connection) -> Arrived:
    """Tell how far a new database has come."""
    parts = [
        select(it).limit(1).exists()
        for it in (mailbox_state.c.source, message.c.id, report.c.id, domain_day_rollup.c.day)
    ]
    return Arrived(*map(bool, connection.execute(select(*parts)).one()))


def state(connection: Connection) -> State:
    """Tell how a database is."""
    sums = domain_day_rollup.c
    totals = select(total(sums.messages), total(sums.records), func.min(sums.day), func.max(sums.day))
    messages, records, first_day, last_day = connection.execute(totals).one()
    domains = select(func.count()).select_from(distinct(sums.policy_domain).subquery())
    return State(
        revision=revision(connection),
        bytes=size(connection),
        domains=connection.scalar(domains) or 0,
        messages=messages or 0,
        records=records or 0,
        first_day=first_day,
        last_day=last_day,
        newest_report_at=connection.scalar(select(func.max(report.c.ingested_at))),
        judged_at=connection.scalar(select(func.max(domain_standing.c.judged_at))),
        folders=tuple(folder_states(connection)),
        lookups=lookups(connection),
    )
