"""Settled messages of an open folder put where they belong: UIDs in, moved or flagged on the server.

What the server refuses (a full quota, a missing right) is told once everything else is done.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from imapclient import DELETED, FLAGGED, SEEN, IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from ingest.imap.errors import explained, no_folder
from ingest.imap.folders import openable
from ingest.mailboxes import Destination, MailboxUnavailableError, NotSettledError
from ingest.settings import ImapSettings

MOVED = 100
"""Messages moved by one command: Exchange needs up to 45 s where many are in the folder already."""

REFUSALS = 20
"""Refused commands after which no more is tried for a destination: to find one message in a hundred takes eight."""

FLAGS = {
    Destination.PROCESSED: (SEEN,),
    Destination.IGNORED: (SEEN,),
    Destination.FAILED: (SEEN, FLAGGED),
}
"""What after = "flag" sets."""


class Filing:
    """Moves and flags in the folder that is open, over one connection."""

    def __init__(self, client: IMAPClient, settings: ImapSettings, refusal: Exception | None = None) -> None:
        self._client = client
        self._settings = settings
        self._ready: set[str] = set()
        self._refusal = refusal
        """The first; given where it is known beforehand that nothing can be moved."""
        self._refused = Counter(dict.fromkeys(Destination, REFUSALS if refusal else 0))

    def settle(self, destinations: Mapping[Destination, Sequence[int]]) -> None:
        """Move or flag, as `after` says, in batches; a message that is gone is passed over.

        Raises NotSettledError, errors of imapclient and OSError; what was not moved by then is still where it was.
        """
        place = self._move if self._settings.after == "move" else self._flag
        left: list[int] = []
        for destination, uids in destinations.items():
            if destination is not Destination.STAY:
                for batch in batches(uids, MOVED):
                    left += batch if self._is_hopeless(destination) else place(batch, destination)
        self._client._imap.untagged_responses.clear()  # noqa: SLF001 (it would keep every EXPUNGE until a SELECT)
        if left:
            raise self._not_settled(left)

    def _is_hopeless(self, destination: Destination) -> bool:
        return self._refused[destination] >= REFUSALS

    def _flag(self, uids: Sequence[int], destination: Destination) -> Sequence[int]:
        def flag(some: Sequence[int]) -> None:
            self._client.add_flags(some, FLAGS[destination], silent=True)

        return self._tried(flag, uids, destination)

    def _move(self, uids: Sequence[int], destination: Destination) -> Sequence[int]:
        """Move by the best means that the server has.

        Without MOVE the copy comes first: a crash behind it leaves the message here too, and it is settled again,
        so that at worst a second copy lies in the folder. The other way round one that is flagged and not copied
        would be hidden here, until somebody's EXPUNGE removes it for good.
        """
        try:
            folder = self._folder_for(destination)
        except MailboxUnavailableError as error:
            self._refuse(error, destination)
            return uids
        moves = self._client.has_capability("MOVE")
        command = self._client.move if moves else self._client.copy
        left = self._tried(lambda some: self._once_more(command, some, folder), uids, destination)
        return (
            left if moves else [*left, *self._remove([uid for uid in uids if uid not in left], destination)]
        )

    def _remove(self, uids: Sequence[int], destination: Destination) -> Sequence[int]:
        """Remove what was copied; give all of it where that is refused.

        It is not tried again by halves: each try would begin with another copy.
        """
        if not uids:
            return uids
        try:
            self._client.add_flags(uids, [DELETED], silent=True)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            self._refuse(error, destination, times=REFUSALS)
            return uids
        # A plain EXPUNGE would remove what others have flagged: without UIDPLUS, or the right, the flag is all.
        if self._client.has_capability("UIDPLUS"):
            with suppress(IMAPClientError):
                self._client.uid_expunge(uids)
        return []

    def _tried(
        self, act: Callable[[Sequence[int]], object], uids: Sequence[int], destination: Destination
    ) -> Sequence[int]:
        """Act on all at once; by halves where that is refused, as one message may be to blame. Give what is left."""
        if self._is_hopeless(destination):
            return uids
        try:
            act(uids)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            self._refuse(error, destination)
            if len(uids) == 1:
                return uids
            middle = len(uids) // 2
            halves = uids[:middle], uids[middle:]
            return [uid for half in halves for uid in self._tried(act, half, destination)]
        return []

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
        if folder not in self._ready and folder not in openable(self._client, folder):
            self._create(folder)
        self._ready.add(folder)
        return folder

    def _create(self, folder: str) -> None:
        """Make a folder, and show it in mail readers where the server keeps subscriptions."""
        try:
            self._client.create_folder(folder)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            folders = openable(self._client)
            if folder not in folders:  # else another session was faster
                raise no_folder(self._settings, folder, error, folders) from error
        with suppress(IMAPClientError):
            self._client.subscribe_folder(folder)

    def _refuse(self, error: Exception, destination: Destination, times: int = 1) -> None:
        self._refusal = self._refusal or error
        self._refused[destination] += times

    def _not_settled(self, uids: Sequence[int]) -> NotSettledError:
        """Say why the first one was refused."""
        try:
            with explained(self._settings):
                raise self._refusal or AssertionError
        except MailboxUnavailableError as error:
            return NotSettledError(str(error), [str(uid) for uid in uids], temporary=error.temporary)


def batches(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut into pieces of at most this many."""
    for first in range(0, len(uids), size):
        yield uids[first : first + size]
