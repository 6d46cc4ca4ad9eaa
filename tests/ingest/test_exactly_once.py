"""Exactly once: however often a poll is killed, every report is stored once and every mail lies in its folder."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from subprocess import Popen
from threading import Timer

import pytest

from tests.ingest.mailbox_kit import (
    Post,
    account,
    check_database,
    expected_folders,
    folders_of,
    folders_of_maildir,
    make_maildir,
    mixed_mailbox,
)
from tests.ingest.program import PATIENCE, Program
from tests.servers.dovecot import DovecotServer
from tests.servers.relay import Relay

ENOUGH = 15
"""Kills without which such a test says nothing."""

Arm = Callable[[Popen[str]], None]
"""What sees to it that a process is killed."""

numbers = count(1)


@pytest.fixture
def user() -> str:
    return f"once-{next(numbers)}"


@pytest.fixture(scope="module")
def posts() -> list[Post]:
    return mixed_mailbox()


def poll_under_fire(program: Program, fire: Iterable[Arm]) -> None:
    """Poll again and again, killed each time, and once in peace."""
    kills = sum(poll_and_kill(program, arm) for arm in fire)
    assert kills >= ENOUGH
    program.poll()


def poll_and_kill(program: Program, arm: Arm) -> bool:
    """Poll, and tell whether the kill was in time; if not, the poll must have gone through."""
    with program.started("poll", "--json") as process:
        arm(process)
        output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode in (0, -signal.SIGKILL), output + errors
    return process.returncode != 0


# --- IMAP: killed at the command of our choice


@dataclass(frozen=True)
class Moment:
    """Before the nth such command reaches the server, or so many seconds after it was passed on."""

    command: str
    nth: int = 1
    after: float | None = None


def moments(rounds: int, *settling: str) -> Iterator[Moment]:
    """Each round: on the way in, while a batch is read and stored, before and in every step of settling it.

    The first FETCH asks the sizes, the second a hundred messages, which are committed within a tenth of a second.
    """
    chance = Random(rounds)  # noqa: S311 (moments, no secrets)
    for way_in in ("LOGIN", "SELECT", "SEARCH")[:rounds]:
        yield Moment(way_in)
        yield Moment("FETCH")
        yield Moment("FETCH", 2)
        yield Moment("FETCH", 2, chance.uniform(0.01, 0.09))
        yield Moment("FETCH", 2, chance.uniform(0.01, 0.09))
        for command in settling:
            yield Moment(command)
            yield Moment(command, 1, chance.uniform(0, 0.004))


def kill_at(moment: Moment, wire: Relay, process: Popen[str]) -> None:
    def kill_now_or_soon() -> bool:
        if moment.after is None:
            process.kill()
            return False
        Timer(moment.after, process.kill).start()
        return True

    wire.at(moment.command, moment.nth, kill_now_or_soon)


def poll_over_wire(server: DovecotServer, user: str, folder: Path, url: str, when: Iterable[Moment]) -> None:
    with Relay(server.host, server.imap_port) as wire:
        program = Program(folder, url, account(server, user, tls="none", port=wire.port))
        poll_under_fire(program, (partial(kill_at, moment, wire) for moment in when))


def untouched(server: DovecotServer, user: str) -> set[str]:
    r"""Message-IDs of mails in INBOX that are neither \Seen nor \Deleted."""
    with server.connect(user) as client:
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search(["UNSEEN", "UNDELETED"]), ["ENVELOPE"])
        return {answer[b"ENVELOPE"].message_id.decode() for answer in found.values()}


def test_a_mailbox_is_taken_exactly_once(
    dovecot_server: DovecotServer, user: str, posts: list[Post], tmp_path: Path, database_url: str
) -> None:
    dovecot_server.deliver(user, [post.content for post in posts])
    poll_over_wire(dovecot_server, user, tmp_path, database_url, moments(3, "MOVE"))
    check_database(database_url, posts)
    expected = expected_folders(posts)
    assert folders_of(dovecot_server, user) == expected
    assert untouched(dovecot_server, user) == set(expected["INBOX"])


@pytest.mark.dovecot
def test_without_move_a_mail_is_copied_twice_at_worst(user: str, posts: list[Post], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ruamill.db"
    with DovecotServer(without={"MOVE"}) as server:
        server.deliver(user, [post.content for post in posts])
        poll_over_wire(server, user, tmp_path, url, moments(2, "COPY", "STORE", "EXPUNGE"))
        found, rest = folders_of(server, user), untouched(server, user)
    check_database(url, posts)
    expected = expected_folders(posts)
    assert rest == set(expected.pop("INBOX"))
    for folder, mails in expected.items():
        assert found[folder] >= mails
        assert set(found[folder]) == set(mails)


# --- Maildir: killed when something shows on the disk


def kill_when(changed: Callable[[], bool], process: Popen[str]) -> None:
    while not changed() and process.poll() is None:
        time.sleep(0.0005)
    process.kill()


def kill_after(seconds: float, process: Popen[str]) -> None:
    time.sleep(seconds)
    process.kill()


def commits(folder: Path) -> Callable[[], bool]:
    """Tell whether something was written into the database since now."""
    log = folder / "ruamill.db-wal"

    def size() -> int:
        return log.stat().st_size if log.exists() else 0

    before = size()
    return lambda: size() > before


def moves(maildir: Path, number: int) -> Callable[[], bool]:
    """Tell whether so many mails were moved to Processed since now."""
    cur = maildir / ".Processed" / "cur"

    def moved() -> int:
        return len(list(cur.glob("*")))

    before = moved()
    return lambda: moved() >= before + number


def fire_at_maildir(folder: Path, maildir: Path) -> Iterator[Arm]:
    chance = Random(3)  # noqa: S311 (moments, no secrets)
    for _ in range(5):
        yield partial(kill_after, chance.uniform(0.05, 0.3))
        yield lambda process: kill_when(commits(folder), process)
        yield partial(kill_after, chance.uniform(0.3, 0.8))
        yield partial(kill_after, chance.uniform(0.05, 0.3))
        yield lambda process: kill_when(moves(maildir, chance.randint(1, 100)), process)


def test_a_maildir_is_taken_exactly_once(posts: list[Post], tmp_path: Path) -> None:
    url, maildir = f"sqlite:///{tmp_path}/ruamill.db", tmp_path / "Maildir"
    make_maildir(maildir, posts)
    program = Program(tmp_path, url, {"kind": "maildir", "path": str(maildir)})
    poll_under_fire(program, fire_at_maildir(tmp_path, maildir))
    check_database(url, posts)
    expected = expected_folders(posts)
    assert folders_of_maildir(maildir) == expected
    assert len(list((maildir / "new").iterdir())) == len(expected["INBOX"])
