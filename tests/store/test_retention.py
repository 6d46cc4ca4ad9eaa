"""What is old goes, whole and in short transactions; what it has told in sums stays, and it is never counted again."""

import random
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from fixtures.carriers import gzipped
from store.database import Database
from store.outcomes import Outcome
from store.retention import PAGE, Pruned, due, horizon, prune
from store.writer import write
from tests.ingest.mailbox_kit import corrupt_mail, notice_mail, ordinary_mail, tls_mail
from tests.store.kit import (
    NOW,
    about_others,
    content,
    counts,
    feedback,
    incoming,
    record,
    report_mail,
    rows,
    take,
)
from tests.store.test_damaged import WHOLE, cut

ROOT = Path(__file__).parents[2]
FAILURE = (ROOT / "fixtures/failures/rfc9991.eml").read_bytes()
KEEP = timedelta(days=400)
OLD = NOW - timedelta(days=401)
ROLLUPS = ("domain_day_rollup", "source_day_rollup", "source_seen")
EMPTIED = (
    *("report", "report_xml", "record", "record_dkim", "record_spf", "record_reason", "deviation"),
    *("tls_report", "tls_report_json", "failure_report", "message", "message_raw"),
)
TOMBS = "SELECT xml_sha256, identity, counted FROM pruned_report ORDER BY xml_sha256"
PRUNE = """
import sys
from datetime import datetime, timedelta
from store.database import Database
from store.retention import prune

def pause(seconds):
    print("removed some", flush=True)
    sys.stdin.readline()

prune(Database(sys.argv[1]), timedelta(days=400), datetime.fromisoformat(sys.argv[2]), pause=pause)
"""
SCANS = re.compile(r"SCAN (report|record|message|deviation|pruned_report)(?!.*ix_report_ingested_at)")
"""Steps of a plan of SQLite that read a table from end to end; the oldest report is the first entry of its index."""


def prune_all(database: Database, keep: timedelta = KEEP) -> Pruned:
    return prune(database, keep, NOW, pause=lambda seconds: None)  # noqa: ARG005 (nobody waits)


def prune_some(database: Database, transactions: int = 1) -> None:
    """Leave off after so many transactions."""
    done = iter(range(1, transactions + 1))
    prune(database, KEEP, NOW, pause=lambda seconds: next(done) == transactions)  # noqa: ARG005 (nobody waits)


def outcomes(database: Database, *raws: bytes) -> list[Outcome]:
    return [decision.outcome for decision in take(database, *raws)]


def long_report(report_id: str) -> bytes:
    """Write a report that is removed in slices: of 1,500 records, half a megabyte."""
    return feedback(report_id, *(record(f"10.0.{number % 6}.{number % 250}", 1) for number in range(1_500)))


def every_kind(mark: str, number: int) -> list[bytes]:
    """Make messages of every outcome but retry; with another mark and number they are other ones."""
    damaged = [
        WHOLE.replace(b">damaged<", f">{mark} {name}<".encode()) for name in ("damaged", "never whole")
    ]
    others = [make(number).content for make in (corrupt_mail, tls_mail, notice_mail, ordinary_mail)]
    return [
        feedback(f"{mark} 1"),
        feedback(f"{mark} 1").replace(b"noreply@", b"other@"),
        report_mail(("r.xml.gz", gzipped(feedback(f"{mark} 2"))), ("x.xml.gz", b"\x1f\x8b broken")),
        cut(3, damaged[0]),
        damaged[0],
        cut(3, damaged[1]),
        long_report(f"{mark} long"),
        FAILURE.replace(b"Message-ID: <", f"Message-ID: <{mark}".encode()),
        *others,
    ]


def fill(database: Database) -> dict[str, Any]:
    """Store new messages of every kind, then old ones; give what must be there when the old ones are gone."""
    take(database, *every_kind("new", 1))
    kept = content(database, *EMPTIED)
    assert {table for table, there in kept.items() if not there} == set()
    take(database, *every_kind("old", 2), now=OLD)
    gone = "SELECT xml_sha256, identity, counted FROM report WHERE id > :last ORDER BY xml_sha256"
    return kept | content(database, *ROLLUPS) | {"tombs": rows(database, gone, last=len(kept["report"]))}


def everything(database: Database) -> dict[str, Any]:
    return content(database, *EMPTIED, *ROLLUPS) | {"tombs": rows(database, TOMBS)}


def wide_report(database: Database, records: int) -> None:
    """Store an old report of so many records, each with a signature."""
    take(database, feedback("wide", record("192.0.2.1", 1)), now=OLD)
    last = records - 1
    with database.writing() as connection:
        for table, columns, values in (
            ("record", "messages, dmarc_pass", "1, true"),
            ("record_dkim", "position", "0"),
        ):
            numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})"  # noqa: S608 (a number)
            insert = f"INSERT INTO {table} (report_key, ordinal, {columns})"
            connection.execute(text(f"{insert} {numbers} SELECT 1, i, {values} FROM n"))  # noqa: S608 (names from above)
        connection.execute(text(f"UPDATE report SET records = {records}, xml_bytes = {700 * records}"))  # noqa: S608 (numbers)


