"""SMTP TLS reports in, their rows out: each once, and a second one with a known identity kept uncounted."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from parsers.reading import ReadTlsReport
from parsers.tls import TlsFailure, TlsPolicy, TlsReport
from store import schema
from store.bulk import Row, insert_rows
from store.claims import insert_new
from store.outcomes import Verdict
from store.reports import next_key
from store.rows import document_row, under


def file_tls_reports(
    connection: Connection, submissions: Sequence[tuple[int, ReadTlsReport]], now: datetime
) -> list[Verdict]:
    """Store reports, each with the key of its message; `now` is when they are ingested. Raises nothing of its own."""
    if not submissions:
        return []
    first = next_key(connection, schema.tls_report)
    rows = [_report_row(key, *each, now) for key, each in enumerate(submissions, first)]
    stored = insert_new(connection, schema.tls_report, rows)
    again = [row | {"counted": False} for row in rows if row["id"] not in stored and row["counted"]]
    conflicts = insert_new(connection, schema.tls_report, again)
    for key, (_, read) in enumerate(submissions, first):
        if key in stored | conflicts:
            _file(connection, key, read)
    return [_verdict(row["id"], stored, conflicts) for row in rows]


def identity(report: TlsReport) -> str:
    """Hash what makes two reports the same report: who, which, from when to when, about whom."""
    parts = (
        report.organization,
        report.report_id,
        report.begin and int(report.begin.timestamp()),
        report.end and int(report.end.timestamp()),
        sorted(policy.domain or "" for policy in report.policies),
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _verdict(key: int, stored: set[int], conflicts: set[int]) -> Verdict:
    if key in stored:
        return Verdict.STORED
    return Verdict.CONFLICT if key in conflicts else Verdict.DUPLICATE


def _file(connection: Connection, key: int, read: ReadTlsReport) -> None:
    """Write what hangs below a report that was inserted."""
    policies = list(enumerate(read.report.policies))
    failures = [
        _failure_row(key, position, ordinal, failure)
        for position, policy in policies
        for ordinal, failure in enumerate(policy.failures)
    ]
    insert_rows(connection, schema.tls_report_json, under(key, [document_row(read.document)]))
    insert_rows(connection, schema.tls_policy, [_policy_row(key, *each) for each in policies])
    insert_rows(connection, schema.tls_failure, failures)


def _report_row(key: int, message_key: int, read: ReadTlsReport, now: datetime) -> dict[str, Any]:
    report = read.report
    return {
        "id": key,
        "message_key": message_key,
        "identity": identity(report),
        "json_sha256": read.document.sha256,
        "organization": report.organization,
        "report_id": report.report_id,
        "contact": report.contact,
        "begins_at": report.begin,
        "ends_at": report.end,
        "day": (report.begin or report.end or now).astimezone(UTC).date(),
        "is_foreign": read.foreign,
        "counted": not read.foreign,
        "ingested_at": now,
    }


def _policy_row(key: int, position: int, policy: TlsPolicy) -> Row:
    return (
        key,
        position,
        policy.type,
        policy.type_raw,
        policy.domain,
        "\n".join(policy.strings) or None,
        "\n".join(policy.mx_hosts) or None,
        policy.successful,
        policy.failed,
    )


def _failure_row(key: int, position: int, ordinal: int, failure: TlsFailure) -> Row:
    return (
        key,
        position,
        ordinal,
        failure.result_type,
        failure.result_type_raw,
        failure.sending_mta_ip,
        failure.receiving_mx_hostname,
        failure.receiving_mx_helo,
        failure.receiving_ip,
        failure.sessions,
        failure.reason_code,
        failure.additional_information,
    )
