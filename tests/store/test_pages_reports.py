"""Reports and the ledger, as the pages show them: filters, pages, and one of each in full."""

from datetime import UTC, date, datetime, timedelta

import pytest

from fixtures.carriers import gzipped
from store.database import Database
from store.ledger import Place
from store.outcomes import Outcome
from store.pages import report as pages
from store.pages.ledger import (
    Tally,
    mailboxes,
    message_figures,
    messages,
    outcomes,
    tallies,
)
from store.pages.report import LAST, ReportFigures, document, records, report_figures
from store.pages.reports import Filter, domain_names, reporter_names, reports
from store.pages.values import PER_PAGE, UnknownPlaceError
from store.schema import INDEXED
from store.writer import write
from tests.store.kit import (
    INBOX,
    NOW,
    RECORD,
    about_others,
    feedback,
    half,
    incoming,
    record,
    report_mail,
    take,
)
from tests.store.pages_kit import about, failing, november

BOX, OTHER = INBOX, Place("other", "INBOX", 7)


def bring(
    database: Database, *reports: bytes, place: Place = BOX, first: int = 1, now: datetime = NOW
) -> None:
    """Take reports in, each by a mail of its own."""
    mails = (report_mail((f"{number}.xml.gz", gzipped(it))) for number, it in enumerate(reports))
    write(database, [incoming(it, str(uid), place) for uid, it in enumerate(mails, first)], now)


def keys(database: Database, chosen: Filter, after: int | None = None) -> tuple[list[int], str | None]:
    with database.reading() as connection:
        found = reports(connection, chosen, after)
    return [it.id for it in found.rows], found.following


def full(database: Database, key: int = 1) -> ReportFigures:
    with database.reading() as connection:
        found = report_figures(connection, key)
    assert found
    return found


# --- reports


def test_reports_are_filtered_by_domain_reporter_and_day(database: Database) -> None:
    bring(
        database,
        about(1, reporter="Large"),
        about(5, reporter="Large", domain="example.com"),
        about(3, reporter="Small"),
        about(3, reporter="Small", domain="example.com"),
    )
    assert keys(database, Filter()) == ([2, 4, 3, 1], None)
    assert keys(database, Filter("example.com")) == ([2, 4], None)
    assert keys(database, Filter(reporter="Small")) == ([4, 3], None)
    assert keys(database, Filter("example.org", "Small")) == ([3], None)
    assert keys(database, Filter(first_day=november(3))) == ([2, 4, 3], None)
    assert keys(database, Filter(last_day=november(3))) == ([4, 3, 1], None)
    assert keys(database, Filter("example.net")) == ([], None)
    with database.reading() as connection:
        assert reporter_names(connection) == ("Large", "Small")
        assert domain_names(connection) == ("example.com", "example.org")


def test_reports_come_page_by_page(database: Database) -> None:
    bring(database, *(about(1 + it % 3) for it in range(2 * PER_PAGE)))
    every = sorted(range(1, 2 * PER_PAGE + 1), key=lambda key: (-((key - 1) % 3), -key))
    first, following = keys(database, Filter("example.org"))
    assert following
    assert keys(database, Filter("example.org"), int(following)) == (every[PER_PAGE:], None)
    assert first == every[:PER_PAGE]
    for beyond in (every[-1], 999):
        with pytest.raises(UnknownPlaceError):
            keys(database, Filter(), beyond)


def test_a_reporter_with_a_name_as_long_as_it_likes_is_found_and_not_listed(database: Database) -> None:
    name = "x" * 10_000
    bring(database, about(1, reporter=name), about(2, reporter="y" * INDEXED))
    assert keys(database, Filter(reporter=name)) == ([1], None)
    with database.reading() as connection:
        assert reporter_names(connection) == ("y" * INDEXED,)


def test_a_report_is_shown_as_it_was_published(database: Database) -> None:
    xml = feedback("7", RECORD, failing("192.0.2.2", 3)).replace(
        b"<p>none</p>", b"<p>none</p><sp>strange</sp>"
    )
    bring(database, xml)
    found = full(database)
    assert (found.published.reporter, found.published.report_id, found.published.p) == (
        "Reporter",
        "7",
        "none",
    )
    assert (found.published.sp, found.published.np, found.published.dialect) == ("unknown", None, "rfc7489")
    assert (found.filed.records, found.filed.messages, found.passing, found.filed.counted) == (
        2,
        15,
        12,
        True,
    )
    assert (found.filed.day, found.filed.ingested_at) == (date(2026, 11, 1), NOW)
    assert (found.carrier.source, found.carrier.uid) == ("box", "1")
    assert found.carrier.subject == "Report Domain: example.org"
    assert "strange" in [it.raw for it in found.deviations]
    with database.reading() as connection:
        kept = document(connection, 1)
    assert kept
    assert (b"".join(kept.chunks()), kept.xml_bytes) == (xml, len(xml))


