"""Two daemons on one mailbox: one works, the other stands by and takes over; several mailboxes work side by side."""

import time
from collections import Counter
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.ingest.mailbox_kit import account, check_database, folders_of, report_mail
from tests.ingest.program import Daemon, Program, wait_until
from tests.servers.dovecot import DovecotServer

TAKEN_OVER = 60
"""Seconds after which the second daemon must have taken over."""

numbers = count(1)


@pytest.fixture
def user() -> str:
    return f"standby-{next(numbers)}"


def program(folder: Path, url: str, *mailboxes: object) -> Program:
    folder.mkdir()
    return Program(folder, url, *mailboxes)  # type: ignore[arg-type]  # tables, as account() gives them


def deliver(server: DovecotServer, user: str, number: int) -> None:
    server.deliver(user, [report_mail(number).content])


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_second_daemon_takes_over_when_the_first_ends(
    dovecot_server: DovecotServer, user: str, tmp_path: Path, database_url: str, end: str
) -> None:
    box = account(dovecot_server, user)
    with ExitStack() as stack:
        first = stack.enter_context(Daemon(program(tmp_path / "1", database_url, box)))
        first.wait_for("poll")
        second = stack.enter_context(Daemon(program(tmp_path / "2", database_url, box)))
        second.wait_for("standing_by")
        deliver(dovecot_server, user, 1)
        first.wait_for("message")
        started = time.monotonic()
        first.stop() if end == "stop" else first.process.kill()
        deliver(dovecot_server, user, 2)
        second.wait_for("message")
        assert time.monotonic() - started < TAKEN_OVER
        assert len(second.events("standing_by")) == 1
        second.stop()
    check_database(database_url, [report_mail(1), report_mail(2)])
    assert folders_of(dovecot_server, user)["Processed"] == Counter(
        [report_mail(1).message_id, report_mail(2).message_id]
    )


def test_a_poll_beside_the_daemon_leaves_the_mailbox_to_it(
    dovecot_server: DovecotServer, user: str, tmp_path: Path, database_url: str
) -> None:
    ours = program(tmp_path / "1", database_url, account(dovecot_server, user))
    with Daemon(ours) as daemon:
        daemon.wait_for("poll")
        done = ours.run("poll")
        assert done.returncode == 75
        assert f"{user}: another ruamill works on it" in done.stderr
        daemon.stop()


def test_two_daemons_share_what_each_alone_has(
    dovecot_server: DovecotServer, user: str, tmp_path: Path, database_url: str
) -> None:
    shared, other = account(dovecot_server, user), account(dovecot_server, f"{user}-other")
    with ExitStack() as stack:
        first = stack.enter_context(Daemon(program(tmp_path / "1", database_url, shared)))
        first.wait_for("poll")
        second = stack.enter_context(Daemon(program(tmp_path / "2", database_url, shared, other)))
        second.wait_for("standing_by")
        deliver(dovecot_server, f"{user}-other", 1)
        deliver(dovecot_server, user, 2)
        wait_until(lambda: first.events("message") and second.events("message"))
        assert [event["source"] for event in second.events("message")] == [f"{user}-other"]
    check_database(database_url, [report_mail(1), report_mail(2)])
