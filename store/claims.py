"""Rows that may be there already in, the keys of those that are new out: the INSERT itself decides, not a look before."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from store.bulk import in_order, insert_missing


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> set[int]:
    """Insert the rows that break no unique constraint; return their keys."""
    if not rows:
        return set()
    insert_missing(connection, table, in_order(table, rows))
    keys = {row["id"] for row in rows}
    stored = select(table.c.id).where(table.c.id.between(min(keys), max(keys)))
    return keys.intersection(connection.scalars(stored))
