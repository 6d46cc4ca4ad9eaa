"""The ledger: which messages were seen, and what became of each."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from parsers.message import MailHeaders
from store.bulk import in_order, insert_rows
from store.outcomes import KEPT, Outcome
from store.schema import message, message_raw

UIDS_PER_QUERY = 500
RAW_LEVEL = 1
"""zlib's quickest: mail is base64 and shrinks by a quarter whatever the level."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder as long as its UIDs mean the same (RFC 9051 2.3.1.1)."""

    source: str
    """Name of the mailbox in the settings, or "file"."""
    folder: str
    uidvalidity: int = 0


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where a message was seen; a message is known again by this and the hash of its bytes."""

    place: Place
    uid: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says of a message."""

    key: int
    outcome: Outcome
    attempts: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A message whose bytes are kept."""

    key: int
    sighting: Sighting
    packed: bytes
    """Compressed by zlib."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message with its outcome, to be written."""

    key: int
    new: bool
    sighting: Sighting
    sha256: str
    """Of the bytes, in hex; empty where they were not fetched."""
    size: int
    raw: bytes
    headers: MailHeaders | None
    dmarc: str | None
    """The trusted receiving server's verdict on the mail."""
    outcome: Outcome
    reason: str | None
    attempts: int


def known(connection: Connection, place: Place, uids: Sequence[str]) -> dict[tuple[str, str], Known]:
    """Look messages of one folder up, by UID and hash: a file may come back under its name with other content."""
    found: dict[tuple[str, str], Known] = {}
    columns = select(message.c.uid, message.c.id, message.c.sha256, message.c.outcome, message.c.attempts)
    here = (
        (message.c.source == place.source)
        & (message.c.folder == place.folder)
        & (message.c.uidvalidity == place.uidvalidity)
    )
    for first in range(0, len(uids), UIDS_PER_QUERY):
        query = columns.where(here, message.c.uid.in_(uids[first : first + UIDS_PER_QUERY]))
        for uid, key, sha256, outcome, attempts in connection.execute(query):
            found[uid, sha256] = Known(key, Outcome(outcome), attempts)
    return found


def count_kept(connection: Connection, outcomes: Iterable[Outcome]) -> int:
    """Count the messages with these outcomes whose bytes are kept."""
    number = select(func.count()).select_from(message_raw.join(message))
    return connection.scalar(number.where(message.c.outcome.in_(outcomes))) or 0


def kept(connection: Connection, outcomes: Iterable[Outcome], above: int, limit: int) -> list[Kept]:
    """Give kept messages with these outcomes, in the order of their keys, from above a key on."""
    columns = select(
        message.c.id,
        message.c.source,
        message.c.folder,
        message.c.uidvalidity,
        message.c.uid,
        message_raw.c.data,
    )
    wanted = message.c.outcome.in_(outcomes) & (message.c.id > above)
    found = columns.join_from(message, message_raw).where(wanted).order_by(message.c.id).limit(limit)
    return [
        Kept(key, Sighting(Place(*place), uid), data) for key, *place, uid, data in connection.execute(found)
    ]


def write_entries(connection: Connection, entries: Iterable[Entry], now: datetime) -> None:
    """Write outcomes into the ledger, and keep the bytes of what may be tried again."""
    entries = list(entries)
    insert_rows(connection, message, in_order(message, (_row(entry, now) for entry in entries if entry.new)))
    again = [_change(entry, now) for entry in entries if not entry.new]
    if again:
        connection.execute(update(message).where(message.c.id == bindparam("key")), again)
        old = [entry.key for entry in entries if not entry.new]
        connection.execute(delete(message_raw).where(message_raw.c.message_key.in_(old)))
    kept = [entry for entry in entries if entry.outcome in KEPT and entry.raw]
    if kept:
        connection.execute(insert(message_raw), [_kept(entry) for entry in kept])


def _row(entry: Entry, now: datetime) -> dict[str, Any]:
    headers = entry.headers
    return {
        "id": entry.key,
        "source": entry.sighting.place.source,
        "folder": entry.sighting.place.folder,
        "uidvalidity": entry.sighting.place.uidvalidity,
        "uid": entry.sighting.uid,
        "sha256": entry.sha256,
        "size": entry.size,
        "message_id": headers and headers.message_id,
        "sender": headers and headers.sender,
        "subject": headers and headers.subject,
        "received_at": headers and headers.received,
        "outcome": entry.outcome.value,
        "reason": entry.reason,
        "attempts": entry.attempts,
        "first_seen_at": now,
        "decided_at": now,
        "from_domain": headers and headers.from_domain,
        "dmarc": entry.dmarc,
    }


def _change(entry: Entry, now: datetime) -> dict[str, Any]:
    """Give what becomes different: all but the key and the first sight, where only now it could be read."""
    row = _row(entry, now)
    return {"key": row.pop("id"), **{name: value for name, value in row.items() if name != "first_seen_at"}}


def _kept(entry: Entry) -> dict[str, Any]:
    return {"message_key": entry.key, "packing": "zlib", "data": zlib.compress(entry.raw, RAW_LEVEL)}
