"""A mailbox on an IMAP server: its settings in, the waiting messages of one folder at a time out.

One object serves one visit. After an error make a new one, and compare its `uidvalidity` before using a UID that was
kept.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC
from threading import Event
from types import TracebackType
from typing import Any, Self

import structlog
from imapclient import DELETED, IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, IMAPClientReadOnlyError

from ingest.imap.connection import connect
from ingest.imap.errors import explained, no_folder, unavailable
from ingest.imap.filing import Filing, batches
from ingest.imap.folders import listed, openable, to_be_read
from ingest.imap.idle import GOODBYE, wait_for_mail
from ingest.imap.login import log_in
from ingest.imap.search import undeleted
from ingest.mailboxes import HEADER_BYTES, Destination, Unfetched, Waiting
from ingest.oauth.tokens import Tokens
from ingest.settings import ImapSettings

MEASURED = 500
"""Messages whose sizes one command asks: as long as command lines may be everywhere (RFC 7162 4: 8192 octets)."""

FAILURES = 200
"""FETCH commands of one folder that may fail: to find one message in 500 takes ten, more than a few is an outage."""

GOOD_SECONDS = 3600.0
"""How long one connection is used: what a provider changes, a right or a limit, is met in time."""

TOKEN_MARGIN = 240.0
"""Seconds before its token's end at which a connection is given up; a new token is had already then."""

log = structlog.get_logger()


