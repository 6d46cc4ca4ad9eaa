"""Questions to SQLite: a connection that can only read its one file, and may do nothing there but compute."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from math import isfinite
from operator import index
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from store.asking.answers import (
    BATCH,
    REFUSED,
    Answer,
    AskingError,
    Column,
    Patience,
    Row,
    Value,
    checked,
    distinct,
    no_column,
    no_view,
)
from store.database import Database, DatabaseUnavailableError, DatabaseUrlError
from store.migrate import check
from store.views import VIEWS, Type

ALLOWED = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
)
STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock."""
LONGEST_BYTES = 1_000_000
"""Of one value, and of a row that is sorted. The clock is looked at between steps, and one step may search a value for
another: in values much longer it could take hours."""

DEFECTS = ("SQLITE_ERROR", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE")
"""Errors that are the question's; all others are the database's."""
MISSING = re.compile("no such (column|table): (.+)")


@contextmanager
def session(database: Database, seconds: float) -> Iterator["_Session"]:
    """Open one; see store.asking."""
    file = database.file or Path()
    if not file.is_file():
        raise DatabaseUrlError(f"{database.name}: there is no such file; `ruamill db upgrade` makes it")
    engine = create_engine("sqlite://", creator=lambda: _open(file), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            check(connection)
            driver: Any = connection.connection.driver_connection
            driver.set_authorizer(_allow)
            try:
                yield _Session(database, driver, Patience(seconds))
            finally:
                driver.set_authorizer(None)  # it would not let the transaction end
    except DBAPIError as error:
        raise _of_database(error.orig, database) from error


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.execute("PRAGMA query_only=ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_BYTES)
    return connection


def _allow(action: int, *_details: object) -> int:
    return sqlite3.SQLITE_OK if action in ALLOWED else sqlite3.SQLITE_DENY


class _Session:
    def __init__(self, database: Database, connection: sqlite3.Connection, patience: Patience) -> None:
        self._database = database
        self._connection = connection
        self._patience = patience
        connection.set_progress_handler(lambda: patience.left <= 0, STEPS)

    def ask(self, sql: str, values: Mapping[str, str] | None = None, *, limit: int | None = None) -> Answer:
        with self._thinking(sql):
            cursor = self._connection.execute(checked(sql), values or {})
        names = distinct(name for name, *_ in cursor.description)
        first = self._batch(cursor, sql)
        cells = list(zip(*first, strict=True)) or [()] * len(names)
        columns = tuple(map(Column, names, map(_type, names, cells)))
        return Answer(columns, self._rows(cursor, sql, first, columns), limit)

    def _rows(
        self, cursor: sqlite3.Cursor, sql: str, batch: Sequence[Sequence[Any]], columns: tuple[Column, ...]
    ) -> Iterator[Row]:
        while batch:
            cells = zip(*batch, strict=True)
            yield from zip(*map(_read, columns, cells), strict=True)
            batch = self._batch(cursor, sql)

    def _batch(self, cursor: sqlite3.Cursor, sql: str) -> Sequence[Sequence[Any]]:
        with self._thinking(sql):
            return cursor.fetchmany(BATCH)

    @contextmanager
    def _thinking(self, sql: str) -> Iterator[None]:
        """Bound what SQLite does within, and translate its errors."""
        with self._patience.thinking():
            try:
                yield
            except sqlite3.Error as error:
                raise self._translated(error, sql) from error
            except MemoryError:
                raise AskingError("the answer wants more memory than there is: ask for less") from None

    def _translated(self, error: sqlite3.Error, sql: str) -> Exception:
        name, told = getattr(error, "sqlite_errorname", "SQLITE_ERROR"), str(error).rstrip(".")
        if name == "SQLITE_INTERRUPT":
            return self._patience.lost()
        if "not authorized" in told or "one statement" in told:
            return AskingError(REFUSED)
        if name not in DEFECTS:
            return _of_database(error, self._database)
        missing = MISSING.match(told)
        if missing is None:
            return AskingError(told)
        return no_column(missing[2], sql) if missing[1] == "column" else no_view(missing[2])


def _of_database(error: BaseException | None, database: Database) -> Exception:
    if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
        return DatabaseUrlError(f"{database.name}: the file is no SQLite database; name another")
    return DatabaseUnavailableError(f"database {database.name}: {error}")


# -- types: SQLite keeps neither days nor truth values, and an answer's columns have none at all

NAMED = {
    name: types.pop()
    for name in {name for view in VIEWS.values() for name in view.columns}
    if len(types := {view.columns[name].type for view in VIEWS.values() if name in view.columns}) == 1
}
"""What a column holds that is called as in the views."""


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def _text(value: str | bytes | float) -> str:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


FROM_NAME: Mapping[Type, Callable[[Any], Value]] = {
    Type.BOOLEAN: {0: False, 1: True}.__getitem__,
    Type.DATE: date.fromisoformat,
    Type.MOMENT: _moment,
    Type.NUMBER: _number,
}
READERS = {**FROM_NAME, Type.INTEGER: index}


def _type(name: str, values: Sequence[Any]) -> Type:
    """Tell what a column holds: what its name says, if the first values are such, else what they are."""
    named = NAMED.get(name, Type.TEXT)
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds or (named in FROM_NAME and _fits(named, values)):
        return named
    if not kinds <= {int, float}:
        return Type.TEXT
    return Type.NUMBER if float in kinds else Type.INTEGER


def _fits(type_: Type, values: Sequence[Any]) -> bool:
    try:
        _read(Column("", type_), values)
    except AskingError:
        return False
    return True


def _read(column: Column, values: Sequence[Any]) -> Sequence[Value]:
    """Make days, moments and truth values of what SQLite has in their place. Raises AskingError."""
    if column.type not in READERS and {type(value) for value in values} <= {str, type(None)}:
        return values
    read = READERS.get(column.type, _text)
    try:
        return [None if value is None else read(value) for value in values]
    except (KeyError, TypeError, ValueError):
        raise AskingError(
            f'column "{column.name}" holds more than one type of values: CAST it to one, and give it another name'
        ) from None
