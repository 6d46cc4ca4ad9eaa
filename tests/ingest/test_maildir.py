"""A Maildir as the pipeline uses it, while mail readers touch it."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Timer
from typing import Any

import pytest

from ingest.mailboxes import (
    Destination,
    Mailbox,
    MailboxUnavailableError,
    NotSettledError,
    Unfetched,
    Waiting,
)
from ingest.maildir import MaildirMailbox
from ingest.settings import MaildirSettings

MAIL = b"Subject: 1\n\nHello\n"


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for part in ("cur", "new", "tmp"):
        (tmp_path / part).mkdir()
    return tmp_path


def put(maildir: Path, *places: str, mail: bytes = MAIL) -> None:
    for place in places:
        (maildir / place).write_bytes(mail)


def opened(maildir: Path, **changes: Any) -> MaildirMailbox:
    settings = MaildirSettings.model_validate({"kind": "maildir", "path": maildir, **changes})
    return MaildirMailbox(settings)


def keys(box: Mailbox) -> list[str]:
    return [key for window in box.waiting(0) for key in window]


def files(maildir: Path) -> set[str]:
    return {str(path.relative_to(maildir)) for path in maildir.rglob("*") if path.is_file()} - {
        f".{folder}/maildirfolder" for folder in ("Processed", "Failed", "Ignored")
    }


def test_a_folder_without_the_three_parts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cur").mkdir()
    with pytest.raises(MailboxUnavailableError, match="new, tmp missing") as caught, opened(tmp_path):
        pass
    assert not caught.value.temporary
    assert str(tmp_path) in str(caught.value)


def test_messages_wait_oldest_first_unless_asked_otherwise(maildir: Path) -> None:
    put(maildir, "cur/1700000001.a.host:2,RS", "new/1700000000.b.host", "new/1700000002.c.host")
    expected = ["1700000000.b.host", "1700000001.a.host", "1700000002.c.host"]
    with opened(maildir) as box:
        assert keys(box) == expected
        assert (box.folders(), box.folder, box.uidvalidity) == (["INBOX"], "INBOX", 0)
    with opened(maildir, order="newest") as box:
        assert keys(box) == expected[::-1]


def test_messages_tell_their_size_and_when_they_came(maildir: Path) -> None:
    put(maildir, "new/1", "new/2")
    os.utime(maildir / "new/1", (0, 1_700_000_000))
    with opened(maildir) as box:
        found = keys(box)
        (maildir / "new/2").unlink()
        assert box.measure(found) == [Waiting("1", len(MAIL), datetime.fromtimestamp(1_700_000_000, UTC))]


def test_trashed_and_unfinished_messages_and_other_files_do_not_wait(maildir: Path) -> None:
    put(maildir, "cur/1:2,ST", "tmp/2", "new/.hidden", "new/3")
    (maildir / "new" / "folder").mkdir()
    with opened(maildir) as box:
        assert keys(box) == ["3"]


def test_five_hundred_come_at_a_time(maildir: Path) -> None:
    put(maildir, *(f"new/{number:04}" for number in range(501)))
    with opened(maildir) as box:
        assert [len(window) for window in box.waiting(0)] == [500, 1]


def test_reading_changes_nothing(maildir: Path) -> None:
    put(maildir, "new/1", "cur/2:2,")
    with opened(maildir) as box:
        assert dict(box.fetch(["1", "2"])) == {"1": MAIL, "2": MAIL}
    assert files(maildir) == {"new/1", "cur/2:2,"}


def test_a_message_is_found_again_after_somebody_read_it(maildir: Path) -> None:
    put(maildir, "new/1")
    with opened(maildir) as box:
        assert keys(box) == ["1"]
        (maildir / "new/1").rename(maildir / "cur/1:2,S")
        assert dict(box.fetch(["1"])) == {"1": MAIL}
        (maildir / "cur/1:2,S").rename(maildir / "cur/1:2,RS")
        box.settle({Destination.PROCESSED: ["1"]})
    assert files(maildir) == {".Processed/cur/1:2,RS"}


def test_a_message_that_is_gone_is_left_out(maildir: Path) -> None:
    put(maildir, "new/1", "new/2")
    with opened(maildir) as box:
        assert keys(box) == ["1", "2"]
        (maildir / "new/1").unlink()
        assert dict(box.fetch(["1", "2"])) == {"2": MAIL}
        assert box.fetch_header("1") == b""
        box.settle({Destination.PROCESSED: ["1"]})
    assert files(maildir) == {"new/2"}


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_header_ends_with_the_first_blank_line(maildir: Path, end: bytes) -> None:
    put(maildir, "new/1", mail=end.join([b"Subject: 1", b"To: x", b"", b"Hello", b"", b"you"]))
    with opened(maildir) as box:
        assert box.fetch_header("1") == end.join([b"Subject: 1", b"To: x", b"", b""])


def test_of_a_long_header_only_its_beginning_is_read(maildir: Path) -> None:
    put(maildir, "new/1", mail=b"X: y\n" * 20_000)
    with opened(maildir) as box:
        assert len(box.fetch_header("1")) == 65_536


def test_messages_move_to_subfolders_that_are_made(maildir: Path) -> None:
    put(maildir, "new/1", "cur/2:2,", "new/3", "new/4")
    with opened(maildir, ignored="Other/Ä") as box:
        box.settle(dict(zip(Destination, (["1"], ["2"], ["3"], ["4"]), strict=True)))
    moved = {".Processed/cur/1:2,S", ".Failed/cur/2:2,S", ".Other.&AMQ-/cur/3:2,S"}
    assert files(maildir) == {*moved, ".Other.&AMQ-/maildirfolder", "new/4"}
    assert {path.name for path in (maildir / ".Processed").iterdir()} == {
        "cur",
        "new",
        "tmp",
        "maildirfolder",
    }


def test_moving_never_overwrites(maildir: Path) -> None:
    put(maildir, "new/1", mail=b"first")
    with opened(maildir) as box:
        box.settle({Destination.PROCESSED: ["1"]})
        for mail in (b"second", b"third"):
            put(maildir, "new/1", mail=mail)
            box.settle({Destination.PROCESSED: ["1"]})
    kept = {path.name: path.read_bytes() for path in (maildir / ".Processed/cur").iterdir()}
    assert kept == {"1:2,S": b"first", "1_1:2,S": b"second", "1_2:2,S": b"third"}


def test_after_flag_marks_messages_in_place(maildir: Path) -> None:
    put(maildir, "new/1", "cur/2:2,P", "cur/3:2,S", "new/4")
    with opened(maildir, after="flag") as box:
        box.settle(dict(zip(Destination, (["1"], ["2"], ["3"], ["4"]), strict=True)))
    assert files(maildir) == {"cur/1:2,S", "cur/2:2,FPS", "cur/3:2,S", "new/4"}


def test_after_leave_changes_nothing(maildir: Path) -> None:
    put(maildir, "new/1")
    with opened(maildir, after="leave") as box:
        box.settle({Destination.PROCESSED: ["1"]})
    assert files(maildir) == {"new/1"}


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may read everything: be somebody else."""
    me = os.geteuid()
    os.seteuid(pwd.getpwnam("nobody").pw_uid if me == 0 else me)
    try:
        yield
    finally:
        os.seteuid(me)


