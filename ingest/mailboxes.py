"""What the pipeline asks of a mailbox, whatever its kind: who waits, the bytes, and where each message goes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
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


@dataclass(frozen=True, slots=True)
class Waiting:
    """One message that waits in the folder: its UID (a Maildir's key) and its size in bytes, as far as known."""

    uid: str
    size: int


@dataclass(frozen=True, slots=True)
class Unfetched:
    """In place of a message's bytes: why it cannot be fetched now, though its mailbox works."""

    reason: str


class Mailbox(Protocol):
    """One folder of one mailbox, opened by `with`. Every method raises MailboxUnavailableError."""

    name: str
    folder: str
    uidvalidity: int
    """RFC 9051 2.3.1.1; 0 where the kind of mailbox has none."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def waiting(self, above: int) -> Iterator[list[Waiting]]:
        """Messages whose UID is above the given one (0: all), in windows of bounded size, oldest first."""

    def fetch(self, uids: Sequence[str]) -> Iterator[tuple[str, bytes | Unfetched]]:
        """Give the whole messages, unread state untouched; one that somebody else removed is left out."""

    def fetch_header(self, uid: str) -> bytes:
        """Give the header section alone, for a message whose body is too large to ask for; empty if it has none."""

    def settle(self, destinations: Mapping[Destination, Sequence[str]]) -> None:
        """Move (or flag, or leave, as the settings say) messages whose outcome is committed; STAY touches nothing."""
