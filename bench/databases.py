"""The databases that are measured into: an engine in, a new and empty database for each run out."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg

from tests.servers.postgres import PostgresServer, missing

TABLES = ("report", "record", "record_dkim", "record_spf", "record_reason")
"""What the floor and ruamill both fill."""
NAME = "ruamill_bench"
NUMBERS = count()


@dataclass(frozen=True, slots=True)
class Engine:
    """A kind of database: what it is called in the tables, and how to get an empty one, dropped afterwards."""

    name: str
    fresh: Callable[[], AbstractContextManager[str]]


def sqlite(folder: Path) -> Engine:
    """SQLite, its files in a folder that goes away."""
    return Engine(f"SQLite {sqlite3.sqlite_version}", partial(_fresh_sqlite, folder))


@contextmanager
def postgresql(url: str | None) -> Iterator[Engine | None]:
    """PostgreSQL: the server of the URL, else a throw-away cluster, else none where none can be started."""
    if url:
        yield _engine(url, "")
    elif reason := missing():
        print(f"PostgreSQL is left out: {reason}, or give --database")
        yield None
    else:
        with PostgresServer() as server:
            yield _engine(server.url("postgres"), ", no fsync")


def row_counts(url: str) -> dict[str, int]:
    """Count the rows of the tables that the floor and ruamill both fill."""
    if url.startswith("sqlite:///"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            return {table: int(connection.execute(_count(table)).fetchone()[0]) for table in TABLES}
    with psycopg.connect(url) as server:
        return {table: count_rows(server, table) for table in TABLES}


def count_rows(server: psycopg.Connection, table: str) -> int:
    """Count the rows of a table in PostgreSQL."""
    return int(server.execute(_count(table).encode()).fetchall()[0][0])


def _count(table: str) -> str:
    return f"SELECT count(*) FROM {table}"  # noqa: S608 (a table's name, from here or bench.parsedmarc)


def _engine(url: str, remark: str) -> Engine:
    with psycopg.connect(url) as connection:
        version = connection.info.parameter_status("server_version") or ""
    return Engine(f"PostgreSQL {version.partition(' ')[0]}{remark}", partial(_fresh_postgresql, url))


@contextmanager
def _fresh_sqlite(folder: Path) -> Iterator[str]:
    with TemporaryDirectory(dir=folder) as inner:
        yield f"sqlite:///{inner}/bench.db"


@contextmanager
def _fresh_postgresql(url: str) -> Iterator[str]:
    name = f"{NAME}_{next(NUMBERS)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
