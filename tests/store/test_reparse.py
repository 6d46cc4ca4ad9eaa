"""Rows that an older parser left become those that a fresh one would store, and what is counted once stays so."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from parsers.limits import DEFAULT_LIMITS, Limits
from store.database import Database
from store.reparse import begin, rebuild
from store.rereading import newest_key, read_again
from store.retention import prune
from store.writer import write
from tests.store.kit import NOW, about_others, content, feedback, large, record, rows, take
from tests.store.reparse_kit import (
    LATER,
    VERSION,
    as_it_is,
    batches,
    correct_sums,
    everything,
    execute,
    fill,
    foreign,
    reparse,
    reparse_quietly,
    spoil,
)
from tests.store.test_damaged import WHOLE, cut
from tests.store.test_rollups import RECOUNTS

SCANS = re.compile(r"SCAN (?!other)(report|record|message|deviation|pruned_report)\b(?!.*USING)")


def test_what_was_just_stored_does_not_change(database: Database) -> None:
    expected = fill(database)
    run = reparse(database)
    assert (run.changed, run.unreadable, run.changes) == (0, 0, {})
    assert run.reports == len(expected["report"]) == 80
    assert everything(database) == expected
    cut_off = "SELECT raw FROM deviation WHERE code = 'cut-off' AND place = 'container' ORDER BY raw"
    assert rows(database, cut_off) == [
        ("gzip stream is cut off",),
        ("zip archive without a readable directory",),
    ]
    assert rows(database, "SELECT count(*) FROM report WHERE NOT whole") == [(3,)]


@pytest.mark.parametrize("seed", range(2))
def test_what_an_older_parser_stored_becomes_what_is_stored_today(database: Database, seed: int) -> None:
    expected = fill(database)
    spoil(database, seed)
    assert everything(database) != expected
    run = reparse(database)
    assert 10 < run.changed < run.reports
    assert everything(database) == expected
    assert reparse(database).changed == 0


def test_what_changed_is_told_by_table_and_column(database: Database) -> None:
    take(database, feedback("1"), feedback("2", record("192.0.2.1", 1), record("192.0.2.2", 2)))
    execute(database, "UPDATE report SET p = 'reject', reporter = NULL WHERE id = 1")
    execute(database, "UPDATE record SET disposition = 'reject', messages = 13 WHERE report_key = 1")
    execute(database, "DELETE FROM record WHERE report_key = 2 AND ordinal = 1")
    execute(database, "DELETE FROM record_spf")
    execute(database, "INSERT INTO record_dkim (report_key, ordinal, position) VALUES (1, 0, 2)")
    execute(database, "INSERT INTO deviation VALUES (1, 7, 1, 'code', 'place', 'action', 'raw', 1)")
    correct_sums(database)
    [batch] = batches(database, begin(database, VERSION, NOW))
    changes = batch.reread[0].changes
    assert {it.what: (it.row, it.old, it.new) for it in changes.examples.values()} == {
        "report.p": ("", "reject", "none"),
        "report.reporter": ("", None, "Reporter"),
        "record.disposition": ("0", "reject", "none"),
        "record.messages": ("0", 13, 12),
        "record_dkim removed": ("0 2", None, None),
        "record_spf added": ("0 0", None, None),
        "deviation removed": ("code place", None, None),
    }
    run = reparse(database)
    told = dict.fromkeys((*changes.counts, "record added"), 1)
    assert (run.reports, run.changed, run.changes) == (2, 2, told)
    kept = "SELECT version, reports, changed, unreadable, last_key, end_key, changes FROM reparse_run"
    assert rows(database, kept) == [(VERSION, 2, 2, 0, 2, 2, json.dumps(told, sort_keys=True))]


def test_a_report_of_very_many_records_is_read_in_pieces(database: Database) -> None:
    take(database, large(), feedback("1"))
    expected = everything(database)
    execute(database, "UPDATE record SET messages = 3, source_ip = NULL WHERE ordinal % 1000 = 7")
    execute(database, "DELETE FROM record WHERE ordinal BETWEEN 4000 AND 5999")
    execute(database, "UPDATE record SET ordinal = ordinal + 20000 WHERE ordinal >= 11000")
    correct_sums(database)
    assert reparse(database).changes == {
        "record added": 3_000,
        "record removed": 1_000,
        "record.messages": 9,
        "record.source_ip": 9,
    }
    assert everything(database) == expected


# --- what cannot be read


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "UPDATE report_xml SET data = :data WHERE report_key = 2",
            "the kept XML is damaged: its SHA-256 is not ",
        ),
        ("UPDATE report_xml SET packing = 'gzip' WHERE report_key = 2", "gzip stream is damaged: "),
        (
            "UPDATE report_xml SET packing = 'rar' WHERE report_key = 2",
            "defect while reading: ValueError: 'rar' is ",
        ),
    ],
)
def test_rows_whose_xml_is_damaged_stay_and_are_named(
    database: Database, statement: str, reason: str
) -> None:
    take(database, *(feedback(str(number)) for number in range(1, 4)))
    execute(database, "UPDATE record SET disposition = 'quarantine', dkim_raw = 'x'")
    expected = rows(database, "SELECT * FROM record WHERE report_key = 2")
    packed = rows(database, "SELECT data FROM report_xml WHERE report_key = 2")[0][0]
    values = {"data": bytes(packed)[:-20]} if ":data" in statement else {}
    execute(database, statement, **values)
    with database.reading() as connection:
        end = newest_key(connection)
    [batch] = read_again(database, 0, end, DEFAULT_LIMITS, as_it_is)
    [unreadable] = batch.unreadable
    assert unreadable.name == "2 (Reporter 2)"
    assert unreadable.reason.startswith(reason)
    run = rebuild(database, begin(database, VERSION, LATER), batch)
    assert (run.reports, run.changed, run.unreadable) == (3, 2, 1)
    assert rows(database, "SELECT * FROM record WHERE report_key = 2") == expected
    changed = rows(database, "SELECT disposition FROM record WHERE report_key <> 2")
    assert changed == [("none",), ("none",)]


def test_what_is_over_a_limit_now_stays_as_it_is(database: Database) -> None:
    take(database, feedback("1", record("192.0.2.1", 1)), WHOLE)
    expected = everything(database)
    run = reparse(database, limits=Limits(records=10))
    assert (run.reports, run.changed, run.unreadable) == (2, 0, 1)
    assert everything(database) == expected


# --- which one is counted

FLAGS = "SELECT id, counted, decision FROM report ORDER BY id"


def rename(database: Database, key: int, report_id: str) -> None:
    """Let a report be stored as an older parser did that misread its report_id."""
    hashed = hashlib.sha256(report_id.encode()).hexdigest()
    execute(
        database,
        "UPDATE report SET report_id = :new, identity = :hashed WHERE id = :key",
        new=report_id,
        hashed=hashed,
        key=key,
    )


def test_a_report_whose_identity_another_one_has_is_a_conflict_from_now_on(database: Database) -> None:
    take(
        database, feedback("1"), feedback("2", record("192.0.2.9", 4)), feedback("2", record("192.0.2.8", 4))
    )
    [(identity,)] = rows(database, "SELECT identity FROM report WHERE id = 2")
    execute(database, "UPDATE report SET identity = :hashed WHERE id = 3", hashed="0" * 64)
    execute(database, "UPDATE report SET counted = true, decision = 'replacing' WHERE id = 3")
    correct_sums(database)
    assert reparse(database).changes == {"report.identity": 1, "report.counted": 1}
    assert rows(database, FLAGS) == [(1, True, None), (2, True, None), (3, False, None)]
    assert rows(database, "SELECT id FROM report WHERE identity = :one ORDER BY id", one=identity) == [
        (2,),
        (3,),
    ]
    assert reparse(database).changes == {}


@pytest.mark.parametrize("decision", [None, "left", "replaced"])
def test_what_contradicts_nothing_any_more_is_counted_unless_a_person_decided(
    database: Database, decision: str | None
) -> None:
    """Two reports that an older parser took for one: the second was not counted."""
    take(database, feedback("1"), feedback("2", record("192.0.2.9", 4)))
    expected = everything(database)
    execute(database, "UPDATE report SET counted = false, decision = :it WHERE id = 2", it=decision)
    execute(database, "UPDATE report SET identity = (SELECT identity FROM report WHERE id = 1) WHERE id = 2")
    correct_sums(database)
    run = reparse(database)
    if decision is None:
        assert run.changes == {"report.identity": 1, "report.counted": 1}
        assert everything(database) == expected
    else:
        assert run.changes == {"report.identity": 1}
        assert rows(database, FLAGS) == [(1, True, None), (2, False, decision)]


def test_the_better_copy_stays_counted_where_both_are_renamed(database: Database) -> None:
    take(database, cut(3), WHOLE, feedback("damaged", record("192.0.2.9", 1)))
    expected = everything(database)
    old = "1" * 64
    execute(database, "UPDATE report SET identity = :old, report_id = 'old'", old=old)
    assert reparse(database).changes == {"report.identity": 3, "report.report_id": 3}
    assert everything(database) == expected


def test_a_decision_of_a_person_stands(database: Database) -> None:
    take(
        database, feedback("1"), feedback("1", record("192.0.2.9", 4)), feedback("1", record("192.0.2.8", 4))
    )
    execute(database, "UPDATE report SET counted = (id = 2), decision = 'replaced' WHERE id IN (1, 3)")
    execute(database, "UPDATE report SET counted = true, decision = 'replacing' WHERE id = 2")
    execute(
        database,
        "UPDATE report SET counted = true, decision = 'added', identity = :own WHERE id = 3",
        own="2" * 64,
    )
    execute(database, "UPDATE record SET messages = 1, disposition = 'reject'")
    correct_sums(database)
    assert set(reparse(database).changes) == {"record.disposition", "record.messages"}
    assert rows(database, FLAGS) == [(1, False, "replaced"), (2, True, "replacing"), (3, True, "added")]
    assert rows(database, "SELECT identity FROM report WHERE id = 3") == [("2" * 64,)]


def test_a_decision_that_is_taken_meanwhile_stands(database: Database) -> None:
    take(database, feedback("1"), feedback("1", record("192.0.2.9", 4)))
    execute(database, "UPDATE report SET report_id = 'old', identity = :old", old="3" * 64)

    def add() -> None:
        decided = "UPDATE report SET counted = true, decision = 'added', identity = :own WHERE id = 2"
        execute(database, decided, own="4" * 64)
        correct_sums(database)

    reparse(database, between=add)
    assert rows(database, FLAGS) == [(1, True, None), (2, True, "added")]
    assert rows(database, "SELECT identity FROM report WHERE id = 2") == [("4" * 64,)]


def test_whose_domain_is_ours_no_more_is_counted_no_more_and_back(database: Database) -> None:
    theirs = [feedback(str(number), record("192.0.2.3", number), domain="example.net") for number in range(5)]
    again = feedback("1", record("192.0.2.4", 9), domain="example.net")
    take(
        database,
        feedback("1"),
        cut(3, WHOLE.replace(b"<domain>example.org<", b"<domain>example.net<")),
        *theirs,
        again,
    )
    expected = everything(database)
    assert reparse(database, foreign("example.net")).changes == {"report.is_foreign": 7, "report.counted": 6}
    assert rows(database, "SELECT DISTINCT policy_domain FROM domain_day_rollup") == [("example.org",)]
    assert reparse(database, foreign("example.net")).changes == {}
    assert reparse(database).changes == {"report.is_foreign": 7, "report.counted": 6}
    assert everything(database) == expected


def test_of_reports_that_become_ours_the_whole_one_is_counted(database: Database) -> None:
    for mail in (about_others(cut(3)), about_others(WHOLE, "2")):
        write(database, [mail], NOW)
    assert rows(database, "SELECT count(*) FROM report WHERE counted") == [(0,)]
    assert reparse(database).changes == {"report.is_foreign": 2, "report.counted": 1}
    assert rows(database, FLAGS) == [(1, False, None), (2, True, None)]


def test_what_was_removed_for_its_age_claims_its_identity_still(database: Database) -> None:
    take(database, feedback("1"), now=NOW - timedelta(days=401))
    take(database, feedback("1", record("192.0.2.9", 4)))
    sums = content(database, *RECOUNTS)
    prune(database, timedelta(days=400), NOW, pause=lambda seconds: None)  # noqa: ARG005 (nobody waits)
    assert reparse_quietly(database).changes == {}
    assert rows(database, FLAGS) == [(2, False, None)]
    assert content(database, *RECOUNTS) == sums


# --- how


def test_no_table_is_read_from_end_to_end(database: Database) -> None:
    if database.file is None:
        pytest.skip("PostgreSQL chooses by its statistics, and reads so small a table as a whole")
    fill(database)
    spoil(database, 5)
    with queries() as asked:
        reparse_quietly(database)
    with closing(sqlite3.connect(database.file)) as connection:
        plans = {
            step
            for query in asked
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {query}", [None] * query.count("?"))
        }
    assert len(plans) > 20
    assert sorted(step for step in plans if SCANS.match(step)) == []


@contextmanager
def queries() -> Iterator[set[str]]:
    """Collect what any database is asked meanwhile."""
    asked: set[str] = set()

    def note(*values: Any) -> None:
        if values[2].startswith(("SELECT", "INSERT", "DELETE", "UPDATE")):
            asked.add(values[2])

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)
