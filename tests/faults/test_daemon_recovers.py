"""`ruamill run` comes back by itself: whatever happened, mail that arrives afterwards is taken."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psycopg
import pytest
from sqlalchemy import make_url

from store.database import WRITE_LOCK
from tests.faults.configured import DENIED, EVERYTHING, configure
from tests.faults.scene import Scene, some_mails
from tests.ingest.program import Daemon, Program, wait_until
from tests.servers.dovecot import DovecotServer
from tests.servers.postgres import PostgresServer
from tests.servers.relay import Relay, Way

READ_TIMEOUT = 2


@pytest.fixture
def scene(dovecot_server: DovecotServer, url: str) -> Scene:
    return Scene(dovecot_server, url)


@contextmanager
def at_work(scene: Scene, folder: Path, relay: Relay | None = None) -> Iterator[Daemon]:
    """Run a daemon that has taken all there was, and must take all that comes."""
    box = scene.account(relay, read_timeout=READ_TIMEOUT, connect_timeout=READ_TIMEOUT)
    with Daemon(Program(folder, scene.url, box)) as daemon:
        daemon.wait_for("poll")
        yield daemon
        scene.deliver(*some_mails(100))
        wait_until(scene.is_done)
        daemon.stop()
    scene.check()


# --- the mail server and the way to it


def hang_up(relay: Relay) -> None:
    relay.cut()


def hang_up_for_a_while(relay: Relay) -> None:
    relay.refuse()
    relay.cut()


def fall_silent(relay: Relay) -> None:
    relay.stall()


def spoil(relay: Relay) -> None:
    for way in Way:
        relay.corrupt(way)


@pytest.mark.parametrize("harm", [hang_up, hang_up_for_a_while, fall_silent, spoil])
def test_a_line_that_fails_while_nothing_happens(
    dovecot_server: DovecotServer, url: str, tmp_path: Path, harm: Callable[[Relay], None]
) -> None:
    with Relay(dovecot_server.host, dovecot_server.imaps_port, hears=False) as relay:
        scene = Scene(dovecot_server, url)
        timeouts = {"read_timeout": READ_TIMEOUT, "connect_timeout": READ_TIMEOUT}
        box = {**scene.account(), "port": relay.port, **timeouts}
        with Daemon(Program(tmp_path, scene.url, box)) as daemon:
            daemon.wait_for("poll")
            harm(relay)
            scene.deliver(*some_mails(100))
            if harm in (hang_up_for_a_while, fall_silent):
                daemon.wait_for("poll_failed")
            relay.flow()
            relay.accept()
            wait_until(scene.is_done)
            daemon.stop()
        scene.check()


@pytest.mark.parametrize("command", ["IDLE", "DONE"])
@pytest.mark.parametrize("answered", [None, 0, 5], ids=["unheard", "unanswered", "half answered"])
def test_a_cut_while_it_waits_for_news(
    scene: Scene, relay: Relay, tmp_path: Path, command: str, answered: int | None
) -> None:
    def cut() -> bool:
        if answered is not None:
            relay.after(answered, Way.DOWN, lambda: False)
        return answered is not None

    relay.at(command, 1, cut)
    with at_work(scene, tmp_path, relay):
        wait_until(lambda: relay.heard(command))


@pytest.mark.dovecot
def test_a_mail_server_that_is_away_for_a_while(own_dovecot: DovecotServer, url: str, tmp_path: Path) -> None:
    scene = Scene(own_dovecot, url)
    with at_work(scene, tmp_path) as daemon:
        own_dovecot.stop()
        daemon.wait_for("poll_failed", 2)
        own_dovecot.start()


@pytest.mark.dovecot
def test_a_login_that_is_refused_for_a_while(own_dovecot: DovecotServer, url: str, tmp_path: Path) -> None:
    scene = Scene(own_dovecot, url)
    denied = own_dovecot.directory / "denied"
    denied.write_text(f"{scene.user}:\n")
    with at_work(scene, tmp_path) as daemon:
        configure(own_dovecot, DENIED.format(file=denied))
        wait_until(lambda: any("login refused" in event["error"] for event in daemon.events("poll_failed")))
        configure(own_dovecot, "")


@pytest.mark.dovecot
def test_new_uids_while_it_runs(own_dovecot: DovecotServer, url: str, tmp_path: Path) -> None:
    scene = Scene(own_dovecot, url)
    with Daemon(Program(tmp_path, scene.url, scene.account(read_timeout=READ_TIMEOUT))) as daemon:
        daemon.wait_for("poll")
        own_dovecot.stop()
        scene.renumber()
        own_dovecot.start()
        lunches = [post for post in scene.posts if post.folder == "INBOX"]
        scene.deliver(*some_mails(100))
        wait_until(scene.is_done)
        daemon.stop()
    scene.check(read_again=lunches)


@pytest.mark.dovecot
def test_a_server_without_idle_is_polled(url: str, tmp_path: Path) -> None:
    with DovecotServer(without=EVERYTHING) as server:
        scene = Scene(server, url)
        with at_work(scene, tmp_path):
            pass


# --- the database


@pytest.mark.postgresql
def test_a_database_that_is_away_for_a_while(
    dovecot_server: DovecotServer, own_postgres: PostgresServer, tmp_path: Path
) -> None:
    scene = Scene(dovecot_server, own_postgres.create_database())
    with at_work(scene, tmp_path) as daemon:
        own_postgres.stop()
        daemon.wait_for("poll_failed", 2)
        own_postgres.start()


@pytest.mark.postgresql
def test_a_database_whose_connections_are_cut(
    dovecot_server: DovecotServer, own_postgres: PostgresServer, tmp_path: Path
) -> None:
    scene = Scene(dovecot_server, own_postgres.create_database())
    with Relay("127.0.0.1", own_postgres.port, hears=False) as relay:
        straight, scene.url = scene.url, make_url(scene.url).set(port=relay.port).render_as_string()
        with at_work(scene, tmp_path):
            scene.url = straight
            for round_, number in enumerate((1, 500, 5_000), 2):
                relay.after(number, Way.UP, lambda: False)
                scene.deliver(*some_mails(100 * round_))
                wait_until(scene.is_done)


@pytest.mark.postgresql
def test_a_database_that_somebody_locks(
    dovecot_server: DovecotServer, own_postgres: PostgresServer, tmp_path: Path
) -> None:
    scene = Scene(dovecot_server, own_postgres.create_database())
    with at_work(scene, tmp_path), psycopg.connect(scene.url) as somebody:
        somebody.execute(b"SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))
        scene.deliver(*some_mails(200))


# --- the daemon itself


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "asked to end"])
def test_a_daemon_that_ends_at_random_points(
    dovecot_server: DovecotServer, url: str, tmp_path: Path, number: signal.Signals
) -> None:
    chance = Random(number)  # noqa: S311 (moments, no secrets)
    scene = Scene(dovecot_server, url)
    program = Program(tmp_path, url, scene.account())
    for round_ in range(1, 7):
        scene.deliver(*some_mails(100 * round_))
        with Daemon(program) as daemon:
            daemon.wait_for("started")
            time.sleep(chance.uniform(0, 0.5))
            daemon.process.send_signal(number)
            assert daemon.process.wait(15) == (-number if number == signal.SIGKILL else 0)
    with Daemon(program) as daemon:
        daemon.wait_for("poll")
        wait_until(scene.is_done)
        daemon.stop()
    scene.check()
