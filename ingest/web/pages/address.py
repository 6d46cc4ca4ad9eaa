"""`/addresses/ADDRESS`: one sending address: whose it is, and what it sends as each domain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ingest.web.charts import Chart, chart
from ingest.web.filters import Address
from ingest.web.pages.sources import source_address
from ingest.web.pages.view import (
    Cell,
    Column,
    Crumb,
    Fact,
    NothingThereError,
    Place,
    Table,
    Tile,
    View,
)
from ingest.web.pages.view import address as page_address
from store.pages.address import AddressFigures, DomainSeen, Judged, Machine, address
from store.readonly import Connection
from summary.letter.words import share
from summary.sources import BY_URGENCY
from summary.verdicts import Verdict
from summary.words import VERDICTS, counted

DAYS: Final = 30
SHOWN: Final = 10
"""Domains of which there is more than a row."""
STATES: Final = {
    "waiting": "not looked up yet: `ruamill enrich` does it",
    "found": None,
    "not_found": "in no register",
    "reserved": "in a range that is nobody's: private, or reserved",
    "error": "the last look-up failed",
}


@dataclass(frozen=True, slots=True)
class Part:
    """What an address is to one domain."""

    domain: str
    href: str | None
    chart: Chart | None
    judged: tuple[tuple[Judged, str | None], ...]
    """Each with the address of its source's page."""
    figures: str


@dataclass(frozen=True, kw_only=True)
class AddressView(View):
    """An address."""

    ip: str
    name: str | None
    tiles: tuple[Tile, ...]
    state: str | None
    facts: tuple[Fact, ...]
    parts: tuple[Part, ...]
    """Of the domains with most messages."""
    more: str | None


def build(connection: Connection, asked: Address, today: date) -> AddressView:
    """Show an address. Raises NothingThereError."""
    del today
    found = address(connection, asked.ip)
    if found is None:
        raise NothingThereError(f"no report that counts names {asked.ip}")
    return view(found)


def view(found: AddressFigures) -> AddressView:
    """Say all of it. Pure."""
    machine = found.machine
    last_day = max(it.last_day for it in found.domains)
    left = found.number_of_domains - SHOWN
    return AddressView(
        title=machine.source_ip,
        place=Place.OVERVIEW,
        crumbs=(Crumb("Domains", "/"), Crumb(machine.source_ip)),
        tables={"domains": _table(found)},
        ip=machine.source_ip,
        name=machine.name,
        tiles=tuple(_tiles(found, last_day)),
        state=STATES[machine.state],
        facts=tuple(_facts(machine)),
        parts=tuple(_part(it, last_day) for it in found.domains[:SHOWN]),
        more=f"{counted(left, 'more domain')} beside these." if left > 0 else None,
    )


def _tiles(found: AddressFigures, last_day: date) -> Iterator[Tile]:
    days = [day for it in found.domains for day in it.days]
    messages, passing = sum(it.messages for it in days), sum(it.passing for it in days)
    yield Tile("Messages", f"{messages:,}", f"of the {DAYS} days to {last_day}")
    yield Tile("Passing", share(passing, messages), f"{passing:,} messages")
    first_day = min(it.first_day for it in found.domains)
    yield Tile("First seen", f"{first_day}", "by any domain of yours")
    yield Tile("Last seen", f"{last_day}")


def _facts(it: Machine) -> Iterator[Fact]:
    confirmed = (
        "it has this address among its own"
        if it.name_confirmed
        else "not confirmed: it does not name this address"
    )
    yield Fact("Name", Cell(it.name, notes=(confirmed,) if it.name else ()))
    yield Fact("Service", Cell(it.service, notes=(it.service_evidence,) if it.service_evidence else ()))
    yield Fact("Owner", Cell(it.owner))
    yield Fact("Network", Cell(it.network_name, notes=tuple(filter(None, [it.registered]))))
    yield Fact("Handle", Cell(it.handle), "code")
    yield Fact(
        "Country", Cell(it.country, notes=("as registered; not where it stands",) if it.country else ())
    )
    yield Fact("AS", Cell(f"AS{it.asn}" if it.asn else None, notes=(it.as_name,) if it.as_name else ()))
    yield Fact("Registry", Cell(it.registry))
    yield Fact("Asked", Cell(it.fetched_at), "moment")
    if it.error:
        yield Fact("Last error", Cell(it.error))


def _part(it: DomainSeen, last_day: date) -> Part:
    messages, passing = sum(day.messages for day in it.days), sum(day.passing for day in it.days)
    said = f"{messages:,} messages, {share(passing, messages)} passing" if messages else "nothing lately"
    return Part(
        domain=it.domain,
        href=page_address("domains", it.domain),
        chart=chart(it.days, DAYS, last_day),
        judged=tuple((one, source_address(it.domain, one.who, DAYS)) for one in _worst_first(it.judged)),
        figures=f"{said}; seen from {it.first_day} to {it.last_day}",
    )


def _worst_first(judged: Sequence[Judged]) -> list[Judged]:
    return sorted(judged, key=lambda it: BY_URGENCY.index(Verdict(it.verdict)))


def _table(found: AddressFigures) -> Table:
    return Table(
        name="domains",
        caption=f"Whose name {found.machine.source_ip} sends in",
        columns=(
            Column("domain", "Domain"),
            Column("messages", "Messages", "number"),
            Column("passing", "Passing", "number"),
            Column("verdicts", "Verdicts"),
            Column("first_day", "First seen", "day"),
            Column("last_day", "Last seen", "day"),
        ),
        rows=tuple(map(_cells, found.domains)),
        bound=f"Those as which it was seen last, of {found.number_of_domains:,}."
        if found.number_of_domains > len(found.domains)
        else None,
    )


def _cells(it: DomainSeen) -> tuple[Cell, ...]:
    return (
        Cell(it.domain, page_address("domains", it.domain)),
        Cell(sum(day.messages for day in it.days)),
        Cell(sum(day.passing for day in it.days)),
        Cell("; ".join(VERDICTS[Verdict(one.verdict)] for one in _worst_first(it.judged))),
        Cell(it.first_day),
        Cell(it.last_day),
    )
