"""Records in, the three tables that answer questions at once out: sums by day, and what was seen first and last.

They are written in the transaction of the records they count, so they are exact at every commit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, case, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from parsers.values import Record
from store import schema
from store.bulk import Merge, Row, inserting, merge_rows

_DOMAIN = func.coalesce(schema.report.c.policy_domain, "").label("policy_domain")
_RESULT = [func.coalesce(schema.record.c[name], "").label(name) for name in ("disposition", "dkim", "spf")]
_SOURCE = [schema.record.c.source_ip, func.coalesce(schema.record.c.header_from, "").label("header_from")]


@dataclass(frozen=True, slots=True)
class Sums:
    """What records of one report come to; the domain and the day, the same for all of them, are left out."""

    results: list[Row]
    """Disposition, dkim, spf, messages, records."""
    sources: list[Row]
    """Address, author domain, disposition, dkim, spf, messages, records; only those that name an address."""


def sum_up(records: Iterable[Record]) -> Sums:
    """Count records of one report."""
    results: dict[Row, list[int]] = {}
    sources: dict[Row, list[int]] = {}
    for record in records:
        result = (record.disposition or "", record.dkim or "", record.spf or "")
        _count(results.setdefault(result, [0, 0]), record)
        if record.source_ip is not None:
            source = (record.source_ip, record.header_from or "", *result)
            _count(sources.setdefault(source, [0, 0]), record)
    return Sums(
        [(*key, *sums) for key, sums in results.items()], [(*key, *sums) for key, sums in sources.items()]
    )


def _count(sums: list[int], record: Record) -> None:
    sums[0] += record.messages
    sums[1] += 1


@dataclass(slots=True)
class Rollups:
    """Sums of reports that are about to be committed."""

    _results: list[Row] = field(default_factory=list)
    _sources: list[Row] = field(default_factory=list)
    _seen: list[Row] = field(default_factory=list)

    def add(self, policy_domain: str | None, day: date, sums: Sums) -> None:
        """Count records of one counted report."""
        domain = policy_domain or ""
        self._results += [(domain, day, *row) for row in sums.results]
        self._sources += [(domain, day, *row) for row in sums.sources]
        self._seen += [
            (domain, address, day, day) for address in dict.fromkeys(row[0] for row in sums.sources)
        ]

    def write(self, connection: Connection) -> None:
        """Merge the sums into the tables, and begin anew."""
        added: dict[str, Merge] = {"messages": "sum", "records": "sum"}
        merge_rows(connection, schema.domain_day_rollup, self._results, added)
        merge_rows(connection, schema.source_day_rollup, self._sources, added)
        seen: dict[str, Merge] = {"first_day": "least", "last_day": "greatest"}
        merge_rows(connection, schema.source_seen, self._seen, seen)
        for rows in (self._results, self._sources, self._seen):
            rows.clear()


def enter(connection: Connection, report_key: int) -> None:
    """Count a stored report that was not: the counterpart of `withdraw`.

    Raises IntegrityError where another one is counted under its identity: withdraw that first.
    """
    _mark(connection, report_key, counted=True)
    _merge_sums(connection, report_key, 1)
    seen, day = schema.source_seen, schema.report.c.day
    rows = select(_DOMAIN, schema.record.c.source_ip, day.label("first_day"), day.label("last_day"))
    new = _insert(connection, seen, rows.distinct().where(*_of(seen, report_key)))
    first, last = (seen.c.first_day, new.excluded.first_day), (seen.c.last_day, new.excluded.last_day)
    days = {
        "first_day": case((first[0] < first[1], first[0]), else_=first[1]),
        "last_day": case((last[0] > last[1], last[0]), else_=last[1]),
    }
    connection.execute(new.on_conflict_do_update(index_elements=list(seen.primary_key), set_=days))


def withdraw(connection: Connection, report_key: int) -> None:
    """Count a stored report no longer: a better copy takes its place, or a person decided so."""
    _mark(connection, report_key, counted=False)
    _merge_sums(connection, report_key, -1)
    report = select(_DOMAIN, schema.report.c.day).where(schema.report.c.id == report_key)
    domain, day = connection.execute(report).one()
    for table in (schema.domain_day_rollup, schema.source_day_rollup):
        here = (table.c.policy_domain == domain, table.c.day == day)
        connection.execute(delete(table).where(*here, table.c.records == 0))
    _see_again(connection, report_key, domain, day)


def _mark(connection: Connection, report_key: int, *, counted: bool) -> None:
    connection.execute(update(schema.report).where(schema.report.c.id == report_key).values(counted=counted))


def _merge_sums(connection: Connection, report_key: int, sign: int) -> None:
    """Add a report to the sums, or take it out of them, within the database: it may have 1,000,000 records."""
    messages, records = sign * func.sum(schema.record.c.messages), sign * func.count()
    for table, key in (
        (schema.domain_day_rollup, [_DOMAIN, schema.report.c.day, *_RESULT]),
        (schema.source_day_rollup, [_DOMAIN, schema.report.c.day, *_SOURCE, *_RESULT]),
    ):
        sums = select(*key, messages.label("messages"), records.label("records")).group_by(*key)
        new = _insert(connection, table, sums.where(*_of(table, report_key)))
        added = {name: table.c[name] + new.excluded[name] for name in ("messages", "records")}
        connection.execute(new.on_conflict_do_update(index_elements=list(table.primary_key), set_=added))


def _of(table: Table, report_key: int) -> list[ColumnElement[bool]]:
    """Choose the records of a report that a table counts."""
    report, record = schema.report.c, schema.record.c
    chosen = [report.id == report_key, record.report_key == report.id]
    return [*chosen, record.source_ip.is_not(None)] if "source_ip" in table.c else chosen


def _insert(connection: Connection, table: Table, rows: Select[Any]) -> postgresql.Insert | sqlite.Insert:
    return inserting(connection, table).from_select(rows.selected_columns.keys(), rows)


def _see_again(connection: Connection, report_key: int, domain: str, day: date) -> None:
    """Find out anew when the addresses of a report that was withdrawn were seen first and last.

    Only of those that had their first or last day by this report. From the old day on, the next one is never far in
    the order of the key: to ask for a domain's every day would take seconds in a database of years.
    """
    seen, days = schema.source_seen.c, schema.source_day_rollup.c
    addresses = select(schema.record.c.source_ip).where(*_of(schema.source_seen, report_key))
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
