"""A database URL in, connections out: one writer at a time on both engines, outages told from defects."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

BUSY_SECONDS = 30
"""How long a SQLite connection waits for another process's write."""
JOURNAL_SECONDS = 0.01
"""Between two tries to set its journal."""
SQLITE = (
    "synchronous=FULL",  # mail is moved away once its rows are committed: a commit must survive a power cut
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "cache_size=-4000",  # KiB: a batch writes into pages all over the indexes by address, and meets most of them again
    "wal_autocheckpoint=4000",  # pages, 16 MB, for the same reason: each is copied back once for several batches
)
"""Pragmas that SQLite forgets between connections."""
MIGRATION_SECONDS = 86_400
"""How long one statement of a migration may take, of a database of years."""
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
WRITE_LOCK = 0x7275616D  # "ruam": the key of PostgreSQL's advisory lock


class DatabaseUnavailableError(Exception):
    """The database cannot be used now; nothing of the transaction was kept. Worth another try."""


class DatabaseUrlError(Exception):
    """The database URL cannot be used; a person must mend it."""


class Database:
    """One database, by its SQLAlchemy URL. Raises DatabaseUrlError for one that is no use."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(_checked(url))
        self._writer = self._engine.execution_options(ruamill_writes=True)
        self._reader = _reader(self._engine)

    @property
    def name(self) -> str:
        """The URL without its password, for people."""
        return self._engine.url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for PostgreSQL."""
        return Path(self._engine.url.database or "") if self._engine.dialect.name == "sqlite" else None

    @property
    def files(self) -> frozenset[Path]:
        """The files that SQLite keeps the database in; none for PostgreSQL."""
        if self.file is None:
            return frozenset()
        return frozenset(Path(f"{self.file}{end}").resolve() for end in ("", "-wal", "-shm", "-journal"))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that reads, one state of the database throughout. Raises DatabaseUnavailableError."""
        with self._translated(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes, alone: whoever comes second waits. Raises DatabaseUnavailableError.

        With one writer at a time the client can make keys, and two pollers cannot deadlock in the rollups.
        """
        with self._translated(), self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
            yield connection

    def catch_up(self) -> None:
        """Wait for whoever writes now: what carries an earlier moment can be read then. Raises DatabaseUnavailableError."""
        with self.writing():
            pass

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Open a transaction that writes, whose statements may take a day. Raises DatabaseUnavailableError."""
        with self.writing() as connection:
            driver: Any = connection.connection.driver_connection
            if connection.dialect.name == "postgresql":
                driver.answers_within = MIGRATION_SECONDS
            try:
                yield connection
            finally:
                if connection.dialect.name == "postgresql":
                    driver.answers_within = None

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """Open a connection of its own to PostgreSQL, outside of the pool and of any transaction. Raises DatabaseUnavailableError."""
        from store import postgresql  # noqa: PLC0415 (see _engine)

        with self._translated():
            own = postgresql.engine(self._engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            with own.connect() as connection:
                yield connection

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if _is_outage(error):
                raise DatabaseUnavailableError(f"database {self.name}: {_first_line(error)}") from error
            if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_NOTADB":
                raise DatabaseUrlError(
                    f"{self.name}: the file is no SQLite database; name another"
                ) from error
            raise


def _is_outage(error: DBAPIError) -> bool:
    """Tell what may pass, or wants a person's hand on the database, from what is wrong with the data.

    By PostgreSQL's SQLSTATE class: 42 is a right or a table that is missing, 54 a value too large for it; 25006 is a
    server that only follows another one.
    """
    state = getattr(error.orig, "sqlstate", None) or ""
    if state.startswith("54"):
        return False
    outage = error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
    return outage or state.startswith("42") or state == "25006"


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0] or type(error.orig).__name__


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        message = (
            "the database URL cannot be read; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        )
        raise DatabaseUrlError(message) from None  # its text may hold the password
    kind = parsed.get_backend_name()
    if kind not in DRIVERS:
        raise DatabaseUrlError(f'database "{kind}": only sqlite and postgresql are supported')
    if kind == "sqlite" and (parsed.host or parsed.database in (None, "", ":memory:")):
        raise DatabaseUrlError(
            "the database URL names no file; write sqlite:///FILE or sqlite:////FOLDER/FILE"
        )
    if kind == "sqlite" and not (folder := Path(parsed.database or "").parent).is_dir():
        raise DatabaseUrlError(f'database "{parsed}": there is no folder {folder.absolute()}; make it')
    if "@" in (parsed.host or ""):
        raise DatabaseUrlError("the database URL has more than one @; write %40 for one in the password")
    return parsed.set(drivername=DRIVERS[kind])


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    from store import postgresql  # noqa: PLC0415 (a tenth of the start-up time, and no use with SQLite)

    return postgresql.engine(url, pool_pre_ping=True)


def _reader(engine: Engine) -> Engine:
    """Let PostgreSQL do what SQLite does by itself: else each statement would see what was committed before it."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _set_up_sqlite(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    """Set what SQLite forgets between connections, and take its transactions into our own hands."""
    del entry
    connection.isolation_level = None
    _write_ahead(connection)
    for pragma in SQLITE:
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Set the journal, for which SQLite does not wait by itself: others may be doing the same with a new file."""
    end = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > end:
                raise
            sleep(JOURNAL_SECONDS)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once where the transaction will write: asked for later, it could be refused."""
    writes = connection.get_execution_options().get("ruamill_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
