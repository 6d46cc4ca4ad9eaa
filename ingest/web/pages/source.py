"""`/domains/DOMAIN/source`: one source of a domain: what it was judged to be, its addresses, its mail, its records."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ingest.web.charts import Chart, chart
from ingest.web.filters import Source
from ingest.web.pages import days, records, reporters
from ingest.web.pages.sources import UNREADABLE
from ingest.web.pages.view import (
    Cell,
    Column,
    Crumb,
    NothingThereError,
    Place,
    Table,
    Tile,
    View,
    address,
)
from store.pages import source_reports as figures
from store.pages.records import RecordRow
from store.pages.source import AddressRow, Chosen, Sent, sent
from store.pages.source_reports import Reporters
from store.pages.values import Rows
from store.policies import last_day
from store.readonly import Connection
from store.standing import load
from summary.letter.words import period, share
from summary.readiness import PERIODS
from summary.sources import NOBODY_KNOWN, SourceLine
from summary.standing import Line, Standing
from summary.standing_json import read
from summary.words import counted

NAMED = 200
"""Addresses by which records are looked for, beside those that are judged to be the source's."""


@dataclass(frozen=True, kw_only=True)
class SourceView(View):
    """A source."""

    who: str
    domain: str
    asked: Source
    lines: tuple[SourceLine, ...]
    """What it was judged to be, for each verdict."""
    tiles: tuple[Tile, ...]
    chart: Chart | None
    periods: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a source."""

    last_day: date
    lines: tuple[Line, ...]
    sent: Sent
    reporters: Reporters
    records: Rows[RecordRow]


def build(connection: Connection, asked: Source, today: date) -> SourceView:
    """Show a source. Raises NothingThereError, UnknownPlaceError."""
    last = last_day(connection, asked.domain, today)
    if last is None:
        raise NothingThereError(f"no report about {asked.domain} was taken in")
    standing = _standing(connection, asked)
    lines = _lines(standing, asked)
    last = standing.last_day if standing else last
    since = last - timedelta(days=asked.days - 1)
    chosen = _chosen(asked, lines)
    found = sent(connection, chosen, since, last)
    if not lines and not found.days:
        raise NothingThereError(f"no {asked.who} sent as {asked.domain} in these {asked.days} days")
    rows = figures.records(connection, chosen, found.days, asked.after)
    told = figures.reporters(connection, chosen, found.days)
    return view(Figures(last, lines, found, told, rows), asked)


def _standing(connection: Connection, asked: Source) -> Standing | None:
    kept = load(connection, asked.domain, [asked.days])
    return read(kept) if kept else None


def _lines(standing: Standing | None, asked: Source) -> tuple[Line, ...]:
    every = standing.lines[asked.days] if standing else ()
    return tuple(it for it in every if it.source.who == asked.who)


def _chosen(asked: Source, lines: Sequence[Line]) -> Chosen:
    """Choose the addresses that are judged to be the source's, and those that were kept with it."""
    kept = dict.fromkeys(it.key for line in lines for it in line.source.addresses if it.key != UNREADABLE)
    who = None if asked.who == NOBODY_KNOWN else asked.who
    return Chosen(asked.domain, who, tuple(kept)[:NAMED])


def view(found: Figures, asked: Source) -> SourceView:
    """Say all of it. Pure."""
    return SourceView(
        title=f"{asked.who} as {asked.domain}",
        place=Place.OVERVIEW,
        crumbs=(
            Crumb("Domains", "/"),
            Crumb(asked.domain, address("domains", asked.domain, days=asked.days)),
            Crumb(asked.who),
        ),
        tables={it.name: it for it in _tables(found, asked)},
        who=asked.who,
        domain=asked.domain,
        asked=asked,
        lines=tuple(it.source for it in found.lines),
        tiles=tuple(_tiles(found, asked)),
        chart=chart(found.sent.days, asked.days, found.last_day),
        periods=tuple((it, f"{it} days") for it in PERIODS),
    )


def _tiles(found: Figures, asked: Source) -> Iterator[Tile]:
    charted, number = found.sent.days, found.sent.number_of_addresses
    messages, passing = sum(it.messages for it in charted), sum(it.passing for it in charted)
    seen = period([it.day for it in charted]) if charted else None
    yield Tile("Messages", f"{messages:,}", f"of the {asked.days} days to {found.last_day}")
    yield Tile("Passing", share(passing, messages), f"{passing:,} messages")
    yield Tile("Addresses", f"{number:,}", _owners(found.sent))
    yield Tile("Days", f"{len(charted):,}", seen)


def _owners(found: Sent) -> str | None:
    owners = {it.owner for it in found.addresses if it.owner}
    whole = len(found.addresses) == found.number_of_addresses
    return f"of {counted(len(owners), 'owner')}" if owners and whole else None


# --- tables


def _tables(found: Figures, asked: Source) -> Iterator[Table]:
    yield _addresses(found.sent)
    yield days.table(found.sent.days)
    yield reporters.table(asked.domain, found.reporters.rows, bound=_bound(found.reporters))
    following = found.records.following
    yield records.table(
        "Records, the newest first",
        found.records.rows,
        following=following and _onwards(asked, following),
    )


def _onwards(asked: Source, following: str) -> str | None:
    return address("domains", asked.domain, "source", who=asked.who, days=asked.days, after=following)


def _bound(found: Reporters) -> str | None:
    return None if found.whole else f"Of the reports about {found.first_day} and the days after it."


def _addresses(found: Sent) -> Table:
    left = found.number_of_addresses - len(found.addresses)
    return Table(
        name="addresses",
        caption="Addresses",
        columns=(
            Column("source_ip", "Address"),
            Column("name", "Name", shown=False),
            Column("owner", "Owner as registered"),
            Column("network", "Network"),
            Column("handle", "Handle", shown=False),
            Column("country", "Country"),
            Column("asn", "AS", shown=False),
            Column("registry", "Registry", shown=False),
            Column("service", "Service", "code", shown=False),
            Column("messages", "Messages", "number"),
            Column("pass_rate", "Passing", "share"),
            Column("first_day", "First day", "day", shown=False),
            Column("last_day", "Last day", "day"),
        ),
        rows=tuple(map(_address, found.addresses)),
        bound=f"Those with most messages; {counted(left, 'more address', 'more addresses')} beside them."
        if left > 0
        else None,
        empty="No address of it sent in this period.",
    )


def _address(it: AddressRow) -> tuple[Cell, ...]:
    return (
        Cell(it.source_ip, address("addresses", it.source_ip), _name(it)),
        Cell(it.name),
        Cell(it.owner or _STATES.get(it.state)),
        Cell(it.network_name, notes=tuple(_registered(it))),
        Cell(it.handle),
        Cell(it.country),
        Cell(it.asn),
        Cell(it.registry),
        Cell(it.service),
        Cell(it.messages),
        Cell(it.passing / it.messages if it.messages else None),
        Cell(it.first_day),
        Cell(it.last_day),
    )


_STATES = {
    "waiting": "not looked up yet",
    "reserved": "in a range that nobody owns",
    "not_found": "in no register",
    "error": "look-up failed",
}


def _name(it: AddressRow) -> tuple[str, ...]:
    if it.name is None:
        return ()
    return (it.name,) if it.name_confirmed else (f"{it.name} (not confirmed)",)


def _registered(it: AddressRow) -> Iterator[str]:
    if it.registered:
        yield it.registered
    handle = None if it.handle == it.registered else it.handle  # RIPE's handles are the ranges
    if said := ", ".join(filter(None, [handle, f"AS{it.asn}" if it.asn else None, it.registry])):
        yield said
