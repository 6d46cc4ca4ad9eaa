"""`ruamill run` as an operator's machine runs it: it goes on through every outage, and stops when it is told to."""

import signal
import socket
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.ingest.mailbox_kit import (
    Post,
    account,
    ask,
    check_database,
    corrupt_mail,
    files,
    mail_of,
    make_maildir,
    ordinary_mail,
    report_mail,
)
from tests.ingest.program import Daemon, Program, wait_until
from tests.parsers.small_reports import report as small_report
from tests.servers.dovecot import DovecotServer
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer

STOP_SECONDS = 10
NEWS_SECONDS = 5
"""Within which mail is stored that the server tells of."""
KEYS = {"source", "folder", "uid", "message_id", "bytes", "outcome", "reason", "reports", "records"}
"""Of every `message` event, beside event, level and timestamp."""

FILLING = ((49_000, 4_000), (4_000, 20_000), (200, 20_000), (1, 30_000))
"""Length and number of names: the long ones fill what libxml2 allows, the short ones the crumbs that are left."""

numbers = count(1)


@pytest.fixture
def user() -> str:
    return f"daemon-{next(numbers)}"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ruamill.db"


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """Give a PostgreSQL that may be stopped."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def own_dovecot() -> Iterator[DovecotServer]:
    """Give a Dovecot that may be stopped."""
    with DovecotServer() as server:
        yield server


def deliver(server: DovecotServer, user: str, *posts: Post) -> None:
    server.deliver(user, [post.content for post in posts])


# --- work


def test_the_first_poll_is_at_once_and_new_mail_waits_for_the_next(
    dovecot_server: DovecotServer, user: str, url: str, tmp_path: Path
) -> None:
    posts = [report_mail(1), corrupt_mail(2), ordinary_mail(3)]
    deliver(dovecot_server, user, *posts)
    with Daemon(Program(tmp_path, url, account(dovecot_server, user))) as daemon:
        daemon.wait_for("message", 3)
        deliver(dovecot_server, user, report_mail(4))
        daemon.wait_for("message", 4)
        assert daemon.stop() < STOP_SECONDS
    check_database(url, [*posts, report_mail(4)])
    found = dovecot_server.messages(user)
    assert {folder: len(mails) for folder, mails in found.items()} == {
        "INBOX": 1,
        "Processed": 2,
        "Failed": 1,
    }


@pytest.mark.parametrize("tls", ["implicit", "none"])
def test_new_mail_is_stored_within_seconds_where_the_server_tells_of_it(
    dovecot_server: DovecotServer, user: str, url: str, tmp_path: Path, tls: str
) -> None:
    port = dovecot_server.imaps_port if tls == "implicit" else dovecot_server.imap_port
    box = account(dovecot_server, user, tls=tls, port=port)
    with Daemon(Program(tmp_path, url, box, poll_seconds=3600)) as daemon:
        daemon.wait_for("poll")
        for number in (1, 2, 3):
            started = time.monotonic()
            deliver(dovecot_server, user, report_mail(number))
            daemon.wait_for("message", number)
            assert time.monotonic() - started < NEWS_SECONDS
        assert daemon.stop() < STOP_SECONDS
    check_database(url, [report_mail(number) for number in (1, 2, 3)])


def test_a_folder_that_is_missing_does_not_keep_the_others_from_their_news(
    dovecot_server: DovecotServer, user: str, url: str, tmp_path: Path
) -> None:
    box = account(dovecot_server, user, folders=["INBOX", "Nowhere"])
    with Daemon(Program(tmp_path, url, box, poll_seconds=3600)) as daemon:
        [failed] = daemon.wait_for("poll_failed")
        assert 'no folder "Nowhere"' in failed["error"]
        deliver(dovecot_server, user, report_mail(1))
        daemon.wait_for("message")
        assert daemon.stop() < STOP_SECONDS
    check_database(url, [report_mail(1)])


@pytest.mark.dovecot
@pytest.mark.parametrize("idle", [True, False])
def test_without_idle_new_mail_waits_for_the_next_poll(
    user: str, url: str, tmp_path: Path, *, idle: bool
) -> None:
    with DovecotServer(without={"IDLE"} if idle else ()) as server:
        box = account(server, user, idle=idle)
        with Daemon(Program(tmp_path, url, box)) as daemon:
            daemon.wait_for("poll")
            deliver(server, user, report_mail(1))
            daemon.wait_for("message")
            assert daemon.stop() < STOP_SECONDS


def test_the_log_has_one_event_a_message_always_with_the_same_keys(
    dovecot_server: DovecotServer, user: str, url: str, tmp_path: Path
) -> None:
    deliver(dovecot_server, user, report_mail(1), corrupt_mail(2), ordinary_mail(3))
    with Daemon(Program(tmp_path, url, account(dovecot_server, user))) as daemon:
        events = daemon.wait_for("message", 3)
        daemon.wait_for("poll", 3)
        daemon.stop()
    assert daemon.events("message") == events
    assert [set(event) - {"event", "level", "timestamp"} for event in events] == [KEYS] * 3
    assert [(event["uid"], event["outcome"], event["level"]) for event in events] == [
        ("1", "stored", "info"),
        ("2", "corrupt", "warning"),
        ("3", "not_a_report", "info"),
    ]
    first = events[0]
    assert (first["source"], first["folder"], first["message_id"]) == (
        user,
        "INBOX",
        report_mail(1).message_id,
    )
    assert (first["reports"], first["records"], first["reason"]) == (1, 2, None)
    assert [daemon.events(name) != [] for name in ("started", "stopping", "stopped")] == [True] * 3


@pytest.mark.postgresql
def test_no_password_is_ever_logged(
    dovecot_server: DovecotServer, own_postgres: PostgresServer, user: str, tmp_path: Path
) -> None:
    url = own_postgres.create_database().replace("postgres@", "postgres:database-pw@")
    deliver(dovecot_server, user, report_mail(1))
    right = account(dovecot_server, user)
    wrong = {**right, "name": "wrong", "password": "mailbox-pw"}
    with Daemon(Program(tmp_path, url, wrong, right)) as daemon:
        daemon.wait_for("message")
        [refused, *_] = daemon.wait_for("poll_failed")
        assert "login refused" in refused["error"]
        own_postgres.stop()
        wait_until(lambda: any("database" in event["error"] for event in daemon.events("poll_failed")))
        own_postgres.start()
        daemon.stop()
    output = "".join(daemon.lines)
    for password in ("database-pw", "mailbox-pw", f'"{dovecot_server.password}"'):
        assert password not in output


# --- told to stop


def test_a_stop_in_the_middle_of_a_poll_is_quick_and_costs_nothing(
    dovecot_server: DovecotServer, user: str, url: str, tmp_path: Path
) -> None:
    posts = [report_mail(number) for number in range(2_000)]
    deliver(dovecot_server, user, *posts)
    program = Program(tmp_path, url, account(dovecot_server, user))
    with Daemon(program) as daemon:
        daemon.wait_for("message")
        assert daemon.stop() < STOP_SECONDS
    stored = ask(url, "SELECT count(*) FROM report")[0][0]
    assert 0 < stored < 2_000
    assert len(dovecot_server.messages(user)["Processed"]) == stored
    assert program.poll()["messages"]["stored"] == 2_000 - stored
    check_database(url, posts)
    assert len(dovecot_server.messages(user)["Processed"]) == 2_000


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Give a listener that answers nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def hanging(silent: socket.socket) -> dict[str, object]:
    port = silent.getsockname()[1]
    return {"host": "127.0.0.1", "port": port, "user": "u", "password": "pw-1"}


def test_a_server_that_hangs_does_not_keep_the_daemon(
    silent: socket.socket, url: str, tmp_path: Path
) -> None:
    with Daemon(Program(tmp_path, url, hanging(silent))) as daemon:
        connection, _ = silent.accept()
        with connection:
            assert daemon.stop() < STOP_SECONDS


def test_a_second_signal_ends_it_at_once(silent: socket.socket, url: str, tmp_path: Path) -> None:
    with Daemon(Program(tmp_path, url, hanging(silent))) as daemon:
        connection, _ = silent.accept()
        with connection:
            daemon.process.terminate()
            daemon.wait_for("stopping")
            daemon.process.terminate()
            assert daemon.process.wait(2) == -signal.SIGTERM


def test_a_database_that_hangs_does_not_keep_the_daemon(silent: socket.socket, tmp_path: Path) -> None:
    url = f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/nowhere"
    with Daemon(Program(tmp_path, url, hanging(silent))) as daemon:
        connection, _ = silent.accept()
        with connection:
            assert daemon.stop() < STOP_SECONDS


# --- outages


@pytest.mark.postgresql
def test_a_database_that_is_away_at_the_start_is_waited_for(
    dovecot_server: DovecotServer, own_postgres: PostgresServer, user: str, tmp_path: Path
) -> None:
    url = own_postgres.create_database()
    deliver(dovecot_server, user, report_mail(1))
    own_postgres.stop()
    with Daemon(Program(tmp_path, url, account(dovecot_server, user))) as daemon:
        daemon.wait_for("database_unavailable")
        own_postgres.start()
        daemon.wait_for("message")
        assert daemon.stop() < STOP_SECONDS
    check_database(url, [report_mail(1)])


@pytest.mark.postgresql
def test_a_stop_while_the_database_is_away_is_quick(
    dovecot_server: DovecotServer, user: str, tmp_path: Path
) -> None:
    url = f"postgresql://postgres@127.0.0.1:{free_port()}/nowhere"
    with Daemon(Program(tmp_path, url, account(dovecot_server, user))) as daemon:
        daemon.wait_for("database_unavailable")
        assert daemon.stop() < 2


@pytest.mark.postgresql
def test_a_database_that_restarts_is_found_again(
    dovecot_server: DovecotServer, own_postgres: PostgresServer, user: str, tmp_path: Path
) -> None:
    url = own_postgres.create_database()
    deliver(dovecot_server, user, report_mail(1))
    with Daemon(Program(tmp_path, url, account(dovecot_server, user))) as daemon:
        daemon.wait_for("message")
        own_postgres.stop()
        daemon.wait_for("poll_failed")
        deliver(dovecot_server, user, report_mail(2))
        daemon.wait_for("poll_failed", len(daemon.events("poll_failed")) + 1)
        own_postgres.start()
        daemon.wait_for("message", 2)
        assert daemon.stop() < STOP_SECONDS
    check_database(url, [report_mail(1), report_mail(2)])
    assert len(dovecot_server.messages(user)["Processed"]) == 2


@pytest.mark.postgresql
def test_a_database_that_restarts_meanwhile_does_not_delay_the_news(
    dovecot_server: DovecotServer, own_postgres: PostgresServer, user: str, tmp_path: Path
) -> None:
    url = own_postgres.create_database()
    with Daemon(Program(tmp_path, url, account(dovecot_server, user), poll_seconds=3600)) as daemon:
        daemon.wait_for("poll")
        own_postgres.restart()  # which forgets who holds the mailbox
        for number in (1, 2):
            deliver(dovecot_server, user, report_mail(number))
            daemon.wait_for("message", number)
        daemon.stop()
    check_database(url, [report_mail(1), report_mail(2)])


@pytest.mark.dovecot
def test_a_mail_server_that_restarts_is_found_again(
    own_dovecot: DovecotServer, user: str, url: str, tmp_path: Path
) -> None:
    deliver(own_dovecot, user, report_mail(1))
    with Daemon(Program(tmp_path, url, account(own_dovecot, user))) as daemon:
        daemon.wait_for("message")
        own_dovecot.stop()
        [failed, *_] = daemon.wait_for("poll_failed")
        assert f"{own_dovecot.host}:{own_dovecot.imaps_port}" in failed["error"]
        own_dovecot.start()
        deliver(own_dovecot, user, report_mail(2))
        daemon.wait_for("message", 2)
        assert daemon.stop() < STOP_SECONDS
    check_database(url, [report_mail(1), report_mail(2)])
    assert ask(url, "SELECT last_error FROM mailbox_state") == [(None,)]


def test_one_mailbox_that_hangs_does_not_slow_the_other(
    dovecot_server: DovecotServer, silent: socket.socket, user: str, url: str, tmp_path: Path
) -> None:
    mailboxes = hanging(silent), account(dovecot_server, user)
    with Daemon(Program(tmp_path, url, *mailboxes)) as daemon:
        for number in (1, 2):
            started = time.monotonic()
            deliver(dovecot_server, user, report_mail(number))
            daemon.wait_for("message", number)
            assert time.monotonic() - started < 5


def test_a_process_worn_out_by_made_up_names_gives_way_to_another(url: str, tmp_path: Path) -> None:
    """libxml2 keeps every name it reads, and takes no new ones beyond 100 MB (docs/decisions.md)."""
    hostile = [
        mail_of(
            number,
            small_report(*(f"<record><{'n' * length}{each}/></record>" for each in range(names))),
            "",
            "",
        )
        for number, (length, names) in enumerate(FILLING, 1)
    ]
    unusual = mail_of(9, small_report("<record><a-name-of-its-own/></record>"), "", "")
    make_maildir(tmp_path / "Maildir", [*hostile, unusual])
    maildir = {"kind": "maildir", "path": str(tmp_path / "Maildir")}
    with Daemon(Program(tmp_path, url, maildir)) as daemon:
        daemon.wait_for("started", 2)
        wait_until(lambda: not files(tmp_path / "Maildir"))
        assert daemon.stop() < STOP_SECONDS
    assert ask(url, "SELECT DISTINCT outcome FROM message WHERE outcome NOT IN ('stored', 'conflict')") == []
    assert ask(url, "SELECT attempts > 1 FROM message WHERE uid LIKE '00000004%'") == [(1,)]
