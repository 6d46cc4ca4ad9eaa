"""`ruamill enrich`, and the daemon's look-ups: what is told, what is sent, and what is left when they are ended."""

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fixtures.registries.server import Records
from ingest.enrichment import LOCK
from store.database import Database
from store.locks import lock
from store.migrate import upgrade
from tests.ingest.enrich_kit import (
    ASKED,
    FAST,
    asked_registries,
    expected_owners,
    networks,
    owners,
    report_on,
    senders,
    states,
)
from tests.ingest.mailbox_kit import make_maildir, report_mail
from tests.ingest.program import Daemon, Program, wait_until
from tests.servers.registries import FaultyServers, hangs, limited, silence
from tests.store.kit import rows

NETWORKS = networks(70)
SOME = networks(7)
IN_HAND = len(ASKED)
"""Questions that registries may be at when a process is killed: one each."""
STOP_SECONDS = 10


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path}/ruamill.db")) as database:
        upgrade(database)
        yield database


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServers]:
    """Give registries that every process started here asks, without any limit of its own."""
    with FaultyServers(Records(tuple(NETWORKS))) as servers:
        limits = {f"RUAMILL_ENRICH__PER_MINUTE__{who.upper()}": str(limit) for who, limit in FAST.items()}
        for variable, value in {**servers.environment, **limits}.items():
            monkeypatch.setenv(variable, value)
        yield servers


@pytest.fixture
def program(tmp_path: Path, database: Database) -> Program:
    (tmp_path / "Maildir").mkdir()
    make_maildir(tmp_path / "Maildir", [])
    box = {"kind": "maildir", "path": str(tmp_path / "Maildir")}
    return Program(tmp_path, f"sqlite:///{database.file}", box)


# --- what is told


def test_what_was_done_is_told(program: Program, database: Database, servers: FaultyServers) -> None:
    report_on(database, *senders(*SOME))
    done = program.run("enrich")
    assert (done.returncode, done.stderr) == (0, "")
    number = len(senders(*SOME))
    assert done.stdout.splitlines()[0] == f"networks: {number} addresses found"
    assert done.stdout.splitlines()[-1] == "1 domain judged"
    assert owners(database) == expected_owners(SOME)
    again = program.run("enrich")
    assert again.stdout == "networks: nothing was due\nnames: nothing was due\n1 domain judged\n"
    assert asked_registries(servers).total() <= 1.2 * len(SOME)


def test_json(program: Program, database: Database, servers: FaultyServers) -> None:
    servers.play("ripencc", limited("3600"))
    report_on(database, *senders(*SOME), "10.0.0.1")
    told = json.loads(program.run("enrich", "--json", "--budget", "50").stdout)
    others = [it for it in SOME if it.registry != "ripencc"]
    assert told.pop("seconds") > 0
    assert 3590 < told.pop("closed")["ripencc"] <= 3600
    assert told == {
        "found": len(senders(*others)),
        "not_found": 0,
        "failed": 0,
        "named": 0,
        "nameless": len(senders(*SOME)),
        "names_failed": 0,
        "waiting": len(senders(*SOME)) - len(senders(*others)),
        "queries": {"bootstrap": 1, "names": len(senders(*SOME)), "origin": 3, "ripencc": 1},
        "domains": 1,
    }


