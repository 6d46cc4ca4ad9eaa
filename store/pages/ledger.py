"""The ledger: what became of the mail that was seen, in figures, in pages, and one message in full."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, Date, RowMapping, Table, func, select

from store.outcomes import Outcome
from store.pages.distinct import distinct
from store.pages.report import Deviation
from store.pages.reports import ReportRow
from store.pages.values import PER_PAGE, Rows, UnknownPlaceError
from store.schema import deviation, failure_report, message, message_raw, report, tls_report

COUNTED: Final = 10_000
"""Messages of one outcome that are counted, over all time."""
LISTED: Final = 100
"""Reports of a message that are listed, and deviations of it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Messages that got an outcome on a UTC day."""

    day: date
    source: str
    """The mailbox, or 'file'."""
    outcome: Outcome
    messages: int


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message."""

    id: int
    """Its key."""
    source: str
    """The mailbox, or 'file'."""
    folder: str
    uid: str
    """Or the name of the file."""
    sender: str | None
    subject: str | None
    received_at: datetime | None
    decided_at: datetime
    """When it got its outcome."""
    outcome: Outcome
    reason: str | None
    attempts: int
    """How often it was read."""
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class MessageFigures:
    """One message in full."""

    row: MessageRow
    uidvalidity: int
    """IMAP UIDVALIDITY; 0 elsewhere."""
    sha256: str
    """Of the bytes, in hex; empty where they were not fetched."""
    message_id: str | None
    from_domain: str | None
    """Author domain of the mail."""
    dmarc: str | None
    """The trusted receiving server's DMARC verdict on the mail."""
    first_seen_at: datetime
    is_kept: bool
    """Its bytes are kept for another try, or for a person."""
    reports: tuple[ReportRow, ...]
    """The aggregate reports it brought, the first LISTED of them."""
    number_of_reports: int
    tls_reports: int
    failure_reports: int
    deviations: tuple[Deviation, ...]
    """Of its reports and of what was not taken, the first LISTED of them."""
    number_of_deviations: int


def tallies(connection: Connection, since: datetime) -> tuple[Tally, ...]:
    """Count the messages that got their outcome since then, day by day, the oldest first."""
    told = message.c
    day = func.date(told.decided_at, type_=Date)
    query = select(day, told.source, told.outcome, func.count()).where(told.decided_at >= since)
    found = connection.execute(query.group_by(day, told.source, told.outcome))
    return tuple(
        Tally(day, source, Outcome(outcome), number) for day, source, outcome, number in sorted(found)
    )


def outcomes(connection: Connection) -> Mapping[Outcome, int]:
    """Count the messages of each outcome over all time; where it says COUNTED, there may be more."""
    some = [select(message.c.id).where(message.c.outcome == it).limit(COUNTED) for it in Outcome]
    counts = [select(func.count()).select_from(it.subquery()).scalar_subquery() for it in some]
    return dict(zip(Outcome, connection.execute(select(*counts)).one(), strict=True))


def mailboxes(connection: Connection) -> tuple[str, ...]:
    """Name the mailboxes from which messages came, and 'file', in order."""
    return tuple(sorted(connection.scalars(distinct(message.c.source))))


def messages(
    connection: Connection, outcome: Outcome | None, source: str | None, after: int | None = None
) -> Rows[MessageRow]:
    """Give a page of messages, those seen first last; `after` the one with that key. Raises UnknownPlaceError."""
    query = select(*_ROW).order_by(message.c.id.desc()).limit(PER_PAGE + 1)
    if outcome is not None:
        query = query.where(message.c.outcome == outcome)
    if source is not None:  # not the bare column: SQLite would sort everything that came from there
        query = query.where(func.coalesce(message.c.source, "") == source)
    if after is not None:
        query = query.where(message.c.id < after)
    found = tuple(_message(row) for row in connection.execute(query).mappings())
    if not found and after is not None:
        raise UnknownPlaceError
    following = str(found[PER_PAGE - 1].id) if len(found) > PER_PAGE else None
    return Rows(found[:PER_PAGE], following)


_ROW: Final = [message.c[field.name] for field in fields(MessageRow)]
_MORE: Final = ("uidvalidity", "sha256", "message_id", "from_domain", "dmarc", "first_seen_at")


def _message(row: RowMapping) -> MessageRow:
    values = {field.name: row[field.name] for field in fields(MessageRow)}
    return MessageRow(**values | {"outcome": Outcome(row["outcome"])})


def message_figures(connection: Connection, key: int) -> MessageFigures | None:
    """Give a message by its key; None: there is none."""
    query = select(*_ROW, *(message.c[name] for name in _MORE)).where(message.c.id == key)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return MessageFigures(
        row=_message(row),
        **{name: row[name] for name in _MORE},
        is_kept=_number(connection, message_raw, key) > 0,
        reports=_reports(connection, key),
        number_of_reports=_number(connection, report, key),
        tls_reports=_number(connection, tls_report, key),
        failure_reports=_number(connection, failure_report, key),
        deviations=_deviations(connection, key),
        number_of_deviations=_number(connection, deviation, key),
    )


def _number(connection: Connection, table: Table, key: int) -> int:
    """Count what hangs on a message."""
    query = select(func.count()).select_from(table).where(table.c.message_key == key)
    return connection.scalar(query) or 0


def _reports(connection: Connection, key: int) -> tuple[ReportRow, ...]:
    query = select(*(report.c[field.name] for field in fields(ReportRow)))
    query = query.where(report.c.message_key == key).order_by(report.c.id).limit(LISTED)
    return tuple(ReportRow(*row) for row in connection.execute(query))


def _deviations(connection: Connection, key: int) -> tuple[Deviation, ...]:
    query = select(*(deviation.c[field.name] for field in fields(Deviation)))
    query = query.where(deviation.c.message_key == key).order_by(deviation.c.position).limit(LISTED)
    return tuple(Deviation(*row) for row in connection.execute(query))
