"""Questions to PostgreSQL: a cursor over one SELECT, in a transaction that can only read and is never committed."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any

import psycopg
from psycopg import RawCursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.errors import ProtocolViolation, QueryCanceled
from psycopg.types.string import TextLoader

from store.asking.answers import (
    BATCH,
    REFUSED,
    Answer,
    AskingError,
    Column,
    Patience,
    Row,
    checked,
    distinct,
    no_column,
    no_view,
    numbered,
)
from store.database import Database, DatabaseUnavailableError
from store.migrate import check
from store.views import Type

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
PLANNING = ("SET LOCAL cursor_tuple_fraction = 1", "SET LOCAL jit = off")
"""For a cursor PostgreSQL plans as if only the first tenth of the rows was wanted; to compile what the views ask takes
longer than to answer it."""
DECLARE = "DECLARE ruamill NO SCROLL CURSOR FOR "
"""Refuses, by its grammar, whatever is no SELECT, and a SELECT with a part that writes."""
GRACE_SECONDS = 10.0
"""How much later than the server its client gives up."""
LONGEST_MILLISECONDS = 2_147_483_647
"""The server counts in 32 bits."""

TYPES = {
    16: Type.BOOLEAN,
    **dict.fromkeys((20, 21, 23, 26), Type.INTEGER),  # int8, int2, int4, oid
    **dict.fromkeys((700, 701, 1700), Type.NUMBER),  # float4, float8, numeric
    1082: Type.DATE,
    1184: Type.MOMENT,  # timestamp with time zone
}
"""PostgreSQL's number of a type -> ours; all others are text."""

HARMLESS = (
    *("clock_timestamp", "gen_random_uuid", "random", "timeofday"),
    *("pg_database_size", "pg_indexes_size", "pg_relation_size", "pg_table_size", "pg_total_relation_size"),
)
"""Volatile functions that only tell something."""
FUNCTIONS = b"""
SELECT min(proname) FROM pg_proc
WHERE provolatile = 'v' AND proname = ANY ($1) AND proname <> ALL ($2)
  AND prorettype <> 'trigger'::regtype AND 'internal'::regtype <> ALL (proargtypes)
"""
"""Which of these words is a function that may do more than compute, even where nothing can be written: end another
connection, hold a lock, write a file of the server. PostgreSQL calls them volatile."""

READ_ONLY = "25006"
UNDEFINED_COLUMN = "42703"
UNDEFINED_TABLE = "42P01"
STATEMENT = ("42601", "0A000")
"""Without a position they are about the statement: it is one of several, or has a part that writes."""
OUTAGES = ("08", "40", "53", "57", "58", "F0", "XX")
"""Classes of errors that are the server's: connection, conflict, resources, operator, system, configuration, inside."""


@contextmanager
def session(database: Database, seconds: float) -> Iterator["_Session"]:
    """Open one; see store.asking. Its transaction ends with its connection, which rolls it back."""
    with database.session() as connection:
        connection.exec_driver_sql(BEGIN)
        for setting in PLANNING:
            connection.exec_driver_sql(setting)
        check(connection)
        yield _Session(database.name, connection.connection.driver_connection, Patience(seconds))


