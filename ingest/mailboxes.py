"""What the pipeline asks of a mailbox, whatever its kind: who waits, the bytes, and where each message goes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Event
from types import TracebackType
from typing import Protocol, Self


class Destination(StrEnum):
    """Where a message goes once its outcome is committed."""

    PROCESSED = "processed"
    FAILED = "failed"
    IGNORED = "ignored"
    STAY = "stay"


HEADER_BYTES = 64 * 1024
"""As much of a header section is asked for where the body is too large."""


class MailboxUnavailableError(Exception):
    """The mailbox cannot be used now; nothing was lost, every message is where it was.

    `temporary` tells an outage, worth another try, from a refusal that a person must mend (a login, a right).
    """

    def __init__(self, message: str, *, temporary: bool) -> None:
        super().__init__(message)
        self.temporary = temporary


class NotSettledError(MailboxUnavailableError):
    """Messages could not be moved or flagged, though the mailbox works: everything else was done.

    `uids` are those; their outcome is committed, and the next poll tries again.
    """

    def __init__(self, message: str, uids: Collection[str], *, temporary: bool) -> None:
        super().__init__(message, temporary=temporary)
        self.uids = uids


@dataclass(frozen=True, slots=True)
class Waiting:
    """One message that waits in the folder: its UID (a Maildir's key) and its size in bytes, as far as known."""

    uid: str
    size: int
    arrived: datetime | None = None
    """When the mailbox got it (RFC 9051 2.3.3), in UTC."""


@dataclass(frozen=True, slots=True)
class Unfetched:
    """In place of a message's bytes: why it cannot be fetched now, though its mailbox works."""

    reason: str


class Mailbox(Protocol):
    """One mailbox, opened by `with`, one folder of it at a time. Every method raises MailboxUnavailableError."""

    name: str
    folder: str
    """The one that is open, or is to be opened first."""
    uidvalidity: int
    """Of the open folder (RFC 9051 2.3.1.1); 0 where the kind of mailbox has none."""
    good_until: float
    """Clock (`time.monotonic`, seconds) until which the connection may be used; then it should be opened anew."""
    can_watch: bool
    """Whether `watch` is told of new mail; known once it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def folders(self) -> list[str]:
        """Name the folders to be read, as the settings say, in order."""

    def open(self, folder: str) -> None:
        """Open a folder, or the open one once more: what has come meanwhile is seen."""

    def watch(self, seconds: float, stop: Event) -> bool:
        """Wait until the first of `folders` has new mail, or the time is over, or `stop` is set; tell whether it has."""

    def waiting(self, above: int) -> Iterator[list[str]]:
        """UIDs of the messages above the given one (0: all), in windows of bounded size, in the order of the settings."""

    def measure(self, uids: Sequence[str]) -> list[Waiting]:
        """Tell how large these are, and since when they wait; one that somebody else removed is left out."""

    def fetch(self, uids: Sequence[str]) -> Iterator[tuple[str, bytes | Unfetched]]:
        """Give the whole messages, unread state untouched; one that somebody else removed is left out."""

    def fetch_header(self, uid: str) -> bytes:
        """Give the header section alone, for a message whose body is too large to ask for; empty if it has none."""

    def settle(self, destinations: Mapping[Destination, Sequence[str]]) -> None:
        """Move (or flag, or leave, as the settings say) messages whose outcome is committed; STAY touches nothing.

        Raises NotSettledError, once all that could be settled is.
        """
