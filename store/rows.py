"""A report's values in, the rows of its tables out: pure, in the order of the tables' columns."""

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection

from parsers.alignment import Recomputed, recompute
from parsers.reading import ReadReport
from parsers.streams import Packing
from parsers.unpack import Document
from parsers.values import PolicyPublished, Record, ReportHeader
from store import schema
from store.bulk import Row, insert_rows


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


def day(header: ReportHeader, now: datetime) -> date:
    """Give the UTC day that a report counts for."""
    return (header.begin or header.end or now).astimezone(UTC).date()


def report_row(key: int, message_key: int, read: ReadReport, now: datetime) -> dict[str, Any]:
    """Give the row of a report; the totals of a large one, and whether it is whole, follow once it is read."""
    header, policy = read.header, read.header.policy
    return {
        "id": key,
        "message_key": message_key,
        "identity": identity(header),
        "reporter": header.reporter,
        "report_id": header.report_id,
        "policy_domain": policy.domain,
        "begins_at": header.begin,
        "ends_at": header.end,
        "day": day(header, now),
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
        "ingested_at": now,
        "is_foreign": read.foreign,
        "sender_fits": read.sender_fits,
    }


def document_row(key: int, document: Document) -> Row:
    """Give the row that keeps a report's XML or JSON, as the reporter compressed it."""
    if document.packing is Packing.PLAIN:
        return (key, Packing.ZLIB.value, zlib.compress(document.packed))
    return (key, document.packing.value, document.packed)


@dataclass(slots=True)
class RecordRows:
    """Rows of records and of what hangs below them, collected to be inserted together."""

    record: list[Row] = field(default_factory=list)
    record_dkim: list[Row] = field(default_factory=list)
    record_spf: list[Row] = field(default_factory=list)
    record_reason: list[Row] = field(default_factory=list)

    def add(self, key: int, policy: PolicyPublished, first: int, records: Sequence[Record]) -> int:
        """Add records of a report from an ordinal on; return the next ordinal."""
        for ordinal, record in enumerate(records, first):
            self.record.append(_record(key, ordinal, record, recompute(record, policy)))
            self.record_dkim += [
                (key, ordinal, position, it.domain, it.selector, it.result, it.human_result, it.result_raw)
                for position, it in enumerate(record.dkim_results)
            ]
            self.record_spf += [
                (
                    key,
                    ordinal,
                    position,
                    it.domain,
                    it.scope,
                    it.result,
                    it.human_result,
                    it.scope_raw,
                    it.result_raw,
                )
                for position, it in enumerate(record.spf_results)
            ]
            self.record_reason += [
                (key, ordinal, position, it.type, it.comment, it.type_raw)
                for position, it in enumerate(record.reasons)
            ]
        return first + len(records)

    def write(self, connection: Connection) -> None:
        """Insert what was collected, and begin anew."""
        for table, rows in (
            (schema.record, self.record),
            (schema.record_dkim, self.record_dkim),
            (schema.record_spf, self.record_spf),
            (schema.record_reason, self.record_reason),
        ):
            insert_rows(connection, table, rows)
            rows.clear()


def _record(key: int, ordinal: int, record: Record, recomputed: Recomputed) -> Row:
    return (
        key,
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
