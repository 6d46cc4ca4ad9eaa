"""Failure reports become rows: every field, each report once, foreign ones out of the view."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from parsers.failure import FailureReport, Level, redact
from parsers.reading import ReadFailure, read
from store import schema
from store.database import Database
from store.failures import file_failures
from store.outcomes import Verdict
from store.reports import next_key
from tests.store.kit import NOW, counts, rows

MAILS = Path(__file__).parents[2] / "fixtures" / "failures"
RECEIVED = datetime(2026, 11, 2, 9, 12, tzinfo=UTC)


def reported(name: str = "rfc9991") -> tuple[FailureReport, ...]:
    mail = MAILS / f"{name}.eml"
    return tuple(found.report for found in read(mail.read_bytes(), mail.name).failures)


def file(database: Database, *reports: ReadFailure) -> list[Verdict]:
    """Store reports in one transaction, each of a message of its own."""
    with database.writing() as connection:
        submissions = list(enumerate(reports, next_key(connection, schema.message)))
        connection.execute(insert(schema.message), [message(key) for key, _ in submissions])
        return file_failures(connection, submissions, NOW)


def message(key: int) -> dict[str, Any]:
    place = {"source": "box", "folder": "INBOX", "uidvalidity": 7, "uid": str(key)}
    moments = {"first_seen_at": NOW, "decided_at": NOW, "received_at": RECEIVED}
    sender = {"from_domain": "postamt-werder.example"}
    return {
        "id": key,
        **place,
        "sha256": "",
        "size": 1,
        "outcome": "stored",
        "attempts": 1,
        **moments,
        **sender,
    }


def test_a_report_has_every_field_in_its_row(database: Database) -> None:
    report = replace(reported()[0], auth_failure_raw="dmarc")
    assert file(database, ReadFailure(report)) == [Verdict.STORED]
    with database.reading() as connection:
        [row] = connection.execute(schema.failure_report.select()).mappings()
    stored = dict(row)
    assert (stored.pop("id"), stored.pop("message_key")) == (1, 1)
    assert (stored.pop("is_foreign"), stored.pop("ingested_at")) == (False, NOW)
    assert stored.pop("auth_failure") == "dmarc"
    assert stored == {name: getattr(report, name) for name in stored}
    assert None not in stored.values()


@pytest.mark.parametrize("mail", sorted(MAILS.glob("*.eml")), ids=lambda path: path.stem)
def test_every_fixture_is_stored_at_every_level(database: Database, mail: Path) -> None:
    levels: tuple[Level, ...] = ("none", "redacted", "full")
    for report in reported(mail.stem):
        verdicts = [file(database, ReadFailure(redact(report, level))) for level in levels]
        assert verdicts == [[Verdict.STORED], [Verdict.DUPLICATE], [Verdict.DUPLICATE]]


def test_the_same_report_is_stored_once(database: Database) -> None:
    reports = [ReadFailure(report) for report in (*reported(), *reported(), *reported("abuse"))]
    assert file(database, *reports) == [Verdict.STORED, Verdict.DUPLICATE, Verdict.STORED]
    assert counts(database, "failure_report") == {"failure_report": 2}


def test_nothing_to_store_stores_nothing(database: Database) -> None:
    with database.writing() as connection:
        assert file_failures(connection, [], NOW) == []


def test_the_view_tells_who_reported_and_when_and_leaves_foreign_ones_out(database: Database) -> None:
    [report], [foreign] = reported(), reported("abuse")
    file(database, ReadFailure(report), ReadFailure(foreign, foreign=True))
    with database.reading() as connection:
        [row] = connection.exec_driver_sql("SELECT * FROM failure_messages").mappings()
    assert row["reporter"] == "postamt-werder.example"
    assert str(row["received_at"]).startswith("2026-11-02 09:12:00")
    assert row["reported_domain"] == "inselpost.example"
    assert str(row["source_ip"]) == "2001:db8:0:17::25"
    assert row["auth_failure"] == "dmarc"
    assert row["headers"] == report.headers
    assert rows(database, "SELECT count(*) FROM failure_report WHERE is_foreign") == [(1,)]
