"""Exit statuses: of a run that came to its end, and of an error that is no defect."""

from enrich.catalogue import CatalogueError
from ingest.configuration import ConfigurationError
from ingest.mailboxes import MailboxUnavailableError
from ingest.results import OutputError
from ingest.tally import Tally
from store.access import AccessError
from store.asking import AskingError
from store.database import DatabaseUnavailableError, DatabaseUrlError
from store.migrate import SchemaTooNewError, SchemaTooOldError
from store.outcomes import Outcome

DONE = 0
OUTAGE = 1
WRONG_USE = 2
REJECTED = 3
TEMPORARY = 75
"""EX_TEMPFAIL of sysexits.h."""
WRONG = (
    AccessError,
    AskingError,
    CatalogueError,
    ConfigurationError,
    DatabaseUrlError,
    SchemaTooNewError,
    SchemaTooOldError,
)
"""Errors that another command line, another setting or another program mends."""


def of_tally(tally: Tally, *, strict: bool) -> int:
    """Give the exit status of a run over messages."""
    if tally.outcomes[Outcome.RETRY]:
        return TEMPORARY
    return REJECTED if strict and tally.rejected else DONE


def of_error(error: Exception) -> int | None:
    """Give the exit status of an error whose text is all that a person needs; None for a defect."""
    if isinstance(error, WRONG):
        return WRONG_USE
    if isinstance(error, DatabaseUnavailableError):
        return TEMPORARY
    if isinstance(error, MailboxUnavailableError):
        return TEMPORARY if error.temporary else OUTAGE
    return OUTAGE if isinstance(error, OutputError) else None
