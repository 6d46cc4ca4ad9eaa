"""One visit to one configured mailbox: opened, polled, closed; what stopped it is noted in the database."""

from contextlib import suppress
from datetime import UTC, datetime
from threading import Event

from ingest.imap.mailbox import ImapMailbox
from ingest.mailboxes import Mailbox, MailboxUnavailableError
from ingest.maildir import MaildirMailbox
from ingest.poll import Poll
from ingest.settings import AnyMailbox, ImapSettings, Settings
from ingest.tally import Tally
from store.database import Database, DatabaseUnavailableError
from store.ledger import Place
from store.mailboxes import note_failure


def visit(mailbox: AnyMailbox, settings: Settings, database: Database, tally: Tally, stop: Event) -> None:
    """Take everything that waits in one mailbox. Raises MailboxUnavailableError, DatabaseUnavailableError."""
    box = open_mailbox(mailbox)
    try:
        with box:
            Poll(box, mailbox, settings, database, tally).run(stop)
    except MailboxUnavailableError as error:
        with suppress(DatabaseUnavailableError), database.writing() as connection:
            note_failure(connection, Place(box.name, box.folder), str(error), datetime.now(UTC))
        raise


def open_mailbox(settings: AnyMailbox) -> Mailbox:
    """Choose the kind of mailbox; it is opened by `with`."""
    return ImapMailbox(settings) if isinstance(settings, ImapSettings) else MaildirMailbox(settings)
