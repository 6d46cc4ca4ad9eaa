"""Which letters are due: who gets what, at which moment, about which time. Without a database, at any moment one likes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from ingest.letters.due import SETTLED, Letter, Subscription, due, readers, subscriptions
from ingest.settings import Settings

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
A, B, C = "a@example.org", "b@example.org", "c@example.org"


def settings(domains: object = (), **summary: Any) -> Settings:
    return Settings.model_validate({"domains": domains, "summary": {"recipients": A, **summary}})


class Reader:
    """Whoever gets everything that is due, as the outbox remembers it."""

    def __init__(self, settings: Settings, started: datetime = START) -> None:
        self._settings = settings
        self._started = started
        self.got: list[Letter] = []

    def told(self, subscription: Subscription) -> datetime | None:
        """Tell up to when something was told."""
        about = _about(subscription)
        ends = [it.window.until for it in self.got if _about(it.subscription) == about]
        return max(ends, default=None)

    def look(self, now: datetime) -> list[Letter]:
        """Take what is due."""
        had = {(_about(it.subscription), it.window.after) for it in self.got}
        every = due(self._settings, now, self._started, {}, self.told)
        found = [it for it in every if (_about(it.subscription), it.window.after) not in had]
        self.got += found
        return found

    def watch(self, since: datetime, until: datetime, step: timedelta = 10 * MINUTE) -> list[datetime]:
        """Look again and again; give the moments at which something was due."""
        moments = [since + n * step for n in range((until - since) // step)]
        return [moment for moment in moments if self.look(moment)]


def _about(subscription: Subscription) -> tuple[str, str, str]:
    """Give what the outbox knows a letter by."""
    return subscription.kind, subscription.recipient, subscription.topic


# --- when


def test_nothing_is_due_before_its_moment() -> None:
    reader = Reader(settings(at="06:30"))
    assert reader.watch(START, START + 18 * HOUR) == []


def test_a_letter_a_day_from_one_moment_to_the_next() -> None:
    reader = Reader(settings(at="06:30"))
    reader.watch(START, START + 10 * DAY)
    windows = [it.window for it in reader.got]
    assert [it.until for it in windows] == [
        datetime(2026, 11, day, 6, 30, tzinfo=UTC) for day in range(2, 12)
    ]
    assert windows[0].after == windows[0].until - DAY
    assert all(before.until == after.after for before, after in pairwise(windows))
    assert [it.is_first for it in reader.got] == [True] + 9 * [False]


def test_it_waits_for_transactions_that_are_under_way() -> None:
    reader = Reader(settings(at="06:30"))
    moment = datetime(2026, 11, 2, 6, 30, tzinfo=UTC)
    assert reader.look(moment + SETTLED - MINUTE) == []
    assert [it.window.until for it in reader.look(moment + SETTLED)] == [moment]


def test_nights_that_were_missed_are_made_up_by_one_letter() -> None:
    reader = Reader(settings(at="06:30"))
    reader.look(START + DAY)
    later = Reader(settings(at="06:30"), started=START + 4 * DAY)
    later.got = reader.got
    [letter] = later.look(START + 4 * DAY)
    assert (letter.window.after, letter.window.until) == (
        datetime(2026, 11, 2, 6, 30, tzinfo=UTC),
        datetime(2026, 11, 5, 6, 30, tzinfo=UTC),
    )
    assert later.look(START + 4 * DAY + HOUR) == []


def test_who_comes_back_after_months_is_told_of_the_last_thirty_days() -> None:
    """What the days were like before whoever left is nothing to compare with."""
    reader = Reader(settings())
    reader.look(START + DAY)
    reader.look(START + 31 * DAY)
    reader.look(START + 300 * DAY)
    assert [(it.window.until - it.window.after).days for it in reader.got] == [1, 30, 30]
    assert reader.watch(START + 300 * DAY, START + 303 * DAY, HOUR) != []


def test_what_was_seen_to_is_not_asked_for_again() -> None:
    seen = Reader(settings(at="06:30")).look(START + DAY)
    done = {it.subscription: it.window.until for it in seen}

    def told(_: Subscription) -> None:
        pytest.fail("nobody need be asked")

    assert list(due(settings(at="06:30"), START + DAY + HOUR, START, done, told)) == []


def test_two_daemons_find_the_same_letter_due() -> None:
    one, other = Reader(settings()), Reader(settings(), started=START - HOUR)
    assert one.look(START + DAY) == other.look(START + DAY + 7 * MINUTE)


def test_a_clock_that_was_ahead_brings_no_second_letter() -> None:
    reader = Reader(settings())
    reader.look(START + DAY)
    assert reader.watch(START, START + DAY, HOUR) == []


@pytest.mark.parametrize(("ahead", "expected"), [(25, 9), (365, 10)])
def test_a_clock_that_was_ahead_does_not_silence_the_days_until_then(ahead: int, expected: int) -> None:
    """Reports of the first of them may have been told of in the letter from the future: that day has none."""
    reader = Reader(settings())
    reader.watch(START, START + 3 * DAY, HOUR)
    reader.look(START + ahead * DAY)
    had = len(reader.got)
    reader.watch(START + 3 * DAY, START + 13 * DAY, HOUR)
    windows = [it.window for it in reader.got[had:]]
    assert len(windows) == expected
    assert all(it.until - it.after == DAY for it in windows)
    assert all(before.until == after.after for before, after in pairwise(windows))


@pytest.mark.parametrize(("before", "after"), [("together", "each"), ("each", "together")])
@pytest.mark.parametrize("weekly", [None, "monday"])
def test_who_gets_letters_of_another_form_is_told_nothing_twice(
    before: str, after: str, weekly: str | None
) -> None:
    """Nor is anything left out: what was told in one form is known in the other."""
    domains = ["example.org", "example.net"]
    reader = Reader(settings(domains, letters=before, weekly=weekly))
    for days, form in ((20, before), (40, after), (60, before)):
        other = Reader(settings(domains, letters=form, weekly=weekly), START + (days - 20) * DAY)
        other.got = reader.got
        other.watch(START + (days - 20) * DAY, START + days * DAY, HOUR)
    daily = [it.window for it in reader.got if it.subscription.kind == "daily"]
    assert all(it.until - it.after == DAY for it in daily)
    assert len(set(daily)) == 60


@pytest.mark.parametrize("at", ["00:00", "02:30", "06:30", "23:59"])
@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
)
def test_one_letter_a_day_whatever_the_clocks_do(zone: str, at: str) -> None:
    """In a year of each zone, with both changes of its clocks."""
    reader = Reader(settings(at=at, timezone=zone), datetime(2026, 1, 1, 12, tzinfo=UTC))
    reader.watch(datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2027, 1, 1, 12, tzinfo=UTC), 4 * HOUR)
    lengths = [it.window.until - it.window.after for it in reader.got]
    assert len(lengths) in {364, 365, 366}
    assert all(abs(length - DAY) <= HOUR for length in lengths)


def test_a_time_that_the_clocks_skip_is_later_and_one_that_they_repeat_is_the_first() -> None:
    reader = Reader(settings(at="02:30", timezone="Europe/Berlin"), datetime(2026, 1, 1, tzinfo=UTC))
    [skipped] = reader.look(datetime(2026, 3, 29, 3, 0, tzinfo=UTC))
    assert skipped.window.until == datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "03:30 there"
    [repeated] = reader.look(datetime(2026, 10, 25, 0, 45, tzinfo=UTC))
    assert repeated.window.until == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert reader.look(datetime(2026, 10, 25, 1, 45, tzinfo=UTC)) == []


# --- the roll-up of a week


def test_a_roll_up_on_its_day() -> None:
    reader = Reader(settings(weekly="monday"))
    reader.watch(START, START + 15 * DAY, HOUR)
    weekly = [it for it in reader.got if it.subscription.kind == "weekly"]
    assert [f"{it.window.until:%A}" for it in weekly] == 3 * ["Monday"]
    assert all(it.window.until - it.window.after == 7 * DAY for it in weekly)
    assert len(reader.got) - len(weekly) == 15


def test_a_roll_up_tells_of_quiet_days() -> None:
    """Whose letters were not wanted: the daily one does not reach back further than it."""
    reader = Reader(settings(weekly="monday", quiet=True))
    reader.look(START + DAY)  # both, the first ones
    reader.got = [it for it in reader.got if it.subscription.kind == "weekly"]
    reader.look(START + 8 * DAY)
    reader.got = [it for it in reader.got if it.subscription.kind == "weekly"]
    [daily] = reader.look(START + 10 * DAY)
    assert daily.window.after == datetime(2026, 11, 9, 6, 30, tzinfo=UTC)


# --- who


def who(settings: Settings) -> dict[tuple[str, str], tuple[str, ...] | None]:
    return {(it.recipient, it.topic): it.domains for it in subscriptions(settings)}


def test_without_domains_the_recipients_get_everything() -> None:
    assert who(settings(recipients=[A, B])) == {(A, "all"): None, (B, "all"): None}
    assert who(settings(recipients=[A], letters="each")) == {(A, "all"): None}


DOMAINS: Mapping[str, object] = {
    "example.org": {},
    "example.net": {"recipients": [B]},
    "shop.example.org": {"recipients": [B, C]},
}


def test_domains_have_recipients_of_their_own() -> None:
    assert who(settings(DOMAINS)) == {
        (A, "all"): ("example.org",),
        (B, "all"): ("example.net", "shop.example.org"),
        (C, "all"): ("shop.example.org",),
    }


def test_a_letter_for_each_domain() -> None:
    assert set(who(settings(DOMAINS, letters="each"))) == {
        (A, "example.org"),
        (B, "example.net"),
        (B, "shop.example.org"),
        (C, "shop.example.org"),
    }


def test_who_has_no_domain_gets_no_letter() -> None:
    owned = {"example.org": {"recipients": [B]}}
    assert set(readers(settings(owned))) == {B}
    assert not readers(settings(["example.org"], recipients=[]))
    assert not readers(settings(recipients=[]))


def test_what_is_below_a_domain_is_its_own_unless_it_is_configured() -> None:
    configured = settings(DOMAINS)
    names = ["example.org", "mail.example.org", "shop.example.org", "eu.shop.example.org", "notexample.org"]
    found = {it.recipient: it.about(names, configured.domains) for it in subscriptions(configured)}
    assert found == {
        A: ["example.org", "mail.example.org"],
        B: ["shop.example.org", "eu.shop.example.org"],
        C: ["shop.example.org", "eu.shop.example.org"],
    }
    [everything] = subscriptions(settings())
    assert everything.about(names, ()) == names