def test_records_of_a_report_come_page_by_page(database: Database) -> None:
    bring(database, feedback("1", *(record(f"192.0.2.{it}", 1) for it in range(PER_PAGE + 2))), feedback("2"))
    with database.reading() as connection:
        first = records(connection, 1)
        assert first.following
        second = records(connection, 1, int(first.following))
        assert [it.ordinal for it in (*first.rows, *second.rows)] == list(range(PER_PAGE + 2))
        assert second.following is None
        (other,) = records(connection, 2).rows
        assert (len(other.signatures), first.rows[0].signatures) == (2, ())
        for beyond in (PER_PAGE + 1, LAST, LAST + 1):
            with pytest.raises(UnknownPlaceError):
                records(connection, 1, beyond)


def test_a_report_that_is_too_large_is_not_summed_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SUMMED", 1)
    bring(database, feedback("1", record("192.0.2.1", 1), record("192.0.2.2", 1)), feedback("2"))
    assert (full(database, 1).passing, full(database, 2).passing) == (None, 12)


def test_a_report_that_there_is_not(database: Database) -> None:
    with database.reading() as connection:
        assert report_figures(connection, 1) is None
        assert document(connection, 10**17) is None
        assert records(connection, 1).rows == ()


# --- the ledger


def test_messages_are_counted_by_day_mailbox_and_outcome(database: Database) -> None:
    late = NOW + timedelta(hours=30)
    bring(database, about(1), about(2))
    bring(database, about(3), place=OTHER, now=late)
    write(database, [incoming(b"From: a@example.org\n\nnothing", "9")], late)
    with database.reading() as connection:
        every, newest = tallies(connection, NOW), tallies(connection, late)
        assert mailboxes(connection) == ("box", "other")
        numbers = outcomes(connection)
    assert every == (
        Tally(NOW.date(), "box", Outcome.STORED, 2),
        Tally(late.date(), "box", Outcome.NOT_A_REPORT, 1),
        Tally(late.date(), "other", Outcome.STORED, 1),
    )
    assert newest == every[1:]
    assert (numbers[Outcome.STORED], numbers[Outcome.NOT_A_REPORT], numbers[Outcome.CORRUPT]) == (3, 1, 0)


def test_a_day_of_the_ledger_is_one_in_utc(database: Database) -> None:
    midnight = datetime(2026, 11, 4, tzinfo=UTC)
    bring(database, about(1), now=midnight - timedelta(seconds=1))
    bring(database, about(2), first=2, now=midnight)
    with database.reading() as connection:
        assert [it.day.day for it in tallies(connection, midnight - timedelta(days=1))] == [3, 4]


def test_the_ledger_comes_page_by_page(database: Database) -> None:
    bring(database, *(about(1) for _ in range(PER_PAGE + 1)))
    bring(database, about(1), place=OTHER)
    with database.reading() as connection:
        first = messages(connection, None, "box")
        assert [it.id for it in first.rows] == list(range(PER_PAGE + 1, 1, -1))
        assert first.following
        second = messages(connection, Outcome.STORED, "box", int(first.following))
        assert ([it.id for it in second.rows], second.following) == ([1], None)
        assert [it.id for it in messages(connection, Outcome.STORED, "other").rows] == [PER_PAGE + 2]
        assert messages(connection, Outcome.CORRUPT, None).rows == ()
        with pytest.raises(UnknownPlaceError):
            messages(connection, None, None, 1)


def test_a_message_shows_what_it_brought(database: Database) -> None:
    strange = feedback("1").replace(b"<p>none</p>", b"<p>strange</p>")
    raw = report_mail(("1.xml.gz", gzipped(strange)), ("2.xml.gz", half(feedback("2"))))
    take(database, raw)
    with database.reading() as connection:
        found = message_figures(connection, 1)
        assert message_figures(connection, 2) is None
    assert found
    assert (found.row.outcome, found.row.attempts, found.is_kept) == (Outcome.PARTIAL, 1, True)
    assert found.row.reason
    assert "2.xml.gz" in found.row.reason
    assert (found.row.sender, found.message_id) == ("noreply@reporter.example", "<1@reporter.example>")
    assert (found.number_of_reports, found.tls_reports, found.failure_reports) == (len(found.reports), 0, 0)
    assert found.reports[0].report_id == "1"
    assert "strange" in [it.raw for it in found.deviations]
    assert found.number_of_deviations == len(found.deviations)


def test_a_report_about_others_is_shown_as_such(database: Database) -> None:
    write(database, [about_others(report_mail(("1.xml.gz", gzipped(about(1)))))], NOW)
    assert (full(database).filed.is_foreign, full(database).filed.counted) == (True, False)
    with database.reading() as connection:
        assert [it.is_foreign for it in reports(connection, Filter()).rows] == [True]
