"""A Maildir on this machine: its settings in, the waiting messages out; settled ones go to Maildir++ subfolders.

A message is known by its key, the file name up to the first ":" (cr.yp.to/proto/maildir.html): what stands behind it,
and whether the file is in new/ or cur/, changes when somebody reads mail.
"""

import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self, TypeVar

from imapclient import imap_utf7

from ingest.mailboxes import (
    HEADER_BYTES,
    Destination,
    MailboxUnavailableError,
    NotSettledError,
    Unfetched,
    Waiting,
)
from ingest.settings import MaildirSettings

PARTS = ("cur", "new", "tmp")
LISTED = 500
"""Messages in one window of the waiting ones."""

WATCHED = 1.0
"""Seconds between two looks at new/ for new mail."""

HEADER_END = re.compile(rb"\r?\n\r?\n")

FLAGS = {Destination.PROCESSED: "S", Destination.IGNORED: "S", Destination.FAILED: "FS"}
"""What after = "flag" sets: seen, flagged."""

Result = TypeVar("Result")


class MaildirMailbox:
    """A Maildir, worked on by plain file operations; other programs may deliver into it and read it meanwhile."""

    folder = "INBOX"
    uidvalidity = 0
    good_until = math.inf
    can_watch = True

    def __init__(self, settings: MaildirSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._path = settings.path
        self._places: dict[str, str] = {}
        self._looked = 0
        """When new/ changed last, as of the last listing."""

    def __enter__(self) -> Self:
        self.open(self.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    def folders(self) -> list[str]:
        """There is one."""
        return [self.folder]

    def open(self, folder: str) -> None:
        """Look whether it is there. Raises MailboxUnavailableError."""
        del folder
        with self._explained():
            missing = [part for part in PARTS if not (self._path / part).is_dir()]
        if missing:
            message = f"no Maildir at {self._path}: {', '.join(missing)} missing; check path"
            raise MailboxUnavailableError(message, temporary=False)

    def watch(self, seconds: float, stop: Event) -> bool:
        """Look at new/ each second; tell whether something came, or went, since it was listed last.

        Raises MailboxUnavailableError.
        """
        deadline = time.monotonic() + seconds
        with self._explained():
            while self._changed() == self._looked:
                left = deadline - time.monotonic()
                if left <= 0 or stop.wait(min(left, WATCHED)):
                    return False
        return True

    def waiting(self, above: int) -> Iterator[list[str]]:
        """List all messages that are not trashed, 500 at a time.

        `above` says nothing about keys: whoever keeps a ledger looks the keys up there. Raises
        MailboxUnavailableError.
        """
        del above
        with self._explained():
            self._looked = self._changed()  # first: what comes while it is listed is news once more
            self._look()
        keys = sorted(self._places, reverse=self._settings.order == "newest")
        for first in range(0, len(keys), LISTED):
            yield keys[first : first + LISTED]

    def measure(self, uids: Sequence[str]) -> list[Waiting]:
        """Sizes are exact; a message arrived when its file was written last. Raises MailboxUnavailableError."""
        with self._explained():
            found = {key: self._on_file(key, Path.stat) for key in uids}
        return [
            Waiting(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
            for key, stat in found.items()
            if stat is not None
        ]

    def fetch(self, uids: Sequence[str]) -> Iterator[tuple[str, bytes | Unfetched]]:
        """Read whole messages, one at a time; one that is gone is left out. Raises MailboxUnavailableError."""
        with self._explained():
            for key in uids:
                message = self._on_file(key, _message)
                if message is not None:
                    yield key, message

    def fetch_header(self, uid: str) -> bytes:
        """At most 64 KiB of the header section; empty if the message is gone. Raises MailboxUnavailableError."""
        with self._explained():
            return self._on_file(uid, _header) or b""

    def settle(self, destinations: Mapping[Destination, Sequence[str]]) -> None:
        """Move or flag what is settled, as `after` says; a message that is gone is passed over.

        Raises NotSettledError.
        """
        if self._settings.after == "leave":
            return
        left: list[str] = []
        refusal: MailboxUnavailableError | None = None
        for destination, keys in destinations.items():
            try:
                if destination is not Destination.STAY and keys:
                    with self._explained():
                        self._place(keys, destination)
            except MailboxUnavailableError as error:
                left += keys
                refusal = error
        if refusal is not None:
            raise NotSettledError(str(refusal), left, temporary=refusal.temporary)

    def _place(self, keys: Sequence[str], destination: Destination) -> None:
        if self._settings.after == "move":
            cur, flags = self._subfolder(destination) / "cur", "S"
        else:
            cur, flags = self._path / "cur", FLAGS[destination]
        for key in keys:
            self._on_file(key, lambda file: _rename(file, cur, flags))

    def _subfolder(self, destination: Destination) -> Path:
        """Make the Maildir++ folder unless it is there."""
        folder = subfolder(self._path, self._settings.folder_for(destination))
        for directory in (folder, *(folder / part for part in PARTS)):
            directory.mkdir(mode=0o700, exist_ok=True)
        (folder / "maildirfolder").touch()
        return folder

    def _look(self) -> None:
        """Note where each message is. First new/, then cur/: one that moves on meanwhile is seen twice, not never."""
        places = [f"{part}/{name}" for part in ("new", "cur") for name in _names(self._path / part)]
        self._places = {_key(place): place for place in places if "T" not in _flags(place)}

    def _changed(self) -> int:
        return (self._path / "new").stat().st_mtime_ns

    def _on_file(self, key: str, act: Callable[[Path], Result]) -> Result | None:
        """Act on a message's file; look around once if it is not where it was seen; None if it is gone."""
        for look_around in (False, True):
            if look_around:
                self._look()
            if place := self._places.get(key):
                try:
                    return act(self._path / place)
                except FileNotFoundError:
                    pass
        return None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Around all that touches the disk: its errors leave as MailboxUnavailableError."""
        try:
            yield
        except PermissionError as error:
            message = f"{self._path}: {error}: give this user the right to read and write there"
            raise MailboxUnavailableError(message, temporary=False) from error
        except OSError as error:
            raise MailboxUnavailableError(f"{self._path}: {error}", temporary=True) from error


def subfolder(maildir: Path, name: str) -> Path:
    """Give the place of a Maildir++ folder: ".A.B" for A/B, names in modified UTF-7 as in IMAP."""
    encoded: bytes = imap_utf7.encode(name)
    return maildir / ("." + encoded.decode("ascii").replace("/", "."))


def _names(directory: Path) -> list[str]:
    """List the files; names with a leading dot are no messages."""
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.is_file() and not entry.name.startswith(".")]


def _key(place: str) -> str:
    """Give what a message is known by, as text that a database can hold whatever bytes the name is made of."""
    return place.rpartition("/")[2].partition(":")[0].encode("utf-8", "backslashreplace").decode()


def _flags(place: str) -> str:
    return place.partition(":2,")[2]


def _message(file: Path) -> bytes | Unfetched:
    try:
        return file.read_bytes()
    except PermissionError as error:
        return Unfetched(f"cannot be read: {error}")


def _header(file: Path) -> bytes:
    with file.open("rb") as opened:
        start = opened.read(HEADER_BYTES)
    end = HEADER_END.search(start)
    return start[: end.end()] if end else start


def _rename(file: Path, cur: Path, flags: str) -> Path:
    """Put a file into cur/ with these flags added, in one step, and never onto another file.

    A key is unique in its Maildir, so only a copy made by hand can meet its name again; it gets a number.
    """
    info = ":2," + "".join(sorted({*_flags(file.name), *flags}))
    targets = (cur / f"{_key(file.name)}{again}{info}" for again in chain([""], (f"_{n}" for n in count(1))))
    return file.rename(next(target for target in targets if target == file or not target.exists()))