def test_what_is_old_goes_with_all_that_hangs_below_it_and_the_sums_stay(database: Database) -> None:
    expected = fill(database)
    planned = due(database, KEEP, NOW)
    assert planned == Pruned(
        reports=7, records=1_529, tls_reports=1, failure_reports=1, messages=12, kept_mails=5
    )
    told: list[int] = []
    done = prune(database, KEEP, NOW, pause=lambda seconds: None, advance=told.append)  # noqa: ARG005 (nobody waits)
    assert done == planned
    assert sum(told) == done.rows
    assert everything(database) == expected
    assert prune_all(database) == due(database, KEEP, NOW) == Pruned()


def test_age_is_counted_in_whole_days_from_when_it_came_in(database: Database) -> None:
    first = horizon(KEEP, NOW)
    assert first == datetime(2025, 9, 29, tzinfo=UTC)
    assert timedelta() <= NOW - KEEP - first < timedelta(days=1)
    take(database, feedback("1"), now=first - timedelta(microseconds=1))
    take(database, feedback("2", begin=1_000_000_000, end=1_000_086_400), now=first)
    assert prune_all(database).reports == 1
    assert rows(database, "SELECT report_id FROM report") == [("2",)]


def test_another_copy_of_what_was_removed_is_a_duplicate(database: Database) -> None:
    old = every_kind("old", 2)
    take(database, *old, now=OLD)
    prune_all(database)
    before = content(database, "report", "record", *ROLLUPS)
    reports = [old[number] for number in (0, 1, 3, 4, 5, 6)]
    assert set(outcomes(database, *reports, *reversed(reports))) == {Outcome.DUPLICATE}
    assert outcomes(database, report_mail(("again.gz", gzipped(old[0])))) == [Outcome.DUPLICATE]
    assert content(database, "report", "record", *ROLLUPS) == before


def test_other_content_under_the_identity_of_what_was_removed_is_kept_and_not_counted(
    database: Database,
) -> None:
    take(database, feedback("1"), cut(3), now=OLD)
    prune_all(database)
    before = content(database, *ROLLUPS)
    other = feedback("1", record("192.0.2.99", 5))
    assert outcomes(database, other, other, WHOLE) == [
        Outcome.CONFLICT,
        Outcome.DUPLICATE,
        Outcome.CONFLICT,
    ]
    assert outcomes(database, cut(4)) == [Outcome.DUPLICATE]
    assert content(database, *ROLLUPS) == before
    assert rows(database, "SELECT counted, records FROM report ORDER BY id") == [(False, 1), (False, 20)]


def test_what_was_not_counted_claims_nothing_when_it_is_removed(database: Database) -> None:
    stranger, ours = feedback("1"), feedback("1", record("192.0.2.7", 3))
    write(database, [about_others(stranger)], OLD)
    prune_all(database)
    assert outcomes(database, stranger, ours) == [Outcome.DUPLICATE, Outcome.STORED]
    assert rows(database, "SELECT counted, messages FROM report") == [(True, 3)]
    assert rows(database, "SELECT messages FROM domain_day_rollup") == [(3,)]


def test_a_foreign_report_is_kept_beside_one_that_was_removed(database: Database) -> None:
    take(database, feedback("1"), now=OLD)
    prune_all(database)
    [decision] = write(database, [about_others(feedback("1", record("192.0.2.7", 3)))], NOW)
    assert decision.outcome is Outcome.STORED
    assert rows(database, "SELECT counted, is_foreign FROM report") == [(False, True)]


def test_a_whole_copy_does_not_take_the_place_of_a_damaged_one_that_is_half_removed(
    database: Database,
) -> None:
    whole = long_report("1")
    take(database, cut(1_000, whole), now=OLD)
    sums = content(database, *ROLLUPS)
    prune_some(database)
    [(left,)] = rows(database, "SELECT count(*) FROM record")
    assert 0 < left < 1_000
    assert outcomes(database, whole, cut(1_000, whole)) == [Outcome.CONFLICT, Outcome.DUPLICATE]
    assert prune_all(database).records == left
    assert content(database, *ROLLUPS) == sums
    assert rows(database, "SELECT counted, records FROM report") == [(False, 1_500)]


def test_a_better_copy_that_came_before_is_counted_on(database: Database) -> None:
    take(database, cut(3), now=OLD)
    take(database, WHOLE)
    sums = content(database, *ROLLUPS)
    assert prune_all(database).reports == 1
    assert outcomes(database, cut(3), WHOLE) == [Outcome.DUPLICATE] * 2
    assert rows(database, "SELECT counted, whole FROM report") == [(True, True)]
    assert content(database, *ROLLUPS) == sums


