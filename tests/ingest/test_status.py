"""`ruamill status`, as a person and as a script sees it."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.simple_server import make_server

import pytest
from sqlalchemy import insert, text

from fixtures.carriers import gzipped
from ingest.commands import status
from ingest.database import open_database
from ingest.monitoring import overview, probe
from ingest.monitoring import server as monitor
from ingest.monitoring.overview import look, problems
from ingest.monitoring.watch import State, Watch
from ingest.settings import MonitorSettings, Settings
from ingest.tally import Tally
from store import lookups, mailboxes
from store.database import Database
from store.lookups import RegistryState
from store.migrate import HEAD
from store.schema import source
from tests.ingest.program import Program
from tests.servers.ports import free_port
from tests.store.kit import INBOX, feedback, report_mail, take

NOW = datetime.now(UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def settings_of(url: str, **more: object) -> Settings:
    box = {"name": "box", "host": "imap.example.org", "user": "u", "password": "pw-1"}
    usual = {"database": url, "mailbox": [box], "monitor": {"port": free_port()}, "domains": ["example.org"]}
    return Settings.model_validate({**usual, **more})


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_of(database_url)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


def note_poll(database: Database, at: datetime = NOW) -> None:
    with database.writing() as connection:
        mailboxes.note_poll(connection, INBOX, 0, at)


def found_by(settings: Settings) -> list[str]:
    """Name what needs a person."""
    seen = look(settings, NOW)
    return problems(seen, probe.ask(settings.monitor, seen.database), settings, NOW)


# --- what needs a person


def test_a_mailbox_that_was_just_polled_needs_nobody(settings: Settings, database: Database) -> None:
    note_poll(database)
    assert found_by(settings) == []


def test_a_mailbox_that_was_not_polled_for_three_polls_needs_somebody(
    settings: Settings, database: Database
) -> None:
    assert found_by(settings) == ["box: never polled: start `ruamill run`"]
    note_poll(database, NOW - 14 * MINUTE)
    assert found_by(settings) == []
    at = NOW - 16 * MINUTE
    note_poll(database, at)
    assert found_by(settings) == [f"box: not polled since {at:%Y-%m-%d %H:%M} UTC: start `ruamill run`"]


def test_an_error_needs_somebody_until_the_next_poll(settings: Settings, database: Database) -> None:
    note_poll(database)
    with database.writing() as connection:
        mailboxes.note_failure(connection, INBOX, "imap.example.org:993: login refused", NOW)
    assert found_by(settings) == ["box: imap.example.org:993: login refused"]
    note_poll(database)
    assert found_by(settings) == []


def test_a_running_daemon_knows_best(settings: Settings, database: Database) -> None:
    watch = Watch(["box"], 300)
    watch.enter("box", State.POLLING)
    with monitor.serve(settings, watch, database):
        assert found_by(settings) == []  # the first poll runs: over 100,000 messages it takes its time
        watch.failed("box", "login refused", refused=True)
        assert found_by(settings) == ["box: login refused"]
        watch.enter("box", State.STANDING_BY)
        assert found_by(settings) == ["box: never polled: start `ruamill run`"]
        watch.enter("box", State.POLLING)
        watch.polled("box", Tally())
        assert found_by(settings) == []


def test_a_daemon_with_another_database_is_not_believed(database: Database, tmp_path: Path) -> None:
    other = settings_of(f"sqlite:///{tmp_path}/other.db")
    with closing(open_database(other)) as others, monitor.serve(other, Watch(["box"], 300), others):
        assert probe.ask(other.monitor, database.name) is None
        assert probe.ask(other.monitor, others.name)
    assert probe.ask(other.monitor, others.name) is None


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"program": "another"}', b"\xff"])
def test_what_answers_and_is_no_ruamill_is_not_believed(content: bytes) -> None:
    def answer(environment: object, start: Callable[..., object]) -> list[bytes]:
        del environment
        start("200 OK", [("Content-Type", "text/plain")])
        return [content]

    with make_server("127.0.0.1", 0, answer) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        assert probe.ask(MonitorSettings(port=server.server_port), "sqlite:///ruamill.db") is None
        thread.join()


# --- the database


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    seen = look(settings_of(f"sqlite:///{tmp_path}/ruamill.db"), NOW)
    assert seen.obstacle
    assert "there is no database yet" in seen.obstacle
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_stays_empty(settings: Settings) -> None:
    with closing(Database(settings.database.get_secret_value())) as empty, empty.reading() as connection:
        assert connection.scalar(text("SELECT 1")) == 1  # makes SQLite's file
    for _ in range(2):
        [problem] = found_by(settings)
        assert problem.endswith("it is empty; `ruamill run`, `ruamill poll` and `ruamill ingest` make it")


@pytest.mark.parametrize(
    ("revision", "advice"), [("0001", "run `ruamill db upgrade`"), ("9999", "install the newer ruamill")]
)
def test_a_database_of_another_schema_is_left_as_it_is(
    revision: str, advice: str, settings: Settings, database: Database
) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    seen = look(settings, NOW)
    assert (seen.schema, seen.bytes) == (revision, None)
    assert seen.obstacle
    assert f"its schema {revision} is" in seen.obstacle
    assert HEAD in seen.obstacle
    assert advice in seen.obstacle
    assert look(settings, NOW).schema == revision


def test_a_database_that_is_away_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(f"postgresql://u:pw-2@127.0.0.1:{free_port()}/nowhere")
    assert status.run(settings, json=False, now=NOW) == 1
    output = capsys.readouterr().out
    assert "This needs a person:\n- database postgresql+psycopg://u:***@127.0.0.1" in output
    assert "pw-2" not in output


# --- what is printed


def mail(number: str, domain: str = "example.org") -> bytes:
    return report_mail((f"{number}.xml.gz", gzipped(feedback(number, domain=domain))))


@pytest.fixture
def busy(database: Database) -> None:
    """Store reports of now and of a week before, and a mailbox in which something waits."""
    take(database, mail("1"), mail("2"), mail("3", "news.example.org"), now=NOW - 8 * DAY)
    take(database, mail("4"), mail("5", "silent.example.net"), now=NOW - 3 * DAY)
    take(database, mail("6"), mail("7"), mail("7"), now=NOW - 90 * MINUTE)
    note_poll(database, NOW - 3 * MINUTE)
    with database.writing() as connection:
        mailboxes.note_waiting(connection, INBOX, 2, NOW - 5 * DAY)


@pytest.mark.usefixtures("busy")
def test_the_figures_as_json(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(database_url, domains=["example.org", "silent.example.net", "never.example"])
    assert status.run(settings, json=True, now=NOW) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["problems"], found["daemon"]) == ([], None)
    assert (found["database"]["schema"], found["database"]["reports"]) == (HEAD, 7)
    assert found["database"]["bytes"] > 10_000
    [box] = found["mailboxes"]
    assert (box["name"], box["waiting"], box["error"], box["state"]) == ("box", 2, None, None)
    assert datetime.fromisoformat(box["last_poll_at"]) == NOW - 3 * MINUTE
    assert found["day"] == {"outcomes": {"stored": 2, "duplicate": 1}, "reports": 2, "records": 2}
    assert found["week"]["outcomes"] == {"stored": 4, "duplicate": 1}
    assert [(it["domain"], it["silent"]) for it in found["domains"]] == [
        ("example.org", False),
        ("silent.example.net", True),
        ("never.example", True),
    ]
    assert found["domains"][2]["newest_report_at"] is None
    assert found["lookups"]["waiting"] == 0


@pytest.mark.usefixtures("busy")
def test_the_figures_for_people(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(database_url, domains=[])
    assert status.run(settings, json=False, now=NOW) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"none answers for this database at 127.0.0.1 port {settings.monitor.port}" in lines[0]
    assert f"schema {HEAD}" in lines[1]
    assert "box\t-\t3 min\t2\t5 days" in lines
    assert "stored\t2\t4\t-" in lines
    assert "duplicate\t1\t1\t-" in lines
    assert "new reports\t2\t4\t7" in lines
    moment = f"{NOW - 90 * MINUTE:%Y-%m-%d %H:%M}"
    assert f"example.org\t{moment}\t90 min\t" in lines
    assert any(line.startswith("news.example.org\t") and line.endswith("\t8 days\tsilent") for line in lines)
    assert lines[-1] == "Nothing needs a person."


@pytest.fixture
def asked(database: Database) -> None:
    """Let two addresses wait for their look-up, and leave LACNIC in peace."""
    waiting = [
        {"source_ip": f"192.0.2.{number}", "state": "waiting", "first_day": date(2026, 11, number)}
        for number in (3, 4)
    ]
    states = {
        "lacnic": RegistryState(9, 2, NOW + 5 * MINUTE, "asked too often", NOW),
        "arin": RegistryState(7, 0, NOW - MINUTE, None, None),
    }
    with database.writing() as connection:
        connection.execute(insert(source), waiting)
        lookups.write_registry_states(connection, states)


@pytest.mark.usefixtures("asked")
def test_look_ups_are_told(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(database_url, mailbox=[])
    assert status.run(settings, json=False, now=NOW) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "look-ups of addresses: 2 waiting; the oldest that waits was seen first on 2026-11-03" in lines
    until = f"{NOW + 5 * MINUTE:%Y-%m-%d %H:%M} UTC"
    assert f"lacnic is not asked until {until}: asked too often" in lines
    assert not any(line.startswith(("arin", "nobody outside")) for line in lines)
    assert status.run(settings, json=True, now=NOW) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["oldest_lookup"] == "2026-11-03"
    assert found["registries"]["lacnic"]["queries"] == 9
    assert found["registries"]["names"]["closed_until"] is None


@pytest.mark.usefixtures("asked")
def test_look_ups_that_are_off_are_told(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(database_url, mailbox=[], enrich="off")
    assert status.run(settings, json=False, now=NOW) == 0
    output = capsys.readouterr().out
    assert 'nobody outside is asked: enrich = "off"' in output
    assert "lacnic" not in output


def test_the_daemon_is_told(
    settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = Watch(["box"], 300)
    watch.enter("box", State.STANDING_BY)
    note_poll(database)
    with monitor.serve(settings, watch, database):
        assert status.run(settings, json=False, now=NOW) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("the daemon runs here, version" in line and line.endswith(", ok") for line in lines)
    assert any(line.startswith("box\tstanding by\t") for line in lines)


def test_many_domains_are_cut_short(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(database_url, domains=[], mailbox=[])
    with closing(open_database(settings)) as database:
        take(database, *(mail(str(number), f"{number}.example") for number in range(status.SHOWN + 3)))
    assert status.run(settings, json=False, now=NOW) == 0
    output = capsys.readouterr().out
    assert output.count(".example\t") == status.SHOWN
    assert "and 3 more; name your own in `domains`" in output


def test_an_error_cannot_steer_a_terminal(
    settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.writing() as connection:
        mailboxes.note_failure(connection, INBOX, "the server says \x1b[2J", NOW)
    assert status.run(settings, json=False, now=NOW) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_as_a_command(tmp_path: Path) -> None:
    program = Program(tmp_path, f"sqlite:///{tmp_path}/ruamill.db")
    before = program.run("status")
    assert before.returncode == 1
    assert "there is no database yet" in before.stdout
    program.run("db", "upgrade")
    after = program.run("status", "--json")
    assert (after.returncode, after.stderr) == (0, "")
    assert json.loads(after.stdout)["problems"] == []


@pytest.mark.parametrize(
    ("ago", "age"),
    [(0, "0 s"), (59, "59 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 days")],
)
def test_an_age_is_told_as_people_tell_it(ago: int, age: str) -> None:
    assert status.age(NOW - timedelta(seconds=ago), NOW) == age
    assert overview.is_silent(NOW - timedelta(seconds=ago), NOW) is False
