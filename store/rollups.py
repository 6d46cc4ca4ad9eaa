"""Records in, the three tables that answer questions at once out: sums by day, and what was seen first and last.

They are written in the transaction of the records they count, so they are exact at every commit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection

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
