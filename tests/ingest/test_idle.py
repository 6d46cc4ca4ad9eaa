"""Being told of new mail by IDLE, on a real Dovecot: what is news, what is none, and how a dead connection is noticed."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event, Timer

import pytest
from imapclient import IMAPClient

from ingest.imap import idle
from ingest.imap.mailbox import ImapMailbox
from ingest.mailboxes import Destination, MailboxUnavailableError
from ingest.settings import ImapSettings
from tests.ingest.mailbox_kit import account, report_mail
from tests.ingest.program import Daemon, Program, wait_until
from tests.servers.dovecot import DovecotServer
from tests.servers.relay import Relay
from tests.servers.scripted import scripted_server

LONG = 3600.0
PATIENCE = 60.0

numbers = count(1)


def mail(number: int) -> bytes:
    return f"Message-ID: <{number}@example.org>\r\n\r\nHello\r\n".encode()


@pytest.fixture
def user() -> str:
    return f"idle-{next(numbers)}"


@pytest.fixture
def relay(dovecot_server: DovecotServer) -> Iterator[Relay]:
    with Relay(dovecot_server.host, dovecot_server.imap_port) as relay:
        yield relay


@pytest.fixture
def box(dovecot_server: DovecotServer, relay: Relay, user: str) -> Iterator[ImapMailbox]:
    """Give a mailbox with two messages, that was polled."""
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with polled(over(relay, dovecot_server, user)) as box:
        yield box


def over(relay: Relay, server: DovecotServer, user: str, **changes: object) -> ImapSettings:
    return ImapSettings.model_validate(account(server, user, tls="none", port=relay.port, **changes))


@contextmanager
def polled(settings: ImapSettings) -> Iterator[ImapMailbox]:
    with ImapMailbox(settings) as box:
        poll(box)
        yield box


def poll(box: ImapMailbox) -> list[str]:
    box.open("INBOX")
    return [uid for window in box.waiting(0) for uid in window]


@contextmanager
def watching(box: ImapMailbox, relay: Relay, seconds: float = LONG) -> Iterator[Future[bool]]:
    """Watch in a thread, which is in IDLE when this goes on, and does not outlive the `with`."""
    stop, before = Event(), len(relay.heard("IDLE"))
    with ThreadPoolExecutor(1) as pool:
        watch = pool.submit(box.watch, seconds, stop)
        try:
            wait_until(lambda: watch.done() or len(relay.heard("IDLE")) > before)
            yield watch
        finally:
            stop.set()


@contextmanager
def another_session(server: DovecotServer, user: str) -> Iterator[IMAPClient]:
    with server.connect(user) as client:
        client.select_folder("INBOX")
        yield client


# --- news, and none


@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
def test_new_mail_is_told_at_once(dovecot_server: DovecotServer, user: str, tls: str) -> None:
    port = dovecot_server.imaps_port if tls == "implicit" else dovecot_server.imap_port
    settings = ImapSettings.model_validate(account(dovecot_server, user, tls=tls, port=port))
    with polled(settings) as box:
        assert box.can_watch
        delivery = Timer(0.5, dovecot_server.deliver, (user, [mail(1)]))
        delivery.start()
        assert box.watch(LONG, Event())
        delivery.join()
        assert poll(box) == ["1"]


def test_without_news_waiting_ends_in_time(box: ImapMailbox, relay: Relay) -> None:
    started = time.monotonic()
    assert not box.watch(1.5, Event())
    assert time.monotonic() - started >= 1.5
    assert relay.heard("DONE")
    assert poll(box) == ["1", "2"]


def test_mail_that_came_after_the_poll_is_told_before_idle(
    dovecot_server: DovecotServer, box: ImapMailbox, relay: Relay, user: str
) -> None:
    dovecot_server.deliver(user, [mail(3)])
    assert box.watch(LONG, Event())
    assert not relay.heard("IDLE")
    poll(box)
    assert not box.watch(0.1, Event())


def test_mail_that_was_told_of_in_mid_poll_is_not_forgotten(
    dovecot_server: DovecotServer, box: ImapMailbox, user: str
) -> None:
    """A server may say EXISTS while it answers FETCH or MOVE, and then says it no more."""
    dovecot_server.deliver(user, [mail(3)])
    box.settle({Destination.PROCESSED: ["1"]})
    assert len(dict(box.fetch(["2"]))) == 1
    assert box.watch(LONG, Event())


def test_mail_that_comes_as_idle_begins_is_told_at_once(
    dovecot_server: DovecotServer, box: ImapMailbox, relay: Relay, user: str
) -> None:
    """Dovecot says EXISTS in one piece with the answer to IDLE, where waiting for the socket comes too late."""

    def deliver() -> bool:
        dovecot_server.deliver(user, [mail(3)])
        return True

    relay.at("IDLE", 1, deliver)
    with watching(box, relay) as watch:
        assert watch.result(PATIENCE)


def test_mail_that_goes_is_no_news(
    dovecot_server: DovecotServer, box: ImapMailbox, relay: Relay, user: str
) -> None:
    with watching(box, relay) as watch:
        with another_session(dovecot_server, user) as client:
            client.delete_messages([1], silent=True)
            client.uid_expunge([1])
        wait_until(lambda: len(relay.heard("DONE")) >= 1)
        assert not watch.done()
        dovecot_server.deliver(user, [mail(3)])  # as many as there were
        assert watch.result(PATIENCE)


def test_a_flag_is_no_news(dovecot_server: DovecotServer, box: ImapMailbox, relay: Relay, user: str) -> None:
    with watching(box, relay) as watch:
        with another_session(dovecot_server, user) as client:
            client.add_flags([1], [rb"\Seen"])
        wait_until(lambda: len(relay.heard("IDLE")) >= 2)
        assert not watch.done()


def test_the_first_folder_is_watched_whichever_is_open(
    dovecot_server: DovecotServer, relay: Relay, user: str
) -> None:
    with dovecot_server.connect(user) as client:
        client.create_folder("Second")
    with polled(over(relay, dovecot_server, user, folders=["INBOX", "Second"])) as box:
        box.open("Second")
        with watching(box, relay) as watch:
            dovecot_server.deliver(user, [mail(1)])
            assert watch.result(PATIENCE)


# --- the end of it


def test_stop_is_noticed_within_two_seconds(box: ImapMailbox, relay: Relay) -> None:
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        watch = pool.submit(box.watch, LONG, stop)
        wait_until(lambda: relay.heard("IDLE"))
        started = time.monotonic()
        stop.set()
        assert not watch.result(PATIENCE)
        assert time.monotonic() - started < 2


def test_stop_is_noticed_though_the_server_hangs(box: ImapMailbox, relay: Relay) -> None:
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        watch = pool.submit(box.watch, LONG, stop)
        wait_until(lambda: relay.heard("IDLE"))
        relay.stall()
        started = time.monotonic()
        stop.set()
        assert not watch.result(PATIENCE)
        assert time.monotonic() - started < 4
        relay.flow()


def test_idle_is_renewed(
    box: ImapMailbox,
    dovecot_server: DovecotServer,
    relay: Relay,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idle, "RENEWED", 0.2)
    with watching(box, relay) as watch:
        wait_until(lambda: len(relay.heard("IDLE")) >= 4)
        dovecot_server.deliver(user, [mail(3)])
        assert watch.result(PATIENCE)
    assert idle.RENEWED < 600


def lose(box: ImapMailbox, relay: Relay, happening: Callable[[], object]) -> MailboxUnavailableError:
    with watching(box, relay) as watch:
        happening()
        error = watch.exception(PATIENCE)
    assert isinstance(error, MailboxUnavailableError)
    assert error.temporary
    return error


def test_a_cut_connection_is_noticed_at_once(box: ImapMailbox, relay: Relay) -> None:
    assert "connection" in str(lose(box, relay, relay.cut))


@pytest.mark.dovecot
@pytest.mark.parametrize("tls", ["implicit", "none"])
def test_a_server_that_stops_is_noticed_at_once(user: str, tls: str) -> None:
    with DovecotServer() as server:
        port = server.imaps_port if tls == "implicit" else server.imap_port
        settings = ImapSettings.model_validate(account(server, user, tls=tls, port=port))
        with polled(settings) as box:
            stopper = Timer(0.5, server.stop)
            stopper.start()
            with pytest.raises(MailboxUnavailableError) as caught:
                box.watch(LONG, Event())
            stopper.join()
    assert caught.value.temporary


def test_a_connection_that_is_only_half_open_is_noticed_when_idle_is_renewed(
    dovecot_server: DovecotServer, relay: Relay, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "RENEWED", 1.0)
    with polled(over(relay, dovecot_server, user, read_timeout=1)) as box:
        error = lose(box, relay, relay.stall)
        relay.flow()
    assert "no answer in time" in str(error)


# --- where there is none


@pytest.fixture(scope="module")
def without_idle() -> Iterator[DovecotServer]:
    with DovecotServer(without={"IDLE"}) as server:
        yield server


@pytest.mark.dovecot
def test_where_the_server_has_no_idle_it_is_not_used(without_idle: DovecotServer, user: str) -> None:
    with polled(ImapSettings.model_validate(account(without_idle, user))) as box:
        assert not box.can_watch


def test_idle_is_not_used_where_the_settings_forbid_it(dovecot_server: DovecotServer, user: str) -> None:
    with polled(ImapSettings.model_validate(account(dovecot_server, user, idle=False))) as box:
        assert not box.can_watch


SELECTED = "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 3] .\r\n{tag} OK [READ-WRITE] done\r\n"


@pytest.mark.parametrize("answer", ["{tag} NO not now\r\n", "* 3 EXISTS\r\n+ idling\r\n"])
def test_where_idle_is_not_answered_as_it_should_be_mail_is_polled(answer: str) -> None:
    answers = {"SELECT": SELECTED, "UID": "* SEARCH 1 2\r\n{tag} OK done\r\n", "IDLE": answer}
    with scripted_server("IMAP4rev1 IDLE", answers) as (port, _):
        where = {"host": "127.0.0.1", "port": port, "tls": "none"}
        settings = ImapSettings.model_validate({**where, "user": "someone", "password": "pw-1"})
        with polled(settings) as box:
            assert box.can_watch
            assert not box.watch(LONG, Event())
            assert not box.can_watch
            assert box.good_until <= time.monotonic()


# --- all of it


def test_the_daemon_stores_new_mail_though_the_next_poll_is_an_hour_away(
    dovecot_server: DovecotServer, relay: Relay, user: str, tmp_path: Path
) -> None:
    mailbox = account(dovecot_server, user, tls="none", port=relay.port)
    program = Program(tmp_path, f"sqlite:///{tmp_path}/ruamill.db", mailbox, poll_seconds=3600)
    with Daemon(program) as daemon:
        for number in (1, 2, 3):
            wait_until(lambda number=number: len(relay.heard("IDLE")) >= number)  # type: ignore[misc]
            dovecot_server.deliver(user, [report_mail(number).content])
            daemon.wait_for("message", number)
        relay.cut()
        dovecot_server.deliver(user, [report_mail(4).content])
        daemon.wait_for("message", 4)
        daemon.stop()
    assert len(dovecot_server.messages(user)["Processed"]) == 4
