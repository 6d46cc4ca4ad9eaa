"""Column types that mean the same on PostgreSQL and SQLite."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, TypeDecorator
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.types import TypeEngine

Key = BigInteger().with_variant(Integer(), "sqlite")
"""A client-made key; SQLite aliases an INTEGER primary key to its row id."""


class Address(TypeDecorator[str]):
    """An IP address: `inet` on PostgreSQL, canonical text on SQLite."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the engine's own type."""
        return dialect.type_descriptor(INET() if dialect.name == "postgresql" else String())

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ANN401 (driver's value)
        """Give text on both: psycopg makes address objects of `inet`."""
        del dialect
        return None if value is None else str(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: `timestamp with time zone` on PostgreSQL, text on SQLite; always aware in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Take aware moments only."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back what SQLite forgets: that it is UTC."""
        del dialect
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
