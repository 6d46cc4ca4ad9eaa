"""What a person decides of contradicting reports is in the sums at once, and can be decided again in every direction."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from store import conflicts as told
from store.conflicts import Conflict, ConflictError, conflict, conflicts
from store.database import Database
from store.decisions import Decision, decide
from store.differences import Differences, Line, differences
from store.outcomes import Outcome
from store.retention import prune
from store.rollups import enter, withdraw
from store.schema import report
from store.writer import write
from tests.store.kit import (
    DAY,
    FIRST_OF_NOVEMBER,
    NOW,
    content,
    feedback,
    incoming,
    large,
    record,
    report_mail,
    rows,
    take,
)
from tests.store.test_damaged import WHOLE, cut
from tests.store.test_retention import long_report
from tests.store.test_rollups import compare, reports

FIRST = feedback("1", record("192.0.2.1", 3), record("192.0.2.2", 4))
SECOND = feedback("1", record("192.0.2.1", 5), record("192.0.2.3", 6))
THIRD = feedback("1", record("192.0.2.9", 100))
MESSAGES = (7, 11, 100)
"""Of each."""
LEAVE, REPLACE, ADD = Decision
ROLLUPS = ("domain_day_rollup", "source_day_rollup", "source_seen")


@pytest.fixture
def waiting(database: Database) -> Database:
    """Give a database with a report and two that contradict it, keys 1 to 3, ingested on a day each."""
    for number, xml in enumerate((FIRST, SECOND, THIRD), 1):
        write(database, [incoming(xml, str(number))], NOW + timedelta(days=number))
    return database


def listed(database: Database, *, decided: bool = False) -> list[Conflict]:
    with database.reading() as connection:
        assert len(conflicts(connection)) == told.waiting(connection)
        return conflicts(connection, decided=decided)


def one(database: Database, key: int) -> Conflict:
    with database.reading() as connection:
        return conflict(connection, key)


def pairs(database: Database, *, decided: bool = False) -> list[tuple[int, int | None]]:
    return [(it.this.key, it.other.key if it.other else None) for it in listed(database, decided=decided)]


def states(database: Database) -> list[tuple[bool, str | None]]:
    return [tuple(row) for row in rows(database, "SELECT counted, decision FROM report ORDER BY id")]


def messages(database: Database) -> int:
    """Give what the sums by day count in all; they must be exact."""
    compare(database)
    return int(rows(database, "SELECT coalesce(sum(messages), 0) FROM domain_day_rollup")[0][0])


# --- which there are


def test_where_nothing_contradicts_there_is_none(database: Database) -> None:
    take(database, FIRST, feedback("2"), FIRST)
    assert listed(database, decided=True) == []


def test_each_is_told_with_the_one_that_is_counted(waiting: Database) -> None:
    third, second = listed(waiting)
    assert (second.reporter, second.report_id, second.policy_domain) == ("Reporter", "1", "example.org")
    assert second.begins_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert second.day == second.begins_at.date()
    assert second.other == third.other
    assert second.other
    assert (second.other.key, second.other.records, second.other.messages) == (1, 2, 7)
    this = second.this
    assert (this.key, this.counted, this.records, this.messages, this.passing) == (2, False, 2, 11, 11)
    assert (this.ingested_at, this.source, this.whole) == (NOW + timedelta(days=2), "box", True)
    assert (third.this.key, second.waits, third.is_piece) == (3, True, False)
    assert one(waiting, 2) == second


def test_whose_mail_it_is_is_told(database: Database) -> None:
    take(database, FIRST, report_mail(("r.xml", SECOND)))
    with database.writing() as connection:
        connection.execute(update(report).where(report.c.id == 2).values(sender_fits=False))
    [found] = listed(database)
    assert (found.this.sender, found.this.dmarc, found.this.sender_fits) == (
        "noreply@reporter.example",
        None,
        False,
    )
    assert found.other
    assert (found.other.sender, found.other.sender_fits) == (None, None)


def test_a_damaged_copy_does_not_wait_but_is_there(database: Database) -> None:
    take(database, cut(3), WHOLE)
    assert listed(database) == []
    [found] = listed(database, decided=True)
    assert (found.this.key, found.is_piece, found.waits, found.other and found.other.key) == (
        1,
        True,
        False,
        2,
    )


def test_a_foreign_report_is_none(waiting: Database) -> None:
    with waiting.writing() as connection:
        connection.execute(update(report).where(report.c.id == 3).values(is_foreign=True))
    assert pairs(waiting) == [(2, 1)]
    with pytest.raises(ConflictError, match="no report 3 waits"):
        decide(waiting, 3, ADD)


def test_a_report_that_is_not_there_is_told(waiting: Database) -> None:
    for key in (0, -1, 4, 2**63 - 1, 2**64):
        with pytest.raises(ConflictError, match=f"no report {key} waits"):
            one(waiting, key)


def test_the_counted_one_is_no_conflict_itself(waiting: Database) -> None:
    with pytest.raises(ConflictError, match="report 1 contradicts no other one"):
        decide(waiting, 1, LEAVE)


def test_more_than_one_question_finds_all(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.bulk.PARAMETERS", 2)
    names = [str(number) for number in range(5)]
    take(database, *(feedback(name, record(f"192.0.2.{last}", 1)) for last in (1, 2) for name in names))
    assert pairs(database) == [(key + 5, key) for key in range(5, 0, -1)]


# --- what is decided


def test_left_it_stays_out(waiting: Database) -> None:
    before = content(waiting, *ROLLUPS)
    assert decide(waiting, 2, LEAVE) == one(waiting, 2)
    assert pairs(waiting) == [(3, 1)]
    assert pairs(waiting, decided=True) == [(3, 1), (2, 1)]
    assert states(waiting) == [(True, None), (False, "left"), (False, None)]
    assert content(waiting, *ROLLUPS) == before


def test_replaced_the_other_one_goes(waiting: Database) -> None:
    found = decide(waiting, 2, REPLACE)
    assert (found.this.key, found.this.counted, found.this.decision) == (2, True, "replacing")
    assert found.other
    assert (found.other.key, found.other.counted, found.other.decision) == (1, False, "replaced")
    assert messages(waiting) == 11
    assert pairs(waiting) == [(3, 2)]
    assert pairs(waiting, decided=True) == [(3, 2), (1, 2)]
    seen = rows(waiting, "SELECT source_ip FROM source_seen ORDER BY source_ip")
    assert seen == [("192.0.2.1",), ("192.0.2.3",)]


def test_added_both_are_counted(waiting: Database) -> None:
    found = decide(waiting, 2, ADD)
    assert (found.this.counted, found.this.decision) == (True, "added")
    assert found.other
    assert (found.other.key, found.other.counted, found.other.decision) == (1, True, None)
    assert messages(waiting) == 18
    assert pairs(waiting, decided=True) == [(3, 1), (2, 1)]
    assert pairs(waiting) == [(3, 1)]


@pytest.mark.parametrize("last", Decision)
def test_it_can_be_decided_again(last: Decision, waiting: Database) -> None:
    decide(waiting, 2, last)
    wanted = content(waiting)
    for before in Decision:
        decide(waiting, 2, before)
        messages(waiting)
        for _ in range(2):
            decide(waiting, 2, last)
            assert content(waiting) == wanted


def test_what_was_replaced_can_come_back_by_its_own_name(waiting: Database) -> None:
    decide(waiting, 2, REPLACE)
    decide(waiting, 1, LEAVE)
    assert states(waiting)[:2] == [(False, "replaced"), (True, "replacing")]
    decide(waiting, 1, ADD)
    assert states(waiting)[:2] == [(True, "added"), (True, None)]
    assert messages(waiting) == 18
    decide(waiting, 1, REPLACE)
    assert states(waiting)[:2] == [(True, "replacing"), (False, "replaced")]
    decide(waiting, 1, LEAVE)
    assert states(waiting)[:2] == [(False, "left"), (True, None)]
    assert messages(waiting) == 11


def test_of_several_the_last_one_that_was_replaced_comes_back(waiting: Database) -> None:
    decide(waiting, 2, REPLACE)
    decide(waiting, 3, REPLACE)
    assert states(waiting) == [(False, "left"), (False, "replaced"), (True, "replacing")]
    decide(waiting, 3, LEAVE)
    assert states(waiting) == [(False, "left"), (True, None), (False, "left")]
    assert messages(waiting) == 11


def test_a_large_report_is_decided_in_the_database(database: Database) -> None:
    take(database, feedback("large"), large())
    decide(database, 2, REPLACE)
    assert messages(database) == 12_000


def test_a_copy_of_what_was_decided_is_a_duplicate(waiting: Database) -> None:
    decide(waiting, 2, ADD)
    decide(waiting, 3, REPLACE)
    assert {it.outcome for it in take(waiting, FIRST, SECOND, THIRD)} == {Outcome.DUPLICATE}
    [fourth] = take(waiting, feedback("1", record("192.0.2.77", 1)))
    assert fourth.outcome is Outcome.CONFLICT
    assert pairs(waiting) == [(4, 3)]
    assert messages(waiting) == 111


@pytest.mark.parametrize("seed", range(2))
def test_the_sums_are_exact_whatever_is_decided(seed: int, database: Database) -> None:
    dice = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    take(database, *reports(seed))
    every = [it.this.key for it in listed(database)]
    decided = 0
    for _ in range(40):
        try:
            decide(database, dice.choice(every), dice.choice(list(Decision)))
        except ConflictError:
            continue  # it was replaced and counted again, so that it contradicts nothing
        decided += 1
        compare(database)
        identities = rows(database, "SELECT identity FROM report WHERE counted")
        assert len(identities) == len(set(identities))
    assert decided > 20


def test_what_was_counted_under_an_identity_is_not_counted_twice(waiting: Database) -> None:
    with pytest.raises(IntegrityError), waiting.writing() as connection:
        enter(connection, 2)
    assert messages(waiting) == 7


def test_an_address_is_seen_when_it_was_seen_in_what_is_still_counted(database: Database) -> None:
    days = [FIRST_OF_NOVEMBER + number * DAY for number in (-40, 0, 1, 30)]
    for number, begin in enumerate(days):
        take(database, feedback(str(number), record("192.0.2.1", 1), begin=begin, end=begin + DAY - 1))
    keys = [key for (key,) in rows(database, "SELECT id FROM report ORDER BY id")]
    for order in ((0, 1, 3, 2), (3, 2, 1, 0), (1, 3, 0, 2)):
        for act in (withdraw, enter):
            for place in order:
                with database.writing() as connection:
                    act(connection, keys[place])
                compare(database)


# --- what was removed for its age


def remove_first(database: Database) -> None:
    """Remove report 1, which came in a day before the others."""
    prune(database, timedelta(days=1), NOW + timedelta(days=3), pause=lambda seconds: None)  # noqa: ARG005 (nobody waits)
    assert rows(database, "SELECT min(id) FROM report") == [(2,)]


def test_of_one_that_was_removed_the_sums_stay(waiting: Database) -> None:
    remove_first(waiting)
    assert pairs(waiting) == [(3, None), (2, None)]
    before = content(waiting, *ROLLUPS)
    for decision in (REPLACE, ADD):
        with pytest.raises(ConflictError, match="only `leave` is possible"):
            decide(waiting, 2, decision)
    decide(waiting, 2, LEAVE)
    assert states(waiting) == [(False, "left"), (False, None)]
    assert content(waiting, *ROLLUPS) == before


def test_what_was_added_to_one_that_was_removed_can_be_taken_back(waiting: Database) -> None:
    decide(waiting, 2, ADD)
    remove_first(waiting)
    sums = "SELECT sum(messages) FROM domain_day_rollup"
    assert rows(waiting, sums) == [(18,)]
    found = decide(waiting, 2, LEAVE)
    assert (found.this.decision, found.other) == ("left", None)
    assert rows(waiting, sums) == [(7,)]


def test_what_replaced_one_that_was_removed_stays(waiting: Database) -> None:
    decide(waiting, 2, REPLACE)
    remove_first(waiting)
    for decision in Decision:
        with pytest.raises(ConflictError, match="report 2 contradicts no other one"):
            decide(waiting, 2, decision)
    assert messages(waiting) == 11
    decide(waiting, 3, REPLACE)
    assert messages(waiting) == 100


def test_one_that_is_being_removed_is_not_decided(database: Database) -> None:
    take(database, long_report("1"), now=NOW)
    take(database, FIRST, now=NOW + timedelta(days=1))
    later = NOW + timedelta(days=402)
    prune(database, timedelta(days=400), later, pause=lambda seconds: True)  # noqa: ARG005 (leaves off at once)
    assert rows(database, "SELECT count(*) FROM report") == [(2,)]
    assert pairs(database) == [(2, None)]
    with pytest.raises(ConflictError, match="only `leave` is possible"):
        decide(database, 2, REPLACE)


# --- how they differ


def compared(database: Database, limit: int | None = None) -> Differences:
    with database.reading() as connection:
        return differences(connection, 1, 2, limit)


def test_lines_are_compared_by_who_sent_and_how_it_was_judged(database: Database) -> None:
    same, more = record("192.0.2.7", 1), record("192.0.2.1", 2)
    take(database, feedback("1", record("192.0.2.1", 3), record("192.0.2.2", 4), same))
    take(database, feedback("1", record("192.0.2.1", 3), more, record("192.0.2.3", 9), same))
    found = compared(database)
    assert (found.same, found.changed, found.only_first, found.only_second) == (1, 1, 1, 1)
    assert found.differing == 3
    assert [(it.source_ip, it.first, it.second) for it in found.lines] == [
        ("192.0.2.3", None, 9),
        ("192.0.2.1", 3, 5),
        ("192.0.2.2", 4, None),
    ]
    assert found.lines[0] == Line("192.0.2.3", "example.org", None, None, "none", "pass", "pass", None, 9)
    assert found.head == {}
    assert compared(database, 1).lines == found.lines[:1]
    assert compared(database, 1).differing == 3


def test_what_stands_beside_the_records_is_compared(database: Database) -> None:
    changed = FIRST.replace(b"<p>none</p>", b"<p>reject</p>").replace(b"noreply@", b"dmarc@")
    take(database, FIRST, changed)
    found = compared(database)
    assert (found.same, found.differing) == (2, 0)
    assert found.head == {
        "email": ("noreply@reporter.example", "dmarc@reporter.example"),
        "p": ("none", "reject"),
    }


def test_records_without_address_and_count_are_compared(database: Database) -> None:
    take(database, feedback("1", record("", 0)), feedback("1", record("", 2)))
    [line] = compared(database).lines
    assert (line.source_ip, line.first, line.second) == (None, 0, 2)
