"""Many rows in, as fast as the engine takes them: COPY on PostgreSQL, executemany on SQLite."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Date, Table
from sqlalchemy.dialects import postgresql, sqlite

from store.types import UtcDateTime

Row = tuple[Any, ...]
"""Values in the order of the table's columns."""

Value = TypeVar("Value")

PARAMETERS = 500
"""Values that one statement is given at once."""

Insert = postgresql.Insert | sqlite.Insert
"""One that can say what becomes of rows that are there already: ON CONFLICT, in the engine's dialect."""


def inserting(dialect: str, table: Table) -> Insert:
    """Begin an INSERT."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def pieces(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """Cut values for several statements: a stranger's archive brings more than one statement has parameters."""
    return (values[first : first + PARAMETERS] for first in range(0, len(values), PARAMETERS))


def in_order(table: Table, rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Give values by their columns' names as rows; what is not named is empty."""
    names = table.columns.keys()
    return [tuple(map(row.get, names)) for row in rows]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows none of which is there already."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _insert_many(connection, table, rows)
        return
    from store.postgresql import copy_rows  # noqa: PLC0415 (a tenth of the start-up time, and no use with SQLite)

    copy_rows(connection, _target(table, table.columns), rows)


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows that break no unique constraint."""
    if rows:
        _insert_many(connection, table, rows, " ON CONFLICT DO NOTHING")


def replace_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, each with all of its columns, in the place of those that are there with the same key."""
    if not rows:
        return
    new, keys = inserting(connection.dialect.name, table), [column.name for column in table.primary_key]
    values = {it.name: it for it in new.excluded if it.name not in keys}
    connection.execute(new.on_conflict_do_update(index_elements=keys, set_=values), rows)


def _insert_many(connection: Connection, table: Table, rows: Sequence[Row], otherwise: str = "") -> None:
    """Insert one row after the other, and leave out the columns that none fills: to sqlite3 a None is more work than a text."""
    filled = {
        column: _storable(connection, column, values)
        for column, values in zip(table.columns, zip(*rows, strict=True), strict=True)
        if values[0] is not None or values.count(None) < len(values)
    }
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    marks = ", ".join(mark for _ in filled)
    insert = f"INSERT INTO {_target(table, filled)} VALUES ({marks}){otherwise}"  # noqa: S608 (names are the schema's)
    connection.exec_driver_sql(insert, list(zip(*filled.values(), strict=True)))


def _storable(connection: Connection, column: Column[Any], values: Sequence[Any]) -> Sequence[Any]:
    """Write days and moments as SQLAlchemy does: sqlite3 leaves them to its caller."""
    if not isinstance(column.type, (Date, UtcDateTime)):
        return values
    process = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return values if process is None else [process(it) for it in values]


def _target(table: Table, columns: Iterable[Column[Any]]) -> str:
    return f"{table.name} ({', '.join(column.name for column in columns)})"