class _Session:
    def __init__(self, name: str, connection: Any, patience: Patience) -> None:  # noqa: ANN401 (a PatientConnection)
        self._name = name
        self._connection = connection
        self._patience = patience

    def ask(self, sql: str, values: Mapping[str, str] | None = None, *, limit: int | None = None) -> Answer:
        statement, listed = numbered(checked(sql), values or {})
        self._refuse_functions(sql)
        cursor: RawCursor[Any] = RawCursor(self._connection)
        with self._thinking(statement):
            cursor.execute("CLOSE ALL")  # an answer may have been left before its end
            # prepared, for then the server takes one statement only
            cursor.execute(f"{DECLARE}{statement}".encode(), listed, prepare=True)
            cursor.execute("FETCH 0 FROM ruamill")
        columns = _columns(cursor)
        if not columns:
            raise AskingError("the SELECT names no column")
        return Answer(columns, self._rows(cursor, statement), limit)

    def _refuse_functions(self, sql: str) -> None:
        """Look at every word wherever it stands, so that no quote or comment can hide one."""
        if re.search('u&"', sql, re.IGNORECASE):
            raise AskingError('U&"…" could hide a name: write it as it is')
        words = sorted(set(re.findall(r"\w+", sql.lower())))
        with self._thinking(sql):
            found = RawCursor(self._connection).execute(FUNCTIONS, [words, list(HARMLESS)]).fetchone()
        if found and found[0]:
            raise AskingError(f"{found[0]}() may do more than compute: {REFUSED}")

    def _rows(self, cursor: "RawCursor[Any]", statement: str) -> Iterator[Row]:
        rows = None
        while rows is None or len(rows) == BATCH:
            with self._thinking(statement):
                rows = cursor.execute(f"FETCH {BATCH} FROM ruamill".encode()).fetchall()
            yield from rows

    @contextmanager
    def _thinking(self, statement: str) -> Iterator[None]:
        """Bound what the server does within, on both sides, and translate its errors."""
        try:
            with self._patience.thinking():
                left = min(max(1, int(self._patience.left * 1000)), LONGEST_MILLISECONDS)
                self._connection.answers_within = left / 1000 + GRACE_SECONDS
                self._connection.execute(f"SET LOCAL statement_timeout = {left}")
                yield
        except psycopg.Error as error:
            raise self._translated(error, statement) from error

    def _translated(self, error: psycopg.Error, statement: str) -> Exception:
        told = error.diag.message_primary or str(error).partition("\n")[0]
        if isinstance(error, QueryCanceled) and self._patience.left <= 0:
            return self._patience.lost()
        if _is_outage(error):
            return DatabaseUnavailableError(f"database {self._name}: {told}")
        position = int(error.diag.statement_position or 0) - len(DECLARE) - 1
        if error.sqlstate == READ_ONLY or (error.sqlstate in STATEMENT and position < 0):
            return AskingError(REFUSED)
        return AskingError(told) if position < 0 else _at(position, error.sqlstate, told, statement)


def _is_outage(error: psycopg.Error) -> bool:
    """Tell what is wrong with the server from what is wrong with the question."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate[:2] in OUTAGES and not isinstance(
        error, ProtocolViolation
    )  # a $1 of the question's own


def _at(position: int, state: str | None, told: str, statement: str) -> AskingError:
    """Say where it is wrong, and what may be meant there."""
    name = re.findall(r'[\w."]*', statement[position:])[0].replace('"', "")
    if state == UNDEFINED_COLUMN:
        return no_column(name, statement)
    if state == UNDEFINED_TABLE:
        return no_view(name)
    before = statement[:position]
    return AskingError(
        f"{told} (line {before.count(chr(10)) + 1}, character {position - before.rfind(chr(10))})"
    )


def _columns(cursor: "RawCursor[Any]") -> tuple[Column, ...]:
    """Tell the columns of the answer, and how their values are read."""
    described = cursor.description or []
    types = [TYPES.get(it.type_code, Type.TEXT) for it in described]
    for it, type_ in zip(described, types, strict=True):
        if type_ in LOADERS:
            cursor.adapters.register_loader(it.type_code, LOADERS[type_])
    return tuple(map(Column, distinct(it.name for it in described), types))


class _NumberLoader(Loader):
    """Reads a number as JSON knows them: sums are whole, what is none is nothing."""

    def load(self, data: Buffer) -> float | None:
        text = bytes(data).decode()
        number = float(text)
        if not isfinite(number):
            return None
        return int(text) if text.lstrip("-").isdigit() else number


LOADERS: dict[Type, type[Loader]] = {Type.NUMBER: _NumberLoader, Type.TEXT: TextLoader}
