"""What the reports say of a domain's policy record, and since when."""

from datetime import date

import pytest

from store import policies
from store.database import Database
from store.policies import Published
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, feedback, take

TODAY = date(2026, 11, 3)


def told(number: int, day: int, published: str, reporter: str = "Reporter") -> bytes:
    """Report about a day of November, or one before it (0, -1, …), with these elements of the policy."""
    xml = feedback(str(number), begin=FIRST_OF_NOVEMBER + (day - 1) * DAY, reporter=reporter)
    return xml.replace(b"<p>none</p>", published.encode())


def published(database: Database) -> Published | None:
    with database.reading() as connection:
        return policies.published(connection, "example.org", TODAY)


def test_the_policy_is_that_of_the_newest_day(database: Database) -> None:
    old = "<adkim>r</adkim><aspf>s</aspf><p>none</p><sp>none</sp><pct>100</pct>"
    new = "<adkim>r</adkim><aspf>s</aspf><p>quarantine</p><sp>none</sp><pct>100</pct>"
    take(database, told(1, 1, old), told(2, 2, new), told(3, 3, new))
    found = published(database)
    assert found == Published(
        p="quarantine",
        sp="none",
        np=None,
        pct=100,
        testing=None,
        adkim="r",
        aspf="s",
        since=date(2026, 11, 2),
        day=date(2026, 11, 3),
    )


def test_what_most_reports_of_a_day_say_counts(database: Database) -> None:
    take(
        database,
        told(1, 3, "<p>reject</p>", "A"),
        told(2, 3, "<p>none</p>", "B"),
        told(3, 3, "<p>reject</p><sp>none</sp>", "C"),
        told(4, 2, "<p>reject</p>"),
    )
    found = published(database)
    assert found
    assert (found.p, found.sp, found.since) == ("reject", "none", date(2026, 11, 2))


def test_what_some_reporters_leave_out_is_no_change(database: Database) -> None:
    take(
        database,
        told(1, 3, "<p>reject</p>"),
        told(2, 1, "<p>reject</p><np>reject</np><testing>y</testing>"),
        told(3, -10, "<p>reject</p><sp>none</sp>"),
        told(4, -11, "<p>none</p>"),
    )
    found = published(database)
    assert found
    assert (found.np, found.testing, found.since) == ("reject", "y", date(2026, 10, 21))
    assert found.sp is None, "that is too long ago to be still believed"


def test_reports_from_the_future_count_only_where_there_are_no_others(database: Database) -> None:
    take(database, told(1, 400, "<p>none</p>"))
    found = published(database)
    assert found
    assert found.day > TODAY
    take(database, told(2, 2, "<p>reject</p>"))
    found = published(database)
    assert found
    assert (found.p, found.day) == ("reject", date(2026, 11, 2))


def test_without_reports_there_is_no_policy(database: Database) -> None:
    take(database, feedback(domain="example.net"))
    assert published(database) is None


def test_domains_and_days_with_reports_are_known(database: Database) -> None:
    take(
        database,
        *(feedback(str(day), begin=FIRST_OF_NOVEMBER - day * DAY) for day in (0, 1, 5)),
        feedback("other", domain="Example.NET."),
        feedback("none", domain=""),
        feedback("again", reporter="Another"),
    )
    with database.reading() as connection:
        assert policies.policy_domains(connection) == ["example.net", "example.org"]
        days = (date(2026, 10, 27), date(2026, 11, 1))
        assert policies.reported_days(connection, "example.org", *days) == 3
        assert policies.reported_days(connection, "example.org", date(2026, 10, 28), days[1]) == 2


@pytest.mark.parametrize("domain", ["example.org", None])
def test_the_last_day_is_the_newest_that_is_not_in_the_future(database: Database, domain: str | None) -> None:
    with database.reading() as connection:
        assert policies.last_day(connection, domain, TODAY) is None
    take(database, *(told(day, day, "<p>none</p>") for day in (1, 2, 400)))
    with database.reading() as connection:
        assert policies.last_day(connection, domain, TODAY) == date(2026, 11, 2)
