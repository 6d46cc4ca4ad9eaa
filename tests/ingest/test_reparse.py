"""`ruamill reparse`: what is told and done, where it goes on, and real reports that do not change."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from parsers.limits import DEFAULT_LIMITS
from store import rereading
from store.database import Database
from store.locks import lock
from store.reparse import LOCK, begin, rebuild
from store.rereading import read_again
from tests.ingest.program import Daemon, Program, wait_until
from tests.store.kit import feedback, report_mail, rows
from tests.store.reparse_kit import as_it_is, correct_sums, execute
from tests.store.test_rollups import compare

MAILS = Path(__file__).parents[2] / "fixtures/mails"


@pytest.fixture
def program(tmp_path: Path, database_url: str) -> Program:
    """Give a program whose database has three reports as an older parser left them, and one with damaged XML."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(1, 5):
        (folder / f"{number}.eml").write_bytes(report_mail(("r.xml", feedback(str(number)))))
    program = Program(tmp_path, database_url)
    assert program.run("ingest", "in").returncode == 0
    return program


@pytest.fixture
def database(program: Program, database_url: str) -> Iterator[Database]:
    """Give its database."""
    del program
    database = Database(database_url)
    execute(database, "UPDATE record SET disposition = 'quarantine' WHERE report_key < 4")
    execute(database, "UPDATE report SET reporter = 'O\x1b[31m' WHERE report_id = '2'")
    execute(database, "UPDATE report_xml SET packing = 'gzip' WHERE report_key = 3")
    correct_sums(database)
    yield database
    database.close()


def test_what_changes_is_told_and_changed(program: Program, database: Database) -> None:
    done = program.run("reparse")
    assert (done.returncode, done.stderr) == (0, "")
    told = [
        "4 reports read again: 2 changed, 1 could not be read",
        "",
        "what changed\trows",
        "record.disposition\t2",
        "report.reporter\t1",
    ]
    assert done.stdout.splitlines()[:5] == told
    [named] = done.stdout.splitlines()[5:]
    assert re.fullmatch(r"report 3 \(.*\): gzip stream is damaged: .*; its rows stay as they are", named)
    dispositions = rows(database, "SELECT disposition FROM record ORDER BY report_key")
    assert dispositions == [("none",), ("none",), ("quarantine",), ("none",)]
    sums = (
        "SELECT disposition, sum(messages) FROM domain_day_rollup GROUP BY disposition ORDER BY disposition"
    )
    assert rows(database, sums) == [("none", 36), ("quarantine", 12)]
    assert program.run("reparse").stdout.startswith(
        "4 reports read again: 0 changed, 1 could not be read\nreport 3 "
    )


def test_a_dry_run_shows_examples_and_changes_nothing(program: Program, database: Database) -> None:
    done = program.run("reparse", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "4 reports read again: 2 would change, 1 cannot be read\n\nwhat changes\trows\n"
    )
    assert "record.disposition 0: quarantine -> none\n" in done.stdout
    assert re.search(
        r"^report \d \(O\ufffd\[31m 2\): report.reporter: O\ufffd\[31m -> Reporter$",
        done.stdout,
        re.MULTILINE,
    )
    assert rows(database, "SELECT count(*) FROM record WHERE disposition = 'quarantine'") == [(3,)]
    assert rows(database, "SELECT count(*) FROM reparse_run") == [(0,)]


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.usefixtures("database")
def test_json(program: Program, *, dry_run: bool) -> None:
    words = ["--dry-run"] if dry_run else []
    told: dict[str, Any] = json.loads(program.run("reparse", "--json", *words).stdout)
    assert told.pop("seconds") >= 0
    examples, [unreadable] = told.pop("examples"), told.pop("unreadable_reports")
    assert len(examples) == (3 if dry_run else 0)
    assert {it["what"] for it in examples} <= {"record.disposition", "report.reporter"}
    assert unreadable["name"].startswith("3 (")
    assert unreadable["reason"].startswith("gzip stream is damaged")
    changes = {"record.disposition": 2, "report.reporter": 1}
    assert told == {"dry_run": dry_run, "reports": 4, "changed": 2, "unreadable": 1, "changes": changes}


