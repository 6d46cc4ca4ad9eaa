"""Moving what a server does not let be moved: quotas and rights of a real Dovecot, and what is stored all the same."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from structlog.testing import capture_logs

from ingest.database import open_database
from ingest.imap import filing
from ingest.imap.mailbox import ImapMailbox
from ingest.mailboxes import Destination, NotSettledError
from ingest.settings import ImapSettings, Settings
from ingest.tally import Tally
from ingest.visit import visit
from tests.ingest.mailbox_kit import (
    Post,
    account,
    ask,
    check_database,
    corrupt_mail,
    expected_folders,
    folders_of,
    report_mail,
)
from tests.servers.dovecot import DovecotServer
from tests.servers.relay import Relay

RIGHTS = """
mail_plugins = acl
protocol imap {
  mail_plugins = acl imap_acl
}
plugin {
  acl = vfile
}
"""

QUOTA = """
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=100K
  quota_grace = 0
}
"""

ALL = "lrwstipekxa"
"""All rights to a folder (RFC 4314 2.1)."""

numbers = count(1)


@pytest.fixture
def user() -> str:
    return f"filing-{next(numbers)}"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ruamill.db"


def configured(server: DovecotServer, text: str) -> Iterator[DovecotServer]:
    with server:
        with (server.directory / "dovecot.conf").open("a") as configuration:
            configuration.write(text)
        server.restart()
        yield server


@pytest.fixture(scope="module")
def strict() -> Iterator[DovecotServer]:
    """Give a Dovecot that obeys rights."""
    yield from configured(DovecotServer(), RIGHTS)


@pytest.fixture(scope="module")
def strict_without_move() -> Iterator[DovecotServer]:
    yield from configured(DovecotServer(without={"MOVE"}), RIGHTS)


@pytest.fixture(scope="module")
def narrow() -> Iterator[DovecotServer]:
    """Give a Dovecot with a quota of 100 KiB, which a copy counts against for as long as there are two."""
    yield from configured(DovecotServer(without={"MOVE"}), QUOTA)


def allow(server: DovecotServer, user: str, folder: str, rights: str) -> None:
    """Say what the user may do in one of his folders, which is made first unless it is his inbox."""
    maildir = server.directory / "mail" / user / "Maildir"
    with server.connect(user) as client:
        if not client.folder_exists(folder):
            client.create_folder(folder)
    place = maildir if folder == "INBOX" else maildir / f".{folder}"
    (place / "dovecot-acl").write_text(f"owner {rights}\n")


def poll(settings: ImapSettings, url: str) -> dict[str, int]:
    """Poll once, with as much as ends well counted; what was refused is raised."""
    tally = Tally()
    with closing(open_database(Settings.model_validate({"database": url}))) as database:
        visit(settings, Settings.model_validate({"database": url}), database, tally, Event())
    return {outcome.value: number for outcome, number in tally.outcomes.items()}


def refused(settings: ImapSettings, url: str) -> NotSettledError:
    with pytest.raises(NotSettledError) as caught:
        poll(settings, url)
    return caught.value


def deliver(server: DovecotServer, user: str, posts: list[Post]) -> None:
    server.deliver(user, [post.content for post in posts])


def imap(server: DovecotServer, user: str, **changes: object) -> ImapSettings:
    return ImapSettings.model_validate(account(server, user, **changes))


def flags(server: DovecotServer, user: str) -> list[set[bytes]]:
    with server.connect(user) as client:
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search(), ["FLAGS"])
        return [set(answer[b"FLAGS"]) - {rb"\Recent"} for answer in found.values()]


@pytest.mark.dovecot
def test_a_folder_that_takes_nothing_keeps_no_report_from_being_stored(
    strict: DovecotServer, user: str, url: str
) -> None:
    posts = [*map(report_mail, range(1, 251)), corrupt_mail(251)]
    deliver(strict, user, posts)
    allow(strict, user, "Processed", "lr")
    error = refused(imap(strict, user), url)
    assert not error.temporary
    assert "NOPERM" in str(error)
    assert "250 messages stay in INBOX" in str(error)
    check_database(url, posts)
    assert strict.messages(user)["Failed"] == [posts[-1].message_id]
    [(waiting, last_error)] = ask(url, "SELECT waiting, last_error FROM mailbox_state")
    assert (waiting, last_error) == (0, str(error))
    allow(strict, user, "Processed", ALL)
    assert poll(imap(strict, user), url) == {}
    expected = expected_folders(posts)
    assert folders_of(strict, user) == {name: expected[name] for name in ("INBOX", "Processed", "Failed")}


@pytest.mark.dovecot
def test_refused_moves_are_not_tried_for_ever(
    strict: DovecotServer, user: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "REFUSALS", 5)
    deliver(strict, user, [report_mail(number) for number in range(1, 251)])
    allow(strict, user, "Processed", "lr")
    with Relay(strict.host, strict.imap_port) as relay:
        refused(imap(strict, user, tls="none", port=relay.port), url)
        assert len(relay.heard("MOVE")) == 5


@pytest.mark.dovecot
def test_new_reports_are_stored_while_old_ones_cannot_be_moved(
    strict: DovecotServer, user: str, url: str
) -> None:
    allow(strict, user, "Processed", "lr")
    for number in (1, 2, 3):
        deliver(strict, user, [report_mail(number)])
        refused(imap(strict, user), url)
    check_database(url, [report_mail(number) for number in (1, 2, 3)])


@pytest.mark.dovecot
@pytest.mark.parametrize("after", ["move", "flag"])
def test_of_a_read_only_folder_the_reports_are_stored(
    strict: DovecotServer, user: str, url: str, after: str
) -> None:
    posts = [*map(report_mail, range(1, 4))]
    deliver(strict, user, posts)
    allow(strict, user, "INBOX", "lr")
    error = refused(imap(strict, user, after=after), url)
    assert "read-only" in str(error)
    assert not error.temporary
    check_database(url, posts)
    deliver(strict, user, [report_mail(4)])
    refused(imap(strict, user, after=after), url)
    allow(strict, user, "INBOX", ALL)
    assert poll(imap(strict, user, after=after), url) == {}
    check_database(url, [*posts, report_mail(4)])
    assert flags(strict, user) == ([] if after == "move" else [{rb"\Seen"}] * 4)


@pytest.mark.dovecot
def test_a_full_mailbox_keeps_no_report_from_being_stored(narrow: DovecotServer, user: str, url: str) -> None:
    posts = [*map(report_mail, range(1, 151))]
    deliver(narrow, user, posts)
    error = refused(imap(narrow, user), url)
    assert "OVERQUOTA" in str(error)
    assert not error.temporary
    check_database(url, posts)


@pytest.mark.dovecot
def test_one_message_that_cannot_be_copied_keeps_no_other_back(narrow: DovecotServer, user: str) -> None:
    small = [b"Message-ID: <%d@example.org>\r\n\r\nHello\r\n" % number for number in range(1, 21)]
    large = b"Message-ID: <large@example.org>\r\n\r\n" + b"x" * 60_000 + b"\r\n"
    narrow.deliver(user, [*small[:13], large, *small[13:]])
    with ImapMailbox(imap(narrow, user)) as box:
        box.open("INBOX")
        with pytest.raises(NotSettledError) as caught:
            box.settle({Destination.PROCESSED: [str(uid) for uid in range(1, 22)]})
    assert caught.value.uids == ["14"]
    found = narrow.messages(user)
    assert found["INBOX"] == ["<large@example.org>"]
    assert len(found["Processed"]) == 20


@pytest.mark.dovecot
def test_copies_do_not_pile_up_where_nothing_may_be_removed(
    strict_without_move: DovecotServer, user: str, url: str
) -> None:
    deliver(strict_without_move, user, [report_mail(1)])
    allow(strict_without_move, user, "INBOX", "lrws")
    for _ in range(3):
        assert "Deleted" in str(refused(imap(strict_without_move, user), url))
    assert "Processed" not in strict_without_move.messages(user)
    check_database(url, [report_mail(1)])


@pytest.mark.dovecot
def test_without_the_right_to_expunge_the_copied_stay_hidden(
    strict_without_move: DovecotServer, user: str, url: str
) -> None:
    deliver(strict_without_move, user, [report_mail(1), report_mail(2)])
    allow(strict_without_move, user, "INBOX", "lrwst")
    assert poll(imap(strict_without_move, user), url) == {"stored": 2}
    assert poll(imap(strict_without_move, user), url) == {}
    assert len(strict_without_move.messages(user)["Processed"]) == 2
