"""Reports that were read again in, their rows rebuilt out: in short transactions, each of which says how far the run came.

The sums by day are exact at every commit. A report that is counted stays so, unless it is foreign now or its identity
is that of another one that is counted. One that is not is counted at the end of the run, if by then nobody claims its
identity and no person decided otherwise.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)

from store.bulk import insert_rows
from store.conflicts import UNCOUNTED
from store.database import Database, DatabaseUnavailableError
from store.reports import next_key
from store.rereading import Batch, Reread, newest_key
from store.retention import is_going
from store.rollups import enter, withdraw
from store.rows import RECORD_TABLES, deviation_row
from store.schema import deviation, pruned_report, reparse_run, report

LOCK = "reparse"
"""The name that is held while it runs."""
CLAIMS = 50
"""Reports that are counted in one transaction once the others are read."""
IN_SUMS = frozenset(
    {
        "report.counted",
        "report.day",
        "report.identity",  # with is_foreign it decides whether it is counted
        "report.is_foreign",
        "report.policy_domain",
        "record added",
        "record removed",
        "record.source_ip",
        "record.messages",
        "record.disposition",
        "record.dkim",
        "record.spf",
        "record.header_from",
    }
)
"""Changes after which a report is counted anew."""


@dataclass(frozen=True, slots=True)
class Run:
    """How far a run came, committed."""

    key: int
    started_at: datetime
    last_key: int
    """Every report up to this report.id was read."""
    end_key: int
    """The newest report.id when it began: later ones were read by who reads now."""
    reports: int
    changed: int
    unreadable: int
    changes: Mapping[str, int]
    """table.column, or table added and removed -> rows."""


def unfinished(connection: Connection, version: str | None = None) -> Run | None:
    """Give the run that was interrupted, if there is one; only one that this version began, where it is named."""
    found = select(reparse_run).where(reparse_run.c.finished_at.is_(None))
    if version is not None:
        found = found.where(reparse_run.c.version == version)
    row = connection.execute(found.order_by(reparse_run.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _run(row)


def begin(database: Database, version: str, now: datetime, *, restart: bool = False) -> Run:
    """Go on with the run that was interrupted, or begin one: where none was, or another version's, or with `restart`.

    Only one may run at a time: hold LOCK (`store.locks`). Raises DatabaseUnavailableError.
    """
    with database.writing() as connection:
        if not restart and (run := unfinished(connection, version)):
            return run
        open_ones = update(reparse_run).where(reparse_run.c.finished_at.is_(None))
        connection.execute(open_ones.values(finished_at=now))  # as far as they came
        run = Run(next_key(connection, reparse_run), now, 0, newest_key(connection), 0, 0, 0, {})
        connection.execute(insert(reparse_run).values(version=version, **_row(run)))
        return run


def rebuild(database: Database, run: Run, batch: Batch) -> Run:
    """Rebuild the rows that differ, and note how far the run came, in one transaction. Raises DatabaseUnavailableError."""
    changes, changed = Counter(run.changes), 0
    with database.writing() as connection:
        for each in batch.reread:
            if each.changes.counts and (told := _rebuild(connection, each)) is not None:
                changes += told
                changed += 1
        done = replace(
            run,
            last_key=batch.upto,
            reports=run.reports + len(batch.reread) + len(batch.unreadable),
            changed=run.changed + changed,
            unreadable=run.unreadable + len(batch.unreadable),
            changes=dict(changes),
        )
        _note(connection, run, _row(done))
    return done


def finish(database: Database, run: Run, now: datetime) -> Run:
    """Count what nobody else claims any more, and close the run. Raises DatabaseUnavailableError."""
    with database.reading() as connection:
        keys = connection.scalars(_overdue().order_by(report.c.whole.desc(), report.c.id)).all()
    for first in range(0, len(keys), CLAIMS):
        run = _count(database, run, keys[first : first + CLAIMS])
    with database.writing() as connection:
        _note(connection, run, {"finished_at": now})
    return run


def _run(row: Row[Any]) -> Run:
    numbers = (row.last_key, row.end_key, row.reports, row.changed, row.unreadable)
    return Run(row.id, row.started_at, *numbers, json.loads(row.changes))


def _row(run: Run) -> dict[str, Any]:
    return {
        "id": run.key,
        "started_at": run.started_at,
        "last_key": run.last_key,
        "end_key": run.end_key,
        "reports": run.reports,
        "changed": run.changed,
        "unreadable": run.unreadable,
        "changes": json.dumps(run.changes, sort_keys=True),
    }


def _note(connection: Connection, before: Run, values: Mapping[str, Any]) -> None:
    """Write how far the run came, unless somebody else did: a database that restarted has forgotten who held LOCK."""
    here = (reparse_run.c.id == before.key, reparse_run.c.last_key == before.last_key)
    still = update(reparse_run).where(*here, reparse_run.c.finished_at.is_(None))
    if connection.execute(still.values(values)).rowcount != 1:
        raise DatabaseUnavailableError("another process reads the reports again; let it finish")


def _rebuild(connection: Connection, reread: Reread) -> Counter[str] | None:
    """Put a report's rows in the place of those that are there; None where it is being removed for its age."""
    here = report.c.id == reread.key
    columns = (report.c.identity, report.c.counted, report.c.decision)
    stored = connection.execute(select(*columns).where(here, ~is_going())).one_or_none()
    if stored is None:
        return None
    row = {name: value for name, value in reread.row.items() if name not in ("id", "counted")}
    if stored.decision == "added":  # perhaps only now, by a person: an identity of its own
        row["identity"] = stored.identity
    counted_anew = stored.counted and not IN_SUMS.isdisjoint(reread.changes.counts)
    if counted_anew:
        withdraw(connection, reread.key)
    connection.execute(update(report).where(here).values(row))
    _replace_rows(connection, reread)
    if counted_anew and not row["is_foreign"]:
        return reread.changes.counts + _count_again(connection, reread.key)
    return reread.changes.counts


