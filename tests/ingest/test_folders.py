"""Which folders are read, on a real Dovecot: lists, subfolders, separators, and names that are hard to write."""

from collections.abc import Iterator
from itertools import count

import pytest
from imapclient import IMAPClient

from ingest.imap.folders import Folder, to_be_read
from ingest.imap.mailbox import ImapMailbox
from ingest.settings import ImapSettings
from tests.ingest.mailbox_kit import account
from tests.servers.dovecot import DovecotServer

DOTS = """
namespace inbox {
  separator = .
  prefix = INBOX.
}
"""
"""Names as Courier has them: everything lies below INBOX."""

SPECIAL = """
namespace inbox {
  mailbox INBOX/Bin {
    special_use = \\Trash
  }
  mailbox INBOX/All {
    special_use = \\All
  }
  mailbox INBOX/Kept {
    special_use = \\Archive
  }
}
"""

numbers = count(1)


@pytest.fixture
def user() -> str:
    return f"folders-{next(numbers)}"


def configured(text: str) -> Iterator[DovecotServer]:
    with DovecotServer() as server:
        with (server.directory / "dovecot.conf").open("a") as configuration:
            configuration.write(text)
        server.restart()
        yield server


@pytest.fixture(scope="module")
def dotted() -> Iterator[DovecotServer]:
    yield from configured(DOTS)


@pytest.fixture(scope="module")
def special() -> Iterator[DovecotServer]:
    yield from configured(SPECIAL)


def make(server: DovecotServer, user: str, *folders: str) -> None:
    with server.connect(user) as client:
        for folder in folders:
            client.create_folder(folder)


def read(server: DovecotServer, user: str, **changes: object) -> list[str]:
    """Give the folders of a mailbox, each of which can be opened."""
    with ImapMailbox(ImapSettings.model_validate(account(server, user, **changes))) as box:
        names = box.folders()
        for name in names:
            box.open(name)
            assert box.folder == name
    return names


def below(server: DovecotServer, user: str, *folders: str, **changes: object) -> list[str]:
    return read(server, user, folders=list(folders), subfolders=True, **changes)


def test_folders_are_read_in_the_order_of_the_settings(dovecot_server: DovecotServer, user: str) -> None:
    make(dovecot_server, user, "B", "A", "A/C", "D")
    assert read(dovecot_server, user) == ["INBOX"]
    assert read(dovecot_server, user, folders=["B", "INBOX", "A", "B"]) == ["B", "INBOX", "A"]


def test_subfolders_are_read_by_setting(dovecot_server: DovecotServer, user: str) -> None:
    make(dovecot_server, user, "A", "A/C", "A/B", "A/B/D", "Another", "E")
    assert below(dovecot_server, user, "E", "A") == ["E", "A", "A/B", "A/B/D", "A/C"]
    assert below(dovecot_server, user, "A", "A/C", "A/B") == ["A", "A/B", "A/B/D", "A/C"]


def test_what_messages_are_moved_to_is_not_read(dovecot_server: DovecotServer, user: str) -> None:
    make(dovecot_server, user, "R", "R/Done", "R/Done/2025", "R/Done-not", "R/Bad", "R/New", "Processed")
    found = below(
        dovecot_server, user, "R", processed="R/Done", failed="R/Bad", ignored="R/Other", after="flag"
    )
    assert found == ["R", "R/Done-not", "R/New"]


def test_a_name_that_holds_no_messages_is_passed_over(dovecot_server: DovecotServer, user: str) -> None:
    make(dovecot_server, user, "A/B/C")
    assert below(dovecot_server, user, "A") == ["A/B/C"]


def test_a_missing_folder_is_named_for_its_error(dovecot_server: DovecotServer, user: str) -> None:
    settings = ImapSettings.model_validate(
        account(dovecot_server, user, folders=["INBOX", "Nowhere"], subfolders=True)
    )
    with ImapMailbox(settings) as box:
        assert box.folders() == ["INBOX", "Nowhere"]


