"""Column types that mean the same on PostgreSQL and SQLite."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, TypeDecorator
from sqlalchemy.dialects.postgresql import INET

Key = BigInteger().with_variant(Integer(), "sqlite")
"""A client-made key; SQLite aliases an INTEGER primary key to its row id."""


Address = String().with_variant(INET(), "postgresql")
"""An IP address: `inet` on PostgreSQL, canonical text on SQLite; text in Python, as store.postgresql has it."""


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
