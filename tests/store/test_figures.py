"""A letter's figures are those of the reports that its window brought, and of no others."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from random import Random
from zlib import crc32

import pytest

from fixtures.carriers import gzipped
from store import figures as store
from store import mailboxes
from store.database import Database
from store.figures import Day, DomainFigures, Figures, NewSource, Silence, Window
from store.ledger import Place
from store.outcomes import Outcome
from store.writer import write
from tests.store.kit import (
    DAY,
    FIRST_OF_NOVEMBER,
    INBOX,
    about_others,
    feedback,
    half,
    record,
    report_mail,
    rows,
    take,
)

ONE_DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
FIRST = date(2026, 11, 1)
TODAY = date(2026, 11, 15)
NOW = datetime(2026, 11, 15, 6, 30, tzinfo=UTC)
WINDOW = Window(NOW - ONE_DAY, NOW)
IN_WINDOW, BEFORE = NOW - ONE_DAY / 2, NOW - 2 * ONE_DAY


def failing(address: str, messages: int) -> str:
    return record(address, messages).replace("pass", "fail")


def about(
    day: date, *records: str, reporter: str = "Reporter", domain: str = "example.org", p: str = "none"
) -> bytes:
    """Report about a day, by an identifier of its own."""
    begin = FIRST_OF_NOVEMBER + (day - FIRST).days * DAY
    number = f"{reporter} {day} {domain} {' '.join(records)}"
    xml = feedback(
        str(crc32(number.encode())),
        *(records or [record("192.0.2.1", 1)]),
        reporter=reporter,
        domain=domain,
        begin=begin,
        end=begin + DAY - 1,
    )
    return xml.replace(b"<p>none</p>", f"<p>{p}</p>".encode())


def days_before(last: date, number: int) -> list[date]:
    """Give a day and those before it, the oldest first."""
    return [last - timedelta(days=back) for back in reversed(range(number))]


def look(
    database: Database, window: Window = WINDOW, domains: list[str] | None = None, now: datetime = NOW
) -> Figures:
    with database.reading() as connection:
        return store.figures(connection, window, domains, now)


def domain_of(database: Database, domain: str = "example.org", window: Window = WINDOW) -> DomainFigures:
    (found,) = (it for it in look(database, window).domains if it.domain == domain)
    return found


def test_an_empty_database_has_nothing_to_tell(database: Database) -> None:
    found = look(database)
    assert (found.window, found.domains) == (WINDOW, ())
    assert (found.intake.outcomes, found.intake.rejected, found.intake.waiting) == ({}, (), 0)


def test_reports_count_by_when_they_were_ingested(database: Database) -> None:
    take(database, about(date(2026, 11, 13), reporter="before"), now=WINDOW.after)
    take(database, about(date(2026, 11, 13), record("192.0.2.1", 5), reporter="A"), now=WINDOW.after + SECOND)
    take(database, about(date(2026, 11, 14), failing("192.0.2.2", 7), reporter="B"), now=WINDOW.until)
    take(database, about(date(2026, 11, 14), reporter="after"), now=WINDOW.until + SECOND)
    found = domain_of(database)
    assert (found.reports, found.reporters, found.messages, found.passing) == (2, 2, 12, 5)
    assert (found.first_day, found.last_day) == (date(2026, 11, 13), date(2026, 11, 14))
    assert found.newest_report_at == WINDOW.until
    (later,) = look(database, now=NOW + 2 * SECOND).domains
    assert later.newest_report_at == WINDOW.until + SECOND, "a silence that broke before it was told is none"


def test_what_came_in_after_the_window_alone_is_not_told_of(database: Database) -> None:
    take(database, about(date(2026, 11, 14)), now=WINDOW.until + SECOND)
    assert look(database, now=NOW + 2 * SECOND).domains == ()


def test_what_is_not_counted_and_what_is_about_others_is_left_out(database: Database) -> None:
    first = about(TODAY - ONE_DAY)
    take(database, first, first.replace(b"<count>1<", b"<count>9<"), now=IN_WINDOW)
    write(database, [about_others(about(TODAY - ONE_DAY, domain="example.com"), "77")], IN_WINDOW)
    assert [(it.domain, it.reports, it.messages) for it in look(database).domains] == [("example.org", 1, 1)]


def test_late_reports_are_those_about_days_before_the_newest_that_was_told(database: Database) -> None:
    take(database, about(date(2026, 11, 10)), about(date(2026, 11, 12)), now=BEFORE)
    take(
        database,
        *(about(date(2026, 11, day), reporter="late") for day in (9, 11, 12, 13)),
        now=IN_WINDOW,
    )
    assert domain_of(database).late_reports == 2
    assert domain_of(database, window=Window(BEFORE - ONE_DAY, BEFORE)).late_reports == 0, "nothing was told"


def test_a_report_from_the_future_makes_no_other_late(database: Database) -> None:
    take(database, about(date(2026, 11, 12)), about(date(2027, 11, 12)), now=BEFORE)
    take(database, about(date(2026, 11, 13)), now=IN_WINDOW)
    assert domain_of(database).late_reports == 0


def test_a_window_is_compared_with_the_seven_days_before(database: Database) -> None:
    for back in (1, 7, 8):
        report = about(TODAY, record("192.0.2.1", 10**back), failing("192.0.2.2", 1), reporter=str(back))
        take(database, report, now=WINDOW.after - back * ONE_DAY + SECOND)
    found = domain_of(database)
    assert (found.reports, found.earlier_messages, found.earlier_passing) == (0, 10_000_012, 10_000_010)


def test_the_picture_has_thirty_days_up_to_the_newest_and_leaves_out_those_without_a_report(
    database: Database,
) -> None:
    days = [TODAY - timedelta(days=back) for back in (1, 3, 30, 31)]
    take(database, *(about(day, record("192.0.2.1", 3), failing("192.0.2.2", 2)) for day in days), now=BEFORE)
    found = domain_of(database)
    assert found.days == tuple(Day(TODAY - timedelta(days=back), 5, 3) for back in (30, 3, 1))
    assert not found.was_daily


@pytest.mark.parametrize(("missing", "daily"), [(2, True), (3, False)])
def test_a_domain_with_reports_on_nearly_every_day_is_daily(
    database: Database, missing: int, *, daily: bool
) -> None:
    days = days_before(date(2026, 11, 8), 14)
    take(database, *(about(day) for day in (*days[:1], *days[1 + missing :])), now=BEFORE)
    assert domain_of(database).was_daily is daily


def test_a_source_is_new_that_no_report_named_before(database: Database) -> None:
    day, later = date(2026, 11, 12), date(2026, 11, 13)
    take(
        database,
        about(day, record("192.0.2.1", 1)),  # on an earlier day
        about(later, record("192.0.2.2", 1), reporter="B"),  # on the day of the window
        about(later, record("192.0.2.3", 1), domain="example.net"),  # as another domain
        now=BEFORE,
    )
    take(
        database,
        about(later, *(record(f"192.0.2.{number}", number) for number in range(1, 5))),
        about(later + ONE_DAY, failing("192.0.2.4", 7)),
        about(day, record("192.0.2.2", 1), reporter="late"),  # before the day on which it was told of
        now=IN_WINDOW,
    )
    take(database, about(later, record("192.0.2.4", 7), reporter="C"), now=WINDOW.until + SECOND)
    assert domain_of(database).new_sources == (
        NewSource("192.0.2.4", later, later + ONE_DAY, 11, 7),
        NewSource("192.0.2.3", later, later, 3, 0),
    )


def test_nothing_is_new_before_anything_was_told(database: Database) -> None:
    take(database, about(TODAY - ONE_DAY), now=IN_WINDOW)
    found = domain_of(database)
    assert (found.reports, found.new_sources, found.policy_before) == (1, (), None)


def test_every_source_is_new_once(database: Database) -> None:
    """Whatever comes when, and however much later one looks."""
    random = Random(7)  # noqa: S311 (the same in every run)
    windows = [Window(NOW + step * ONE_DAY, NOW + (step + 1) * ONE_DAY) for step in range(6)]
    take(database, about(FIRST - ONE_DAY, record("203.0.113.1", 1)), now=NOW)
    for window in windows:
        days = [FIRST + timedelta(days=random.randrange(20)) for _ in range(8)]
        reports = [
            about(day, *(record(f"192.0.2.{random.randrange(60)}", 1) for _ in range(5)), reporter=str(at))
            for at, day in enumerate(days)
        ]
        take(database, *reports, now=window.until)
    named = [address for window in windows for address in new_addresses(database, window)]
    everything = rows(database, "SELECT DISTINCT source_ip FROM record WHERE source_ip <> '203.0.113.1'")
    assert sorted(named) == sorted(address for (address,) in everything)


def new_addresses(database: Database, window: Window) -> Iterable[str]:
    return [it.source_ip for it in domain_of(database, window=window).new_sources]


def test_a_reporter_falls_silent_once(database: Database) -> None:
    last = date(2026, 11, 10)
    take(database, *(about(day, reporter="Regular") for day in days_before(last, 24)), now=BEFORE)
    take(database, *(about(day, reporter="Weekdays") for day in days_before(last, 23)), now=BEFORE)
    take(database, *(about(day, reporter="Slow") for day in days_before(last + ONE_DAY, 30)), now=BEFORE)
    told = {}
    for step in range(-1, 4):
        window = Window(WINDOW.after + step * ONE_DAY, WINDOW.until + step * ONE_DAY)
        take(database, about(window.until.date() - ONE_DAY, reporter="Goes on"), now=window.until)
        told[step] = domain_of(database, window=window).silences
    assert told == {
        -1: (),
        0: (Silence("Regular", last, 24),),
        1: (Silence("Slow", last + ONE_DAY, 30),),
        2: (),
        3: (),
    }


def test_a_letter_over_several_days_tells_every_silence_of_them(database: Database) -> None:
    for name, last in (("A", 8), ("B", 10)):
        days = days_before(date(2026, 11, last), 40)
        take(database, *(about(day, reporter=name) for day in days), now=NOW - 3 * ONE_DAY)
    take(database, about(TODAY - ONE_DAY, reporter="Goes on"), now=IN_WINDOW)
    found = domain_of(database, window=Window(NOW - 3 * ONE_DAY, NOW)).silences
    assert found == (Silence("A", date(2026, 11, 8), 30), Silence("B", date(2026, 11, 10), 30))


def test_nobody_falls_silent_while_no_mailbox_is_looked_at(database: Database) -> None:
    """Ruamill was away for five days, and is asked for a letter before it has read what waits."""
    down = NOW - 5 * ONE_DAY
    take(database, *(about(day) for day in days_before(date(2026, 11, 9), 30)), now=down - ONE_DAY)
    take(database, about(date(2026, 11, 9), reporter="Other"), now=down)
    with database.writing() as connection:
        mailboxes.note_poll(connection, INBOX, 7, down)
    window = Window(down - SECOND, NOW)
    assert domain_of(database, window=window).silences == ()
    assert look(database, window).intake.looked_at == down
    with database.writing() as connection:
        mailboxes.note_failure(connection, INBOX, "login refused", NOW)
    assert len(domain_of(database, window=window).silences) == 1


def test_a_domain_that_nobody_reports_about_has_no_silent_reporters(database: Database) -> None:
    take(database, *(about(day) for day in days_before(date(2026, 11, 10), 30)), now=BEFORE)
    assert domain_of(database).silences == ()


def test_the_policy_is_told_as_it_is_and_as_it_was_before(database: Database) -> None:
    day = date(2026, 11, 13)
    take(database, about(day, reporter="A", p="reject"), about(day - ONE_DAY, p="reject"), now=BEFORE)
    take(
        database,
        *(about(day, reporter=name, p="none") for name in "BC"),  # the same day says otherwise, by two to one
        now=IN_WINDOW,
    )
    found = domain_of(database)
    assert found.policy
    assert found.policy_before
    assert (found.policy.p, found.policy.since) == ("none", day)
    assert (found.policy_before.p, found.policy_before.since) == ("reject", day - ONE_DAY)
    after = domain_of(database, window=Window(WINDOW.until, WINDOW.until + ONE_DAY))
    assert (after.reports, after.policy, after.policy_before) == (0, found.policy, found.policy)


def test_the_policy_before_is_known_however_long_ago_it_was_told(database: Database) -> None:
    take(database, about(date(2025, 1, 1), p="reject"), now=BEFORE)
    take(database, about(date(2026, 11, 13), p="none"), now=IN_WINDOW)
    found = domain_of(database)
    assert found.policy
    assert found.policy_before
    assert (found.policy.p, found.policy_before.p) == ("none", "reject")


def test_domains_without_a_report_are_told_of_for_sixty_days(database: Database) -> None:
    take(database, about(FIRST, domain="example.org"), now=WINDOW.until - timedelta(days=60) + SECOND)
    take(database, about(FIRST, domain="example.net"), now=WINDOW.until - timedelta(days=60))
    take(database, about(FIRST, domain="example.com"), now=IN_WINDOW)
    assert [(it.domain, it.reports) for it in look(database).domains] == [
        ("example.com", 1),
        ("example.org", 0),
    ]
    assert [it.domain for it in look(database, domains=["example.org", "other.example"]).domains] == [
        "example.org"
    ]
    assert look(database, domains=[]).domains == ()
    silent = domain_of(database)
    assert (silent.first_day, silent.last_day, silent.messages, silent.late_reports) == (None, None, 0, 0)
    assert silent.newest_report_at == WINDOW.until - timedelta(days=60) + SECOND


def test_a_report_of_no_records_and_one_of_no_domain_stop_nothing(database: Database) -> None:
    empty = feedback("empty", "")
    nameless = about(TODAY - ONE_DAY).replace(b"<domain>example.org</domain>", b"", 1)
    take(database, empty, nameless, now=IN_WINDOW)
    for it in look(database).domains:
        assert (it.domain, it.reports, it.messages, it.days, it.policy) == ("example.org", 1, 0, (), None)


def test_ingestion_is_told_by_outcome_and_what_was_rejected_by_name(database: Database) -> None:
    good, broken = ("good.xml.gz", gzipped(about(FIRST))), ("bad.xml.gz", half(about(FIRST + ONE_DAY)))
    take(database, report_mail(("old.xml.gz", gzipped(about(FIRST, reporter="old")))), now=WINDOW.after)
    take(database, report_mail(good), report_mail(broken), b"From: a@example.org\r\n\r\nhello", now=IN_WINDOW)
    take(database, broken[1], now=WINDOW.until)
    found = look(database).intake
    assert found.outcomes == {Outcome.STORED: 1, Outcome.CORRUPT: 2, Outcome.NOT_A_REPORT: 1}
    bare, mailed = found.rejected
    assert (bare.source, bare.name, bare.sender, bare.outcome) == ("box", "1", None, Outcome.CORRUPT)
    assert (mailed.name, mailed.sender) == ("Report Domain: example.org", "noreply@reporter.example")
    assert mailed.reason
    assert "bad.xml.gz" in mailed.reason
    assert found.lookups_waiting == found.conflicts == 0


def test_no_more_rejected_mails_are_named_than_anybody_reads(database: Database) -> None:
    raws = [
        report_mail((f"{number}.xml.gz", half(about(FIRST, reporter=str(number))))) for number in range(25)
    ]
    take(database, *raws, now=IN_WINDOW)
    found = look(database).intake
    assert (found.outcomes, len(found.rejected)) == ({Outcome.CORRUPT: 25}, 20)


def test_what_waits_and_what_fails_is_told_of_the_mailboxes_in_use(database: Database) -> None:
    gone, other = Place("gone", "INBOX", 1), Place("other", "INBOX", 1)
    with database.writing() as connection:
        mailboxes.note_waiting(connection, gone, 100, BEFORE - ONE_DAY)
        mailboxes.note_failure(connection, gone, "no such host", WINDOW.after)
        mailboxes.note_poll(connection, INBOX, 7, IN_WINDOW)
        mailboxes.note_waiting(connection, INBOX, 3, BEFORE)
        mailboxes.note_waiting(connection, other, 4, IN_WINDOW)
        mailboxes.note_failure(connection, other, "the password was refused", IN_WINDOW)
    found = look(database).intake
    assert (found.waiting, found.oldest_waiting_at) == (7, BEFORE)
    assert found.failing_mailboxes == {"other": "the password was refused"}
