"""An IMAP folder as the pipeline uses it, on a real Dovecot; what Dovecot never says comes from a scripted server."""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

from ingest.imap import search
from ingest.imap.mailbox import ImapMailbox
from ingest.mailboxes import Destination, Mailbox, MailboxUnavailableError, Waiting
from ingest.oauth.grants import Grant
from ingest.oauth.tokens import Tokens
from ingest.settings import ImapSettings
from tests.servers.dovecot import DovecotServer
from tests.servers.ports import free_port
from tests.servers.relay import Relay
from tests.servers.scripted import scripted_server
from tests.servers.token_endpoint import Issuer

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
    return [uid for window in box.waiting(above) for uid in window]


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


def uids_of_a_maildir(server: DovecotServer, user: str, uids: list[int]) -> None:
    """Deliver a message under each UID: Dovecot believes what its own list in a Maildir says."""
    server.deliver(user, [mail(uid) for uid in uids])
    maildir = server.directory / "mail" / user / "Maildir"
    names = sorted(path.name for path in (maildir / "new").iterdir())
    lines = [f"{uid} :{name}\n" for uid, name in zip(uids, names, strict=True)]
    text = "".join(["3 V1700000000 N4294967100 G" + "1" * 32 + "\n", *lines])
    (maildir / "dovecot-uidlist").write_text(text)
    shutil.chown(maildir / "dovecot-uidlist", maildir.stat().st_uid, maildir.stat().st_gid)


@contextmanager
def opened(account: ImapSettings, folder: str = "") -> Iterator[ImapMailbox]:
    with ImapMailbox(account) as box:
        box.open(folder or account.folders[0])
        yield box


def refusal(wrong: ImapSettings) -> MailboxUnavailableError:
    with pytest.raises(MailboxUnavailableError) as caught, opened(wrong):
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
    with opened(settings(dovecot_server, user, tls=tls, port=port)) as box:
        assert dict(box.fetch(uids(box))) == {"1": mail(1)}


def test_a_folder_says_its_uidvalidity(dovecot_server: DovecotServer, user: str) -> None:
    with opened(settings(dovecot_server, user)) as box, dovecot_server.connect(user) as client:
        assert box.uidvalidity == client.select_folder("INBOX")[b"UIDVALIDITY"]


@pytest.fixture(scope="module")
def with_tokens() -> Iterator[DovecotServer]:
    with DovecotServer(issuer=Issuer()) as server:
        yield server


@pytest.mark.dovecot
@pytest.mark.parametrize(("lives", "good"), [(86_400, 3600), (3600, 3360), (60, 30)])
def test_a_connection_is_given_up_before_its_token_ends(
    with_tokens: DovecotServer, user: str, lives: float, good: float
) -> None:
    oauth = {"provider": "generic", "token_url": "https://issuer.example/token", "client_id": "ruamill"}
    account = settings(with_tokens, user, password=None, oauth={**oauth, "client_secret": "pw-1"})
    with ImapMailbox(account, Tokens(lambda: Grant(Issuer().token(user, lives), lives))) as box:
        assert box.good_until - time.monotonic() == pytest.approx(good, abs=10)


def test_a_connection_by_password_is_good_for_an_hour(dovecot_server: DovecotServer, user: str) -> None:
    with ImapMailbox(settings(dovecot_server, user)) as box:
        assert box.good_until - time.monotonic() == pytest.approx(3600, abs=10)


@pytest.mark.dovecot
def test_a_password_beyond_ascii_logs_in(user: str) -> None:
    server = DovecotServer()
    server.password = "Schlüssel"  # noqa: S105 (a password for nobody's mail)
    with server, opened(settings(server, user)) as box:
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


def scripted(port: int) -> ImapSettings:
    where = {"host": "127.0.0.1", "port": port, "tls": "none"}
    return ImapSettings.model_validate({**where, "user": "someone", "password": "pw-1"})


