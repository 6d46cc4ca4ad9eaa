"""How ruamill is doing, as far as the database knows: connections in, figures out. Nothing here changes anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select, text

from store.outcomes import Outcome
from store.schema import mailbox_state, message, report, source

LOOKUP_STATES = ("waiting", "found", "not_found", "reserved", "error")
"""What `source.state` may be."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """How far one folder of one mailbox is."""

    source: str
    folder: str
    last_poll_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    waiting: int | None
    oldest_waiting_at: datetime | None


@dataclass(frozen=True, slots=True)
class Newest:
    """When the last report about each domain came in."""

    upto: int
    """Key of the last report that was looked at."""
    moments: Mapping[str, datetime]
    """Policy domain -> when it was stored."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What came in since some moment."""

    outcomes: Mapping[Outcome, int]
    """Messages that got each outcome."""
    reports: int
    records: int


def size(connection: Connection) -> int:
    """Give the bytes that the database takes on its disk."""
    if connection.dialect.name == "postgresql":
        return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    pages, page_size = (connection.scalar(text(f"PRAGMA {name}")) for name in ("page_count", "page_size"))
    return int(pages or 0) * int(page_size or 0)


def folder_states(connection: Connection) -> list[FolderState]:
    """Give every folder that was ever polled, of mailboxes that are configured no more too."""
    columns = mailbox_state.c
    query = select(
        columns.source,
        columns.folder,
        columns.last_poll_at,
        columns.last_error,
        columns.last_error_at,
        columns.waiting,
        columns.oldest_waiting_at,
    )
    return [FolderState(*row) for row in connection.execute(query.order_by(columns.source, columns.folder))]


def newest_reports(connection: Connection, above: int = 0) -> Newest:
    """Look at the reports with keys above the given one, foreign ones left out.

    Keys grow with time, so that whoever asks again and again needs to look at what is new alone: over 500,000 reports
    the first look takes half a second, the others a millisecond. No index would make the first one much shorter.
    """
    columns = report.c
    upto = connection.scalar(select(func.max(columns.id))) or 0
    after = above if above <= upto else 0  # the newest ones were removed, and their keys are in use again
    domain = func.coalesce(
        columns.policy_domain, ""
    )  # not the bare column: SQLite would walk its index instead
    query = select(domain, func.max(columns.ingested_at))
    query = query.where(columns.id > after, columns.id <= upto, ~columns.is_foreign)
    moments = {name: moment for name, moment in connection.execute(query.group_by(domain)) if name}
    return Newest(upto, moments)


def lookups(connection: Connection) -> dict[str, int]:
    """Count the addresses in each state of their look-up."""
    query = select(source.c.state, func.count()).group_by(source.c.state)
    counts = dict.fromkeys(LOOKUP_STATES, 0)
    for state, number in connection.execute(query):
        counts[state] = number
    return counts


def oldest_waiting(connection: Connection) -> date | None:
    """Give the first day on which one of the addresses that wait for their look-up was seen."""
    query = select(func.min(source.c.first_day)).where(source.c.state == "waiting")
    oldest: date | None = connection.scalar(query)
    return oldest


def intake(connection: Connection, since: datetime) -> Intake:
    """Count what came in since then."""
    outcomes = select(message.c.outcome, func.count()).where(message.c.decided_at >= since)
    messages = {Outcome(word): number for word, number in connection.execute(outcomes.group_by("outcome"))}
    sums = select(func.count(), func.coalesce(func.sum(report.c.records), 0))
    reports, records = connection.execute(sums.where(report.c.ingested_at >= since)).one()
    return Intake(messages, int(reports), int(records))


def totals(connection: Connection) -> tuple[int, int]:
    """Count all aggregate reports that are stored, and their records."""
    sums = select(func.count(), func.coalesce(func.sum(report.c.records), 0))
    reports, records = connection.execute(sums).one()
    return int(reports), int(records)