def test_where_nobody_answers_it_may_be_tried_again_later(
    program: Program, database: Database, servers: FaultyServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("origin", "PTR", "NS"):
        servers.play(kind, silence)
    monkeypatch.setenv("RUAMILL_ENRICH__TIMEOUT", "0.5")
    report_on(database, *senders(*NETWORKS, most=2))
    done = program.run("enrich")
    assert done.returncode == 75
    assert "origin wants not to be asked, or does not answer: again in 1 min" in done.stdout


def test_off_sends_nothing(
    program: Program, database: Database, servers: FaultyServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUAMILL_ENRICH__QUERIES", "off")
    report_on(database, *senders(*SOME))
    assert program.run("enrich").stdout == (
        f"networks: nothing was due\nnames: nothing was due\n{len(senders(*SOME))} addresses still to be looked up\n1 domain judged\n"
    )
    assert servers.asked == []


def test_it_leaves_the_work_to_another_process_that_is_at_it(
    program: Program, database: Database, servers: FaultyServers
) -> None:
    report_on(database, *senders(*SOME))
    with lock(database, LOCK) as mine:
        assert mine
        done = program.run("enrich")
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr == "ruamill: another process is looking addresses up; let it finish\n"
    assert servers.asked == []


@pytest.fixture(params=["MMDB", "SERVICES"])
def _nowhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a setting name a file that is not there."""
    monkeypatch.setenv(f"RUAMILL_ENRICH__{request.param}", "nowhere.file")


@pytest.mark.usefixtures("_nowhere")
def test_a_file_that_is_missing_is_named_before_anybody_is_asked(
    program: Program, database: Database, servers: FaultyServers
) -> None:
    report_on(database, *senders(*SOME))
    done = program.run("enrich")
    assert done.returncode == 2
    assert done.stderr.startswith("ruamill: nowhere.file")
    assert servers.asked == []


# --- when it is ended


def asked_twice(servers: FaultyServers) -> int:
    """Count the questions to registries that were asked before; bootstrap redirects to one."""
    asked = Counter((who, address) for who, address in servers.asked if who in ASKED)
    return sum(number - 1 for number in asked.values())


def is_under_way(servers: FaultyServers) -> bool:
    return asked_registries(servers).total() > len(NETWORKS) // 3


def test_a_kill_in_mid_run_loses_no_answer(
    program: Program, database: Database, servers: FaultyServers
) -> None:
    report_on(database, *senders(*NETWORKS, most=2))
    with program.started("enrich") as process:
        wait_until(lambda: is_under_way(servers))
        process.kill()
        process.wait()
    kept, asked = len(_found(database)), asked_registries(servers).total()
    assert 0 < kept < len(NETWORKS)
    assert program.run("enrich").returncode == 0
    assert owners(database) == expected_owners(NETWORKS, most=2)
    assert asked_twice(servers) <= 2 * IN_HAND
    unannounced = sum(it.asn is None for it in NETWORKS)
    assert asked_registries(servers).total() - asked <= len(NETWORKS) - kept + unannounced


def _found(database: Database) -> list[tuple[object, ...]]:
    return rows(database, "SELECT id FROM network")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_within_a_moment_and_tells_what_was_done(
    program: Program, database: Database, servers: FaultyServers, number: int
) -> None:
    servers.play("lacnic", hangs)
    report_on(database, *senders(*NETWORKS, most=2))
    with program.started("enrich") as process:
        wait_until(lambda: is_under_way(servers))
        started = time.monotonic()
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert time.monotonic() - started < STOP_SECONDS
    assert (process.returncode, errors) == (0, "")
    assert output.startswith("networks: ")
    assert "still to be looked up" in output
    servers.heal("lacnic")
    assert program.run("enrich").returncode == 0
    assert owners(database) == expected_owners(NETWORKS, most=2)
    assert asked_twice(servers) <= 2 * IN_HAND


# --- the daemon


def often(program: Program, seconds: int) -> None:
    config = program.folder / "ruamill.toml"
    config.write_text(config.read_text().replace("[schedule]\n", f"[schedule]\nenrich_seconds = {seconds}\n"))


def test_the_daemon_looks_up_and_judges_what_comes_in(
    program: Program, database: Database, servers: FaultyServers
) -> None:
    often(program, 2)
    with Daemon(program) as daemon:
        daemon.wait_for("enriched")
        report_on(database, *senders(*SOME))
        daemon.wait_for("judged")
        wait_until(lambda: owners(database) == expected_owners(SOME))
        assert daemon.stop() < STOP_SECONDS
    events = daemon.events("enriched")
    assert sum(event["found"] for event in events) == len(senders(*SOME))
    assert rows(database, "SELECT DISTINCT policy_domain FROM source_verdict") == [("example.org",)]
    assert asked_twice(servers) == 0


def test_a_registry_that_hangs_keeps_neither_mail_nor_the_end(
    program: Program, database: Database, servers: FaultyServers
) -> None:
    often(program, 5)
    for who in ASKED:
        servers.play(who, hangs)
    report_on(database, *senders(*SOME))
    with Daemon(program) as daemon:
        wait_until(lambda: asked_registries(servers))
        mail = report_mail(1)
        (program.folder / "Maildir" / "new" / "1.mail").write_bytes(mail.content)
        daemon.wait_for("message")
        assert daemon.stop() < STOP_SECONDS
        assert not daemon.events("stopped_in_mid_poll")
    assert states(database)["waiting"]


def test_what_the_daemon_cannot_do_is_logged_and_tried_again(
    program: Program, database: Database, servers: FaultyServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUAMILL_ENRICH__MMDB", str(program.folder / "late.mmdb"))
    often(program, 1)
    report_on(database, *senders(*SOME))
    with Daemon(program) as daemon:
        failed = daemon.wait_for("enrichment_failed", 2)
        assert daemon.stop() < STOP_SECONDS
    assert {event["level"] for event in failed} == {"warning"}
    assert "late.mmdb: cannot be read" in failed[0]["error"]
    assert servers.asked == []
