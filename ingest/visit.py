"""A visit to a mailbox: opened, every folder polled, closed; what stopped it is noted in the database."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from threading import Event

from ingest.imap.mailbox import ImapMailbox
from ingest.mailboxes import Mailbox, MailboxUnavailableError, NotSettledError
from ingest.maildir import MaildirMailbox
from ingest.oauth.tokens import Tokens, tokens_for
from ingest.poll import Poll
from ingest.settings import AnyMailbox, ImapSettings, Settings
from ingest.tally import Tally
from store.database import Database, DatabaseUnavailableError
from store.ledger import Place
from store.locks import lock
from store.mailboxes import note_failure


def visit(mailbox: AnyMailbox, settings: Settings, database: Database, tally: Tally, stop: Event) -> None:
    """Take everything that waits in one mailbox. Raises MailboxUnavailableError, DatabaseUnavailableError."""
    with lock(database, mailbox.name) as held:
        if held is None:
            message = f"{mailbox.name}: another ruamill works on it: leave it to that one, or stop it first"
            raise MailboxUnavailableError(message, temporary=True)
        with opened(mailbox, tokens_of(mailbox), database) as box:
            refusal = poll_folders(box, mailbox, settings, database, tally, stop)
    if refusal is not None:
        raise refusal


def tokens_of(mailbox: AnyMailbox) -> Tokens | None:
    """Give what fetches the access tokens of a mailbox; None where it has a password, or needs nothing."""
    return tokens_for(mailbox) if isinstance(mailbox, ImapSettings) else None


@contextmanager
def opened(mailbox: AnyMailbox, tokens: Tokens | None, database: Database) -> Iterator[Mailbox]:
    """Open a mailbox of either kind while the `with` lasts. Raises MailboxUnavailableError."""
    box: Mailbox = (
        ImapMailbox(mailbox, tokens) if isinstance(mailbox, ImapSettings) else MaildirMailbox(mailbox)
    )
    with ExitStack() as stack:
        try:
            stack.enter_context(box)
        except MailboxUnavailableError as error:
            _note(database, box, error)
            raise
        yield box


def poll_folders(  # noqa: PLR0913, PLR0917 (what Poll takes, and the word to stop)
    box: Mailbox, mailbox: AnyMailbox, settings: Settings, database: Database, tally: Tally, stop: Event
) -> MailboxUnavailableError | None:
    """Poll each folder of an open mailbox; one that is refused does not keep the others from being read.

    Give the last such refusal. Raises MailboxUnavailableError where the connection is of no more use, and
    DatabaseUnavailableError.
    """
    refusal = None
    for folder in box.folders():
        try:
            box.open(folder)
            Poll(box, mailbox, settings, database, tally).run(stop)
        except MailboxUnavailableError as error:
            _note(database, box, error)
            if error.temporary and not isinstance(error, NotSettledError):
                raise
            refusal = error
    return refusal


def _note(database: Database, box: Mailbox, error: MailboxUnavailableError) -> None:
    with suppress(DatabaseUnavailableError), database.writing() as connection:
        note_failure(connection, Place(box.name, box.folder), str(error), datetime.now(UTC))
