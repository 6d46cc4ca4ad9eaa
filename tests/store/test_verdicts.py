"""What was judged of addresses is written as it is, in the place of what was judged before."""

from dataclasses import replace
from datetime import date

from store import lookups, verdicts
from store.database import Database
from store.verdicts import SourceVerdict
from tests.store.kit import NOW, counts, feedback, record, rows, take

JUDGED = SourceVerdict(
    source_ip="192.0.2.1",
    verdict="failing_own",
    service="mimecast",
    who="Mimecast",
    messages=12,
    failing=9,
    reason="Your gateway signs with a key that does not verify.",
    next_step=None,
    evidence="d=example.org s=mimecast\nspf=bounce.example.org",
    first_day=date(2026, 10, 3),
    last_day=date(2026, 11, 1),
)


def judge(database: Database, domain: str, *judged: SourceVerdict) -> None:
    verdicts.write_verdicts(database, domain, judged, NOW)


def test_a_verdict_is_written_as_it_is(database: Database) -> None:
    judge(database, "example.org", JUDGED)
    [row] = rows(
        database,
        "SELECT policy_domain, CAST(source_ip AS TEXT), verdict, service, who, messages, failing, reason, next_step, "
        "evidence, CAST(first_day AS TEXT), CAST(last_day AS TEXT) FROM source_verdict",
    )
    assert row[0] == "example.org"
    assert row[1].removesuffix("/32") == "192.0.2.1"
    assert row[2:] == (
        *("failing_own", "mimecast", "Mimecast", 12, 9, JUDGED.reason, None, JUDGED.evidence),
        *("2026-10-03", "2026-11-01"),
    )


def test_new_verdicts_take_the_place_of_all_that_the_domain_had(database: Database) -> None:
    judge(database, "example.net", JUDGED)
    judge(database, "example.org", JUDGED, replace(JUDGED, source_ip="192.0.2.2"))
    judge(database, "example.org", JUDGED, replace(JUDGED, verdict="passing"))
    query = "SELECT policy_domain, verdict FROM source_verdict ORDER BY 1, 2"
    assert rows(database, query) == [
        ("example.net", "failing_own"),
        ("example.org", "failing_own"),
        ("example.org", "passing"),
    ]
    judge(database, "example.org")
    assert rows(database, query) == [("example.net", "failing_own")]


def test_more_than_one_transaction_writes_comes_in_and_goes(database: Database) -> None:
    many = [
        replace(JUDGED, source_ip=f"192.0.{number >> 8}.{number & 255}", verdict=verdict)
        for number in range(2 * verdicts.AT_ONCE + 1)
        for verdict in ("failing_own", "passing")
    ]
    judge(database, "example.org", *many)
    assert counts(database, "source_verdict") == {"source_verdict": len(many)}
    judge(database, "example.org", JUDGED)
    assert counts(database, "source_verdict") == {"source_verdict": 1}


def test_services_are_noted_changed_and_taken_back(database: Database) -> None:
    take(database, feedback("1", *(record(f"192.0.2.{host}", 1) for host in (1, 2, 3))))
    mimecast, google = ("mimecast", "name: mx.mimecast.com"), ("google_workspace", "owner: Google LLC")
    with database.writing() as connection:
        lookups.take_new(connection, lambda _: True)
    verdicts.write_services(database, {"192.0.2.1": mimecast, "192.0.2.2": mimecast})
    verdicts.write_services(database, {"192.0.2.1": None, "192.0.2.2": google, "192.0.2.99": google})
    query = "SELECT service, service_evidence FROM source ORDER BY source_ip"
    assert rows(database, query) == [(None, None), google, (None, None)]
