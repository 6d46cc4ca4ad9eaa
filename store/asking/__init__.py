"""SQL of a person's own in, the rows that answer it out; whatever the SQL is, nothing can be changed by it.

Several fences stand one behind the other: a connection that can only read, one statement, a SELECT, no function that does
more than compute, a time after which it is given up.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from store.asking.answers import Answer, AskingError, Column, Session, Value, parameters
from store.database import Database

__all__ = ["Answer", "AskingError", "Column", "Session", "Value", "asking", "parameters"]


@contextmanager
def asking(database: Database, seconds: float) -> Iterator[Session]:
    """Open a connection of its own that can only read; every question over it sees the same state of the database.

    The database may think for so many seconds in all. Whoever writes meanwhile is not kept waiting. Raises AskingError,
    also while an answer's rows are taken, DatabaseUnavailableError, DatabaseUrlError, SchemaTooNewError,
    SchemaTooOldError.
    """
    if database.file is None:
        from store.asking import postgresql as engine  # noqa: PLC0415 (a tenth of the start-up time, see store.database)
    else:
        from store.asking import sqlite as engine  # type: ignore[no-redef]  # noqa: PLC0415 (the same)
    with engine.session(database, seconds) as session:
        yield session
