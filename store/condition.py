"""What state a database is in, asked without changing it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from store.database import Database
from store.ledger import Place
from store.mailboxes import note_failure
from store.migrate import HEAD, revision

PATIENCE = {"postgresql": "SET LOCAL statement_timeout = '5s'", "sqlite": "PRAGMA busy_timeout = 5000"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A database as it was found."""

    engine: str
    """Its kind and version, for people."""
    major: int
    """Its major version."""
    encoding: str
    """What it keeps text in."""
    schema: str | None
    """Its revision; None where there are no tables yet."""
    read_only: bool
    """Whether it takes nothing: a standby, for one."""

    @property
    def is_current(self) -> bool:
        """Whether this program can work with it as it is."""
        return self.schema == HEAD


def look(database: Database) -> Condition:
    """Ask for its state. Raises DatabaseUnavailableError, DatabaseUrlError."""
    with database.reading() as connection:
        schema = revision(connection)
        if connection.dialect.name == "sqlite":
            version = _show(connection, "SELECT sqlite_version()")
            return Condition(
                f"SQLite {version}", int(version.partition(".")[0]), "UTF8", schema, read_only=False
            )
        number = int(_show(connection, "SHOW server_version_num"))
        return Condition(
            engine=f"PostgreSQL {_show(connection, 'SHOW server_version').split()[0]}",
            major=number // 10_000,
            encoding=_show(connection, "SHOW server_encoding"),
            schema=schema,
            read_only=_show(connection, "SHOW transaction_read_only") == "on",
        )


def try_writing(database: Database, condition: Condition) -> None:
    """Write as the program would, and take it back: a table where some are to be made, else a row.

    Raises DatabaseUnavailableError if that is refused, or another process writes for more than five seconds.
    """
    with database.reading() as connection:
        connection.execute(text(PATIENCE[connection.dialect.name]))
        attempt = connection.begin_nested()
        if not condition.is_current:
            connection.execute(text("CREATE TABLE ruamill_doctor (number INTEGER)"))
        if condition.schema is not None:
            note_failure(connection, Place("ruamill doctor", ""), "", datetime.now(UTC))
        attempt.rollback()


def _show(connection: Connection, question: str) -> str:
    return str(connection.scalar(text(question)))
