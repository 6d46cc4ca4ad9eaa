"""What is to be sent is claimed by one, tried as it was claimed, and lost by nobody."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from store import outbox
from store.database import Database
from store.outbox import Parcel, Sent, Waiting
from tests.store.kit import counts, rows

NOW = datetime(2026, 11, 15, 6, 30, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LETTER = Parcel(
    kind="daily",
    channel="mail",
    recipient="postmaster@example.org",
    topic="all",
    begins_at=NOW - DAY,
    ends_at=NOW,
    message_id="<1@ruamill.example.org>",
    subject="DMARC example.org: all well, Grüße",
    content=b"Subject: =?utf-8?q?=E2=80=A6?=\r\n\r\n\x00\xff" * 1000,
)
NEXT = replace(LETTER, begins_at=NOW, ends_at=NOW + DAY, message_id="<2@ruamill.example.org>")


def due(database: Database, now: datetime = NOW) -> list[Waiting]:
    with database.reading() as connection:
        return outbox.due(connection, now)


def undelivered(database: Database) -> list[outbox.Undelivered]:
    with database.reading() as connection:
        return outbox.undelivered(connection)


def last_end(database: Database, parcel: Parcel) -> datetime | None:
    with database.reading() as connection:
        return outbox.last_end(connection, parcel.kind, parcel.recipient, parcel.topic)


def last_sent(database: Database) -> Sent | None:
    with database.reading() as connection:
        return outbox.last_sent(connection)


def test_a_letter_is_claimed_once(database: Database) -> None:
    assert outbox.claim(database, [], NOW) == []
    (key,) = outbox.claim(database, [LETTER], NOW)
    other = replace(LETTER, ends_at=NOW + MINUTE, subject="another", content=b"another", message_id="<9@x>")
    assert outbox.claim(database, [other], NOW) == []
    (found,) = due(database)
    assert (found.key, found.subject, found.content) == (key, LETTER.subject, LETTER.content)


@pytest.mark.parametrize(
    "other",
    [
        replace(LETTER, kind="weekly"),
        replace(LETTER, channel="webhook"),
        replace(LETTER, recipient="hostmaster@example.org"),
        replace(LETTER, topic="example.org"),
        replace(LETTER, begins_at=NOW - DAY + MINUTE),
    ],
    ids=["kind", "channel", "recipient", "topic", "period"],
)
def test_letters_that_differ_are_claimed_each(database: Database, other: Parcel) -> None:
    first = outbox.claim(database, [LETTER], NOW)
    second = outbox.claim(database, [LETTER, other], NOW)
    assert (len(first), len(second), len(due(database))) == (1, 1, 2)


def test_of_several_who_claim_at_once_one_has_it(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda _: outbox.claim(database, [LETTER, NEXT], NOW), range(4)))
    assert sorted(map(len, claims)) == [0, 0, 0, 2]
    (key, _) = next(filter(None, claims))
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: outbox.take(database, key, NOW, NOW + MINUTE), range(4)))
    assert sorted(taken) == [False, False, False, True]


def test_who_dies_while_it_sends_is_followed_by_the_same_letter_later(database: Database) -> None:
    (key,) = outbox.claim(database, [LETTER], NOW)
    (first,) = due(database)
    assert outbox.take(database, key, NOW, NOW + MINUTE)
    assert due(database) == [], "it is being sent"
    (second,) = due(database, NOW + MINUTE)
    assert second == replace(first, attempts=1)
    assert (second.message_id, second.content, second.claimed_at) == (LETTER.message_id, LETTER.content, NOW)


def test_what_was_sent_is_done_with(database: Database) -> None:
    (key,) = outbox.claim(database, [LETTER], NOW)
    assert last_sent(database) is None
    assert outbox.take(database, key, NOW, NOW + MINUTE)
    outbox.failed(database, key, "451 later", NOW + MINUTE)
    assert outbox.take(database, key, NOW + MINUTE, NOW + 5 * MINUTE)
    outbox.sent(database, key, NOW + MINUTE)
    assert not due(database, NOW + DAY)
    assert not undelivered(database)
    assert not outbox.take(database, key, NOW + DAY, NOW + DAY)
    assert last_sent(database) == Sent("daily", LETTER.recipient, LETTER.subject, NOW + MINUTE)
    state = "SELECT attempts, error, next_try_at, length(content) FROM summary_delivery"
    assert rows(database, state) == [(2, None, None, 0)]


def test_the_last_letter_is_told_and_no_alert(database: Database) -> None:
    alert = replace(LETTER, kind="alert", topic="no_reports example.org", subject="an alert")
    for at, parcel in enumerate((LETTER, NEXT, alert)):
        (key,) = outbox.claim(database, [parcel], NOW)
        outbox.sent(database, key, NOW + at * MINUTE)
    found = last_sent(database)
    assert found
    assert found.sent_at == NOW + MINUTE


def test_what_cannot_be_sent_is_told_of(database: Database) -> None:
    first, second = outbox.claim(database, [LETTER, NEXT], NOW)
    for key in (first, second):
        assert outbox.take(database, key, NOW, NOW + MINUTE)
    outbox.failed(database, first, "timed out after 30 s", NOW + 5 * MINUTE)
    outbox.failed(database, second, "550 no such mailbox", None)
    assert [it.key for it in due(database, NOW + DAY)] == [first]
    assert [(it.key, it.attempts, it.error, it.next_try_at) for it in undelivered(database)] == [
        (first, 1, "timed out after 30 s", NOW + 5 * MINUTE),
        (second, 1, "550 no such mailbox", None),
    ]


def test_what_waits_longest_is_tried_first(database: Database) -> None:
    first, second = outbox.claim(database, [LETTER, NEXT], NOW)
    outbox.failed(database, first, "later", NOW + 2 * MINUTE)
    assert [it.key for it in due(database, NOW + 3 * MINUTE)] == [second, first]


def test_up_to_when_somebody_was_told_is_known(database: Database) -> None:
    assert last_end(database, LETTER) is None
    outbox.claim(database, [NEXT, LETTER], NOW)
    assert last_end(database, LETTER) == NEXT.ends_at
    for other in (replace(LETTER, kind="weekly"), replace(LETTER, topic="example.org")):
        assert last_end(database, other) is None


def test_what_is_long_done_with_is_forgotten(database: Database) -> None:
    first, second = outbox.claim(database, [LETTER, NEXT], NOW)
    outbox.sent(database, first, NOW)
    later = replace(LETTER, begins_at=NOW + 401 * DAY, ends_at=NOW + 402 * DAY)
    outbox.claim(database, [later], NOW + 400 * DAY)
    assert counts(database, "summary_delivery") == {"summary_delivery": 3}
    outbox.claim(database, [replace(later, topic="example.org")], NOW + 401 * DAY)
    assert {it.key for it in undelivered(database)} >= {second}, "it waits still"
    assert counts(database, "summary_delivery") == {"summary_delivery": 3}
