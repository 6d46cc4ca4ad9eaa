"""`ruamill db prune` and the nightly job: what is said, what is removed, and what keeps them from it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from ingest.retention import prune_nightly
from ingest.settings import RetentionSettings, Settings
from store.database import Database
from store.locks import lock
from store.migrate import upgrade
from store.retention import LOCK
from store.schema import message
from tests.ingest.mailbox_kit import corrupt_mail, tls_mail
from tests.ingest.program import Program
from tests.store.kit import counts, feedback, rows, take

DOCUMENT = (Path(__file__).parents[2] / "docs" / "retention.md").read_text(encoding="utf-8")
NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=500)
BEFORE = r"\d{4}-\d\d-\d\d"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Give a database with four old messages and a new one."""
    database = Database(database_url)
    upgrade(database)
    old = [feedback("1"), feedback("2"), corrupt_mail(3).content, tls_mail(4).content]
    take(database, *old, now=OLD)
    take(database, feedback("3"), now=NOW)
    set_newest_arrival(database, NOW)
    yield database
    database.close()


def set_newest_arrival(database: Database, moment: datetime) -> None:
    """Let the mail server have taken all mail at this moment."""
    with database.writing() as connection:
        connection.execute(update(message).values(received_at=moment))


@pytest.fixture
def program(tmp_path: Path, database: Database, database_url: str) -> Program:
    del database
    return Program(tmp_path, database_url)


def settings(keep: int | None) -> Settings:
    return Settings(retention=RetentionSettings(keep=keep))


def test_what_goes_is_told_and_goes(program: Program, database: Database) -> None:
    done = program.run("db", "prune", "--keep", "400d")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        f"removed 2 reports with 2 records, 1 TLS report, 1 kept mail, 4 ledger entries that came in before {BEFORE}; "
        "the sums by day stay\n",
        done.stdout,
    )
    assert counts(database, "report", "message", "message_raw", "pruned_report") == {
        "report": 1,
        "message": 1,
        "message_raw": 0,
        "pruned_report": 2,
    }
    assert rows(database, "SELECT messages, records FROM domain_day_rollup") == [(36, 3)]
    again = program.run("db", "prune", "--keep", "400d")
    assert re.fullmatch(f"nothing came in before {BEFORE}: nothing to remove\n", again.stdout)


def test_a_dry_run_tells_the_same_and_removes_nothing(program: Program, database: Database) -> None:
    done = program.run("db", "prune", "--keep", "400d", "--dry-run")
    assert done.stdout.startswith("would remove 2 reports with 2 records, 1 TLS report, 1 kept mail, ")
    assert counts(database, "report", "message") == {"report": 3, "message": 5}


@pytest.mark.parametrize("dry_run", [True, False])
def test_json(program: Program, dry_run: bool) -> None:
    words = ["--dry-run"] if dry_run else []
    told = json.loads(program.run("db", "prune", "--keep", "400d", "--json", *words).stdout)
    assert told.pop("seconds") >= 0
    assert re.fullmatch(BEFORE, told.pop("before"))
    numbers = {"reports": 2, "records": 2, "tls_reports": 1, "failure_reports": 0}
    assert told == {"dry_run": dry_run, **numbers, "messages": 4, "kept_mails": 1}


def test_the_configured_time_is_kept_unless_another_is_given(program: Program) -> None:
    config = program.folder / "ruamill.toml"
    config.write_text(f'{config.read_text()}[retention]\nkeep = "600d"\n')
    assert program.run("db", "prune").stdout.startswith("nothing came in before ")
    assert program.run("db", "prune", "--keep", "400").stdout.startswith("removed 2 reports ")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "nothing says how long to keep: give --keep 400d, or set keep in [retention] of ruamill.toml"),
        (["--keep", "a year"], '--keep must be a number of days such as "400d"'),
        (["--keep", "0d"], '--keep must be a number of days such as "400d"'),
    ],
)
def test_without_a_time_to_keep_nothing_is_removed(tmp_path: Path, words: list[str], error: str) -> None:
    done = Program(tmp_path, f"sqlite:///{tmp_path}/ruamill.db").run("db", "prune", *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"ruamill: {error}\n")


def test_it_leaves_the_work_to_another_process_that_is_at_it(program: Program, database: Database) -> None:
    with lock(database, LOCK) as held:
        assert held
        done = program.run("db", "prune", "--keep", "400d")
        with capture_logs() as logged:
            prune_nightly(settings(400), database, Event())
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr == "ruamill: another process is removing old reports; let it finish\n"
    assert logged == []
    assert counts(database, "report") == {"report": 3}


def test_the_nightly_job_removes_and_logs(database: Database) -> None:
    [event] = nightly(database, 400)
    assert re.fullmatch(BEFORE, event.pop("before"))
    assert event.pop("seconds") >= 0
    numbers = {
        "reports": 2,
        "records": 2,
        "tls_reports": 1,
        "failure_reports": 0,
        "messages": 4,
        "kept_mails": 1,
    }
    assert event == {"event": "pruned", "log_level": "info", "finished": True, **numbers}
    assert counts(database, "report") == {"report": 1}


def test_with_a_clock_that_is_ahead_of_the_mail_nothing_is_removed(database: Database) -> None:
    set_newest_arrival(database, NOW - timedelta(days=8))
    [event] = nightly(database, 400)
    assert (event["event"], event["log_level"]) == ("prune_put_off", "warning")
    assert counts(database, "report") == {"report": 3}


def test_without_a_setting_the_nightly_job_does_nothing(database: Database) -> None:
    assert nightly(database, None) == []
    assert counts(database, "report") == {"report": 3}


def test_told_to_stop_it_leaves_off_after_a_transaction(database: Database) -> None:
    stop = Event()
    stop.set()
    [event] = nightly(database, 400, stop)
    assert (event["reports"], event["messages"], event["finished"]) == (2, 0, False)
    [event] = nightly(database, 400)
    assert (event["reports"], event["messages"], event["finished"]) == (0, 4, True)


def test_an_outage_is_logged_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    database = Database(f"sqlite:///{tmp_path}/folder/ruamill.db")
    (tmp_path / "folder").rmdir()
    [event] = nightly(database, 400)
    assert (event["event"], event["log_level"]) == ("prune_failed", "warning")
    assert str(tmp_path) in event["error"]


def test_a_defect_is_logged_and_no_more(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/ruamill.db")  # without a table
    [event] = nightly(database, 400)
    assert event["event"] == "prune_failed"


def nightly(database: Database, keep: int | None, stop: Event | None = None) -> list[Any]:
    """Do what the scheduler does; give what was logged."""
    with capture_logs() as logged:
        prune_nightly(settings(keep), database, stop or Event())
    return list(logged)


def test_what_the_document_asks_of_one_engine_runs_there(database: Database, database_url: str) -> None:
    engine = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    blocks = re.findall(rf"```{engine}\n(.*?)```", DOCUMENT, re.DOTALL)
    asked = [query for block in blocks for query in block.split(";") if query.strip()]
    assert asked
    assert all(rows(database, query) for query in asked)
