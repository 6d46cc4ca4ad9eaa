"""What the database tells about how ruamill is doing."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert

from fixtures.carriers import gzipped
from store import health, mailboxes
from store.database import Database
from store.ledger import Place
from store.migrate import HEAD, revision, upgrade
from store.outcomes import Outcome
from store.schema import report, source
from store.writer import write
from tests.store.kit import INBOX, NOW, about_others, feedback, incoming, report_mail, take

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def mail(number: int, domain: str) -> bytes:
    return report_mail((f"{number}.xml.gz", gzipped(feedback(str(number), domain=domain))))


def take_foreign(database: Database, raw: bytes) -> None:
    """Store a report about a domain that is none of ours."""
    write(database, [about_others(raw, "77")], NOW)


def test_the_revision_is_told_and_none_of_an_empty_database(database_url: str) -> None:
    database = Database(database_url)
    with database.reading() as connection:
        assert revision(connection) is None
    upgrade(database)
    with database.reading() as connection:
        assert revision(connection) == HEAD
    database.close()


def test_the_size_is_told_in_bytes(database: Database) -> None:
    with database.reading() as connection:
        assert 10_000 < health.size(connection) < 100_000_000


def test_every_folder_tells_how_far_it_is(database: Database) -> None:
    archive = Place("box", "Archive", 3)
    with database.writing() as connection:
        mailboxes.note_waiting(connection, INBOX, 12, NOW - MINUTE)
        mailboxes.note_poll(connection, INBOX, 7, NOW)
        mailboxes.note_failure(connection, archive, "no such folder", NOW)
    with database.reading() as connection:
        first, second = health.folder_states(connection)
    assert (first.source, first.folder, first.last_error) == ("box", "Archive", "no such folder")
    assert (first.last_poll_at, first.last_error_at, first.waiting) == (None, NOW, None)
    assert (second.last_poll_at, second.last_error) == (NOW, None)
    assert (second.waiting, second.oldest_waiting_at) == (12, NOW - MINUTE)


def test_the_newest_report_of_each_domain_is_found(database: Database) -> None:
    take(database, mail(1, "example.org"), mail(2, "example.net"), now=NOW)
    take(database, mail(3, "example.org"), now=NOW + MINUTE)
    take_foreign(database, mail(4, "example.com"))
    with database.reading() as connection:
        newest = health.newest_reports(connection)
    assert newest.moments == {"example.org": NOW + MINUTE, "example.net": NOW}


def test_whoever_asks_again_looks_at_what_is_new_alone(database: Database) -> None:
    take(database, mail(1, "example.org"), now=NOW)
    with database.reading() as connection:
        first = health.newest_reports(connection)
    take(database, mail(2, "example.net"), now=NOW + MINUTE)
    with database.reading() as connection:
        second = health.newest_reports(connection, first.upto)
        third = health.newest_reports(connection, second.upto)
    assert second.moments == {"example.net": NOW + MINUTE}
    assert third.moments == {}


def test_keys_that_are_used_again_are_looked_at_again(database: Database) -> None:
    take(database, mail(1, "example.org"), mail(2, "example.org"), now=NOW)
    with database.reading() as connection:
        first = health.newest_reports(connection)
    with database.writing() as connection:
        connection.execute(delete(report))
    take(database, mail(3, "example.net"), now=NOW + MINUTE)
    with database.reading() as connection:
        assert health.newest_reports(connection, first.upto).moments == {"example.net": NOW + MINUTE}


def test_look_ups_are_counted_by_state(database: Database) -> None:
    states = ["waiting", "waiting", "found"]
    rows = [
        {"source_ip": f"192.0.2.{number}", "state": state, "first_day": NOW.date() - number * DAY}
        for number, state in enumerate(states)
    ]
    with database.reading() as connection:
        assert health.oldest_waiting(connection) is None
    with database.writing() as connection:
        connection.execute(insert(source), rows)
    with database.reading() as connection:
        found = health.lookups(connection)
        assert health.oldest_waiting(connection) == NOW.date() - DAY
    assert found == {"waiting": 2, "found": 1, "not_found": 0, "reserved": 0, "error": 0}


@pytest.mark.parametrize(("hours", "messages", "reports"), [(0, 1, 1), (2, 3, 2)])
def test_what_came_in_since_then_is_counted(
    hours: int, messages: int, reports: int, database: Database
) -> None:
    early = NOW - timedelta(hours=1)
    with database.reading() as connection:
        assert health.intake(connection, early) == health.Intake({}, 0, 0)
    batch = [incoming(mail(1, "example.org"), "1"), incoming(b"Subject: Lunch?\n\nToday?", "2")]
    write(database, batch, early)
    write(database, [incoming(mail(2, "example.org"), "3")], NOW)
    with database.reading() as connection:
        found = health.intake(connection, NOW - timedelta(hours=hours))
        assert health.totals(connection) == (2, 2)
    assert sum(found.outcomes.values()) == messages
    assert found.outcomes[Outcome.STORED] == found.reports == found.records == reports
