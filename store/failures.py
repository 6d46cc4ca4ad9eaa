"""Failure reports in, their rows out, each once: known again by what it reported, whatever was masked of it since."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from parsers.reading import ReadFailure
from store import schema
from store.claims import insert_new
from store.outcomes import Verdict
from store.reports import next_key


def file_failures(
    connection: Connection, submissions: Sequence[tuple[int, ReadFailure]], now: datetime
) -> list[Verdict]:
    """Store reports, each with the key of its message; `now` is when they are ingested. Raises nothing of its own."""
    if not submissions:
        return []
    first = next_key(connection, schema.failure_report)
    rows = [_row(key, *each, now) for key, each in enumerate(submissions, first)]
    stored = insert_new(connection, schema.failure_report, rows)
    return [Verdict.STORED if row["id"] in stored else Verdict.DUPLICATE for row in rows]


def _row(key: int, message_key: int, read: ReadFailure, now: datetime) -> dict[str, Any]:
    report = read.report
    return {
        "id": key,
        "message_key": message_key,
        "content_sha256": report.content_sha256,
        "feedback_type": report.feedback_type,
        "user_agent": report.user_agent,
        "version": report.version,
        "source_ip": report.source_ip,
        "reported_domain": report.reported_domain,
        "arrival_at": report.arrival_at,
        "auth_failure": ",".join(report.auth_failure) or None,
        "auth_failure_raw": report.auth_failure_raw,
        "identity_alignment": report.identity_alignment,
        "delivery_result": report.delivery_result,
        "reporting_mta": report.reporting_mta,
        "original_envelope_id": report.original_envelope_id,
        "original_mail_from": report.original_mail_from,
        "original_rcpt_to": report.original_rcpt_to,
        "authentication_results": report.authentication_results,
        "dkim_domain": report.dkim_domain,
        "dkim_selector": report.dkim_selector,
        "dkim_identity": report.dkim_identity,
        "spf_dns": report.spf_dns,
        "header_from": report.header_from,
        "incidents": report.incidents,
        "headers": report.headers,
        "is_foreign": read.foreign,
        "ingested_at": now,
    }