def test_a_message_that_may_not_be_read_does_not_stop_the_others() -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        maildir = Path(folder)
        for part in ("cur", "new", "tmp"):
            (maildir / part).mkdir()
        put(maildir, "new/1", "new/2")
        (maildir / "new/1").chmod(0)
        with ordinary_user(), opened(maildir) as box:
            fetched = dict(box.fetch(["1", "2"]))
    assert isinstance(fetched["1"], Unfetched)
    assert fetched["2"] == MAIL


def test_trouble_with_the_disk_is_temporary(maildir: Path) -> None:
    put(maildir, "new/1")
    with opened(maildir) as box:
        (maildir / "new/1").unlink()
        (maildir / "new").rmdir()
        with pytest.raises(MailboxUnavailableError, match="new") as caught:
            keys(box)
    assert caught.value.temporary


def test_a_folder_that_cannot_be_made_keeps_nothing_else_from_its_place(maildir: Path) -> None:
    put(maildir, "new/1", "new/2", ".Processed")
    with opened(maildir) as box, pytest.raises(NotSettledError, match=r"\.Processed") as caught:
        box.settle({Destination.PROCESSED: ["1"], Destination.FAILED: ["2"]})
    assert caught.value.uids == ["1"]
    assert files(maildir) == {"new/1", ".Failed/cur/2:2,S", ".Processed"}


def watched(box: MaildirMailbox, seconds: float = 60) -> bool:
    return box.watch(seconds, Event())


def test_what_came_since_the_listing_is_news(maildir: Path) -> None:
    with opened(maildir) as box:
        assert keys(box) == []
        assert not watched(box, 0.01)
        put(maildir, "new/1")
        assert watched(box)
        assert keys(box) == ["1"]
        assert not watched(box, 0.01)


def test_mail_is_noticed_while_it_is_waited_for(maildir: Path) -> None:
    with opened(maildir) as box:
        assert keys(box) == []
        delivery = Timer(0.1, put, (maildir, "new/1"))
        delivery.start()
        assert watched(box)
        delivery.join()


def test_waiting_ends_when_told_to_stop(maildir: Path) -> None:
    stop = Event()
    with opened(maildir) as box:
        assert keys(box) == []
        stopper = Timer(0.1, stop.set)
        stopper.start()
        assert not box.watch(3600, stop)
        stopper.join()
