"""`/ledger/KEY`: one mail or file: what it was, what became of it and why, and what it brought."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ingest.web.filters import Message
from ingest.web.pages import deviations, reports
from ingest.web.pages.ledger import MEANINGS
from ingest.web.pages.view import Cell, Crumb, Fact, NothingThereError, Place, View
from store.outcomes import Outcome
from store.pages.ledger import MessageFigures, message_figures
from store.readonly import Connection
from summary.words import counted


@dataclass(frozen=True, kw_only=True)
class MessageView(View):
    """A message."""

    outcome: Outcome
    meaning: str
    reason: str | None
    kept: str | None
    """What can be done with the bytes that are kept."""
    facts: tuple[Fact, ...]
    others: tuple[str, ...]
    """What else it brought."""


def build(connection: Connection, asked: Message, today: date) -> MessageView:
    """Show a message. Raises NothingThereError."""
    del today
    found = message_figures(connection, asked.key)
    if found is None:
        raise NothingThereError(f"there is no message {asked.key} in the ledger")
    return view(found)


def view(found: MessageFigures) -> MessageView:
    """Say all of it. Pure."""
    row = found.row
    return MessageView(
        title=row.subject or row.uid,
        place=Place.LEDGER,
        crumbs=(Crumb("Ledger", "/ledger"), Crumb(f"Message {row.id}")),
        tables={
            "reports": reports.table(
                found.reports, bound=_bound(len(found.reports), found.number_of_reports)
            ),
            "deviations": deviations.table(
                found.deviations, bound=_bound(len(found.deviations), found.number_of_deviations)
            ),
        },
        outcome=row.outcome,
        meaning=MEANINGS[row.outcome],
        reason=row.reason,
        kept=_kept(found),
        facts=tuple(_facts(found)),
        others=tuple(_others(found)),
    )


def _bound(shown: int, every: int) -> str | None:
    return f"The first {shown:,} of {every:,}." if shown < every else None


def _kept(found: MessageFigures) -> str | None:
    if not found.is_kept:
        return None
    return "Its bytes are kept: `ruamill retry` reads it again, after an upgrade for example."


def _facts(found: MessageFigures) -> Iterator[Fact]:
    row = found.row
    yield Fact("From", Cell(row.sender))
    yield Fact("Subject", Cell(row.subject))
    yield Fact("Received", Cell(row.received_at), "moment")
    yield Fact("Message-ID", Cell(found.message_id), "code")
    if found.dmarc:
        yield Fact("DMARC of the mail", Cell(found.dmarc))
    yield Fact("Mailbox", Cell(row.source, notes=(row.folder,)))
    yield Fact("UID or file", Cell(row.uid), "code")
    yield Fact("Size", Cell(f"{row.size:,} bytes"))
    yield Fact("SHA-256", Cell(found.sha256), "code")
    yield Fact("First seen", Cell(found.first_seen_at), "moment")
    yield Fact("Decided", Cell(row.decided_at, notes=(_attempts(row.attempts),)), "moment")


def _attempts(number: int) -> str:
    return "read once" if number == 1 else f"read {number:,} times"


def _others(found: MessageFigures) -> Iterator[str]:
    if found.tls_reports:
        yield f"{counted(found.tls_reports, 'TLS report')}: the table `tls_report` has them, for `ruamill query`."
    if found.failure_reports:
        yield f"{counted(found.failure_reports, 'failure report')}: the table `failure_report` has them, for `ruamill query`."
