"""A run is interrupted, killed, met by another, and goes on beside a daemon that writes and one that removes."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from parsers.limits import DEFAULT_LIMITS
from store import rereading
from store.database import Database, DatabaseUnavailableError
from store.reparse import begin, finish, rebuild, unfinished
from store.rereading import newest_key, read_again
from store.retention import prune
from tests.store.kit import NOW, content, counts, feedback, record, rows, take
from tests.store.reparse_kit import (
    LATER,
    ROOT,
    VERSION,
    as_it_is,
    batches,
    everything,
    execute,
    fill,
    reparse,
    reparse_quietly,
    spoil,
)
from tests.store.test_damaged import WHOLE, cut
from tests.store.test_rollups import RECOUNTS, compare

REPARSE = """
import sys
from datetime import datetime
from store import rereading
from store.database import Database
from store.reparse import begin, finish, rebuild

rereading.BATCH_REPORTS = 3
database, now = Database(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
run = begin(database, "1.0", now)
for batch in rereading.read_again(database, run.last_key, run.end_key, rereading.Limits(), lambda read, _: read):
    run = rebuild(database, run, batch)
    print("rebuilt some", flush=True)
    sys.stdin.readline()
finish(database, run, now)
"""


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rereading, "BATCH_REPORTS", 3)


@pytest.mark.usefixtures("small_batches")
def test_interrupted_after_every_batch_it_comes_to_the_same_end(database: Database) -> None:
    expected = fill(database)
    spoil(database, 1)
    with database.reading() as connection:
        end = newest_key(connection)
    whole = Counter[str]()
    for batch in read_again(database, 0, end, DEFAULT_LIMITS, as_it_is):
        for reread in batch.reread:
            whole += reread.changes.counts
    begun = begin(database, VERSION, NOW)
    runs = 0
    while (run := begin(database, VERSION, LATER)).last_key < run.end_key:
        assert (run.key, run.started_at) == (begun.key, NOW)
        rebuild(database, run, next(batches(database, run)))
        compare(database)
        runs += 1
    run = finish(database, run, LATER)
    assert runs > 20
    assert (run.reports, run.changes) == (len(expected["report"]), whole)
    assert everything(database) == expected


def test_killed_at_any_point_it_goes_on(database: Database, database_url: str) -> None:
    expected = fill(database)
    spoil(database, 2)
    dice = random.Random(4)  # noqa: S311 (repeatable, not secret)
    done = 0
    for transactions in (1, 2, 4, 4):
        with running(database_url) as rebuild_some:
            for _ in range(transactions):
                rebuild_some()
            time.sleep(dice.uniform(0, 0.05))
        compare(database)
        with database.reading() as connection:
            run = unfinished(connection, VERSION)
        assert run
        assert run.reports >= done + 3 * transactions
        done = run.reports
    run = reparse(database)
    assert run.reports == len(expected["report"])
    assert everything(database) == expected
    assert rows(database, "SELECT count(*) FROM reparse_run WHERE finished_at IS NOT NULL") == [(1,)]


@contextmanager
def running(url: str) -> Iterator[Callable[[], None]]:
    """Reparse in a process of its own, batch by batch; it is killed at the end of the `with`."""
    command = [sys.executable, "-c", REPARSE, url, NOW.isoformat()]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        told, heard = process.stdin, process.stdout

        def rebuild_some() -> None:
            """Wait for the end of the transaction under way and allow the next."""
            assert heard.readline() == "rebuilt some\n"
            told.write("go on\n")
            told.flush()

        try:
            yield rebuild_some
        finally:
            process.kill()


@pytest.mark.usefixtures("small_batches")
def test_another_version_begins_anew_and_so_does_who_asks_for_it(database: Database) -> None:
    fill(database)
    first = begin(database, VERSION, NOW)
    first = rebuild(database, first, next(batches(database, first)))
    newer = begin(database, "1.1", LATER)
    assert (newer.key, newer.last_key, newer.reports) == (first.key + 1, 0, 0)
    newer = rebuild(database, newer, next(batches(database, newer)))
    assert begin(database, "1.1", LATER) == newer
    assert begin(database, "1.1", LATER, restart=True).last_key == 0
    assert rows(database, "SELECT id, reports, finished_at IS NULL FROM reparse_run ORDER BY id") == [
        (1, 3, False),
        (2, 3, False),
        (3, 0, True),
    ]
    with pytest.raises(DatabaseUnavailableError, match="another process reads the reports again"):
        finish(database, newer, LATER)


@pytest.mark.usefixtures("small_batches")
def test_two_that_do_not_know_of_each_other_do_no_harm(database: Database) -> None:
    expected = fill(database)
    spoil(database, 3)
    mine = begin(database, VERSION, NOW)
    theirs = begin(database, VERSION, NOW)
    assert mine == theirs
    read = next(batches(database, mine))
    rebuild(database, theirs, next(batches(database, theirs)))
    with pytest.raises(DatabaseUnavailableError, match="another process"):
        rebuild(database, mine, read)
    compare(database)
    reparse(database)
    assert everything(database) == expected


@pytest.mark.usefixtures("small_batches")
def test_new_reports_come_in_meanwhile(database: Database, database_url: str) -> None:
    fill(database)
    spoil(database, 4)
    beside = Database(database_url)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(reparse_quietly, beside)
        written = 0
        while not run.done():
            again = [
                cut(written % 19 + 1, WHOLE.replace(b">damaged<", b">meanwhile<")),
                feedback(f"new {written}"),
            ]
            take(database, *again)
            written += 1
        assert run.result().changed > 10
    beside.close()
    assert written > 1
    last = reparse(database)
    assert (last.changed, last.unreadable) == (0, 0)


@pytest.mark.usefixtures("small_batches")
def test_what_is_removed_for_its_age_meanwhile_stays_removed(database: Database) -> None:
    old = NOW - timedelta(days=401)
    for number in range(20):
        take(database, feedback(str(number), record("192.0.2.7", number)), now=old)
    long = feedback("long", *(record(f"10.0.{number % 6}.{number % 250}", 1) for number in range(1_500)))
    take(database, long, now=old)
    sums = content(database, *RECOUNTS)
    execute(database, "UPDATE record SET disposition = 'quarantine'")

    def prune_some() -> None:
        prune(database, timedelta(days=400), NOW, pause=lambda seconds: True)  # noqa: ARG005 (one transaction)

    run = begin(database, VERSION, LATER)
    for batch in batches(database, run):
        prune_some()
        run = rebuild(database, run, batch)
    finish(database, run, LATER)
    prune(database, timedelta(days=400), NOW, pause=lambda seconds: None)  # noqa: ARG005 (nobody waits)
    assert set(counts(database, "report", "record", "record_dkim", "deviation").values()) == {0}
    assert content(database, *RECOUNTS) == sums


def test_a_report_that_is_half_removed_is_left_alone(database: Database) -> None:
    long = feedback("long", *(record(f"10.0.{number % 6}.{number % 250}", 1) for number in range(1_500)))
    take(database, long, now=NOW - timedelta(days=401))
    prune(database, timedelta(days=400), NOW, pause=lambda seconds: True)  # noqa: ARG005 (one transaction)
    [(left,)] = rows(database, "SELECT count(*) FROM record")
    assert 0 < left < 1_500
    run = begin(database, VERSION, LATER)
    for batch in batches(database, run):
        run = rebuild(database, run, batch)
    assert (finish(database, run, LATER).reports, run.last_key) == (0, run.end_key)
    assert rows(database, "SELECT count(*) FROM record") == [(left,)]
