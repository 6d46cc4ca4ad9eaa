"""Records in, the three tables that answer questions at once out: sums by day, and what was seen first and last.

They are written in the transaction of the records they count, so they are exact at every commit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, update

from parsers.values import Record
from store import schema
from store.bulk import merge_rows


@dataclass(slots=True)
class Rollups:
    """Sums of records that are about to be committed."""

    _domains: dict[tuple[str, date, str, str, str], list[int]] = field(default_factory=dict)
    _sources: dict[tuple[str, date, str, str, str, str, str], list[int]] = field(default_factory=dict)
    _seen: dict[tuple[str, str], tuple[date, date]] = field(default_factory=dict)

    def add(self, policy_domain: str | None, day: date, records: Iterable[Record]) -> None:
        """Count records of one counted report."""
        domain = policy_domain or ""
        for record in records:
            result = (record.disposition or "", record.dkim or "", record.spf or "")
            _count(self._domains.setdefault((domain, day, *result), [0, 0]), record)
            if record.source_ip is not None:
                key = (domain, day, record.source_ip, record.header_from or "", *result)
                _count(self._sources.setdefault(key, [0, 0]), record)
                first, last = self._seen.get((domain, record.source_ip), (day, day))
                self._seen[domain, record.source_ip] = (min(first, day), max(last, day))

    def write(self, connection: Connection) -> None:
        """Merge the sums into the tables, and begin anew."""
        for table, sums in (
            (schema.domain_day_rollup, self._domains),
            (schema.source_day_rollup, self._sources),
        ):
            rows = [(*key, messages, records) for key, (messages, records) in sorted(sums.items())]
            merge_rows(connection, table, rows, {"messages": "sum", "records": "sum"})
            sums.clear()
        seen = [(*key, first, last) for key, (first, last) in sorted(self._seen.items())]
        merge_rows(connection, schema.source_seen, seen, {"first_day": "least", "last_day": "greatest"})
        self._seen.clear()


def _count(sums: list[int], record: Record) -> None:
    sums[0] += record.messages
    sums[1] += 1


def withdraw(connection: Connection, report_key: int) -> None:
    """Count a stored report no longer: a better copy takes its place."""
    report, record = schema.report, schema.record
    this = report.c.id == report_key
    connection.execute(update(report).where(this).values(counted=False))
    result = [func.coalesce(record.c[name], "") for name in ("disposition", "dkim", "spf")]
    day = [func.coalesce(report.c.policy_domain, ""), report.c.day]
    source = [record.c.source_ip, func.coalesce(record.c.header_from, "")]
    for table, key in (
        (schema.domain_day_rollup, [*day, *result]),
        (schema.source_day_rollup, [*day, *source, *result]),
    ):
        sums = select(*key, -func.sum(record.c.messages), -func.count()).group_by(*key)
        found = connection.execute(sums.join_from(report, record).where(this, *_with_address(table)))
        merge_rows(connection, table, [tuple(row) for row in found], {"messages": "sum", "records": "sum"})
        connection.execute(delete(table).where(table.c.records == 0))
    _see_again(connection, report_key)


def _with_address(table: Table) -> list[ColumnElement[bool]]:
    return [schema.record.c.source_ip.is_not(None)] if "source_ip" in table.c else []


def _see_again(connection: Connection, report_key: int) -> None:
    """Find out anew when the addresses of a report that was withdrawn were seen first and last."""
    seen, days = schema.source_seen, schema.source_day_rollup
    domain = select(func.coalesce(schema.report.c.policy_domain, "")).where(schema.report.c.id == report_key)
    addresses = select(schema.record.c.source_ip).where(schema.record.c.report_key == report_key)
    connection.execute(
        delete(seen).where(seen.c.policy_domain == domain.scalar_subquery(), seen.c.source_ip.in_(addresses))
    )
    still = select(days.c.policy_domain, days.c.source_ip, func.min(days.c.day), func.max(days.c.day))
    still = still.where(days.c.policy_domain == domain.scalar_subquery(), days.c.source_ip.in_(addresses))
    connection.execute(
        insert(seen).from_select(list(seen.c), still.group_by(days.c.policy_domain, days.c.source_ip))
    )
