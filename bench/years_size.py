"""What a filled database weighs: bytes of each table and index out."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

POSTGRESQL = """
SELECT of.relname, part.relkind = 'i', pg_relation_size(part.oid)
FROM pg_class AS part
LEFT JOIN pg_index ON indexrelid = part.oid
LEFT JOIN pg_class AS held ON held.oid = indrelid
LEFT JOIN pg_class AS toasted ON coalesce(held.oid, part.oid) = toasted.reltoastrelid
JOIN pg_class AS of ON of.oid = coalesce(toasted.oid, held.oid, part.oid)
WHERE of.relnamespace = 'public'::regnamespace AND part.relkind IN ('r', 't', 'i')
"""
SQLITE = """
SELECT tbl_name, type = 'index', pgsize
FROM (SELECT name, sum(pgsize) AS pgsize FROM dbstat GROUP BY name) AS pages
JOIN sqlite_schema AS schema ON schema.name = pages.name
"""


@dataclass(slots=True)
class Weight:
    """Bytes of one table, and of its indexes."""

    rows: int = 0
    indexes: int = 0

    @property
    def together(self) -> int:
        """Bytes of both."""
        return self.rows + self.indexes


def weights(connection: Connection) -> dict[str, Weight]:
    """Weigh every table; what PostgreSQL puts aside for a table is its own."""
    found: dict[str, Weight] = {}
    for table, is_index, size in connection.execute(
        text(POSTGRESQL if connection.dialect.name == "postgresql" else SQLITE)
    ):
        weight = found.setdefault(table, Weight())
        if is_index:
            weight.indexes += size
        else:
            weight.rows += size
    return found
