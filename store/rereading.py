"""Kept XML in, how its rows would be stored today and what differs from those that are there out; nothing is written.

Reports are read in the order of their keys, their rows beside them: neither a report of 1,000,000 records nor its rows
are ever held whole.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import ip_address
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select
from sqlalchemy import Row as SqlRow
from sqlalchemy.exc import SQLAlchemyError

from parsers.aggregate import ReportReader
from parsers.deviations import Deviation
from parsers.errors import CorruptError, ParserExhaustedError, ReportError
from parsers.feedback import forget_abandoned
from parsers.limits import Limits
from parsers.reading import LARGE, ReadReport
from parsers.streams import Packing, Stream
from parsers.unpack import Document
from store.bulk import Row
from store.database import Database
from store.retention import is_going
from store.rows import (
    RECORD_TABLES,
    RecordRows,
    block_rows,
    deviation_row,
    report_row,
    report_values,
    under,
)
from store.schema import deviation, message, report, report_xml

BATCH_REPORTS = 100
BATCH_BYTES = 1 << 20
"""Of XML: what is rebuilt in one transaction, unless one report alone is larger."""
FETCH = 500
"""Rows of a table that are fetched at a time."""

Judge = Callable[[ReadReport, str | None], ReadReport]
"""Tells of a report whether it is foreign and its sender fits, by the author domain of the mail it came in."""


@dataclass(frozen=True, slots=True)
class Change:
    """A value, or a whole row, that is not as it would be stored today."""

    what: str
    """`record.disposition`, `record added`, `record removed`."""
    row: str
    """Which row below the report: ordinal and position of a record's, code and place of a deviation; or empty."""
    old: Any = None
    new: Any = None


@dataclass(slots=True)
class Changes:
    """How many rows of one report change in what way, and the first of each."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Change] = field(default_factory=dict)

    def add(self, changes: Iterable[Change]) -> None:
        """Count; of a report of very many records as well, a few dozen are kept."""
        for change in changes:
            self.counts[change.what] += 1
            self.examples.setdefault(change.what, change)

    @property
    def tables(self) -> set[str]:
        """The tables with rows that change."""
        return {what.replace(".", " ").partition(" ")[0] for what in self.counts}


@dataclass(frozen=True, slots=True)
class Reread:
    """A report that was read again."""

    name: str
    read: ReadReport
    row: dict[str, Any]
    """Its row in `report`, as it would be stored today."""
    deviations: tuple[Deviation, ...]
    changes: Changes
    _held: tuple[RecordRows, ...] | None

    @property
    def key(self) -> int:
        """Give report.id."""
        return int(self.row["id"])

    def pieces(self) -> Iterable[RecordRows]:
        """Give the rows of its records; a large one is read once more for them."""
        return block_rows(self.read.open()) if self._held is None else self._held


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A report that cannot be read any more: its rows stay as they are."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of the next reports."""

    upto: int
    """Every report up to this report.id was read."""
    reread: tuple[Reread, ...]
    unreadable: tuple[Unreadable, ...]


def newest_key(connection: Connection) -> int:
    """Give the highest report.id; 0 without reports."""
    return connection.scalar(select(func.max(report.c.id))) or 0


def count_reports(connection: Connection, after: int, upto: int) -> int:
    """Count the reports that `read_again` will read."""
    keys = report.c.id.between(after + 1, upto)
    return connection.scalar(select(func.count()).select_from(report).where(keys, ~is_going())) or 0


def read_again(database: Database, after: int, upto: int, limits: Limits, judge: Judge) -> Iterator[Batch]:
    """Read the reports whose keys are above `after` and at most `upto`; between two batches no transaction is open.

    Raises DatabaseUnavailableError, ParserExhaustedError.
    """
    while batch := _read_batch(database, after, upto, limits, judge):
        yield batch
        after = batch.upto


def _read_batch(database: Database, after: int, upto: int, limits: Limits, judge: Judge) -> Batch | None:
    with database.reading() as connection, ExitStack() as stack:
        keys = _next_keys(connection, after, upto)
        if not keys:
            return None
        noted = _noted(connection, keys)
        stored = _Stored(connection, keys, stack)
        results = [
            _guarded(_Rereading(kept, noted.get(kept.id, []), stored, limits, judge))
            for kept in connection.execute(_kept(keys))
        ]
    reread = tuple(it for it in results if isinstance(it, Reread))
    return Batch(keys[-1], reread, tuple(it for it in results if isinstance(it, Unreadable)))