@pytest.mark.parametrize(
    "answer", ["{tag} NO [UNAVAILABLE] directory is down\r\n", "{tag} NO [INUSE] busy\r\n", ""]
)
def test_a_login_that_may_work_later_is_temporary(answer: str) -> None:
    with scripted_server("IMAP4rev1", {"LOGIN": answer}) as (port, heard):
        assert refusal(scripted(port)).temporary
    assert any("LOGIN" in line for line in heard)


def test_a_server_that_repeats_the_password_is_not_quoted() -> None:
    repeated = '{tag} BAD what is LOGIN someone "pw-1"\r\n'
    with scripted_server("IMAP4rev1", {"LOGIN": repeated}) as (port, _):
        assert 'LOGIN someone "***"' in str(refusal(scripted(port)))


def test_no_password_is_sent_where_login_is_disabled() -> None:
    with scripted_server("IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED") as (port, heard):
        assert "AUTH=XOAUTH2" in str(refusal(scripted(port)))
    assert not any("pw-1" in line for line in heard)


def test_no_password_is_sent_without_the_starttls_that_was_asked_for() -> None:
    with scripted_server("IMAP4rev1") as (port, heard):
        error = refusal(scripted(port).model_copy(update={"tls": "starttls"}))
    assert not error.temporary
    assert "STARTTLS" in str(error)
    assert not any("pw-1" in line for line in heard)


# --- what waits


def test_messages_wait_oldest_first_unless_asked_otherwise(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2), mail(3)])
    with opened(settings(dovecot_server, user)) as box:
        assert list(box.waiting(0)) == [["1", "2", "3"]]
    with opened(settings(dovecot_server, user, order="newest")) as box:
        assert list(box.waiting(1)) == [["3", "2"]]


def test_messages_tell_their_size_and_when_they_came(dovecot_server: DovecotServer, user: str) -> None:
    came = datetime(2026, 11, 3, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    with another_session(dovecot_server, user) as client:
        client.append("INBOX", mail(1), msg_time=came)
        client.append("INBOX", mail(2, "x" * 70_000), msg_time=came)
    with opened(settings(dovecot_server, user)) as box:
        expected = [Waiting("1", len(mail(1)), came), Waiting("2", len(mail(2, "x" * 70_000)), came)]
        assert box.measure(["1", "2", "3"]) == expected  # there is no third
        assert {waiting.arrived and waiting.arrived.tzinfo for waiting in box.measure(["1", "2"])} == {UTC}


def test_an_empty_folder_has_nothing_waiting(dovecot_server: DovecotServer, user: str) -> None:
    with opened(settings(dovecot_server, user)) as box:
        assert list(box.waiting(0)) == []


def test_only_messages_above_wait(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2), mail(3)])
    with opened(settings(dovecot_server, user)) as box:
        assert uids(box, above=1) == ["2", "3"]
        assert uids(box, above=3) == []  # where the server answers "4:*" with 3
        assert uids(box, above=99) == []


def test_deleted_messages_do_not_wait(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with another_session(dovecot_server, user) as client:
        client.delete_messages([1])
    with opened(settings(dovecot_server, user)) as box:
        assert uids(box) == ["2"]


def test_seen_messages_wait_too(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1)])
    with another_session(dovecot_server, user) as client:
        client.add_flags([1], [rb"\Seen"])
    with opened(settings(dovecot_server, user)) as box:
        assert uids(box) == ["1"]


