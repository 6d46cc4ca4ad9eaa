"""`/about`: what ruamill is, what it reads here, and how old that is."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.web.pages.view import Cell, Column, Crumb, Fact, Place, Table, Tile, View
from store.pages.state import State, state
from store.readonly import Connection

STATES = {
    "found": "looked up",
    "waiting": "waiting",
    "not_found": "in no register",
    "reserved": "nobody's: private or reserved",
    "error": "failed, and tried again later",
}


@dataclass(frozen=True, kw_only=True)
class AboutView(View):
    """What is said of ruamill."""

    tiles: tuple[Tile, ...]
    facts: tuple[Fact, ...]


def build(connection: Connection, database: str, version: str) -> AboutView:
    """Show it; `database` is its address without a password."""
    return view(state(connection), database, version)


def view(found: State, database: str, version: str) -> AboutView:
    """Say all of it. Pure."""
    return AboutView(
        title="About",
        place=Place.ABOUT,
        crumbs=(Crumb("About"),),
        tables={"folders": _folders(found), "lookups": _lookups(found)},
        tiles=(
            Tile("Domains", f"{found.domains:,}"),
            Tile("Messages", f"{found.messages:,}", "reported and counted"),
            Tile("Records", f"{found.records:,}"),
            Tile("Days", _days(found), f"{found.first_day} to {found.last_day}" if found.first_day else None),
        ),
        facts=tuple(_facts(found, database, version)),
    )


def _days(found: State) -> str:
    if found.first_day is None or found.last_day is None:
        return "0"
    return f"{(found.last_day - found.first_day).days + 1:,}"


def _facts(found: State, database: str, version: str) -> Iterator[Fact]:
    yield Fact("Version", Cell(version))
    yield Fact("Database", Cell(database), "code")
    yield Fact("Schema", Cell(found.revision))
    yield Fact("Size", Cell(f"{found.bytes / 1e6:,.1f} MB"))
    yield Fact("Newest report came in", Cell(found.newest_report_at), "moment")
    yield Fact("Judged last", Cell(found.judged_at), "moment")


def _folders(found: State) -> Table:
    return Table(
        name="folders",
        caption="Mailboxes",
        columns=(
            Column("mailbox", "Mailbox"),
            Column("folder", "Folder"),
            Column("last_poll_at", "Polled last", "moment"),
            Column("waiting", "Waiting", "number"),
            Column("last_error", "Last error"),
        ),
        rows=tuple(
            (Cell(it.source), Cell(it.folder), Cell(it.last_poll_at), Cell(it.waiting), Cell(it.last_error))
            for it in found.folders
        ),
        empty="No mailbox was polled yet: `ruamill poll` does it.",
    )


def _lookups(found: State) -> Table:
    return Table(
        name="lookups",
        caption="Addresses, and whether their owners are known",
        columns=(Column("state", "State"), Column("addresses", "Addresses", "number")),
        rows=tuple(
            (Cell(STATES.get(it, it)), Cell(number)) for it, number in found.lookups.items() if number
        ),
        empty="No address was reported yet.",
    )
