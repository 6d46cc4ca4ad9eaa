"""Reports in, their rows out: whether one is new is decided by the INSERT itself, in one statement for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from parsers.deviations import Deviation
from parsers.reading import ReadReport
from store import schema
from store.bulk import Row, insert_rows
from store.outcomes import Verdict
from store.rollups import Rollups
from store.rows import RecordRows, report_row, xml_row

FLUSH = 5_000
"""Records that are collected before they are sent to the database."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A report that a message brought."""

    message_key: int
    read: ReadReport


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a report."""

    key: int
    verdict: Verdict
    records: int
    deviations: tuple[Deviation, ...]


def next_key(connection: Connection, table: Table) -> int:
    """Give the first free key: nobody else can take it while the write lock is held."""
    return (connection.scalar(select(func.max(table.c.id))) or 0) + 1


def file_reports(connection: Connection, submissions: Sequence[Submission], now: datetime) -> list[Filed]:
    """Store reports with everything below them, each once; `now` is when they are ingested.

    Raises ReportError where a large one, read only now, cannot be read to its end: the caller undoes the rest.
    """
    first = next_key(connection, schema.report)
    new = [report_row(key, each.message_key, each.read, now) for key, each in enumerate(submissions, first)]
    verdicts = _insert(connection, new)
    filing = _Filing(connection)
    filed = [
        filing.file(row, verdicts[row["id"]], each.read) for row, each in zip(new, submissions, strict=True)
    ]
    filing.flush()
    return filed


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> dict[int, Verdict]:
    """Insert reports that are new; keep those with a known identity and other content uncounted; tell which is which.

    Two unique constraints decide: one on the identity of counted reports, one on the hash of the XML.
    """
    stored = _insert_new(connection, rows)
    again = [row | {"counted": False} for row in rows if row["id"] not in stored]
    conflicts = _insert_new(connection, again)
    return {
        row["id"]: Verdict.STORED
        if row["id"] in stored
        else Verdict.CONFLICT
        if row["id"] in conflicts
        else Verdict.DUPLICATE
        for row in rows
    }


def _insert_new(connection: Connection, rows: list[dict[str, Any]]) -> set[int]:
    if not rows:
        return set()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(schema.report).on_conflict_do_nothing().returning(schema.report.c.id)
    return set(connection.scalars(statement, rows))


class _Filing:
    """Writes what hangs below reports that were inserted, flushed in bounded pieces."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = RecordRows()
        self._rollups = Rollups()
        self._xml: list[Row] = []

    def file(self, row: dict[str, Any], verdict: Verdict, read: ReadReport) -> Filed:
        if verdict is Verdict.DUPLICATE:
            return Filed(row["id"], verdict, 0, ())
        report = read.open()
        records = messages = 0
        for block in report.blocks():
            records = self._rows.add(row["id"], records, block)
            messages += sum(record.messages for record in block)
            if verdict is Verdict.STORED:
                self._rollups.add(row["policy_domain"], row["day"], block)
            if len(self._rows.record) >= FLUSH:
                self.flush()
        self._xml.append(xml_row(row["id"], read))
        if read.report is None:
            self._total(row["id"], records, messages)
        return Filed(row["id"], verdict, records, report.deviations)

    def flush(self) -> None:
        self._rows.write(self._connection)
        self._rollups.write(self._connection)
        insert_rows(self._connection, schema.report_xml, self._xml)
        self._xml.clear()

    def _total(self, key: int, records: int, messages: int) -> None:
        totals = update(schema.report).where(schema.report.c.id == key)
        self._connection.execute(totals.values(records=records, messages=messages))
