"""Folders that are missing, read-only or full: what cannot be moved is stored all the same, and moved later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.mailboxes import MailboxUnavailableError
from ingest.settings import ImapSettings
from tests.faults.configured import configure, dovecot_with
from tests.faults.scene import ARCHIVE, Scene
from tests.ingest.mailbox_kit import report_mail
from tests.servers.dovecot import DovecotServer
from tests.servers.relay import Relay

RIGHTS = """
mail_plugins = acl
plugin {
  acl = vfile
}
"""
"""Rights by folder, in a file dovecot-acl within it; the owner has all where there is none."""

QUOTA = """
mail_plugins = quota
plugin {
  quota = maildir:User:ns=
  quota_rule = *:storage=1G
  quota2 = maildir:Archive:ns=Archive/
  quota2_rule = *:storage=KILOBYTESK
}
namespace archive {
  prefix = Archive/
  separator = /
  location = maildir:~/Archive
}
"""
"""A quota for what is moved to; within one quota Dovecot lets messages be moved even where it is exceeded."""


def refused(scene: Scene, box: ImapSettings, match: str) -> None:
    """Poll, which must end with a complaint for a person."""
    with pytest.raises(MailboxUnavailableError, match=match) as caught:
        scene.poll(box)
    assert not caught.value.temporary


# --- missing


def test_a_folder_that_is_missing_does_not_keep_the_others_waiting(
    dovecot_server: DovecotServer, url: str
) -> None:
    scene = Scene(dovecot_server, url)
    box = scene.settings(folders=["Nowhere", "INBOX"])
    refused(scene, box, 'no folder "Nowhere"')
    scene.check()
    with dovecot_server.connect(scene.user) as client:
        client.create_folder("Nowhere")
        client.append("Nowhere", report_mail(50).content)
    assert scene.poll(box) == {"stored": 1}


def test_a_folder_that_is_deleted_in_mid_poll_is_made_again(
    dovecot_server: DovecotServer, relay: Relay, url: str
) -> None:
    def delete() -> bool:
        with dovecot_server.connect(scene.user) as client:
            client.delete_folder("Processed")
        return True

    scene = Scene(dovecot_server, url)
    relay.at("MOVE", 1, delete)
    scene.survive(scene.settings(relay))
    scene.recover()


# --- read-only


@pytest.fixture(scope="module")
def strict() -> Iterator[DovecotServer]:
    with dovecot_with(RIGHTS) as server:
        yield server


@pytest.fixture
def guarded(strict: DovecotServer, url: str) -> Scene:
    """Lay out a scene whose folders to move to are there."""
    scene = Scene(strict, url, [])
    with strict.connect(scene.user) as client:
        client.create_folder("Processed")
    return scene


def rights(scene: Scene, folder: str) -> Path:
    """Give the file with the rights to a folder."""
    maildir = scene.server.directory / "mail" / scene.user / "Maildir"
    return (maildir if folder == "INBOX" else maildir / f".{folder}") / "dovecot-acl"


@pytest.mark.dovecot
@pytest.mark.parametrize(("folder", "granted"), [("Processed", "lrs"), ("INBOX", "lrws")])
def test_mails_that_must_not_be_moved_are_stored(guarded: Scene, folder: str, granted: str) -> None:
    """Nothing may be put into the folder, or nothing taken out of it (RFC 4314 2.1: i, e and t are missing)."""
    guarded.deliver(*map(report_mail, range(1, 151)))
    rights(guarded, folder).write_text(f"owner {granted}\n")
    for _ in range(2):
        refused(guarded, guarded.settings(), "NOPERM")
        guarded.check_database()
    rights(guarded, folder).unlink()
    guarded.recover()


@pytest.mark.dovecot
def test_a_folder_for_reading_only_is_told(guarded: Scene) -> None:
    guarded.deliver(report_mail(1))
    rights(guarded, "INBOX").write_text("owner lr\n")
    refused(guarded, guarded.settings(), "read-only")
    guarded.check_database()
    rights(guarded, "INBOX").unlink()
    guarded.recover()


# --- full


def quota(kilobytes: int) -> str:
    """Give the configuration with so much room in the archive."""
    return QUOTA.replace("KILOBYTES", str(kilobytes))


@pytest.mark.dovecot
@pytest.mark.parametrize("without", [frozenset[str](), frozenset({"MOVE"})], ids=["MOVE", "COPY"])
def test_mails_that_find_no_room_are_stored(url: str, without: frozenset[str]) -> None:
    with dovecot_with(quota(1), without) as server:
        scene = Scene(server, url)
        scene.deliver(*map(report_mail, range(20, 150)))
        box = scene.settings(processed=f"{ARCHIVE}Processed")
        for _ in range(2):
            refused(scene, box, "OVERQUOTA")
            scene.check_database()
        configure(server, quota(1_000_000))
        scene.recover(box)
