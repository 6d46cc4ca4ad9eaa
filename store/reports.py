"""Reports in, their rows out: whether one is new is decided by the INSERT itself, never by looking beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select, text, update

from parsers.errors import CorruptError
from parsers.unpack import Refusal
from store import rollups, schema
from store.bulk import Row, insert_rows, pieces
from store.claims import insert_new
from store.outcomes import Verdict
from store.preparing import Content, PreparedReport
from store.rows import RECORD_TABLES, report_row, under

FLUSH = 5_000
"""Records that are collected before they are sent to the database."""

_COUNTED = text("counted")
"""As the partial indexes say it: SQLite does not use them for `counted = 1`, and would read every report instead."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A report that a message brought."""

    message_key: int
    report: PreparedReport


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a report."""

    key: int
    verdict: Verdict
    records: int = 0
    deviations: tuple[Row, ...] = ()
    damage: Refusal | None = None
    """What of it could not be read."""


def next_key(connection: Connection, table: Table) -> int:
    """Give the first free key: nobody else can take it while the write lock is held."""
    return (connection.scalar(select(func.max(table.c.id))) or 0) + 1


def file_reports(connection: Connection, submissions: Sequence[Submission], now: datetime) -> list[Filed]:
    """Store reports with everything below them, each once; `now` is when they are ingested.

    Raises ReportError where a large one, read only now, cannot be read to its end: the caller undoes the rest.
    """
    first = next_key(connection, schema.report)
    new = [
        report_row(each.report.values, key, each.message_key, now)
        for key, each in enumerate(submissions, first)
    ]
    verdicts = _insert(connection, new)
    filing = _Filing(connection)
    filed = [
        filing.file(key, verdicts[key], each.report) if key in verdicts else Filed(key, Verdict.DUPLICATE)
        for key, each in enumerate(submissions, first)
    ]
    filing.flush()
    return filed


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> dict[int, Verdict]:
    """Insert reports that are new; keep those with a known identity and other content uncounted; tell which is which.

    The others are duplicates. Two unique constraints decide: one on the identity of counted reports, one on the hash of the
    XML. What was removed for its age is known as well: the sums by day have it, and must not have another copy of it.
    """
    pruned = _pruned(connection, "xml_sha256", rows)
    rows = [row for row in rows if row["xml_sha256"] not in pruned]
    claimed = _pruned(connection, "identity", [row for row in rows if row["counted"]])
    free = [row for row in rows if not (row["counted"] and row["identity"] in claimed)]
    stored = insert_new(connection, schema.report, free)
    stored |= _replace(connection, [row for row in free if row["id"] not in stored])
    # of a report that is known, a damaged copy tells nothing new
    again = [row | {"counted": False} for row in rows if row["id"] not in stored and row["whole"]]
    conflicts = insert_new(connection, schema.report, again)
    return dict.fromkeys(stored, Verdict.STORED) | dict.fromkeys(conflicts, Verdict.CONFLICT)


def _pruned(connection: Connection, column: str, rows: list[dict[str, Any]]) -> set[str]:
    """Find which hashes of contents, or which identities of counted reports, are those of reports removed for their age."""
    pruned = schema.pruned_report.c
    found = select(pruned[column])
    if column == "identity":
        found = found.where(_COUNTED)
    hashes = pieces([row[column] for row in rows])
    return {each for piece in hashes for each in connection.scalars(found.where(pruned[column].in_(piece)))}


def _replace(connection: Connection, known: list[dict[str, Any]]) -> set[int]:
    """Put whole reports, and longer pieces, in the place of counted ones that are damaged; return their keys."""
    replaced: set[int] = set()
    if not _any_damaged(connection, known):
        return replaced
    for row in known:
        old = _damaged(connection, [row["identity"]])
        better = old and (row["whole"] or row["xml_bytes"] > old[0].xml_bytes)
        if not better or _is_stored(connection, row["xml_sha256"]):
            continue
        rollups.withdraw(connection, old[0].id)
        replaced |= insert_new(connection, schema.report, [row])
    return replaced


def _any_damaged(connection: Connection, known: list[dict[str, Any]]) -> bool:
    return any(_damaged(connection, piece) for piece in pieces([row["identity"] for row in known]))


def _damaged(connection: Connection, identities: Sequence[str]) -> Sequence[Any]:
    """Find the damaged reports that are counted under some identities."""
    report = schema.report.c
    found = select(report.id, report.xml_bytes).where(report.identity.in_(identities))
    return connection.execute(found.where(_COUNTED, ~report.whole)).all()


def _is_stored(connection: Connection, xml_sha256: str) -> bool:
    report = schema.report.c
    return connection.scalar(select(report.id).where(report.xml_sha256 == xml_sha256)) is not None


class _Filing:
    """Writes what hangs below reports that were inserted, flushed in bounded pieces."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: dict[Table, list[Row]] = {table: [] for table in RECORD_TABLES}
        self._xml: list[Row] = []

    def file(self, key: int, verdict: Verdict, report: PreparedReport) -> Filed:
        content = report.open()
        self._xml += under(key, [report.document])
        if report.is_large:
            self.flush()  # its XML is sent before its records are in memory as well
        records = messages = 0
        for block in content.blocks():
            for table, rows in block.under(key):
                self._rows[table] += rows
            records += len(block.record)
            messages += block.messages
            if len(self._rows[schema.record]) >= FLUSH:
                self.flush()
        if not isinstance(content, Content):
            totals = {"records": records, "messages": messages, "whole": content.damage is None}
            self._connection.execute(update(schema.report).where(schema.report.c.id == key), totals)
        return Filed(key, verdict, records, content.deviations, _lost(report.name, content.damage, records))

    def flush(self) -> None:
        insert_rows(self._connection, schema.report_xml, self._xml)
        self._xml.clear()
        for table, rows in self._rows.items():
            insert_rows(self._connection, table, rows)
        if records := self._rows[schema.record]:
            rollups.add(self._connection, records[0][:2], records[-1][:2])
        for rows in self._rows.values():
            rows.clear()


def _lost(name: str, damage: str | None, records: int) -> Refusal | None:
    """Say what of a report was not taken; None of a whole one."""
    if damage is None:
        return None
    reason = f"{damage.rstrip('.')} (the {records} whole records before it are stored)"
    return Refusal(name, CorruptError(reason))
