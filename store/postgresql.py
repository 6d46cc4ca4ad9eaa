"""What only PostgreSQL has: connections that do not wait for ever, and COPY."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

ANSWER_SECONDS = 120.0
"""How long the server may take to answer, another writer's turn included."""

OPTIONS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "options": "-c timezone=UTC -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3",
}
"""Times in seconds, tcp_user_timeout in milliseconds. Whoever vanishes without a word, on either side, is found out
within half a minute, and what it had locked is free."""

Result = TypeVar("Result")


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is given up where the server takes what we send and never answers.

    libpq would wait for ever; keepalives see nothing wrong, since the other side's system answers them.
    """

    answers_within: float | None = None
    """Seconds, if other than ANSWER_SECONDS."""

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        """Wait as psycopg does, but not for ever."""
        patience = timeout or self.answers_within or ANSWER_SECONDS
        try:
            return super().wait(gen, interval, patience)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 (there is no public name for it)
            self.pgconn.finish()  # what would come now is the answer to another question
            raise psycopg.OperationalError(f"no answer in {patience:g} seconds") from error


def engine(url: URL, **options: Any) -> Engine:  # noqa: ANN401 (create_engine's)
    """Make an engine, with create_engine's options."""
    # addresses as text, as SQLite has them: objects of them take longer to make than all the rest of a row
    made = create_engine(url, connect_args=OPTIONS, native_inet_types=False, **options)
    event.listen(made, "do_connect", _connect)
    return made


def _connect(
    dialect: Dialect, entry: ConnectionPoolEntry, words: Sequence[Any], options: Mapping[str, Any]
) -> psycopg.Connection[Any]:
    del dialect, entry
    return PatientConnection.connect(*words, **options)


def copy_rows(connection: Connection, target: str, rows: Iterable[Sequence[Any]]) -> None:
    """Send rows by COPY into a target, `table (column, ...)`. Raises what SQLAlchemy would, had it sent the statement."""
    statement = f"COPY {target} FROM STDIN"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, dialect=connection.dialect
        ) from error