def test_a_large_folder_is_searched_in_windows(
    dovecot_server: DovecotServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SEARCHED", 3)
    dovecot_server.deliver(user, [mail(number) for number in range(1, 11)])
    remove(dovecot_server, user, 1)
    with opened(settings(dovecot_server, user)) as box:
        assert list(box.waiting(0)) == [["2", "3", "4"], ["5", "6", "7"], ["8", "9", "10"]]
        assert uids(box, above=8) == ["9", "10"]
        assert uids(box, above=10) == []


def test_wide_gaps_between_uids_cost_no_searches(
    dovecot_server: DovecotServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SEARCHED", 2)
    with Relay(dovecot_server.host, dovecot_server.imap_port) as relay:
        uids_of_a_maildir(dovecot_server, user, [7, 8, 3_000_000_000, 4_294_967_000, 4_294_967_001])
        with opened(settings(dovecot_server, user, tls="none", port=relay.port)) as box:
            windows = list(box.waiting(0))
            searches = len(relay.heard("SEARCH"))
    assert windows == [["7", "8"], ["3000000000", "4294967000", "4294967001"]]
    assert searches == 3


def test_newest_first_goes_through_the_windows_backwards(
    dovecot_server: DovecotServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SEARCHED", 3)
    dovecot_server.deliver(user, [mail(number) for number in range(1, 8)])
    with opened(settings(dovecot_server, user, order="newest")) as box:
        assert list(box.waiting(2)) == [["7", "6", "5", "4"], ["3"]]


def test_sizes_are_asked_five_hundred_at_a_time(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(number) for number in range(501)])
    with (
        Relay(dovecot_server.host, dovecot_server.imap_port) as relay,
        opened(settings(dovecot_server, user, tls="none", port=relay.port)) as box,
    ):
        assert len(box.measure(uids(box))) == 501
        assert len(relay.heard("FETCH")) == 2


# --- reading


def test_fetched_messages_stay_unread(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with opened(settings(dovecot_server, user)) as box:
        assert dict(box.fetch(["1", "2"])) == {"1": mail(1), "2": mail(2)}
        assert box.fetch_header("1") == b"Message-ID: <1@example.org>\r\nSubject: 1\r\n\r\n"
    assert flags(dovecot_server, user) == {1: set(), 2: set()}


def test_of_a_long_header_only_its_beginning_is_read(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(
        user, [b"".join(b"X-%06d: x\r\n" % number for number in range(10_000)) + b"\r\nHello\r\n"]
    )
    with opened(settings(dovecot_server, user)) as box:
        header = box.fetch_header("1")
    assert len(header) == 65_536
    assert header.startswith(b"X-000000: x\r\nX-000001")


def test_a_message_removed_after_the_search_is_left_out(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2), mail(3)])
    with opened(settings(dovecot_server, user)) as box:
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
        with opened(settings(server, user, tls=tls, port=port)) as box:
            found = uids(box)
            server.stop()
            with pytest.raises(MailboxUnavailableError, match="connection") as caught:
                list(box.fetch(found))
    assert caught.value.temporary


def test_a_server_that_hangs_is_not_logged_out_of_with_patience(
    dovecot_server: DovecotServer, user: str
) -> None:
    dovecot_server.deliver(user, [mail(1)])
    with Relay(dovecot_server.host, dovecot_server.imap_port) as relay:
        account = settings(dovecot_server, user, tls="none", port=relay.port, read_timeout=5)
        with opened(account) as box:
            relay.stall()
            with pytest.raises(MailboxUnavailableError, match="no answer in time"):
                list(box.fetch(["1"]))
            given_up = time.monotonic()
        assert time.monotonic() - given_up < 4
        relay.flow()


# --- settling


def test_messages_move_to_folders_that_are_made_and_subscribed(
    dovecot_server: DovecotServer, user: str
) -> None:
    dovecot_server.deliver(user, [mail(number) for number in range(1, 6)])
    with opened(settings(dovecot_server, user, ignored="Übriges")) as box:
        box.settle({Destination.PROCESSED: ["1", "2"], Destination.FAILED: ["3"]})
        box.settle({Destination.IGNORED: ["4"], Destination.STAY: ["5"]})
    folders = {"INBOX": ids(5), "Processed": ids(1, 2), "Failed": ids(3), "Übriges": ids(4)}
    assert dovecot_server.messages(user).items() >= folders.items()
    with dovecot_server.connect(user) as client:
        assert {name for *_, name in client.list_sub_folders()} >= {"Processed", "Failed", "Übriges"}


def test_a_folder_that_only_holds_folders_is_made_usable(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with opened(settings(dovecot_server, user, processed="DMARC", failed="DMARC/Failed")) as box:
        box.settle({Destination.FAILED: ["1"], Destination.PROCESSED: ["2"]})
    assert dovecot_server.messages(user) == {"INBOX": [], "DMARC/Failed": ids(1), "DMARC": ids(2)}


def test_a_folder_that_cannot_be_made_is_named(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1)])
    with (
        opened(settings(dovecot_server, user, processed="a//b")) as box,
        pytest.raises(MailboxUnavailableError, match='no folder "a//b"') as caught,
    ):
        box.settle({Destination.PROCESSED: ["1"]})
    assert not caught.value.temporary
    assert dovecot_server.messages(user) == {"INBOX": ids(1)}


def test_many_messages_move_in_batches(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(number) for number in range(250)])
    with opened(settings(dovecot_server, user)) as box:
        box.settle({Destination.PROCESSED: uids(box)})
    assert dovecot_server.messages(user) == {"INBOX": [], "Processed": ids(*range(250))}


