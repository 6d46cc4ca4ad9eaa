"""One at a time: who holds a name, on the database that all share, works; whoever comes second stands by.

On PostgreSQL an advisory lock of a session of its own, which ends with its connection: the server finds a holder that
vanished without a word within half a minute. On SQLite a lock on a file beside the database, which ends with the process.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from zlib import crc32

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from store.database import Database, DatabaseUnavailableError

LOCKS = 0x7275616D  # "ruam": the first half of PostgreSQL's key; the write lock has a key of the other kind


class Lock(Protocol):
    """A name that is held."""

    def held(self) -> bool:
        """Tell whether it still is: a database that restarted has forgotten it."""


@contextmanager
def lock(database: Database, name: str) -> Iterator[Lock | None]:
    """Hold a name while the `with` lasts; None where somebody else does. Raises DatabaseUnavailableError."""
    file = database.file
    holding = _hold_session(database, name) if file is None else _hold_file(lock_file(file, name))
    with holding as held:
        yield held


class _SessionLock:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def held(self) -> bool:
        try:
            return self._connection.scalar(text("SELECT true")) is True
        except SQLAlchemyError:
            return False


@contextmanager
def _hold_session(database: Database, name: str) -> Iterator[Lock | None]:
    with database.session() as connection:
        key = {"locks": LOCKS, "name": crc32(name.encode()) - (1 << 31)}
        mine = connection.scalar(text("SELECT pg_try_advisory_lock(:locks, :name)"), key)
        yield _SessionLock(connection) if mine else None


class _FileLock:
    def held(self) -> bool:
        return True


@contextmanager
def _hold_file(path: Path) -> Iterator[Lock | None]:
    try:
        file = path.open("w")
    except OSError as error:
        raise DatabaseUnavailableError(f"{error}: the database's folder must be writable") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield _FileLock()


def lock_file(database: Path, name: str) -> Path:
    """Name the file that is locked: hidden beside the database, and never removed."""
    return database.with_name(f".{database.name}-{crc32(name.encode()):08x}.lock")