def _next_keys(connection: Connection, after: int, upto: int) -> list[int]:
    """Choose the next reports: as many as are light enough together, one at least."""
    found = select(report.c.id, report.c.xml_bytes).where(report.c.id.between(after + 1, upto))
    keys: list[int] = []
    weight = 0
    for key, size in connection.execute(found.order_by(report.c.id).limit(BATCH_REPORTS)):
        weight += size
        if keys and weight > BATCH_BYTES:
            break
        keys.append(key)
    return keys


def _kept(keys: Sequence[int]) -> Select[Any]:
    """Find the reports with all that is needed to read them again."""
    columns = (*report.c, report_xml.c.packing, report_xml.c.data, message.c.from_domain)
    joined = (
        select(*columns).join_from(report, report_xml).join(message, message.c.id == report.c.message_key)
    )
    return joined.where(report.c.id.between(keys[0], keys[-1]), ~is_going()).order_by(report.c.id)


def _noted(connection: Connection, keys: Sequence[int]) -> dict[int, list[Row]]:
    """Find the deviations of reports, in the order in which they were noted."""
    found = select(deviation.c.report_key, *(deviation.c[name] for name in _DEVIATION[1:]))
    found = found.where(deviation.c.report_key.between(keys[0], keys[-1]))
    noted: dict[int, list[Row]] = {}
    for row in connection.execute(found.order_by(deviation.c.message_key, deviation.c.position)):
        noted.setdefault(row[0], []).append(tuple(row))
    return noted


_DEVIATION = ("report_key", "code", "place", "action", "raw", "times")
_KEPT_AS_IT_IS = frozenset({"message_key", "ingested_at", "xml_sha256"})
"""Of a report's row: when and how it came does not change."""


class _Stored:
    """The rows below the reports of a batch, read on in the order of their keys as the reports are."""

    def __init__(self, connection: Connection, keys: Sequence[int], stack: ExitStack) -> None:
        self._streams = {table: _Stream(connection, table, keys, stack) for table in RECORD_TABLES}

    def differences(
        self, fresh: RecordRows, start: tuple[int, int], end: tuple[int, int]
    ) -> Iterator[Change]:
        """Compare the rows from one (report, ordinal) on up to another with those that there should be."""
        for table, rows in fresh.under(start[0]):
            names = table.columns.keys()
            key = itemgetter(*(names.index(column.name) for column in table.primary_key))
            yield from _differences(table.name, names, key, self._streams[table].rows(start, end), rows)


class _Stream:
    """The rows of one table, once through."""

    def __init__(self, connection: Connection, table: Table, keys: Sequence[int], stack: ExitStack) -> None:
        here = select(table).where(table.c.report_key.between(keys[0], keys[-1]))
        rows = connection.execute(here.order_by(*table.primary_key), execution_options={"yield_per": FETCH})
        self._rows = iter(stack.enter_context(rows))
        self._at = itemgetter(*(table.columns.keys().index(name) for name in ("report_key", "ordinal")))
        self._next: Row | None = None
        self._advance()

    def rows(self, start: tuple[int, int], end: tuple[int, int]) -> Iterator[Row]:
        """Give the rows between; what stands before them is passed over."""
        while self._next is not None and self._at(self._next) < end:
            if self._at(self._next) >= start:
                yield self._next
            self._advance()

    def _advance(self) -> None:
        row = next(self._rows, None)
        self._next = None if row is None else tuple(row)


def _differences(
    table: str,
    names: Sequence[str],
    key: Callable[[Row], Row],
    stored: Iterable[Row],
    fresh: Iterable[Row],
) -> Iterator[Change]:
    missing = {key(row): row for row in fresh}
    for old in stored:
        new = missing.pop(key(old), None)
        if new is None:
            yield Change(f"{table} removed", _below(key(old)))
        elif new != old:
            yield from _values(table, names, _below(key(old)), old, new)
    for row in missing.values():
        yield Change(f"{table} added", _below(key(row)))


def _below(key: Row) -> str:
    return " ".join(map(str, key[1:]))


def _values(table: str, names: Sequence[str], row: str, old: Row, new: Row) -> Iterator[Change]:
    for name, before, after in zip(names, old, new, strict=True):
        if before != after and not (name == "source_ip" and _same_address(before, after)):
            yield Change(f"{table}.{name}", row, before, after)


