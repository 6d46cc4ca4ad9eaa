"""A database URL in, connections out that cannot change anything and do not think for ever: for pages that people look at."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from store.database import Database, DatabaseUnavailableError, DatabaseUrlError
from store.migrate import check

__all__ = ["Connection", "ReadOnlyDatabase", "TookTooLongError"]

STEPS: Final = 10_000
"""Steps of SQLite's machine between two looks at the clock."""
BOUNDS: Final = "SELECT set_config('statement_timeout', '{}', true), set_config('jit', 'off', true)"
"""To compile what a page asks takes longer than to answer it."""
CANCELLED: Final = ("57014", "SQLITE_INTERRUPT")
"""How PostgreSQL and SQLite call a statement that was ended from outside."""


class TookTooLongError(Exception):
    """One question took longer than it may; whoever asked should ask for less."""


class ReadOnlyDatabase:
    """One database that is only read, by its SQLAlchemy URL. Raises DatabaseUrlError for one that is no use.

    Each statement may take so many `seconds`; `asked` is called before each.
    """

    def __init__(self, url: str, seconds: float, asked: Callable[[], object]) -> None:
        self._database = Database(url)
        self._seconds = seconds
        self._asked = asked
        file = self._database.file
        self._file = None if file is None else _engine(file)

    @property
    def name(self) -> str:
        """The URL without its password, for people."""
        return self._database.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction of this schema that cannot write, one state of the database throughout.

        Raises DatabaseUnavailableError, DatabaseUrlError, SchemaTooNewError, SchemaTooOldError, TookTooLongError.
        """
        opened = self._postgresql() if self._file is None else self._sqlite(self._file)
        with opened as connection:
            check(connection)
            yield connection

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._database.close()

    @contextmanager
    def _postgresql(self) -> Iterator[Connection]:
        with self._database.reading() as connection, self._bounded():
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            connection.exec_driver_sql(BOUNDS.format(int(self._seconds * 1000)))
            event.listen(connection, "before_cursor_execute", lambda *_: self._asked())
            yield connection

    @contextmanager
    def _sqlite(self, engine: Engine) -> Iterator[Connection]:
        if not (self._database.file or Path()).is_file():
            raise DatabaseUrlError(f"{self.name}: there is no such file; `ruamill db upgrade` makes it")
        with self._translated(), self._bounded(), engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            end = monotonic() + self._seconds

            def begin(*_: object) -> None:
                nonlocal end
                self._asked()
                end = monotonic() + self._seconds

            event.listen(connection, "before_cursor_execute", begin)
            driver.set_progress_handler(lambda: monotonic() > end, STEPS)
            connection.exec_driver_sql("BEGIN")
            yield connection

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            told = {getattr(error.orig, name, None) for name in ("sqlstate", "sqlite_errorname")}
            if told.isdisjoint(CANCELLED):
                raise
            raise TookTooLongError(f"no answer in {self._seconds:g} seconds") from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_NOTADB":
                raise DatabaseUrlError(
                    f"{self.name}: the file is no SQLite database; name another"
                ) from error
            if not isinstance(error.orig, sqlite3.OperationalError):
                raise
            raise DatabaseUnavailableError(f"database {self.name}: {error.orig}") from error


def _engine(file: Path) -> Engine:
    """Open the file for each transaction anew: it takes no time, and a file that was put in its place is seen."""
    place = f"{file.absolute().as_uri()}?mode=ro"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(place, uri=True, isolation_level=None)
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)
