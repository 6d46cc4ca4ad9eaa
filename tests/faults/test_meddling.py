"""Other people work in the mailbox while it is polled: what they remove, file or renumber is theirs to do."""

from collections.abc import Callable

import pytest

from tests.faults.scene import Scene
from tests.servers.dovecot import DovecotServer
from tests.servers.relay import Relay


@pytest.fixture
def scene(dovecot_server: DovecotServer, url: str) -> Scene:
    return Scene(dovecot_server, url)


def at(relay: Relay, command: str, nth: int, meddle: Callable[[], None], *, hang_up: bool = False) -> None:
    """Let somebody meddle just before a command reaches the server."""

    def act() -> bool:
        meddle()
        return not hang_up

    relay.at(command, nth, act)


# --- messages that somebody takes


@pytest.mark.parametrize("nth", [1, 2], ids=["before its size is asked", "before it is read"])
def test_a_mail_that_is_removed_before_it_is_read_is_not_missed(scene: Scene, relay: Relay, nth: int) -> None:
    removed = [*scene.posts[1:3], scene.posts[-1]]
    at(relay, "FETCH", nth, lambda: scene.expunge(*removed))
    assert scene.survive(scene.settings(relay)) == ""
    scene.posts = [post for post in scene.posts if post not in removed]
    scene.check()


def test_a_mailbox_that_is_emptied_before_it_is_read_stays_empty(scene: Scene, relay: Relay) -> None:
    at(relay, "FETCH", 2, lambda: scene.expunge(*scene.posts))
    assert scene.survive(scene.settings(relay)) == ""
    scene.posts = []
    scene.check()


def test_a_mail_that_is_removed_before_it_is_moved_was_stored(scene: Scene, relay: Relay) -> None:
    at(relay, "MOVE", 1, lambda: scene.expunge(scene.posts[2]))
    assert scene.survive(scene.settings(relay)) == ""
    scene.check(gone=scene.posts[2:3])


def test_a_mail_that_the_person_files_is_left_there(scene: Scene, relay: Relay) -> None:
    at(relay, "MOVE", 1, lambda: scene.file(scene.posts[2]))
    assert scene.survive(scene.settings(relay)) == ""
    scene.check(gone=scene.posts[2:3])


# --- UIDs that mean other messages


@pytest.mark.parametrize("after", ["flag", "leave"])
def test_new_uids_between_two_polls_store_nothing_twice(scene: Scene, after: str) -> None:
    box = scene.settings(after=after)
    first = scene.poll(box)
    scene.renumber()
    assert scene.poll(box).total() == first.total()
    assert scene.poll(box) == {}
    scene.check_database(scene.posts)


def test_new_uids_between_commit_and_move_move_only_what_is_ours(scene: Scene, relay: Relay) -> None:
    """The UIDs that the ledger knows are those of other mails then."""
    at(relay, "MOVE", 1, lambda: None, hang_up=True)
    assert "connection was lost" in scene.survive(scene.settings(relay))
    first, taken, *others = scene.posts
    scene.expunge(taken)
    scene.renumber()
    scene.poll(scene.settings(relay))
    scene.check(gone=[taken], read_again=[first, *others])


def test_new_uids_before_a_mail_is_read_move_only_what_is_ours(scene: Scene, relay: Relay) -> None:
    at(relay, "FETCH", 2, scene.renumber, hang_up=True)
    assert '"INBOX" was replaced' in scene.survive(scene.settings(relay))
    scene.recover(scene.settings(relay))


def test_new_uids_before_a_mail_is_moved_move_only_what_is_ours(scene: Scene, relay: Relay) -> None:
    at(relay, "MOVE", 2, scene.renumber)
    scene.survive(scene.settings(relay))
    scene.poll()
    scene.check(read_again=[post for post in scene.posts if post.folder != "Processed"])