def _same_address(old: str | None, new: str | None) -> bool:
    """Tell whether it is but another spelling: PostgreSQL writes ::192.0.2.1 for ::c000:201."""
    return old is not None and new is not None and ip_address(old) == ip_address(new)


def _guarded(rereading: "_Rereading") -> Reread | Unreadable:
    """Read a report. A defect of ours must not stop the others."""
    try:
        return rereading.run()
    except ReportError as error:
        forget_abandoned()
        return Unreadable(rereading.name, str(error))
    except (ParserExhaustedError, SQLAlchemyError):
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, its rows stay and it is named)
        return Unreadable(rereading.name, f"defect while reading: {type(error).__name__}: {error}")


class _Rereading:
    """One report on its way from its XML to what differs."""

    def __init__(
        self,
        kept: SqlRow[Any],
        noted: list[Row],
        stored: _Stored,
        limits: Limits,
        judge: Judge,
    ) -> None:
        self._kept = kept
        self._noted = noted
        self._stored = stored
        self._limits = limits
        self._judge = judge
        self._changes = Changes()
        self._held: list[RecordRows] | None = [] if kept.xml_bytes <= LARGE else None
        self._totals = {"records": 0, "messages": 0}

    @property
    def name(self) -> str:
        """Name the report for people."""
        return f"{self._kept.id} ({self._kept.reporter} {self._kept.report_id})"

    def run(self) -> Reread:
        """Read and compare. Raises ReportError."""
        document = self._document()
        reader = ReportReader(document.chunks, self._limits, document.damage)
        read = ReadReport(document, reader.header, None, self._limits)
        read = self._judge(read, self._kept.from_domain)
        self._compare_records(reader)
        row = self._row(read) | self._totals | {"whole": reader.damage is None}
        self._compare_report(row)
        self._compare_deviations(reader.deviations)
        held = None if self._held is None else tuple(self._held)
        return Reread(self.name, read, row, reader.deviations, self._changes, held)

    def _document(self) -> Document:
        """Give the kept XML as it was when it was stored. Raises CorruptError where it is not."""
        kept = self._kept
        stream, digest, size = Stream(bytes(kept.data), Packing(kept.packing)), hashlib.sha256(), 0
        for piece in stream.pieces():
            digest.update(piece)
            size += len(piece)
        if digest.hexdigest() != kept.xml_sha256:
            raise CorruptError("the kept XML is damaged: its SHA-256 is not report.xml_sha256")
        return Document(
            name=f"report {self.name}",
            kind="xml",
            size=size,
            sha256=kept.xml_sha256,
            packing=Packing(kept.packing),
            packed=bytes(kept.data),
            content=None,
            damage=f"{kept.packing} stream is cut off" if stream.is_cut else self._noted_damage(),
        )

    def _noted_damage(self) -> str | None:
        """Tell what was wrong with the archive around the XML: that is not kept, but noted."""
        cut = (raw for _, code, place, _, raw, _ in self._noted if (code, place) == ("cut-off", "container"))
        return next(cut, None)

    def _compare_records(self, reader: ReportReader) -> None:
        key = self._kept.id
        first = 0
        for piece in block_rows(reader):
            end = first + len(piece.record)
            self._changes.add(self._stored.differences(piece, (key, first), (key, end)))
            self._totals["messages"] += piece.messages
            if self._held is not None:
                self._held.append(piece)
            first = end
        self._totals["records"] = first
        self._changes.add(self._stored.differences(RecordRows(), (key, first), (key + 1, 0)))

    def _row(self, read: ReadReport) -> dict[str, Any]:
        kept = self._kept
        row = report_row(report_values(read), kept.id, kept.message_key, kept.ingested_at)
        row["counted"] = kept.counted and not read.foreign
        if kept.decision == "added":  # by a person, who gave it an identity of its own
            row["identity"] = kept.identity
        return row

    def _compare_report(self, row: dict[str, Any]) -> None:
        names = [name for name in row if name not in _KEPT_AS_IT_IS]
        old, new = ([values[name] for name in names] for values in (self._kept._mapping, row))  # noqa: SLF001 (SQLAlchemy's public name for it)
        self._changes.add(_differences("report", names, itemgetter(slice(1)), [tuple(old)], [tuple(new)]))

    def _compare_deviations(self, deviations: Iterable[Deviation]) -> None:
        key = self._kept.id
        fresh = under(key, map(deviation_row, deviations))
        found = _differences("deviation", _DEVIATION, itemgetter(0, 1, 2), self._noted, fresh)
        self._changes.add(found)