def test_what_waits_for_another_try_stays(database: Database) -> None:
    waiting = replace(incoming(feedback("1")), problem="no memory")
    assert [decision.outcome for decision in write(database, [waiting], OLD)] == [Outcome.RETRY]
    assert prune_all(database) == Pruned(reports=1, records=1)
    assert counts(database, "message", "message_raw") == {"message": 1, "message_raw": 1}
    [decision] = write(database, [replace(waiting, problem=None)], NOW)
    assert decision.outcome is Outcome.DUPLICATE
    assert rows(database, "SELECT messages, records FROM domain_day_rollup") == [(12, 1)]


def test_a_message_that_was_read_again_is_as_young_as_that(database: Database) -> None:
    post = corrupt_mail(1).content
    take(database, post, now=OLD)
    take(database, post, now=NOW)
    assert due(database, KEEP, NOW) == prune_all(database) == Pruned()
    assert rows(database, "SELECT attempts FROM message") == [(2,)]


def test_more_than_a_page_goes_and_what_stays_among_it_does_no_harm(database: Database) -> None:
    number = PAGE + 100
    posts = [incoming(b"Subject: Hello\n\nyou\n", str(uid)) for uid in range(number)]
    write(
        database,
        [replace(post, problem="not now") if uid % 2 else post for uid, post in enumerate(posts)],
        OLD,
    )
    assert prune_all(database).messages == number // 2
    assert counts(database, "message") == {"message": number // 2}


def test_interrupted_after_every_transaction_it_comes_to_the_same_end(database: Database) -> None:
    expected = fill(database)
    runs = 0
    while due(database, KEEP, NOW) != Pruned():
        prune_some(database)
        runs += 1
    assert runs > len(expected["tombs"])
    assert everything(database) == expected


def test_killed_at_any_point_it_goes_on(database: Database, database_url: str) -> None:
    expected = fill(database)
    dice = random.Random(4)  # noqa: S311 (repeatable, not secret)
    for transactions in (1, 1, 2):
        with running(database_url) as remove_some:
            for _ in range(transactions):
                remove_some()
            time.sleep(dice.uniform(0, 0.03))
    assert due(database, KEEP, NOW) != Pruned()
    prune_all(database)
    assert everything(database) == expected


@contextmanager
def running(url: str) -> Iterator[Callable[[], None]]:
    """Prune in a process of its own, transaction by transaction; it is killed at the end of the `with`."""
    command = [sys.executable, "-c", PRUNE, url, NOW.isoformat()]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        told, heard = process.stdin, process.stdout

        def remove_some() -> None:
            """Wait for the end of the transaction under way and allow the next."""
            assert heard.readline() == "removed some\n"
            told.write("go on\n")
            told.flush()

        try:
            yield remove_some
        finally:
            process.kill()


def test_what_was_begun_is_finished_even_if_more_is_to_be_kept_since(database: Database) -> None:
    take(database, long_report("1"), now=OLD)
    prune_some(database, 2)
    assert counts(database, "report") == {"report": 1}
    assert prune_all(database, keep=timedelta(days=4_000)).reports == 1
    assert counts(database, "report", "record", "message") == {"report": 0, "record": 0, "message": 1}


def test_a_report_of_very_many_records_goes_in_slices(database: Database) -> None:
    wide_report(database, 200_000)
    held: list[float] = []
    assert prune(database, KEEP, NOW, pause=held.append).records == 200_000
    assert counts(database, *EMPTIED) == dict.fromkeys(EMPTIED, 0)
    assert len(held) > 10
    assert sorted(held)[len(held) // 2] < 0.2  # 0.02 on a quiet machine


def test_whoever_writes_beside_it_gets_a_turn(database: Database, database_url: str) -> None:
    wide_report(database, 10_000)
    beside = Database(database_url)
    written = 0
    with ThreadPoolExecutor(1) as pool:
        pruning = pool.submit(prune, beside, KEEP, NOW, pause=time.sleep)
        while not pruning.done():
            take(database, feedback(f"new {written}", domain="example.net"))
            written += 1
        assert pruning.result().records == 10_000
    beside.close()
    assert written > 3
    sums = "SELECT sum(records) FROM domain_day_rollup WHERE policy_domain = 'example.net'"
    assert rows(database, sums) == [(written,)]


def test_no_table_is_read_from_end_to_end(database: Database) -> None:
    if database.file is None:
        pytest.skip("PostgreSQL chooses by its statistics, and reads so small a table as a whole")
    fill(database)
    with queries() as asked:
        prune_all(database)
        take(database, *every_kind("old", 2), *every_kind("new", 1))
    with closing(sqlite3.connect(database.file)) as connection:
        plans = [
            step
            for query in asked
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {query}", [None] * query.count("?"))
        ]
    assert len(plans) > 20
    assert [step for step in plans if SCANS.match(step)] == []


@contextmanager
def queries() -> Iterator[set[str]]:
    """Collect what any database is asked meanwhile."""
    asked: set[str] = set()

    def note(*values: Any) -> None:
        if values[2].startswith(("SELECT", "INSERT", "DELETE")):
            asked.add(values[2])

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)
