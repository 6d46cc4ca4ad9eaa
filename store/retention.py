"""What came in long ago in, nothing of it left: in short transactions, so that whoever brings new reports gets a turn.

The sums by day and `source_seen` stay. Of each report its hash and identity stay (`pruned_report`), written in the
transaction that begins its removal: from then on another copy of it is known, and nothing takes it out of the sums again.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
)

from store import schema
from store.bulk import inserting
from store.database import Database
from store.outcomes import KEPT, Outcome
from store.schema import failure_report, message, message_raw, pruned_report, record, report, tls_report
from store.types import UtcDateTime

LOCK = "prune"
"""The name that is held while it runs."""
LOCK_SECONDS = 0.025
"""How long a transaction should hold the write lock: it removes as much as the ones before it managed in that time."""
LEAST, FIRST, MOST = 20_000, 100_000, 8_000_000
"""Bytes of XML or mail that one transaction removes: the fewest, at first, the most."""
ROW_BYTES = 1_000
"""What a row weighs beside them."""
PACKED = 10
"""Bytes of JSON for each that is stored, compressed."""
PAGE = 1_000
NEWEST = 100
"""Messages that are asked when mail last came in."""
BEGINNING = datetime.fromtimestamp(0, UTC)

_IN_SLICES = (schema.record_dkim, schema.record_spf, schema.record_reason, record)


@dataclass(slots=True)
class Pruned:
    """What was removed, or would be."""

    reports: int = 0
    records: int = 0
    tls_reports: int = 0
    failure_reports: int = 0
    messages: int = 0
    """Entries of the ledger."""
    kept_mails: int = 0
    """Of those, the ones whose bytes were kept."""

    @property
    def rows(self) -> int:
        """How much work it is, in what `advance` is told."""
        return self.records + self.tls_reports + self.failure_reports + self.messages


def horizon(keep: timedelta, now: datetime) -> datetime:
    """Give the beginning of the UTC day before which everything goes: what is kept is kept for `keep` or a little more."""
    return (now - keep).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def newest_arrival(database: Database, now: datetime) -> datetime | None:
    """Tell when mail last came in, by the clocks of the servers that took it; None if none of the newest says.

    What lies ahead of `now` is not believed.

    Raises DatabaseUnavailableError.
    """
    mail = message.c.source != "file"
    newest = select(message.c.received_at).where(mail).order_by(message.c.id.desc()).limit(NEWEST).subquery()
    with database.reading() as connection:
        past = newest.c.received_at <= now
        found: datetime | None = connection.scalar(select(func.max(newest.c.received_at)).where(past))
    return found


def is_going() -> ColumnElement[bool]:
    """Tell a report whose removal has begun: part of its records may be gone already."""
    return exists().where(pruned_report.c.xml_sha256 == report.c.xml_sha256)


def due(database: Database, keep: timedelta, now: datetime) -> Pruned:
    """Count what `prune` would remove. Raises DatabaseUnavailableError."""
    before = horizon(keep, now)
    messages = select(message.c.id).where(*_forgettable(before, reports_since=before))
    raw = select(message_raw.c.message_key).where(message_raw.c.message_key.in_(messages))
    records = func.coalesce(func.sum(report.c.records), 0)
    with database.reading() as connection:
        return Pruned(
            reports=_count(connection, _old(report, before)),
            records=int(connection.scalar(select(records).where(report.c.ingested_at < before)) or 0),
            tls_reports=_count(connection, _old(tls_report, before)),
            failure_reports=_count(connection, _old(failure_report, before)),
            messages=_count(connection, messages),
            kept_mails=_count(connection, raw),
        )


def prune(
    database: Database,
    keep: timedelta,
    now: datetime,
    *,
    pause: Callable[[float], object],
    advance: Callable[[int], object] = lambda rows: None,  # noqa: ARG005 (nobody watches)
) -> Pruned:
    """Remove what came in before `horizon(keep, now)`; messages that wait for another try stay.

    After each transaction `pause` is given the seconds that it took, to let others write for as long; if it gives back
    something true, as Event.wait does, the rest is left for the next run, as it is after an interruption at any point.
    Only one may run at a time: hold LOCK (`store.locks`). Raises DatabaseUnavailableError.
    """
    pruning = _Pruning(database, horizon(keep, now), now, advance)
    for seconds in pruning.steps():
        if pause(seconds):
            break
    return pruning.removed


class _Row(NamedTuple):
    """A row that is old."""

    id: int
    moment: datetime
    weight: int
    records: int


_MOMENT = {
    report: report.c.ingested_at,
    tls_report: tls_report.c.ingested_at,
    failure_report: failure_report.c.ingested_at,
    message: message.c.decided_at,
}
_JSON = schema.tls_report_json.c
_JSON_BYTES = select(func.length(_JSON.data)).where(_JSON.tls_report_key == tls_report.c.id).scalar_subquery()
_BYTES: dict[Table, ColumnElement[int]] = {
    report: report.c.xml_bytes,  # the longer it is, the more records, results and reasons hang below it
    tls_report: func.coalesce(_JSON_BYTES, 0) * PACKED,
    failure_report: func.coalesce(func.length(failure_report.c.headers), 0),
    message: case((message.c.outcome.in_(KEPT), message.c.size), else_=0),
}


def _rows(table: Table) -> Select[Any]:
    records = table.c.records if table is report else literal(0)
    return select(table.c.id, _MOMENT[table], _BYTES[table] + ROW_BYTES, records)


def _old(table: Table, before: datetime) -> Select[Any]:
    return _rows(table).where(_MOMENT[table] < before)


def _begun() -> Select[Any]:
    """Find what an earlier run began to remove, the oldest there is: it goes even if the time to keep is longer now."""
    by_age = select(report.c.id).order_by(report.c.ingested_at, report.c.id)
    return _rows(report).where(report.c.id == by_age.limit(1).scalar_subquery(), is_going())


def _forgettable(before: datetime, reports_since: datetime = BEGINNING) -> list[ColumnElement[bool]]:
    """Tell which messages may go: a report that hangs on one would go with it, and not be known any more."""
    hanging = [
        exists().where(table.c.message_key == message.c.id, table.c.ingested_at >= reports_since)
        for table in (report, tls_report, failure_report)
    ]
    return [message.c.decided_at < before, message.c.outcome != Outcome.RETRY, *(~each for each in hanging)]


def _count(connection: Connection, rows: Select[Any]) -> int:
    return connection.scalar(select(func.count()).select_from(rows.subquery())) or 0


class _Pruning:
    """One run."""

    def __init__(
        self, database: Database, before: datetime, now: datetime, advance: Callable[[int], object]
    ) -> None:
        self._database = database
        self._before = before
        self._now = now
        self._advance = advance
        self._budget = FIRST
        self._seconds = 0.0
        self.removed = Pruned()

    def steps(self) -> Iterator[float]:
        """Do one transaction after the other; give the seconds for which each held the write lock."""
        with self._database.reading() as connection:
            begun = [_Row(*row) for row in connection.execute(_begun())]
        yield from self._reports(self._split(begun))
        yield from self._reports(self._batches(report))
        for batch in self._batches(tls_report):
            self.removed.tls_reports += self._delete(tls_report, batch)
            yield self._seconds
        for batch in self._batches(failure_report):
            self.removed.failure_reports += self._delete(failure_report, batch)
            yield self._seconds
        for batch in self._batches(message):
            self._forget(batch)
            yield self._seconds

    def _reports(self, batches: Iterable[list[_Row]]) -> Iterator[float]:
        for batch in batches:
            sliced = batch[0].weight > self._budget  # then it is alone
            if sliced:
                yield from self._slices(batch[0])
            with self._transaction(ROW_BYTES if sliced else _weight(batch)) as connection:
                _bury(connection, _keys(batch), self._now)
                connection.execute(delete(report).where(report.c.id.in_(_keys(batch))))
            self.removed.reports += len(batch)
            self._count_records(0 if sliced else sum(row.records for row in batch))
            yield self._seconds

    def _slices(self, row: _Row) -> Iterator[float]:
        """Remove the records of a report that is too large for one transaction."""
        first = self._first_ordinal(row)
        while first < row.records:
            end = min(first + max(1, row.records * self._budget // row.weight), row.records)
            with self._transaction(row.weight * (end - first) // row.records) as connection:
                _bury(connection, [row.id], self._now)
                for table in _IN_SLICES:
                    here = (table.c.report_key == row.id, table.c.ordinal >= first, table.c.ordinal < end)
                    connection.execute(delete(table).where(*here))
            self._count_records(end - first)
            first = end
            yield self._seconds
        self._first_ordinal(row)

    def _first_ordinal(self, row: _Row) -> int:
        """Find where an earlier run was interrupted.

        Looked for once more at the end, PostgreSQL sees and notes in its indexes that nothing is left: else it would do so
        while the report's row is removed, and hold the lock for half a second (of 1,000,000 records).
        """
        found = [
            select(func.min(table.c.ordinal)).where(table.c.report_key == row.id) for table in _IN_SLICES
        ]
        with self._database.reading() as connection:
            ordinals = [connection.scalar(each) for each in found]
        return min((ordinal for ordinal in ordinals if ordinal is not None), default=row.records)

    def _count_records(self, number: int) -> None:
        self.removed.records += number
        self._advance(number)

    def _delete(self, table: Table, batch: list[_Row]) -> int:
        with self._transaction(_weight(batch)) as connection:
            connection.execute(delete(table).where(table.c.id.in_(_keys(batch))))
        self._advance(len(batch))
        return len(batch)

    def _forget(self, batch: list[_Row]) -> None:
        """Remove entries of the ledger, if they are still as they were: a message may have been read again meanwhile."""
        mine = message.c.id.in_(_keys(batch))
        with self._transaction(_weight(batch)) as connection:
            keys = connection.scalars(select(message.c.id).where(mine, *_forgettable(self._before))).all()
            raw = connection.execute(delete(message_raw).where(message_raw.c.message_key.in_(keys)))
            connection.execute(delete(message).where(message.c.id.in_(keys)))
        self.removed.kept_mails += raw.rowcount
        self.removed.messages += len(keys)
        self._advance(len(keys))

    @contextmanager
    def _transaction(self, weight: int) -> Iterator[Connection]:
        """Write, and learn from how long it took how much the next one may remove."""
        with self._database.writing() as connection:
            started = monotonic()
            yield connection
        self._seconds = monotonic() - started
        if self._seconds > LOCK_SECONDS:
            self._budget = max(self._budget // 2, LEAST)
        elif self._seconds < LOCK_SECONDS / 2 and weight > self._budget // 2:
            self._budget = min(self._budget * 2, MOST)

    def _batches(self, table: Table) -> Iterator[list[_Row]]:
        """Give what is old, the oldest first, as much at a time as one transaction may remove."""
        since, last = BEGINNING, -1
        while page := self._page(table, since, last):
            yield from self._split(page)
            since, last = page[-1].moment, page[-1].id

    def _page(self, table: Table, since: datetime, last: int) -> list[_Row]:
        """Look from where the last page ended: what stays is passed once, and what is gone leaves traces in an index."""
        moment = _MOMENT[table]
        rows = _old(table, self._before).where(moment >= since, or_(moment > since, table.c.id > last))
        with self._database.reading() as connection:
            found = connection.execute(rows.order_by(moment, table.c.id).limit(PAGE))
            return [_Row(*row) for row in found]

    def _split(self, rows: list[_Row]) -> Iterator[list[_Row]]:
        batch: list[_Row] = []
        weight = 0
        for row in rows:
            if batch and weight + row.weight > self._budget:
                yield batch
                batch, weight = [], 0
            batch.append(row)
            weight += row.weight
        if batch:
            yield batch


def _keys(batch: list[_Row]) -> list[int]:
    return [row.id for row in batch]


def _weight(batch: list[_Row]) -> int:
    return sum(row.weight for row in batch)


def _bury(connection: Connection, keys: list[int], now: datetime) -> None:
    """Write down what must still be known of reports; those that are counted by then, which may have changed."""
    columns = report.c.xml_sha256, report.c.identity, report.c.counted, literal(now, UtcDateTime())
    tombs = inserting(connection.dialect.name, pruned_report).from_select(
        list(pruned_report.c), select(*columns).where(report.c.id.in_(keys))
    )
    connection.execute(tombs.on_conflict_do_nothing())
