"""Letters and alerts in, each kept until it was sent: claimed before it is sent, with the bytes that every try sends.

A claim is a row that only one can insert. A try is written down before it is made: a process that dies while it sends is
followed by one more try later, of the same bytes under the same Message-ID, which mail servers and readers know again.
"""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Column, Connection, delete, func, select, update

from store.claims import insert_new
from store.database import Database
from store.reports import next_key
from store.schema import summary_delivery

Kind = Literal["daily", "weekly", "alert"]
Channel = Literal["mail", "webhook"]

REMEMBERED = timedelta(days=400)
"""How long it is known that something was sent, or given up."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Something to be sent to one recipient."""

    kind: Kind
    channel: Channel
    recipient: str
    """Mail address, or name of the webhook."""
    topic: str
    """The domain, or 'all'; of an alert its cause."""
    begins_at: datetime
    """It tells of what was ingested after then; of an alert the day. Two that differ in nothing else are two parcels."""
    ends_at: datetime
    message_id: str
    subject: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parcel whose next try is due."""

    key: int
    kind: Kind
    channel: Channel
    recipient: str
    subject: str
    message_id: str
    attempts: int
    """Tries so far."""
    claimed_at: datetime
    content: bytes


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A parcel that was not sent."""

    key: int
    kind: Kind
    channel: Channel
    recipient: str
    topic: str
    subject: str
    claimed_at: datetime
    attempts: int
    next_try_at: datetime | None
    """None: it was given up."""
    error: str | None
    """Why the last try failed; None before the first one, and while one is made."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter that was sent."""

    kind: Kind
    recipient: str
    subject: str
    sent_at: datetime


_rows = summary_delivery.c


def claim(database: Database, parcels: Sequence[Parcel], now: datetime) -> list[int]:
    """Take what nobody has taken yet, to be sent at once; give its keys. All in one transaction.

    Raises DatabaseUnavailableError.
    """
    with database.writing() as connection:
        _forget(connection, now - REMEMBERED)
        free = next_key(connection, summary_delivery)
        rows = [_row(parcel, now) | {"id": key} for key, parcel in enumerate(parcels, free)]
        return sorted(insert_new(connection, summary_delivery, rows))


def _row(parcel: Parcel, now: datetime) -> dict[str, object]:
    values = asdict(parcel)
    period = {"period_begins_at": values.pop("begins_at"), "period_ends_at": values.pop("ends_at")}
    state = {"claimed_at": now, "attempts": 0, "next_try_at": now}
    return values | period | state | {"content": zlib.compress(parcel.content)}


def _forget(connection: Connection, before: datetime) -> None:
    old = _rows.claimed_at < before, _rows.next_try_at.is_(None)
    connection.execute(delete(summary_delivery).where(*old))


def last_end(connection: Connection, kind: Kind, recipient: str, topic: str) -> datetime | None:
    """Tell up to when somebody was told about something; None: never."""
    this = _rows.kind == kind, _rows.recipient == recipient, _rows.topic == topic
    found: datetime | None = connection.scalar(select(func.max(_rows.period_ends_at)).where(*this))
    return found


def due(connection: Connection, now: datetime) -> list[Waiting]:
    """Give what is to be tried now, what waits longest first."""
    query = select(*_columns(Waiting)).where(_rows.next_try_at <= now).order_by(_rows.next_try_at, _rows.id)
    packed = [Waiting(*row) for row in connection.execute(query)]
    return [replace(it, content=zlib.decompress(it.content)) for it in packed]


def take(database: Database, key: int, now: datetime, next_try_at: datetime) -> bool:
    """Count a try before it is made, and when the next one is if nothing is heard of this one; False: another made it.

    Raises DatabaseUnavailableError.
    """
    mine = _rows.id == key, _rows.next_try_at <= now
    values = {"attempts": _rows.attempts + 1, "next_try_at": next_try_at}
    with database.writing() as connection:
        return connection.execute(update(summary_delivery).where(*mine).values(values)).rowcount == 1


def sent(database: Database, key: int, now: datetime) -> None:
    """Note that it was sent; its bytes are needed no more. Raises DatabaseUnavailableError."""
    _change(database, key, sent_at=now, next_try_at=None, error=None, content=b"")


def failed(database: Database, key: int, reason: str, next_try_at: datetime | None) -> None:
    """Note why a try failed, and when the next one is; None: it is given up. Raises DatabaseUnavailableError."""
    _change(database, key, error=reason, next_try_at=next_try_at)


def _change(database: Database, key: int, **values: object) -> None:
    with database.writing() as connection:
        connection.execute(update(summary_delivery).where(_rows.id == key).values(values))


def undelivered(connection: Connection) -> list[Undelivered]:
    """Give everything that was claimed and not sent, given up or not, the oldest first."""
    query = select(*_columns(Undelivered)).where(_rows.sent_at.is_(None)).order_by(_rows.claimed_at, _rows.id)
    return [Undelivered(*row) for row in connection.execute(query)]


def last_sent(connection: Connection) -> Sent | None:
    """Give the letter that was sent last, alerts left out; None before the first one."""
    letters = _rows.kind != "alert", _rows.sent_at.is_not(None)
    query = select(*_columns(Sent)).where(*letters).order_by(_rows.sent_at.desc()).limit(1)
    row = connection.execute(query).first()
    return Sent(*row) if row else None


def _columns(value: type) -> list[Column[Any]]:
    """Choose what makes up a value: its fields are named as the columns are."""
    return [_rows.id if it.name == "key" else _rows[it.name] for it in fields(value)]
