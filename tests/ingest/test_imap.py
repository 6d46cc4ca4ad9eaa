"""An IMAP folder as the pipeline uses it, on a real Dovecot; what Dovecot never says comes from a scripted server."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

from ingest.imap import mailbox as imap
from ingest.imap.mailbox import ImapMailbox
from ingest.mailboxes import Destination, Mailbox, MailboxUnavailableError, Waiting
from ingest.settings import ImapSettings
from tests.servers.dovecot import DovecotServer
from tests.servers.ports import free_port

numbers = count(1)


def mail(number: int, body: str = "Hello") -> bytes:
    return f"Message-ID: <{number}@example.org>\r\nSubject: {number}\r\n\r\n{body}\r\n".encode()


def ids(*wanted: int) -> list[str]:
    return [f"<{number}@example.org>" for number in wanted]


def settings(server: DovecotServer, user: str, **changes: Any) -> ImapSettings:
    usual = {
        "host": server.host,
        "port": server.imaps_port,
        "ca_file": server.ca_file,
        "password": server.password,
    }
    return ImapSettings.model_validate({**usual, "user": user, **changes})


def uids(box: Mailbox, above: int = 0) -> list[str]:
    return [message.uid for window in box.waiting(above) for message in window]


def flags(server: DovecotServer, user: str) -> dict[int, set[bytes]]:
    with server.connect(user) as client:
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search(), ["FLAGS"])
        return {uid: set(answer[b"FLAGS"]) - {rb"\Recent"} for uid, answer in found.items()}


@contextmanager
def another_session(server: DovecotServer, user: str) -> Iterator[IMAPClient]:
    with server.connect(user) as client:
        client.select_folder("INBOX")
        yield client


def remove(server: DovecotServer, user: str, uid: int) -> None:
    with another_session(server, user) as client:
        client.delete_messages([uid], silent=True)
        client.uid_expunge([uid])


def refusal(wrong: ImapSettings) -> MailboxUnavailableError:
    with pytest.raises(MailboxUnavailableError) as caught, ImapMailbox(wrong):
        pass
    assert wrong.password_text not in str(caught.value)
    return caught.value


@pytest.fixture
def user() -> str:
    return f"imap-{next(numbers)}"


@pytest.fixture(scope="module")
def without_move() -> Iterator[DovecotServer]:
    with DovecotServer(without={"MOVE"}) as server:
        yield server


@pytest.fixture(scope="module")
def without_uidplus() -> Iterator[DovecotServer]:
    with DovecotServer(without={"MOVE", "UIDPLUS"}) as server:
        yield server


# --- the way in


@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
def test_every_kind_of_connection_reads_mail(dovecot_server: DovecotServer, user: str, tls: str) -> None:
    dovecot_server.deliver(user, [mail(1)])
    port = dovecot_server.imaps_port if tls == "implicit" else dovecot_server.imap_port
    with ImapMailbox(settings(dovecot_server, user, tls=tls, port=port)) as box:
        assert dict(box.fetch(uids(box))) == {"1": mail(1)}


def test_a_folder_says_its_uidvalidity(dovecot_server: DovecotServer, user: str) -> None:
    with ImapMailbox(settings(dovecot_server, user)) as box, dovecot_server.connect(user) as client:
        assert box.uidvalidity == client.select_folder("INBOX")[b"UIDVALIDITY"]


@pytest.mark.dovecot
def test_a_password_beyond_ascii_logs_in(user: str) -> None:
    server = DovecotServer()
    server.password = "Schlüssel"  # noqa: S105 (a password for nobody's mail)
    with server, ImapMailbox(settings(server, user)) as box:
        assert uids(box) == []


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_an_untrusted_certificate_is_refused(dovecot_server: DovecotServer, user: str, tls: str) -> None:
    port = dovecot_server.imaps_port if tls == "implicit" else dovecot_server.imap_port
    error = refusal(settings(dovecot_server, user, tls=tls, port=port, ca_file=None))
    assert not error.temporary
    assert "certificate is not trusted (self-signed certificate)" in str(error)
    assert "ca_file" in str(error)


def test_a_certificate_for_another_name_is_refused(dovecot_server: DovecotServer, user: str) -> None:
    error = refusal(settings(dovecot_server, user, host="127.1"))  # the same address
    assert not error.temporary
    assert "not valid for '127.1'" in str(error)


def test_a_ca_file_that_is_none_is_named(dovecot_server: DovecotServer, user: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for ca_file in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        error = refusal(settings(dovecot_server, user, ca_file=ca_file))
        assert not error.temporary
        assert str(ca_file) in str(error)


@pytest.mark.parametrize("password", ["wrong-one", "fälsch"])
def test_a_wrong_password_is_refused_with_what_to_check(
    dovecot_server: DovecotServer, user: str, password: str
) -> None:
    error = refusal(settings(dovecot_server, user, password=password))
    assert not error.temporary
    assert f"login refused for {user}" in str(error)
    assert "[AUTHENTICATIONFAILED]" in str(error)
    assert "check user and password" in str(error)


def test_a_missing_folder_is_told_with_its_neighbours(dovecot_server: DovecotServer, user: str) -> None:
    with dovecot_server.connect(user) as client:
        client.create_folder("DMARC/Reports")
    error = refusal(settings(dovecot_server, user, folders="DMARC/Report"))
    assert not error.temporary
    assert 'no folder "DMARC/Report"' in str(error)
    assert "DMARC/Reports" in str(error)


def test_nobody_listening_is_temporary(dovecot_server: DovecotServer, user: str) -> None:
    error = refusal(settings(dovecot_server, user, port=free_port()))
    assert error.temporary
    assert "refused" in str(error)


def test_a_silent_server_is_temporary(user: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        wrong = ImapSettings.model_validate(
            {"host": "127.0.0.1", "port": port, "user": user, "password": "pw-1", "connect_timeout": 0.2}
        )
        error = refusal(wrong)
    assert error.temporary
    assert "no answer in time" in str(error)


def test_tls_on_a_plain_port_says_what_to_check(dovecot_server: DovecotServer, user: str) -> None:
    error = refusal(settings(dovecot_server, user, port=dovecot_server.imap_port))
    assert not error.temporary
    assert "port and tls" in str(error)


@contextmanager
def scripted_server(capabilities: str, answer_to_login: str) -> Iterator[tuple[ImapSettings, list[str]]]:
    """Speak as much IMAP as a login takes, and note what the client says; with no answer hang up."""
    heard: list[str] = []
    answers = {
        "CAPABILITY": f"* CAPABILITY {capabilities}\r\n{{tag}} OK done\r\n",
        "LOGIN": answer_to_login and f"{{tag}} {answer_to_login}\r\n",
        "LOGOUT": "* BYE\r\n{tag} OK bye\r\n",
    }

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            for line in self.rfile:
                heard.append(line.decode())
                tag, command = line.decode().split()[:2]
                if not answers[command]:
                    return
                self.wfile.write(answers[command].format(tag=tag).encode())

    with socketserver.TCPServer(("127.0.0.1", 0), Session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            where = {"host": "127.0.0.1", "port": server.server_address[1], "tls": "none"}
            yield ImapSettings.model_validate({**where, "user": "someone", "password": "pw-1"}), heard
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("answer", ["NO [UNAVAILABLE] directory is down", "NO [INUSE] busy", ""])
def test_a_login_that_may_work_later_is_temporary(answer: str) -> None:
    with scripted_server("IMAP4rev1", answer) as (account, heard):
        assert refusal(account).temporary
    assert any("LOGIN" in line for line in heard)


def test_a_server_that_repeats_the_password_is_not_quoted() -> None:
    with scripted_server("IMAP4rev1", 'BAD what is LOGIN someone "pw-1"') as (account, _):
        assert 'LOGIN someone "***"' in str(refusal(account))


def test_no_password_is_sent_where_login_is_disabled() -> None:
    with scripted_server("IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED", "OK done") as (account, heard):
        assert "AUTH=XOAUTH2" in str(refusal(account))
    assert not any("pw-1" in line for line in heard)


def test_no_password_is_sent_without_the_starttls_that_was_asked_for() -> None:
    with scripted_server("IMAP4rev1", "OK done") as (account, heard):
        error = refusal(account.model_copy(update={"tls": "starttls"}))
    assert not error.temporary
    assert "STARTTLS" in str(error)
    assert not any("pw-1" in line for line in heard)


# --- what waits


def test_messages_wait_with_their_sizes_oldest_first(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2, "x" * 70_000)])
    with ImapMailbox(settings(dovecot_server, user)) as box:
        expected = [Waiting("1", len(mail(1))), Waiting("2", len(mail(2, "x" * 70_000)))]
        assert list(box.waiting(0)) == [expected]


def test_an_empty_folder_has_nothing_waiting(dovecot_server: DovecotServer, user: str) -> None:
    with ImapMailbox(settings(dovecot_server, user)) as box:
        assert list(box.waiting(0)) == []


def test_only_messages_above_wait(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2), mail(3)])
    with ImapMailbox(settings(dovecot_server, user)) as box:
        assert uids(box, above=1) == ["2", "3"]
        assert uids(box, above=3) == []  # where the server answers "4:*" with 3
        assert uids(box, above=99) == []


def test_deleted_messages_do_not_wait(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with another_session(dovecot_server, user) as client:
        client.delete_messages([1])
    with ImapMailbox(settings(dovecot_server, user)) as box:
        assert uids(box) == ["2"]


def test_seen_messages_wait_too(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1)])
    with another_session(dovecot_server, user) as client:
        client.add_flags([1], [rb"\Seen"])
    with ImapMailbox(settings(dovecot_server, user)) as box:
        assert uids(box) == ["1"]


def test_a_large_folder_is_searched_in_windows(
    dovecot_server: DovecotServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "SEARCHED", 3)
    dovecot_server.deliver(user, [mail(number) for number in range(1, 11)])
    remove(dovecot_server, user, 1)
    with ImapMailbox(settings(dovecot_server, user)) as box:
        assert [[message.uid for message in window] for window in box.waiting(0)] == [
            ["2", "3", "4"],
            ["5", "6", "7"],
            ["8", "9", "10"],
        ]
        assert uids(box, above=8) == ["9", "10"]
        assert uids(box, above=10) == []


def test_sizes_come_five_hundred_at_a_time(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(number) for number in range(501)])
    with ImapMailbox(settings(dovecot_server, user)) as box:
        assert [len(window) for window in box.waiting(0)] == [500, 1]


# --- reading


def test_fetched_messages_stay_unread(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with ImapMailbox(settings(dovecot_server, user)) as box:
        assert dict(box.fetch(["1", "2"])) == {"1": mail(1), "2": mail(2)}
        assert box.fetch_header("1") == b"Message-ID: <1@example.org>\r\nSubject: 1\r\n\r\n"
    assert flags(dovecot_server, user) == {1: set(), 2: set()}


def test_of_a_long_header_only_its_beginning_is_read(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(
        user, [b"".join(b"X-%06d: x\r\n" % number for number in range(10_000)) + b"\r\nHello\r\n"]
    )
    with ImapMailbox(settings(dovecot_server, user)) as box:
        header = box.fetch_header("1")
    assert len(header) == 65_536
    assert header.startswith(b"X-000000: x\r\nX-000001")


def test_a_message_removed_after_the_search_is_left_out(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2), mail(3)])
    with ImapMailbox(settings(dovecot_server, user)) as box:
        found = uids(box)
        remove(dovecot_server, user, 2)
        assert dict(box.fetch(found)) == {"1": mail(1), "3": mail(3)}
        remove(dovecot_server, user, 3)
        assert box.fetch_header("3") == b""


@pytest.mark.dovecot
@pytest.mark.parametrize("tls", ["implicit", "none"])
def test_a_lost_connection_is_temporary(user: str, tls: str) -> None:
    with DovecotServer() as server:
        server.deliver(user, [mail(1)])
        port = server.imaps_port if tls == "implicit" else server.imap_port
        with ImapMailbox(settings(server, user, tls=tls, port=port)) as box:
            found = uids(box)
            server.stop()
            with pytest.raises(MailboxUnavailableError, match="connection") as caught:
                list(box.fetch(found))
    assert caught.value.temporary


# --- settling


def test_messages_move_to_folders_that_are_made_and_subscribed(
    dovecot_server: DovecotServer, user: str
) -> None:
    dovecot_server.deliver(user, [mail(number) for number in range(1, 6)])
    with ImapMailbox(settings(dovecot_server, user, ignored="Übriges")) as box:
        box.settle({Destination.PROCESSED: ["1", "2"], Destination.FAILED: ["3"]})
        box.settle({Destination.IGNORED: ["4"], Destination.STAY: ["5"]})
    folders = {"INBOX": ids(5), "Processed": ids(1, 2), "Failed": ids(3), "Übriges": ids(4)}
    assert dovecot_server.messages(user).items() >= folders.items()
    with dovecot_server.connect(user) as client:
        assert {name for *_, name in client.list_sub_folders()} >= {"Processed", "Failed", "Übriges"}


def test_a_folder_that_only_holds_folders_is_made_usable(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with ImapMailbox(settings(dovecot_server, user, processed="DMARC", failed="DMARC/Failed")) as box:
        box.settle({Destination.FAILED: ["1"], Destination.PROCESSED: ["2"]})
    assert dovecot_server.messages(user) == {"INBOX": [], "DMARC/Failed": ids(1), "DMARC": ids(2)}


def test_a_folder_that_cannot_be_made_is_named(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1)])
    with (
        ImapMailbox(settings(dovecot_server, user, processed="a//b")) as box,
        pytest.raises(MailboxUnavailableError, match='no folder "a//b"') as caught,
    ):
        box.settle({Destination.PROCESSED: ["1"]})
    assert not caught.value.temporary
    assert dovecot_server.messages(user) == {"INBOX": ids(1)}


def test_many_messages_move_in_batches(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(number) for number in range(250)])
    with ImapMailbox(settings(dovecot_server, user)) as box:
        box.settle({Destination.PROCESSED: uids(box)})
    assert dovecot_server.messages(user) == {"INBOX": [], "Processed": ids(*range(250))}


def test_moving_passes_over_what_another_session_took(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with ImapMailbox(settings(dovecot_server, user)) as box:
        found = uids(box)
        remove(dovecot_server, user, 1)
        box.settle({Destination.PROCESSED: found})
    assert dovecot_server.messages(user) == {"INBOX": [], "Processed": ids(2)}


def test_moving_leaves_what_others_deleted(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with another_session(dovecot_server, user) as client:
        client.delete_messages([1])
    with ImapMailbox(settings(dovecot_server, user)) as box:
        box.settle({Destination.PROCESSED: ["2"]})
    assert dovecot_server.messages(user) == {"INBOX": ids(1), "Processed": ids(2)}


@pytest.mark.dovecot
def test_without_move_messages_are_copied_and_only_they_expunged(
    without_move: DovecotServer, user: str
) -> None:
    without_move.deliver(user, [mail(1), mail(2), mail(3)])
    with ImapMailbox(settings(without_move, user)) as box:
        found = uids(box)
        remove(without_move, user, 3)
        with another_session(without_move, user) as client:
            client.delete_messages([1])
        box.settle({Destination.PROCESSED: found[1:]})
    assert without_move.messages(user) == {"INBOX": ids(1), "Processed": ids(2)}


@pytest.mark.dovecot
def test_without_uidplus_copied_messages_stay_hidden(without_uidplus: DovecotServer, user: str) -> None:
    without_uidplus.deliver(user, [mail(1), mail(2)])
    with ImapMailbox(settings(without_uidplus, user)) as box:
        box.settle({Destination.PROCESSED: ["1"]})
        assert uids(box) == ["2"]
    assert without_uidplus.messages(user) == {"INBOX": ids(1, 2), "Processed": ids(1)}


def test_after_flag_marks_messages_in_place(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(number) for number in range(4)])
    with ImapMailbox(settings(dovecot_server, user, after="flag")) as box:
        box.settle(dict(zip(Destination, (["1"], ["2"], ["3"], ["4"]), strict=True)))
    assert flags(dovecot_server, user) == {
        1: {rb"\Seen"},
        2: {rb"\Seen", rb"\Flagged"},
        3: {rb"\Seen"},
        4: set(),
    }


def test_after_leave_changes_nothing(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1)])
    with ImapMailbox(settings(dovecot_server, user, after="leave")) as box:
        assert dict(box.fetch(uids(box))) == {"1": mail(1)}
        box.settle({Destination.PROCESSED: ["1"]})
    assert dovecot_server.messages(user) == {"INBOX": ids(1)}
    assert flags(dovecot_server, user) == {1: set()}


@pytest.mark.dovecot
def test_a_lost_connection_leaves_the_rest_where_it_was(user: str) -> None:
    with DovecotServer() as server:
        server.deliver(user, [mail(1), mail(2)])
        with ImapMailbox(settings(server, user)) as box:
            box.settle({Destination.PROCESSED: ["1"]})
            server.restart()
            with pytest.raises(MailboxUnavailableError):
                box.settle({Destination.PROCESSED: ["2"]})
        assert server.messages(user) == {"INBOX": ids(2), "Processed": ids(1)}