def test_names_beyond_ascii_and_with_wildcards_are_read(dovecot_server: DovecotServer, user: str) -> None:
    names = [
        "Prüfberichte",
        "Prüfberichte/Ä & Ö",
        "100%",
        "100%/*",
        "100 percent",
        "100 percent/no",
        'Q"uo"te',
    ]
    make(dovecot_server, user, *names)
    assert below(dovecot_server, user, "Prüfberichte") == names[:2]
    assert below(dovecot_server, user, "100%") == names[2:4]
    assert below(dovecot_server, user, 'Q"uo"te') == names[6:]


@pytest.mark.dovecot
def test_another_separator_divides_names(dotted: DovecotServer, user: str) -> None:
    make(dotted, user, "INBOX.Reports", "INBOX.Reports.Old", "INBOX.Processed", "INBOX.ReportsNot")
    moved_to = {"processed": "INBOX.Processed", "failed": "INBOX.Failed", "ignored": "INBOX.Ignored"}
    assert below(dotted, user, "INBOX", **moved_to) == [
        "INBOX",
        "INBOX.Reports",
        "INBOX.Reports.Old",
        "INBOX.ReportsNot",
    ]
    assert below(dotted, user, "INBOX.Reports") == ["INBOX.Reports", "INBOX.Reports.Old"]


def test_the_inbox_is_the_same_in_any_case(dovecot_server: DovecotServer, user: str) -> None:
    make(dovecot_server, user, "INBOX/A")
    assert below(dovecot_server, user, "Inbox") == ["Inbox", "INBOX/A"]


@pytest.mark.dovecot
def test_bins_and_views_are_not_read_as_subfolders(special: DovecotServer, user: str) -> None:
    make(special, user, "INBOX/Bin", "INBOX/All", "INBOX/Kept", "INBOX/New")
    assert below(special, user, "INBOX") == ["INBOX", "INBOX/Kept", "INBOX/New"]
    assert below(special, user, "INBOX/Bin") == ["INBOX/Bin"]


GMAIL = [
    ("INBOX", rb"\HasNoChildren"),
    ("[Gmail]", rb"\HasChildren \Noselect"),
    ("[Gmail]/Alle Nachrichten", rb"\All \HasNoChildren"),
    ("[Gmail]/Wichtig", rb"\HasNoChildren \Important"),
    ("[Gmail]/Markiert", rb"\Flagged \HasNoChildren"),
    ("[Gmail]/DMARC", rb"\HasNoChildren"),
]


def test_all_mail_is_known_by_its_attribute_in_any_language() -> None:
    existing = [Folder(name, frozenset(flags.lower().split()), "/") for name, flags in GMAIL]
    named = {"host": "imap.gmail.com", "user": "u", "password": "pw-1", "subfolders": True}
    settings = ImapSettings.model_validate({**named, "folders": ["[Gmail]"]})
    assert to_be_read(settings, existing) == ["[Gmail]/DMARC"]


def test_one_connection_reads_several_folders(dovecot_server: DovecotServer, user: str) -> None:
    make(dovecot_server, user, "A", "B")
    with dovecot_server.connect(user) as client:
        fill(client, "A", 2)
        fill(client, "B", 3)
    settings = account(dovecot_server, user, folders=["A", "B"])
    with ImapMailbox(ImapSettings.model_validate(settings)) as box:
        seen = {}
        for folder in box.folders():
            box.open(folder)
            seen[folder] = ([uid for window in box.waiting(0) for uid in window], box.uidvalidity)
    assert seen["A"][0] == ["1", "2"]
    assert seen["B"][0] == ["1", "2", "3"]
    assert seen["A"][1] != seen["B"][1]


def fill(client: IMAPClient, folder: str, messages: int) -> None:
    for _ in range(messages):
        client.append(folder, b"Subject: x\r\n\r\nHello\r\n")
