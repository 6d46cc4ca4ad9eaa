"""The floor's database: rows in, five tables of a new SQLite file or an empty PostgreSQL database out."""

import sqlite3
from collections.abc import Callable
from dataclasses import fields

from bench.floor_xml import Rows

KEY = "report BIGINT NOT NULL, ordinal INTEGER NOT NULL"
RESULT = f"{KEY}, position INTEGER NOT NULL"
RESULT_KEY = "PRIMARY KEY (report, ordinal, position)"
COLUMNS = {
    "report": (
        "id BIGINT PRIMARY KEY, begins_at {instant} NOT NULL, ends_at {instant} NOT NULL, version TEXT, reporter TEXT,"
        " email TEXT, contact TEXT, report_id TEXT, generator TEXT, policy_domain TEXT, adkim TEXT, aspf TEXT, p TEXT,"
        " sp TEXT, np TEXT, pct TEXT, fo TEXT, testing TEXT, discovery_method TEXT"
    ),
    "record": (
        f"{KEY}, source_ip {{address}} NOT NULL, messages BIGINT NOT NULL, disposition TEXT, dkim TEXT, spf TEXT,"
        " dmarc_pass BOOLEAN NOT NULL, header_from TEXT, envelope_from TEXT, envelope_to TEXT,"
        " PRIMARY KEY (report, ordinal)"
    ),
    "record_dkim": f"{RESULT}, domain TEXT, selector TEXT, result TEXT, human_result TEXT, {RESULT_KEY}",
    "record_spf": f"{RESULT}, domain TEXT, scope TEXT, result TEXT, human_result TEXT, {RESULT_KEY}",
    "record_reason": f"{RESULT}, type TEXT, comment TEXT, {RESULT_KEY}",
}
TABLES = tuple(table.name for table in fields(Rows))

Insert = Callable[[Rows], None]
"""Inserts a batch of rows and commits."""


def open_database(url: str) -> Insert:
    """Make the tables in the database that the URL names, and give what inserts into them."""
    if url.startswith("sqlite:///"):
        return _sqlite(url.removeprefix("sqlite:///"))
    return _postgresql(url)


def _sqlite(path: str) -> Insert:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    for table, columns in COLUMNS.items():
        connection.execute(
            f"CREATE TABLE {table} ({columns.format(instant='TEXT', address='TEXT')}) WITHOUT ROWID"
        )
    statements = {table: _insert_statement(connection, table) for table in TABLES}

    def insert(rows: Rows) -> None:
        connection.execute("BEGIN")
        for table, statement in statements.items():
            connection.executemany(statement, getattr(rows, table))
        connection.execute("COMMIT")

    return insert


def _insert_statement(connection: sqlite3.Connection, table: str) -> str:
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 (a name from COLUMNS)


def _postgresql(url: str) -> Insert:
    import psycopg  # noqa: PLC0415 (the floor on SQLite shall not pay for loading it)

    connection = psycopg.connect(url)
    for table, columns in COLUMNS.items():
        connection.execute(f"CREATE TABLE {table} ({columns.format(instant='TIMESTAMPTZ', address='INET')})")
    connection.commit()

    def insert(rows: Rows) -> None:
        with connection.cursor() as cursor:
            for table in TABLES:
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    for row in getattr(rows, table):
                        copy.write_row(row)
        connection.commit()

    return insert
