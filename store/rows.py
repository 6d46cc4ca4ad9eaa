"""A report's values in, the rows of its tables out: pure, in the order of the tables' columns.

No row has the report's key yet, the first of its columns: whoever writes puts it in front (`under`).
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Table

from parsers.aggregate import ReportReader
from parsers.alignment import Recomputed, recompute
from parsers.deviations import Deviation
from parsers.reading import ReadReport
from parsers.streams import Packing
from parsers.unpack import Document
from parsers.values import PolicyPublished, Record, Report, ReportHeader
from store import schema
from store.bulk import Row

RECORD_TABLES = (schema.record, schema.record_dkim, schema.record_spf, schema.record_reason)

_MESSAGES = schema.record.columns.keys().index("messages") - 1


def identity(header: ReportHeader) -> str:
    """Hash what makes two reports the same report: who, which, about whom, from when to when.

    A hash, because the parts are strangers' texts of any length, and may be absent.
    """
    parts = (
        header.reporter,
        header.report_id,
        header.policy.domain,
        header.begin and int(header.begin.timestamp()),
        header.end and int(header.end.timestamp()),
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def report_values(read: ReadReport) -> dict[str, Any]:
    """Give what a report's row says of it; the totals of a large one, and whether it is whole, follow once it is read."""
    header, policy = read.header, read.header.policy
    return {
        "identity": identity(header),
        "reporter": header.reporter,
        "report_id": header.report_id,
        "policy_domain": policy.domain,
        "begins_at": header.begin,
        "ends_at": header.end,
        "day": _day(header),
        "email": header.email,
        "extra_contact_info": header.extra_contact_info,
        "dialect": header.dialect,
        "version": header.version,
        "generator": header.generator,
        "p": policy.p,
        "sp": policy.sp,
        "np": policy.np,
        "adkim": policy.adkim,
        "aspf": policy.aspf,
        "pct": policy.pct,
        "fo": policy.fo,
        "testing": policy.testing,
        "discovery_method": policy.discovery_method,
        "errors": "\n".join(" ".join(error.split()) for error in header.errors) or None,
        "xml_sha256": read.document.sha256,
        "xml_bytes": read.document.size,
        "records": 0 if read.report is None else len(read.report.records),
        "messages": 0 if read.report is None else sum(record.messages for record in read.report.records),
        "counted": not read.foreign,
        "whole": read.report is None or read.report.damage is None,
        "is_foreign": read.foreign,
        "sender_fits": read.sender_fits,
    }


def report_row(values: dict[str, Any], key: int, message_key: int, now: datetime) -> dict[str, Any]:
    """Give the row of a report that is ingested now; it counts for this day where it names none."""
    placed = {"id": key, "message_key": message_key, **values, "ingested_at": now}
    return placed if values["day"] else placed | {"day": now.astimezone(UTC).date()}


def _day(header: ReportHeader) -> date | None:
    """Give the UTC day that a report counts for."""
    moment = header.begin or header.end
    return moment and moment.astimezone(UTC).date()


def document_row(document: Document) -> Row:
    """Give the row that keeps a report's XML or JSON, as the reporter compressed it."""
    if document.packing is Packing.PLAIN:
        return (Packing.ZLIB.value, zlib.compress(document.packed))
    return (document.packing.value, document.packed)


def deviation_row(deviation: Deviation) -> Row:
    """Give what the row of a deviation says of it."""
    return (deviation.code, deviation.place, deviation.action, deviation.raw, deviation.times)


def under(key: int, rows: Iterable[Row]) -> list[Row]:
    """Put rows below a report: its key is their first column."""
    return [(key, *row) for row in rows]


@dataclass(frozen=True, slots=True)
class RecordRows:
    """Rows of records and of what hangs below them."""

    record: list[Row] = field(default_factory=list)
    record_dkim: list[Row] = field(default_factory=list)
    record_spf: list[Row] = field(default_factory=list)
    record_reason: list[Row] = field(default_factory=list)

    @property
    def messages(self) -> int:
        """How many messages the records stand for."""
        return sum(row[_MESSAGES] for row in self.record)

    def under(self, key: int) -> Iterator[tuple[Table, list[Row]]]:
        """Give the rows of each table, below a report."""
        for table in RECORD_TABLES:
            yield table, under(key, getattr(self, table.name))


def record_rows(policy: PolicyPublished, first: int, records: Iterable[Record]) -> RecordRows:
    """Give the rows of a report's records from an ordinal on."""
    rows = RecordRows()
    for ordinal, record in enumerate(records, first):
        rows.record.append(_record(ordinal, record, recompute(record, policy)))
        for at, dkim in enumerate(record.dkim_results):
            results = (dkim.domain, dkim.selector, dkim.result, dkim.human_result, dkim.result_raw)
            rows.record_dkim.append((ordinal, at, *results))
        for at, spf in enumerate(record.spf_results):
            checks = (spf.domain, spf.scope, spf.result, spf.human_result, spf.scope_raw, spf.result_raw)
            rows.record_spf.append((ordinal, at, *checks))
        for at, reason in enumerate(record.reasons):
            rows.record_reason.append((ordinal, at, reason.type, reason.comment, reason.type_raw))
    return rows


def block_rows(report: Report | ReportReader) -> Iterator[RecordRows]:
    """Give the rows of all its records, in the order they stand, block by block. Raises ReportError as reading on does."""
    first = 0
    for records in report.blocks():
        yield record_rows(report.header.policy, first, records)
        first += len(records)


def _record(ordinal: int, record: Record, recomputed: Recomputed) -> Row:
    return (
        ordinal,
        record.source_ip,
        record.messages,
        record.disposition,
        record.dkim,
        record.spf,
        record.dmarc_pass,
        record.header_from,
        record.envelope_from,
        record.envelope_to,
        record.null_path,
        record.disposition_raw,
        record.dkim_raw,
        record.spf_raw,
        recomputed.dkim,
        recomputed.spf,
        recomputed.agreement,
    )
