"""How far each folder of each mailbox was read."""

from datetime import datetime

from sqlalchemy import Connection, select

from store.bulk import inserting
from store.ledger import Place
from store.schema import mailbox_state


def last_uid(connection: Connection, place: Place) -> int:
    """Give the UID up to which every message has its outcome; 0 where UIDVALIDITY has changed (RFC 9051 2.3.1.1)."""
    columns = mailbox_state.c
    query = select(columns.last_uid).where(
        columns.source == place.source,
        columns.folder == place.folder,
        columns.uidvalidity == place.uidvalidity,
    )
    return connection.scalar(query) or 0


def note_poll(connection: Connection, place: Place, last: int, now: datetime) -> None:
    """Note that a poll went through, and up to which UID every message has its outcome."""
    _merge(connection, place, uidvalidity=place.uidvalidity, last_uid=last, last_poll_at=now, last_error=None)


def note_waiting(connection: Connection, place: Place, waiting: int, oldest: datetime | None) -> None:
    """Note how many messages have no outcome yet, and since when the oldest of them waits."""
    _merge(connection, place, waiting=waiting, oldest_waiting_at=oldest)


def note_failure(connection: Connection, place: Place, error: str, now: datetime) -> None:
    """Note what stopped a poll."""
    _merge(connection, place, last_error=error, last_error_at=now)


def _merge(connection: Connection, place: Place, **values: object) -> None:
    row = {"source": place.source, "folder": place.folder, "uidvalidity": 0, "last_uid": 0, **values}
    insert = inserting(connection.dialect.name, mailbox_state).values(row)
    connection.execute(insert.on_conflict_do_update(index_elements=["source", "folder"], set_=values))