class ImapMailbox:
    """The folders of one mailbox on an IMAP server (RFC 9051), for one visit."""

    def __init__(self, settings: ImapSettings, tokens: Tokens | None = None) -> None:
        self.name = settings.name
        self.folder = settings.folders[0]
        self.uidvalidity = 0
        self.good_until = 0.0
        self.can_watch = False
        self._settings = settings
        self._tokens = tokens
        self._failures = 0
        self._messages = 0
        self._watched = settings.folders[0]
        self._seen: dict[str, tuple[int, int]] = {}
        """Of each folder that was opened: UIDVALIDITY, and UIDNEXT, which grows with every message that comes."""

    def __enter__(self) -> Self:
        with explained(self._settings):
            self._connect()
        self.good_until = time.monotonic() + self._good_seconds()
        self.can_watch = self._settings.idle and self._client.has_capability("IDLE")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def folders(self) -> list[str]:
        """Name the folders of the settings, with those below them where the settings say so.

        Raises MailboxUnavailableError.
        """
        names = list(self._settings.folders)
        if self._settings.subfolders:
            with explained(self._settings):
                names = to_be_read(self._settings, listed(self._client))
        self._watched = names[0] if names else self._settings.folders[0]
        return names

    def open(self, folder: str) -> None:
        """Open a folder by its name; read-only where nothing will, or may, be changed.

        Raises MailboxUnavailableError, with the names of others where there is no such folder.
        """
        self.folder = folder
        self._failures = 0
        with explained(self._settings):
            self._select()

    def watch(self, seconds: float, stop: Event) -> bool:
        """Wait for new mail by IDLE; what came since that folder was opened last is new too.

        Raises MailboxUnavailableError when the connection is lost.
        """
        before = self._seen.get(self._watched)
        self.open(self._watched)
        if before != self._seen[self._watched]:
            return True
        with explained(self._settings):
            try:
                return wait_for_mail(self._client, self._messages, seconds, stop)
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                log.warning("idle_refused", source=self.name, error=str(error))
                self.can_watch = False
                self.good_until = 0.0  # what is said next may be the rest of that answer
                return False

    def waiting(self, above: int) -> Iterator[list[str]]:
        r"""Messages without \Deleted whose UID is above the given one (0: all). Raises MailboxUnavailableError."""
        newest = self._settings.order == "newest"
        with explained(self._settings):
            for found in undeleted(self._client, self._messages, above, newest=newest):
                yield [str(uid) for uid in found]

    def measure(self, uids: Sequence[str]) -> list[Waiting]:
        """Ask for sizes, which Exchange only estimates, and INTERNALDATEs. Raises MailboxUnavailableError."""
        with explained(self._settings):
            return [
                _waiting(uid, answer)
                for batch in batches(_numbers(uids), MEASURED)
                for uid, answer in self._ask(batch, ["RFC822.SIZE", "INTERNALDATE"], b"RFC822.SIZE").items()
            ]

    def fetch(self, uids: Sequence[str]) -> Iterator[tuple[str, bytes | Unfetched]]:
        r"""Fetch whole messages, \Seen untouched; all are held in memory, so ask for few.

        One that is gone is left out. Raises MailboxUnavailableError.
        """
        with explained(self._settings):
            for uid, answer in self._ask(_numbers(uids), ["BODY.PEEK[]"], b"BODY[]").items():
                yield str(uid), answer if isinstance(answer, Unfetched) else answer[b"BODY[]"]

    def fetch_header(self, uid: str) -> bytes:
        """At most 64 KiB of the header section; empty if it cannot be had. Raises MailboxUnavailableError."""
        item, key = f"BODY.PEEK[HEADER]<0.{HEADER_BYTES}>", b"BODY[HEADER]<0>"
        with explained(self._settings):
            answer = self._ask([int(uid)], [item], key).get(int(uid), {})
        return b"" if isinstance(answer, Unfetched) else bytes(answer.get(key, b""))

    def settle(self, destinations: Mapping[Destination, Sequence[str]]) -> None:
        """Move or flag what is settled, as `after` says, in batches; a message that is gone is passed over.

        Raises MailboxUnavailableError; what was not moved by then is still where it was.
        """
        if self._settings.after != "leave":
            with explained(self._settings):
                self._filing.settle({where: _numbers(uids) for where, uids in destinations.items()})

    def _connect(self) -> None:
        with ExitStack() as stack:
            self._client = stack.enter_context(connect(self._settings))
            stack.callback(_hurry, self._client)
            log_in(self._client, self._settings, self._tokens)
            self._connection = stack.pop_all()

    def _good_seconds(self) -> float:
        if self._tokens is None:
            return GOOD_SECONDS
        left = self._tokens.seconds_left()
        return min(GOOD_SECONDS, max(left - TOKEN_MARGIN, left / 2))

    def _connect_again(self) -> None:
        """Go on over a new connection, if UIDs mean the same there (RFC 9051 2.3.1.1)."""
        uidvalidity = self.uidvalidity
        self._connection.close()
        self._connect()
        self._select()
        if self.uidvalidity != uidvalidity:
            message = f'folder "{self.folder}" was replaced while it was read: the next poll reads it anew'
            raise unavailable(self._settings, message, temporary=True)

    def _select(self) -> None:
        """Open the folder; for reading only where nothing will, or may, be changed."""
        refusal = None
        try:
            status = self._client.select_folder(self.folder, readonly=self._settings.after == "leave")
        except IMAPClientReadOnlyError as error:
            refusal = error
            status = self._client.select_folder(self.folder, readonly=True)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            folders = openable(self._client)
            if self.folder in folders:
                raise
            raise no_folder(self._settings, self.folder, error, folders) from error
        self.uidvalidity = int(status.get(b"UIDVALIDITY", 0))
        self._messages = int(status.get(b"EXISTS", 0))
        self._seen[self.folder] = self.uidvalidity, int(status.get(b"UIDNEXT", 0))
        self._filing = Filing(self._client, self._settings, refusal or self._undeletable(status))

    def _undeletable(self, status: Mapping[bytes, Any]) -> IMAPClientError | None:
        """Notice beforehand that what is copied could not be removed: each poll would leave another copy."""
        flags = status.get(b"PERMANENTFLAGS", (DELETED,))  # absent: all may be set (RFC 9051 6.3.2)
        if self._settings.after != "move" or self._client.has_capability("MOVE") or DELETED in flags:
            return None
        return IMAPClientError(r"there is no MOVE, and \Deleted may not be set in this folder")

    def _ask(
        self, uids: Sequence[int], items: Sequence[str], key: bytes
    ) -> dict[int, dict[bytes, Any] | Unfetched]:
        """Fetch items of each message; one that is gone lacks the key, or has NIL there, and is left out.

        Where the command fails, one message may be to blame: it is found by halves, and Unfetched.
        """
        try:
            answers = self._client.fetch(uids, items)
        except (IMAPClientError, OSError) as error:
            self._go_on_after(error)
            if len(uids) == 1:
                return {uids[0]: Unfetched(f"the server does not give it out: {error}")}
            middle = len(uids) // 2
            return self._ask(uids[:middle], items, key) | self._ask(uids[middle:], items, key)
        return {uid: answers[uid] for uid in uids if answers.get(uid, {}).get(key) is not None}

    def _go_on_after(self, error: Exception) -> None:
        """Take a refusal, and connect again where the server hung up; raise what is an outage.

        Dovecot hangs up over a message that it cannot read, whenever it is asked for it (imap_fetch_failure).
        """
        self._failures += 1
        if isinstance(error, TimeoutError) or self._failures > FAILURES:
            raise error
        if isinstance(error, (IMAPClientAbortError, OSError)):
            self._connect_again()


def _hurry(client: IMAPClient) -> None:
    """Have little patience from now on: a server that hangs has hung for long enough, and is not logged out of."""
    with suppress(OSError):
        client.socket().settimeout(GOODBYE)


def _waiting(uid: int, answer: Mapping[bytes, Any] | Unfetched) -> Waiting:
    if isinstance(answer, Unfetched):
        return Waiting(str(uid), 0)
    arrived = answer.get(b"INTERNALDATE")
    return Waiting(str(uid), int(answer[b"RFC822.SIZE"]), arrived.astimezone(UTC) if arrived else None)


def _numbers(uids: Sequence[str]) -> list[int]:
    return [int(uid) for uid in uids]