def test_moving_passes_over_what_another_session_took(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with opened(settings(dovecot_server, user)) as box:
        found = uids(box)
        remove(dovecot_server, user, 1)
        box.settle({Destination.PROCESSED: found})
    assert dovecot_server.messages(user) == {"INBOX": [], "Processed": ids(2)}


def test_moving_leaves_what_others_deleted(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1), mail(2)])
    with another_session(dovecot_server, user) as client:
        client.delete_messages([1])
    with opened(settings(dovecot_server, user)) as box:
        box.settle({Destination.PROCESSED: ["2"]})
    assert dovecot_server.messages(user) == {"INBOX": ids(1), "Processed": ids(2)}


@pytest.mark.dovecot
def test_without_move_messages_are_copied_and_only_they_expunged(
    without_move: DovecotServer, user: str
) -> None:
    without_move.deliver(user, [mail(1), mail(2), mail(3)])
    with opened(settings(without_move, user)) as box:
        found = uids(box)
        remove(without_move, user, 3)
        with another_session(without_move, user) as client:
            client.delete_messages([1])
        box.settle({Destination.PROCESSED: found[1:]})
    assert without_move.messages(user) == {"INBOX": ids(1), "Processed": ids(2)}


@pytest.mark.dovecot
def test_without_uidplus_copied_messages_stay_hidden(without_uidplus: DovecotServer, user: str) -> None:
    without_uidplus.deliver(user, [mail(1), mail(2)])
    with opened(settings(without_uidplus, user)) as box:
        box.settle({Destination.PROCESSED: ["1"]})
        assert uids(box) == ["2"]
    assert without_uidplus.messages(user) == {"INBOX": ids(1, 2), "Processed": ids(1)}


def test_after_flag_marks_messages_in_place(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(number) for number in range(4)])
    with opened(settings(dovecot_server, user, after="flag")) as box:
        box.settle(dict(zip(Destination, (["1"], ["2"], ["3"], ["4"]), strict=True)))
    assert flags(dovecot_server, user) == {
        1: {rb"\Seen"},
        2: {rb"\Seen", rb"\Flagged"},
        3: {rb"\Seen"},
        4: set(),
    }


def test_after_leave_changes_nothing(dovecot_server: DovecotServer, user: str) -> None:
    dovecot_server.deliver(user, [mail(1)])
    with opened(settings(dovecot_server, user, after="leave")) as box:
        assert dict(box.fetch(uids(box))) == {"1": mail(1)}
        box.settle({Destination.PROCESSED: ["1"]})
    assert dovecot_server.messages(user) == {"INBOX": ids(1)}
    assert flags(dovecot_server, user) == {1: set()}


@pytest.mark.dovecot
def test_a_lost_connection_leaves_the_rest_where_it_was(user: str) -> None:
    with DovecotServer() as server:
        server.deliver(user, [mail(1), mail(2)])
        with opened(settings(server, user)) as box:
            box.settle({Destination.PROCESSED: ["1"]})
            server.restart()
            with pytest.raises(MailboxUnavailableError):
                box.settle({Destination.PROCESSED: ["2"]})
        assert server.messages(user) == {"INBOX": ids(2), "Processed": ids(1)}