@pytest.fixture
def _interrupted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a run of this version after two reports."""
    monkeypatch.setattr(rereading, "BATCH_REPORTS", 2)
    run = begin(database, version("ruamill"), datetime.now(UTC))
    rebuild(database, run, next(read_again(database, 0, run.end_key, DEFAULT_LIMITS, as_it_is)))


@pytest.mark.usefixtures("_interrupted")
def test_an_interrupted_run_goes_on(program: Program, database: Database) -> None:
    status = program.run("status")
    assert "`ruamill reparse`, begun " in status.stdout
    assert " ago, has read 2 reports: unless it is at work, start it again\n" in status.stdout
    assert json.loads(program.run("status", "--json").stdout)["database"]["reparse"]["reports"] == 2
    done = program.run("reparse")
    assert re.fullmatch(r"going on with the run of .* UTC, after 2 reports\n", done.stderr)
    assert done.stdout.startswith("4 reports read again: 2 changed, 1 could not be read\n")
    assert rows(database, "SELECT count(*) FROM reparse_run") == [(1,)]
    assert "reparse" not in program.run("status").stdout


@pytest.mark.usefixtures("_interrupted")
def test_or_begins_anew(program: Program, database: Database) -> None:
    done = program.run("reparse", "--restart", "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout)["reports"] == 4
    assert rows(database, "SELECT reports, last_key FROM reparse_run ORDER BY id") == [(2, 2), (4, 4)]


def test_only_one_runs_at_a_time(program: Program, database: Database) -> None:
    with lock(database, LOCK) as held:
        assert held
        done = program.run("reparse")
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr == "ruamill: another process reads the reports again; let it finish\n"
    assert rows(database, "SELECT count(*) FROM reparse_run") == [(0,)]


def test_the_daemon_goes_on_meanwhile(tmp_path: Path, database: Database, database_url: str) -> None:
    maildir = tmp_path / "Mail"
    for folder in ("cur", "new", "tmp"):
        (maildir / folder).mkdir(parents=True)
    program = Program(tmp_path, database_url, {"kind": "maildir", "path": str(maildir)})
    with Daemon(program) as daemon:
        for number in range(5, 10):
            (maildir / "new" / f"{number}.mail").write_bytes(report_mail(("r.xml", feedback(str(number)))))
        done = program.run("reparse")
        wait_until(lambda: rows(database, "SELECT count(*) FROM report") == [(9,)])
        daemon.stop()
    assert (done.returncode, done.stderr) == (0, "")
    compare(database)
    assert rows(database, "SELECT sum(messages) FROM domain_day_rollup") == [(9 * 12,)]


def test_real_carriers_do_not_change_and_domains_decide_whose_they_are(
    tmp_path: Path, database_url: str
) -> None:
    program = Program(tmp_path, database_url)
    assert program.run("ingest", str(MAILS)).returncode == 0
    reports = json.loads(program.run("reparse", "--json").stdout)
    assert (reports["changes"], reports["unreadable"]) == ({}, 0)
    database = Database(database_url)
    fits = "SELECT id, sender_fits FROM report ORDER BY id"
    expected = rows(database, fits)
    assert {fit for _, fit in expected} == {None, True, False}
    execute(database, "UPDATE report SET sender_fits = NULL")
    known = sum(fit is not None for _, fit in expected)
    assert json.loads(program.run("reparse", "--json").stdout)["changes"] == {"report.sender_fits": known}
    assert rows(database, fits) == expected
    config = program.folder / "ruamill.toml"
    config.write_text(f'domains = ["example.net"]\n{config.read_text()}[accept]\nforeign = "refuse"\n')
    changes = json.loads(program.run("reparse", "--json").stdout)["changes"]
    assert set(changes) == {"report.counted", "report.is_foreign"}
    assert len(rows(database, fits)) == len(expected)
    strange = "SELECT count(*) FROM domain_day_rollup WHERE NOT (policy_domain LIKE '%example.net')"
    assert rows(database, strange) == [(0,)]
    compare(database)
    database.close()


def test_real_reports_that_were_just_read_do_not_change(
    tmp_path: Path, corpus: Path, database_url: str
) -> None:
    program = Program(tmp_path, database_url)
    program.run("ingest", str(corpus))
    told = json.loads(program.run("reparse", "--json").stdout)
    assert (told["changed"], told["unreadable"], told["changes"]) == (0, 0, {})
    assert told["reports"] > 1_400
