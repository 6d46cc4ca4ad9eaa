"""SMTP TLS reports become rows: each once, a conflicting one and a foreign one uncounted, nothing of either lost."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert

from fixtures.carriers import gzipped, zipped
from parsers.reading import ReadTlsReport, read
from parsers.streams import Packing
from parsers.unpack import inflate
from store import schema
from store.database import Database
from store.outcomes import Verdict
from store.reports import next_key
from store.tls import file_tls_reports
from tests.store.kit import NOW, counts, rows

TABLES = ("tls_report", "tls_report_json", "tls_policy", "tls_failure")
DETAIL = {
    "result-type": "Certificate-Expired",
    "sending-mta-ip": "2001:db8:0::1",
    "receiving-ip": "192.0.2.7",
    "receiving-mx-hostname": "mx.inselpost.example",
    "receiving-mx-helo": "mx",
    "failed-session-count": 3,
    "failure-reason-code": "expired",
    "additional-information": "see there",
}


def policy(
    domain: str | None = "inselpost.example", good: int = 5, bad: int = 3, **more: Any
) -> dict[str, Any]:
    return {
        "policy": {"policy-type": "sts", "policy-domain": domain, **more},
        "summary": {"total-successful-session-count": good, "total-failure-session-count": bad},
        "failure-details": [DETAIL],
    }


def document(report_id: str = "1", *policies: dict[str, Any], day: str = "2026-11-01") -> bytes:
    report = {
        "organization-name": "Postamt Werder",
        "contact-info": "tls@postamt-werder.example",
        "report-id": report_id,
        "date-range": {"start-datetime": f"{day}T00:00:00Z", "end-datetime": f"{day}T23:59:59Z"},
        "policies": policies or [policy()],
    }
    return json.dumps(report).encode()


def tls_report(raw: bytes, *, foreign: bool = False) -> ReadTlsReport:
    [found] = read(raw, "report.json.gz").tls_reports
    return replace(found, foreign=foreign)


def file(database: Database, *reports: ReadTlsReport) -> list[Verdict]:
    """Store reports in one transaction, each of a message of its own."""
    with database.writing() as connection:
        submissions = list(enumerate(reports, next_key(connection, schema.message)))
        connection.execute(insert(schema.message), [message(key) for key, _ in submissions])
        return file_tls_reports(connection, submissions, NOW)


def message(key: int) -> dict[str, Any]:
    moments = {"first_seen_at": NOW, "decided_at": NOW}
    place = {"source": "box", "folder": "INBOX", "uidvalidity": 7, "uid": str(key)}
    return {"id": key, **place, "sha256": "", "size": 1, "outcome": "stored", "attempts": 1, **moments}


def test_a_report_has_all_its_rows(database: Database) -> None:
    strings: dict[str, Any] = {
        "policy-string": ["version: STSv1", "mode: testing"],
        "mx-host": ["mx.inselpost.example", "*.b.example"],
    }
    raw = document("7", policy(**strings), policy(None, 1, 0))
    assert file(database, tls_report(raw)) == [Verdict.STORED]
    with database.reading() as connection:
        [report] = connection.execute(schema.tls_report.select()).mappings()
        policies = [tuple(row) for row in connection.execute(schema.tls_policy.select())]
        failures = [tuple(row) for row in connection.execute(schema.tls_failure.select())]
        [(key, packing, data)] = connection.execute(schema.tls_report_json.select())
    assert (report["organization"], report["report_id"]) == ("Postamt Werder", "7")
    assert report["contact"] == "tls@postamt-werder.example"
    assert report["begins_at"] == datetime(2026, 11, 1, tzinfo=UTC)
    assert report["ends_at"] == datetime(2026, 11, 1, 23, 59, 59, tzinfo=UTC)
    assert str(report["day"]) == "2026-11-01"
    assert (report["counted"], report["is_foreign"], report["ingested_at"]) == (True, False, NOW)
    texts = ("version: STSv1\nmode: testing", "mx.inselpost.example\n*.b.example")
    assert sorted(policies, key=lambda row: row[1]) == [
        (key, 0, "sts", None, "inselpost.example", *texts, 5, 3),
        (key, 1, "sts", None, None, None, None, 1, 0),
    ]
    detail = ("certificate-expired", "Certificate-Expired", "2001:db8::1", "mx.inselpost.example", "mx")
    tail = ("192.0.2.7", 3, "expired", "see there")
    assert sorted(failures, key=lambda row: row[1]) == [
        (key, 0, 0, *detail, *tail),
        (key, 1, 0, *detail, *tail),
    ]
    assert inflate(data, Packing(packing)) == raw


@pytest.mark.parametrize("pack", [bytes, gzipped, lambda raw: zipped({"report.json": raw})])
def test_its_json_can_be_read_again(database: Database, pack: Any) -> None:
    raw = document()
    file(database, tls_report(pack(raw)))
    [(packing, data)] = rows(database, "SELECT packing, data FROM tls_report_json")
    assert inflate(bytes(data), Packing(packing)) == raw


def test_the_same_report_is_stored_once(database: Database) -> None:
    raw = document()
    assert file(database, tls_report(raw), tls_report(gzipped(raw))) == [Verdict.STORED, Verdict.DUPLICATE]
    assert file(database, tls_report(raw)) == [Verdict.DUPLICATE]
    assert counts(database, *TABLES) == dict.fromkeys(TABLES, 1)


def test_other_content_under_a_known_identity_is_kept_and_not_counted(database: Database) -> None:
    other = document("1", policy(good=6))
    assert file(database, tls_report(document()), tls_report(other)) == [Verdict.STORED, Verdict.CONFLICT]
    assert file(database, tls_report(other)) == [Verdict.DUPLICATE]
    assert counts(database, *TABLES) == dict.fromkeys(TABLES, 2)
    assert rows(database, "SELECT sum(successful_sessions) FROM tls_policy") == [(11,)]
    assert rows(database, "SELECT successful_sessions FROM tls_days") == [(5,)]


def test_another_domain_or_day_is_another_report(database: Database) -> None:
    others = (document("1", policy("b.example")), document("1", day="2026-11-02"), document("2"))
    verdicts = file(database, tls_report(document()), *map(tls_report, others))
    assert verdicts == [Verdict.STORED] * 4


def test_a_foreign_report_is_stored_and_not_counted(database: Database) -> None:
    raw = document()
    assert file(database, tls_report(raw, foreign=True)) == [Verdict.STORED]
    assert file(database, tls_report(raw, foreign=True)) == [Verdict.DUPLICATE]
    assert rows(database, "SELECT count(*) FROM tls_report WHERE is_foreign AND NOT counted") == [(1,)]
    assert rows(database, "SELECT count(*) FROM tls_days") == [(0,)]


def test_nothing_to_store_stores_nothing(database: Database) -> None:
    with database.writing() as connection:
        assert file_tls_reports(connection, [], NOW) == []


def test_days_are_summed_by_policy(database: Database) -> None:
    file(
        database,
        tls_report(document("1", policy(), policy(good=1, bad=0), policy("b.example"))),
        tls_report(document("2", policy(good=10_000_000_000, bad=0))),
        tls_report(document("3", policy(None), day="2026-11-02")),
    )
    columns = "day, policy_domain, policy_type, reports, successful_sessions, failed_sessions"
    found = rows(database, f"SELECT {columns} FROM tls_days")  # noqa: S608 (our own names)
    assert sorted((str(day), *rest) for day, *rest in found) == [
        ("2026-11-01", "b.example", "sts", 1, 5, 3),
        ("2026-11-01", "inselpost.example", "sts", 2, 10_000_000_006, 3),
        ("2026-11-02", None, "sts", 1, 5, 3),
    ]
