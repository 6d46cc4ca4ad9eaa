"""Many rows in, as fast as the engine takes them: COPY on PostgreSQL, executemany on SQLite."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Date, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

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


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows none of which is there already."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        insert = f"INSERT INTO {_target(table)} VALUES ({_marks(table)})"  # noqa: S608 (names are the schema's)
        connection.exec_driver_sql(insert, _storable(table, rows))
        return
    statement = f"COPY {_target(table)} FROM STDIN"
    try:
        with _cursor(connection) as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:  # as SQLAlchemy would raise it, had it sent the statement
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, dialect=connection.dialect
        ) from error


def replace_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, each with all of its columns, in the place of those that are there with the same key."""
    if not rows:
        return
    new, keys = inserting(connection.dialect.name, table), [column.name for column in table.primary_key]
    values = {it.name: it for it in new.excluded if it.name not in keys}
    connection.execute(new.on_conflict_do_update(index_elements=keys, set_=values), rows)


def _target(table: Table) -> str:
    return f"{table.name} ({', '.join(column.name for column in table.columns)})"


def _marks(table: Table) -> str:
    return ", ".join("?" * len(table.columns))


def _storable(table: Table, rows: Sequence[Row]) -> list[Row]:
    """Write days as SQLAlchemy reads them on SQLite: sqlite3 leaves dates to its caller."""
    days = {number for number, column in enumerate(table.columns) if isinstance(column.type, Date)}
    if not days:
        return list(rows)
    return [tuple(it.isoformat() if number in days else it for number, it in enumerate(row)) for row in rows]


def _cursor(connection: Connection) -> Any:  # noqa: ANN401 (psycopg's cursor; SQLAlchemy knows any driver's)
    driver = connection.connection.driver_connection
    if driver is None:
        raise AssertionError("a connection in a transaction has a driver connection")
    return driver.cursor()
