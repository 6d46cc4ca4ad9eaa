"""Stored records in, the three tables that answer questions at once out: sums by day, and what was seen first and last.

They are written in the transaction of the records they count, so they are exact at every commit; and within the database,
whatever it is that is counted: a report may have 1,000,000 records.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Table,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from store import schema
from store.bulk import Insert, inserting
from store.types import Key

_DOMAIN = func.coalesce(schema.report.c.policy_domain, "").label("policy_domain")
_RESULT = [func.coalesce(schema.record.c[name], "").label(name) for name in ("disposition", "dkim", "spf")]
_SOURCE = [schema.record.c.source_ip, func.coalesce(schema.record.c.header_from, "").label("header_from")]
_ADDRESS = schema.record.c.source_ip.is_not(None)

Chosen = Sequence[ColumnElement[bool]]
"""Which records, in a join with their reports."""
Merged = dict[str, tuple[Callable[[Any], ColumnElement[Any]], ColumnElement[Any]]]
"""Column -> how the values of several records are one, and a record's value."""


def add(connection: Connection, first: tuple[int, int], last: tuple[int, int]) -> None:
    """Count what was stored from one (report, ordinal) to another, where its report is counted."""
    ends = dict(zip(("first", "first_ordinal", "last", "last_ordinal"), first + last, strict=True))
    for statement in _adding(connection.dialect.name):
        connection.execute(statement, ends)


@cache
def _adding(dialect: str) -> list[Insert]:
    """Make the statements of `add` once: that takes longer than most of them run."""
    report, record = schema.report.c, schema.record.c
    first, last = bindparam("first", type_=Key), bindparam("last", type_=Key)
    place = tuple_(record.report_key, record.ordinal)
    chosen = [
        report.counted,
        record.report_key == report.id,
        place >= tuple_(first, bindparam("first_ordinal", type_=Integer)),
        place <= tuple_(last, bindparam("last_ordinal", type_=Integer)),
    ]
    if dialect == "postgresql":
        # it would read every report otherwise; SQLite, told this, every record of a large one
        chosen.append(report.id.between(first, last))
    return [*_sums(dialect, chosen, 1), _seen(dialect, chosen)]


def enter(connection: Connection, report_key: int) -> None:
    """Count a stored report that was not: the counterpart of `withdraw`.

    Raises IntegrityError where another one is counted under its identity: withdraw that first.
    """
    _mark(connection, report_key, counted=True)
    dialect = connection.dialect.name
    for statement in (*_sums(dialect, _of(report_key), 1), _seen(dialect, _of(report_key))):
        connection.execute(statement)


def withdraw(connection: Connection, report_key: int) -> None:
    """Count a stored report no longer: a better copy takes its place, or a person decided so."""
    _mark(connection, report_key, counted=False)
    for statement in _sums(connection.dialect.name, _of(report_key), -1):
        connection.execute(statement)
    report = select(_DOMAIN, schema.report.c.day).where(schema.report.c.id == report_key)
    domain, day = connection.execute(report).one()
    for table in (schema.domain_day_rollup, schema.source_day_rollup):
        here = (table.c.policy_domain == domain, table.c.day == day)
        connection.execute(delete(table).where(*here, table.c.records == 0))
    _see_again(connection, report_key, domain, day)


def _mark(connection: Connection, report_key: int, *, counted: bool) -> None:
    connection.execute(update(schema.report).where(schema.report.c.id == report_key).values(counted=counted))


def _of(report_key: int) -> Chosen:
    return [schema.report.c.id == report_key, schema.record.c.report_key == schema.report.c.id]


def _sums(dialect: str, chosen: Chosen, sign: int) -> Iterator[Insert]:
    """Add records to the sums, or take them out of them."""
    messages = sign * schema.record.c.messages
    one: ColumnElement[int] = literal_column(str(sign))
    for table in (schema.domain_day_rollup, schema.source_day_rollup):
        new = _new(dialect, table, chosen, {"messages": (func.sum, messages), "records": (func.sum, one)})
        added = {name: table.c[name] + new.excluded[name] for name in ("messages", "records")}
        yield new.on_conflict_do_update(index_elements=list(table.primary_key), set_=added)


def _seen(dialect: str, chosen: Chosen) -> Insert:
    """Widen the days on which addresses were seen to those of records."""
    day, table = schema.report.c.day, schema.source_seen
    new = _new(dialect, table, chosen, {"first_day": (func.min, day), "last_day": (func.max, day)})
    first, last = (table.c.first_day, new.excluded.first_day), (table.c.last_day, new.excluded.last_day)
    days = {
        "first_day": case((first[0] < first[1], first[0]), else_=first[1]),
        "last_day": case((last[0] > last[1], last[0]), else_=last[1]),
    }
    wider = or_(first[1] < first[0], last[1] > last[0])
    return new.on_conflict_do_update(index_elements=list(table.primary_key), set_=days, where=wider)


_KEYS = {
    schema.domain_day_rollup: (_DOMAIN, schema.report.c.day, *_RESULT),
    schema.source_day_rollup: (_DOMAIN, schema.report.c.day, *_SOURCE, *_RESULT),
    schema.source_seen: (_DOMAIN, schema.record.c.source_ip),
}


def _new(dialect: str, table: Table, chosen: Chosen, values: Merged) -> Insert:
    """Begin to insert what a table has of records.

    PostgreSQL wants each row once. SQLite takes one record after the other into it, which costs it half of what sorting
    them would.
    """
    key = _KEYS[table]
    chosen = [*chosen, _ADDRESS] if "source_ip" in table.c else chosen
    if dialect == "sqlite":
        rows = select(*key, *(value.label(name) for name, (_, value) in values.items())).where(*chosen)
    else:
        merged = (merge(value).label(name) for name, (merge, value) in values.items())
        rows = select(*key, *merged).where(*chosen).group_by(*key)
    return inserting(dialect, table).from_select(rows.selected_columns.keys(), rows)


def _see_again(connection: Connection, report_key: int, domain: str, day: date) -> None:
    """Find out anew when the addresses of a report that was withdrawn were seen first and last.

    Only of those that had their first or last day by this report. From the old day on, the next one is never far in
    the order of the key: to ask for a domain's every day would take seconds in a database of years.
    """
    seen, days = schema.source_seen.c, schema.source_day_rollup.c
    addresses = select(schema.record.c.source_ip).where(*_of(report_key), _ADDRESS)
    still = select(days.day).where(days.policy_domain == seen.policy_domain, days.source_ip == seen.source_ip)
    gone = [
        seen.policy_domain == domain,
        seen.source_ip.in_(addresses),
        or_(seen.first_day == day, seen.last_day == day),
        # no NOT EXISTS: without statistics PostgreSQL makes a join of it that reads the day once for each address
        still.where(days.day == day).limit(1).scalar_subquery().is_(None),
    ]
    connection.execute(delete(schema.source_seen).where(*gone, seen.first_day == seen.last_day))
    within = still.where(days.day.between(seen.first_day, seen.last_day))
    first, last = (
        within.with_only_columns(edge(days.day)).scalar_subquery() for edge in (func.min, func.max)
    )
    connection.execute(update(schema.source_seen).where(*gone).values(first_day=first, last_day=last))
