"""Rows that may be there already in, the keys of those that are new out: the INSERT itself decides, not a look before."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table

from store.bulk import inserting


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> set[int]:
    """Insert the rows that break no unique constraint; return their keys."""
    if not rows:
        return set()
    statement = inserting(connection.dialect.name, table).on_conflict_do_nothing().returning(table.c.id)
    return set(connection.scalars(statement, list(rows)))
