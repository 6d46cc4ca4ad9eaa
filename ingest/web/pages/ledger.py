"""`/ledger`: every mail and file that was seen, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from ingest.web.filters import Ledger
from ingest.web.pages.view import Cell, Column, Crumb, Place, Table, View, address, key_of
from store.outcomes import Outcome
from store.pages.ledger import COUNTED, MessageRow, Tally, mailboxes, messages, outcomes, tallies
from store.pages.values import Rows
from store.readonly import Connection

DAYS: Final = 14
"""Of the tallies by day."""
MEANINGS: Final[Mapping[Outcome, str]] = {
    Outcome.STORED: "new reports, all of them whole",
    Outcome.PARTIAL: "something in it was not taken",
    Outcome.DUPLICATE: "known already",
    Outcome.CONFLICT: "contradicts a stored report",
    Outcome.NOT_A_REPORT: "ordinary mail",
    Outcome.UNSUPPORTED: "of a kind that is not stored",
    Outcome.CORRUPT: "a report that cannot be read",
    Outcome.REFUSED: "over a limit, or hostile",
    Outcome.RETRY: "is tried again",
}
COLUMNS: Final = (
    Column("message", "Message", "number", shown=False),
    Column("received_at", "Received", "moment"),
    Column("outcome", "Outcome", "outcome"),
    Column("subject", "Message"),
    Column("sender", "From", shown=False),
    Column("reason", "Why"),
    Column("mailbox", "Mailbox"),
    Column("decided_at", "Decided", "moment", shown=False),
    Column("size", "Bytes", "number"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """Messages of one outcome."""

    outcome: Outcome
    messages: str
    meaning: str
    href: str | None


@dataclass(frozen=True, kw_only=True)
class LedgerView(View):
    """The ledger."""

    asked: Ledger
    kinds: tuple[Kind, ...]
    outcomes: tuple[tuple[str | None, str], ...]
    mailboxes: tuple[tuple[str | None, str], ...]
    days: int = DAYS

    @property
    def filtered(self) -> bool:
        """Whether some are left out."""
        return self.asked.outcome is not None or self.asked.mailbox is not None


def build(connection: Connection, asked: Ledger, today: date) -> LedgerView:
    """Show a page of the ledger. Raises NothingThereError, UnknownPlaceError."""
    since = datetime.combine(today - timedelta(days=DAYS - 1), time(), UTC)
    found = messages(connection, asked.outcome, asked.mailbox, key_of(asked.after))
    return view(found, outcomes(connection), tallies(connection, since), mailboxes(connection), asked)


def view(
    found: Rows[MessageRow],
    counts: Mapping[Outcome, int],
    by_day: Sequence[Tally],
    sources: Sequence[str],
    asked: Ledger,
) -> LedgerView:
    """Say all of it. Pure."""
    following = found.following and address(
        "ledger", outcome=asked.outcome, mailbox=asked.mailbox, after=found.following
    )
    names = dict.fromkeys([*sources, *([asked.mailbox] if asked.mailbox else [])])
    return LedgerView(
        title="Ledger",
        place=Place.LEDGER,
        crumbs=(Crumb("Ledger"),),
        tables={"messages": _table(found.rows, following), "days": _days(by_day)},
        asked=asked,
        kinds=tuple(_kind(it, counts[it]) for it in Outcome if counts[it]),
        outcomes=((None, "All"), *((it, it.replace("_", " ")) for it in Outcome)),
        mailboxes=((None, "All"), *((name, name) for name in names)),
    )


def _kind(outcome: Outcome, number: int) -> Kind:
    more = "or more" if number >= COUNTED else ""
    return Kind(outcome, f"{number:,} {more}".strip(), MEANINGS[outcome], address("ledger", outcome=outcome))


def _table(found: Sequence[MessageRow], following: str | None) -> Table:
    return Table(
        name="messages",
        caption="Messages, the newest first",
        columns=COLUMNS,
        rows=tuple(map(_cells, found)),
        following=following,
        empty="No message fits this filter.",
    )


def _cells(it: MessageRow) -> tuple[Cell, ...]:
    file = it.source == "file"
    return (
        Cell(it.id),
        Cell(it.received_at),
        Cell(it.outcome),
        Cell(it.subject or it.uid, address("ledger", it.id), (it.sender,) if it.sender else ()),
        Cell(it.sender),
        Cell(it.reason),
        Cell(it.folder if file else it.source, notes=() if file else (it.folder,)),
        Cell(it.decided_at),
        Cell(it.size),
    )


def _days(found: Sequence[Tally]) -> Table:
    return Table(
        name="days",
        caption=f"By day and mailbox, the last {DAYS} days",
        columns=(
            Column("day", "Day", "day"),
            Column("mailbox", "Mailbox"),
            Column("outcome", "Outcome", "outcome"),
            Column("messages", "Messages", "number"),
        ),
        rows=tuple(
            (Cell(it.day), Cell(it.source), Cell(it.outcome), Cell(it.messages)) for it in reversed(found)
        ),
        empty=f"No message came in these {DAYS} days.",
    )
