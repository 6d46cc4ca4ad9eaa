"""The database goes away in mid-transaction, is full, or is locked by somebody else for long."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import make_url

from store import database as database_module
from store import postgresql
from store.database import DatabaseUnavailableError
from tests.faults.scene import Scene, some_mails
from tests.ingest.mailbox_kit import report_mail
from tests.ingest.program import PATIENCE
from tests.servers.dovecot import DovecotServer
from tests.servers.postgres import PostgresServer
from tests.servers.relay import Relay, Way
from tests.servers.small_disk import fill, missing, relieve, small_disk

NO_DISK = missing()

PIECES = 8
"""Into which the bytes between us and PostgreSQL are cut, each way."""


def unavailable(scene: Scene, match: str) -> None:
    """Poll, which must end because the database is away."""
    with pytest.raises(DatabaseUnavailableError, match=match):
        scene.poll()


# --- PostgreSQL


@pytest.fixture
def database_relay(own_postgres: PostgresServer) -> Iterator[Relay]:
    with Relay("127.0.0.1", own_postgres.port) as relay:
        yield relay


@pytest.fixture
def scene(dovecot_server: DovecotServer, own_postgres: PostgresServer) -> Scene:
    """Lay out a scene whose database has its schema."""
    scene = Scene(dovecot_server, own_postgres.create_database(), [])
    scene.poll()
    scene.deliver(*some_mails())
    return scene


def over(relay: Relay, url: str) -> str:
    """Give the URL of the same database over a relay."""
    return make_url(url).set(port=relay.port).render_as_string()


@contextmanager
def by_way_of(scene: Scene, relay: Relay) -> Iterator[None]:
    """Let the polls of a scene reach its database over a relay; what is checked goes straight to it."""
    straight, scene.url = scene.url, over(relay, scene.url)
    yield
    scene.url = straight


def polled(scene: Scene, relay: Relay) -> None:
    with by_way_of(scene, relay):
        scene.survive()


def bytes_of_a_poll(scene: Scene, relay: Relay) -> dict[Way, int]:
    before = {way: relay.passed(way) for way in Way}
    polled(scene, relay)
    scene.check()
    return {way: relay.passed(way) - before[way] for way in Way}


@pytest.mark.postgresql
@pytest.mark.parametrize("way", Way)
def test_a_database_cut_off_at_any_byte_costs_nothing(
    scene: Scene, database_relay: Relay, way: Way, subtests: pytest.Subtests
) -> None:
    number = bytes_of_a_poll(scene, database_relay)[way]
    for round_, place in enumerate(range(0, number, number // PIECES), 1):
        with subtests.test(f"byte {place}"):
            scene.deliver(*some_mails(100 * round_))
            database_relay.after(place, way, lambda: False)
            polled(scene, database_relay)
            scene.recover()


@pytest.mark.postgresql
@pytest.mark.parametrize("moment", ["BEGIN", "INSERT", "COPY", "COMMIT"])
@pytest.mark.parametrize("answered", [False, True], ids=["not done", "done"])
def test_a_database_that_restarts_in_mid_transaction_costs_nothing(
    scene: Scene, own_postgres: PostgresServer, database_relay: Relay, moment: str, answered: bool
) -> None:
    """Also where a COMMIT was carried out, and its answer never came."""
    stopped = Event()

    def stop() -> bool:
        own_postgres.stop()
        stopped.set()
        return False

    def stop_when_done() -> bool:
        database_relay.after(0, Way.DOWN, stop)
        return True

    database_relay.at(moment, 1, stop_when_done if answered else stop)
    polled(scene, database_relay)
    assert stopped.wait(PATIENCE)
    own_postgres.start()
    scene.recover()


@pytest.mark.postgresql
@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("moment", ["BEGIN", "COPY", "COMMIT"])
def test_a_database_that_never_answers_is_given_up(
    scene: Scene, database_relay: Relay, monkeypatch: pytest.MonkeyPatch, moment: str, way: Way
) -> None:
    """The other side lives and says nothing, as where a bit that flips makes a TLS record too long."""

    def fall_silent() -> bool:
        database_relay.stall(way)
        return True

    monkeypatch.setattr(postgresql, "ANSWER_SECONDS", 1)
    database_relay.at(moment, 1, fall_silent)
    polled(scene, database_relay)
    database_relay.flow()
    scene.recover()


@pytest.mark.postgresql
def test_a_database_that_restarts_between_two_batches_is_found_again(
    dovecot_server: DovecotServer, own_postgres: PostgresServer, relay: Relay
) -> None:
    def restart() -> bool:
        own_postgres.restart()
        return True

    scene = Scene(dovecot_server, own_postgres.create_database(), [*map(report_mail, range(250))])
    relay.at("FETCH", 4, restart)
    scene.survive(scene.settings(relay))
    scene.recover()


@pytest.mark.skipif(NO_DISK is not None, reason=f"no small disk: {NO_DISK}")
@pytest.mark.postgresql
def test_a_full_tablespace_costs_nothing(dovecot_server: DovecotServer, own_postgres: PostgresServer) -> None:
    with small_disk(32, own_postgres.directory / "small", own_postgres.account) as disk:
        url = own_postgres.create_database(folder=disk)
        scene = Scene(dovecot_server, url, [])
        scene.poll()
        scene.deliver(*map(report_mail, range(1, 151)))
        fill(disk, leaving=64 * 1024)
        unavailable(scene, "No space left on device")
        relieve(disk)
        scene.recover()
        own_postgres.drop_database(url)


# --- SQLite


@pytest.mark.skipif(NO_DISK is not None, reason=f"no small disk: {NO_DISK}")
def test_a_full_disk_costs_nothing(dovecot_server: DovecotServer, tmp_path: Path) -> None:
    with small_disk(8, tmp_path / "small") as disk:
        scene = Scene(dovecot_server, f"sqlite:///{disk}/ruamill.db", [])
        scene.poll()
        scene.deliver(*map(report_mail, range(1, 151)))
        fill(disk, leaving=64 * 1024)
        unavailable(scene, "full")
        relieve(disk)
        scene.recover()


def test_a_database_that_somebody_locks_for_long_costs_nothing(
    dovecot_server: DovecotServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(dovecot_server, url)
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(make_url(url).database or "")) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        unavailable(scene, "database is locked")
    scene.recover()


LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(2)
"""


def test_a_database_that_somebody_locks_for_a_moment_is_waited_for(
    dovecot_server: DovecotServer, url: str
) -> None:
    scene = Scene(dovecot_server, url)
    command = [sys.executable, "-c", LOCK, str(make_url(url).database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as locker:
        assert locker.stdout
        assert locker.stdout.readline() == "locked\n"
        started = time.monotonic()
        scene.poll()
        assert time.monotonic() - started > 1.5
    scene.check()
