"""Rows for every table of any revision, made up from the columns that are there: NULLs and none, keys that fit."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, types
from sqlalchemy.dialects.postgresql import INET

ROWS = 4
FIRST_DAY = date(2026, 11, 1)


def fill(connection: Connection) -> None:
    """Put rows into every table, whatever the revision."""
    for table in tables(connection):
        columns = [column.name for column in table.columns]
        rows = [{name: _value(table.c[name], number) for name in columns} for number in range(1, ROWS + 1)]
        connection.execute(table.insert(), rows)


def content(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Give every row of every table, in the order of their keys."""
    return {
        table.name: [
            dict(row) for row in connection.execute(table.select().order_by(*table.primary_key)).mappings()
        ]
        for table in tables(connection)
    }


def tables(connection: Connection) -> list[Table]:
    """Reflect the tables, parents first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def _value(column: Column[Any], number: int) -> Any:
    """Make up a value for the row of this number, another for each."""
    if column.nullable and number % 2:
        return None
    fitting = (make for kind, make in VALUES.items() if isinstance(column.type, kind))
    return next(fitting, partial(_text, column))(number)


def _moment(number: int) -> datetime:
    return datetime(2026, 11, 1, 12, 30, number, 250_000, UTC)


def _text(column: Column[Any], number: int) -> str:
    if isinstance(column.type, INET) or column.name.endswith("_ip"):
        return f"192.0.2.{number}" if number % 2 else f"2001:db8::{number}"
    if length := getattr(column.type, "length", None):
        return f"{number:x}".rjust(length, "a")
    return f"{column.name} {number}: 'quoted', 100 %, ümlaut"


VALUES: dict[type[types.TypeEngine[Any]], Callable[[int], Any]] = {
    types.Boolean: lambda number: number % 3 == 0,
    types.Integer: lambda number: number,
    types.DateTime: _moment,
    types.Date: lambda number: FIRST_DAY + timedelta(days=number),
    types.LargeBinary: lambda number: number.to_bytes(16),
}
"""Type -> what makes a value of it; any other is text."""