def _replace_rows(connection: Connection, reread: Reread) -> None:
    changed = reread.changes.tables
    if not changed.isdisjoint(table.name for table in RECORD_TABLES):
        for table in RECORD_TABLES:
            connection.execute(delete(table).where(table.c.report_key == reread.key))
        for piece in reread.pieces():
            for table, rows in piece.under(reread.key):
                insert_rows(connection, table, rows)
    if deviation.name in changed:
        connection.execute(delete(deviation).where(deviation.c.report_key == reread.key))
        _insert_deviations(connection, reread)


def _insert_deviations(connection: Connection, reread: Reread) -> None:
    """Write what departs from the standard behind what else is noted of the message."""
    message_key = reread.row["message_key"]
    last = select(func.max(deviation.c.position)).where(deviation.c.message_key == message_key)
    first = connection.scalar(select(func.coalesce(last.scalar_subquery(), -1) + 1)) or 0
    rows = [
        (message_key, position, reread.key, *deviation_row(each))
        for position, each in enumerate(reread.deviations, first)
    ]
    insert_rows(connection, deviation, rows)


def _count_again(connection: Connection, key: int) -> Counter[str]:
    """Count a report again, unless another one has its identity: then it waits for a person's decision."""
    if connection.scalar(_unclaimed().where(report.c.id == key)) is not None:
        enter(connection, key)
        return Counter()
    connection.execute(update(report).where(report.c.id == key).values(decision=None))
    return Counter({"report.counted": 1})


def _unclaimed() -> Select[int]:
    """Find reports of ours that are not counted and whose identity no other has, there or removed for its age."""
    return select(report.c.id).where(UNCOUNTED, ~is_going(), ~_claimed(report), ~_claimed(pruned_report))


def _overdue() -> Select[int]:
    """Find those of them of which no person decided that they are not counted."""
    return _unclaimed().where(report.c.decision.is_(None))


def _claimed(table: Table) -> ColumnElement[bool]:
    other = table.alias("other")
    return exists().where(other.c.identity == report.c.identity, text("other.counted"))


def _count(database: Database, run: Run, keys: Sequence[int]) -> Run:
    changes = Counter(run.changes)
    with database.writing() as connection:
        for key in keys:
            if connection.scalar(_overdue().where(report.c.id == key)) is not None:
                enter(connection, key)
                changes["report.counted"] += 1
        done = replace(run, changes=dict(changes))
        _note(connection, run, _row(done))
    return done
