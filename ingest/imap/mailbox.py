"""A folder on an IMAP server: its settings in, the waiting messages out; settled ones are moved or flagged there.

One object serves one visit. After an error make a new one, and compare its `uidvalidity` before using a UID that was
kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self

from imapclient import DELETED, FLAGGED, SEEN
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from ingest.imap.connection import connect
from ingest.imap.errors import explained, no_folder, unavailable
from ingest.imap.login import log_in
from ingest.mailboxes import HEADER_BYTES, Destination, Unfetched, Waiting
from ingest.settings import ImapSettings

SEARCHED = 50_000
"""UIDs asked of one search: of 10 digits each they fit into the 1,000,000 bytes that imaplib reads as a line."""

MEASURED = 500
"""Messages whose sizes one command asks: as long as command lines may be everywhere (RFC 7162 4: 8192 octets)."""

MOVED = 100
"""Messages moved by one command: Exchange needs up to 45 s where many are in the folder already."""

FAILURES = 200
"""FETCH commands of one visit that may fail: to find one message in 500 takes ten, more than a few is an outage."""

FLAGS = {
    Destination.PROCESSED: (SEEN,),
    Destination.IGNORED: (SEEN,),
    Destination.FAILED: (SEEN, FLAGGED),
}
"""What after = "flag" sets."""


class ImapMailbox:
    """One folder on an IMAP server (RFC 9051), for one visit."""

    def __init__(self, settings: ImapSettings) -> None:
        self.name = settings.name
        self.folder = settings.folders[0]
        self.uidvalidity = 0
        self._settings = settings
        self._ready: set[str] = set()
        self._failures = 0

    def __enter__(self) -> Self:
        with explained(self._settings):
            self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def waiting(self, above: int) -> Iterator[list[Waiting]]:
        r"""Messages without \Deleted whose UID is above the given one (0: all), oldest first, 500 at a time.

        Sizes are the server's RFC822.SIZE, which Exchange only estimates. Raises MailboxUnavailableError.
        """
        with explained(self._settings):
            for first, last in self._windows(above):
                found = self._client.search(["UNDELETED", "UID", f"{first}:{last}"])
                # "9:*" is the last message even where its UID is below 9 (RFC 9051 9, seq-range).
                for uids in _batches(sorted(uid for uid in found if uid > above), MEASURED):
                    sizes = self._ask(uids, "RFC822.SIZE", b"RFC822.SIZE")
                    yield [Waiting(str(uid), _size(size)) for uid, size in sizes.items()]

    def fetch(self, uids: Sequence[str]) -> Iterator[tuple[str, bytes | Unfetched]]:
        r"""Fetch whole messages, \Seen untouched; all are held in memory, so ask for few.

        One that is gone is left out. Raises MailboxUnavailableError.
        """
        with explained(self._settings):
            for uid, message in self._ask(_numbers(uids), "BODY.PEEK[]", b"BODY[]").items():
                yield str(uid), message

    def fetch_header(self, uid: str) -> bytes:
        """At most 64 KiB of the header section; empty if it cannot be had. Raises MailboxUnavailableError."""
        with explained(self._settings):
            headers = self._ask([int(uid)], f"BODY.PEEK[HEADER]<0.{HEADER_BYTES}>", b"BODY[HEADER]<0>")
        header = headers.get(int(uid))
        return header if isinstance(header, bytes) else b""

    def settle(self, destinations: Mapping[Destination, Sequence[str]]) -> None:
        """Move or flag what is settled, as `after` says, in batches; a message that is gone is passed over.

        Raises MailboxUnavailableError; what was not moved by then is still where it was.
        """
        if self._settings.after == "leave":
            return
        place = self._move if self._settings.after == "move" else self._flag
        with explained(self._settings):
            for destination, uids in destinations.items():
                if destination is not Destination.STAY:
                    for batch in _batches(_numbers(uids), MOVED):
                        place(batch, destination)

    def _open(self) -> None:
        with ExitStack() as stack:
            self._client = stack.enter_context(connect(self._settings))
            log_in(self._client, self._settings)
            self._select()
            self._connection = stack.pop_all()

    def _open_again(self) -> None:
        """Go on over a new connection, if UIDs mean the same there (RFC 9051 2.3.1.1)."""
        uidvalidity = self.uidvalidity
        self._connection.close()
        self._open()
        if self.uidvalidity != uidvalidity:
            message = f'folder "{self.folder}" was replaced while it was read: the next poll reads it anew'
            raise unavailable(self._settings, message, temporary=True)

    def _select(self) -> None:
        """Open the folder; for reading only where nothing will be changed."""
        try:
            status = self._client.select_folder(self.folder, readonly=self._settings.after == "leave")
        except IMAPClientError as error:
            folders = self._folders("*")
            if self.folder in folders:
                raise
            raise no_folder(self._settings, self.folder, error, folders) from error
        self.uidvalidity = int(status.get(b"UIDVALIDITY", 0))
        self._messages = int(status[b"EXISTS"])

    def _windows(self, above: int) -> Iterator[tuple[int, int | str]]:
        """Cut the UIDs above the given one into ranges of which each may be searched at once."""
        if self._messages <= SEARCHED:
            yield above + 1, "*"
            return
        ends = self._client.search("1,*")
        for first in range(max(above + 1, min(ends, default=1)), max(ends, default=0) + 1, SEARCHED):
            yield first, first + SEARCHED - 1

    def _ask(self, uids: Sequence[int], item: str, key: bytes) -> dict[int, Any]:
        """Fetch one item of each message; one that is gone has none, or NIL.

        Where the command fails, one message may be to blame: it is found by halves, and Unfetched.
        """
        try:
            answers = self._client.fetch(uids, [item])
        except (IMAPClientError, OSError) as error:
            self._go_on_after(error)
            if len(uids) == 1:
                return {uids[0]: Unfetched(f"the server does not give it out: {error}")}
            middle = len(uids) // 2
            return self._ask(uids[:middle], item, key) | self._ask(uids[middle:], item, key)
        return {uid: answer[key] for uid, answer in answers.items() if answer.get(key) is not None}

    def _go_on_after(self, error: Exception) -> None:
        """Take a refusal, and connect again where the server hung up; raise what is an outage.

        Dovecot hangs up over a message that it cannot read, whenever it is asked for it (imap_fetch_failure).
        """
        self._failures += 1
        if isinstance(error, TimeoutError) or self._failures > FAILURES:
            raise error
        if isinstance(error, (IMAPClientAbortError, OSError)):
            self._open_again()

    def _flag(self, uids: Sequence[int], destination: Destination) -> None:
        self._client.add_flags(uids, FLAGS[destination], silent=True)

    def _move(self, uids: Sequence[int], destination: Destination) -> None:
        """Move by the best means that the server has.

        Without MOVE the copy comes first: a crash behind it leaves the message here too, and it is settled again,
        so that at worst a second copy lies in the folder. The other way round one that is flagged and not copied
        would be hidden here, until somebody's EXPUNGE removes it for good.
        """
        folder = self._folder_for(destination)
        if self._client.has_capability("MOVE"):
            self._once_more(self._client.move, uids, folder)
            return
        self._once_more(self._client.copy, uids, folder)
        self._client.add_flags(uids, [DELETED], silent=True)
        # A plain EXPUNGE would remove what others have flagged: without UIDPLUS the flag is all.
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge(uids)

    def _once_more(
        self, command: Callable[[Sequence[int], str], object], uids: Sequence[int], folder: str
    ) -> None:
        """Run a command again that failed as a whole because another session took one of the messages."""
        try:
            command(uids, folder)
        except IMAPClientError as error:
            if "[EXPUNGEISSUED]" not in str(error):  # RFC 5530 3
                raise
            self._client.noop()  # the server tells what is gone, and passes over those UIDs from here on
            command(uids, folder)

    def _folder_for(self, destination: Destination) -> str:
        """Name the folder, after making it if it is missing; looked up once for each connection."""
        folder = self._settings.folder_for(destination)
        if folder not in self._ready and folder not in self._folders(folder):
            self._create(folder)
        self._ready.add(folder)
        return folder

    def _create(self, folder: str) -> None:
        """Make a folder, and show it in mail readers where the server keeps subscriptions."""
        try:
            self._client.create_folder(folder)
        except IMAPClientError as error:
            folders = self._folders("*")
            if folder not in folders:  # else another session was faster
                raise no_folder(self._settings, folder, error, folders) from error
        with suppress(IMAPClientError):
            self._client.subscribe_folder(folder)

    def _folders(self, pattern: str) -> list[str]:
        """List the folders that can hold messages."""
        found = self._client.list_folders("", pattern)
        return [name for flags, _, name in found if not {rb"\Noselect", rb"\NonExistent"} & set(flags)]


def _size(answer: bytes | int | Unfetched) -> int:
    return 0 if isinstance(answer, Unfetched) else int(answer)


def _numbers(uids: Sequence[str]) -> list[int]:
    return [int(uid) for uid in uids]


def _batches(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(uids), size):
        yield uids[first : first + size]
