"""What could be read of a damaged report is counted until a better copy comes; then that one is, and nothing twice."""

import random

import pytest

from fixtures.carriers import gzipped
from store.database import Database
from store.outcomes import Outcome
from store.writer import write
from tests.store.kit import (
    NOW,
    content,
    counts,
    feedback,
    half,
    incoming,
    large,
    record,
    report_mail,
    rows,
    take,
)
from tests.store.test_rollups import compare

ADDRESSES = [f"192.0.2.{number}" for number in range(1, 21)]
WHOLE = feedback("damaged", *(record(address, 2) for address in ADDRESSES))
REPORTS = "SELECT counted, whole, records, messages FROM report ORDER BY id"


def cut(records: int, report: bytes = WHOLE) -> bytes:
    """Cut a report off after so many records, in the middle of the next."""
    *first, _ = report.split(b"<record>")[: records + 2]
    return b"<record>".join([*first, b"<row><source_ip>192.0.2.255</source_ip><count>1000</count>"])


def outcomes(database: Database, *raws: bytes) -> list[Outcome]:
    return [decision.outcome for decision in take(database, *raws)]


def test_what_stands_before_the_cut_is_stored_and_counted(database: Database) -> None:
    [decision] = take(database, cut(7))
    assert decision.outcome is Outcome.PARTIAL
    assert decision.reason
    assert (decision.reports, decision.records) == (1, 7)
    assert rows(database, REPORTS) == [(True, False, 7, 14)]
    assert rows(database, "SELECT code FROM deviation WHERE code = 'cut-off'") == [("cut-off",)]
    assert counts(database, "message_raw") == {"message_raw": 1}
    compare(database)


def test_a_cut_container_is_like_a_cut_report(database: Database) -> None:
    [decision] = take(database, report_mail(("r.xml.gz", half(large()))))
    assert decision.outcome is Outcome.PARTIAL
    [(whole, records)] = rows(database, "SELECT whole, records FROM report")
    assert not whole
    assert 1_000 < records < 12_000
    assert rows(database, "SELECT count(*) FROM record") == [(records,)]
    compare(database)


@pytest.mark.parametrize("together", [True, False])
def test_a_whole_copy_takes_the_place_of_a_damaged_one(database: Database, *, together: bool) -> None:
    if together:
        found = outcomes(database, cut(7), WHOLE)
    else:
        found = outcomes(database, cut(7)) + outcomes(database, WHOLE)
    assert found == [Outcome.PARTIAL, Outcome.STORED]
    assert rows(database, REPORTS) == [(False, False, 7, 14), (True, True, 20, 40)]
    assert rows(database, "SELECT count(*), sum(messages) FROM records_flat") == [(20, 40)]
    compare(database)


@pytest.mark.parametrize("together", [True, False])
def test_a_damaged_copy_of_a_stored_report_is_a_duplicate(database: Database, *, together: bool) -> None:
    found = outcomes(database, WHOLE, cut(7)) if together else outcomes(database, WHOLE)
    before = content(database, "report", "record", "source_day_rollup")
    found = found[1:] or outcomes(database, cut(7))
    assert found == [Outcome.DUPLICATE]
    assert content(database, "report", "record", "source_day_rollup") == before


def test_a_longer_piece_takes_the_place_of_a_shorter_one(database: Database) -> None:
    assert outcomes(database, cut(3)) == [Outcome.PARTIAL]
    assert outcomes(database, cut(2)) == [Outcome.DUPLICATE]
    assert outcomes(database, cut(9)) == [Outcome.PARTIAL]
    assert rows(database, REPORTS) == [(False, False, 3, 6), (True, False, 9, 18)]
    compare(database)


def test_an_address_that_only_the_damaged_copy_had_is_seen_no_more(database: Database) -> None:
    shorter = feedback("damaged", *(record(address, 2) for address in ADDRESSES[5:]))
    take(database, cut(7))
    take(database, shorter)
    seen = {address for (address,) in rows(database, "SELECT source_ip FROM source_seen")}
    assert {str(address) for address in seen} == set(ADDRESSES[5:])
    compare(database)


def test_a_whole_copy_of_other_content_after_the_replacement_is_a_conflict(database: Database) -> None:
    take(database, cut(7))
    take(database, WHOLE)
    other = feedback("damaged", record("192.0.2.99", 1))
    assert outcomes(database, other) == [Outcome.CONFLICT]
    compare(database)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_order_the_best_copy_is_counted(database: Database, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    reports = [
        feedback(str(number), *(record(address, number) for address in dice.sample(ADDRESSES, 6)))
        for number in range(1, 9)
    ]
    copies = [cut(dice.randrange(1, 5), report) for report in reports for _ in range(4)] + reports
    dice.shuffle(copies)
    waiting = [incoming(gzipped(xml), str(uid)) for uid, xml in enumerate(copies)]
    while waiting:
        size = dice.randrange(1, 8)
        batch, waiting = waiting[:size], waiting[size:]
        write(database, batch, NOW)
        compare(database)
    assert rows(database, "SELECT count(*), sum(records) FROM report WHERE counted AND whole") == [(8, 48)]
    assert rows(database, "SELECT count(*) FROM report WHERE counted AND NOT whole") == [(0,)]
