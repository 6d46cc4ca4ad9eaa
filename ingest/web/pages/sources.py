"""The sources of a domain in; the rows that show them out: those that need a person at length, the others beneath."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.web.pages.view import Cell, Column, Table, address
from ingest.web.words import MOST
from summary.sources import NOBODY_KNOWN
from summary.standing import Line
from summary.verdicts import Cause, Verdict
from summary.words import COLLAPSED, counted, stopped_by_receivers

EVIDENCE: Final = 3
"""Signatures and SPF checks of a row; the page of the source has more."""
UNREADABLE: Final = "-"
"""What stands for an address that no report could be read to have."""
COLUMNS: Final = (
    Column("source", "Source"),
    Column("service", "Service", "code"),
    Column("verdict", "Verdict", "verdict"),
    Column("messages", "Messages", "number"),
    Column("passing", "Passing", "number"),
    Column("failing", "Failing", "number"),
    Column("quarantined", "Quarantined", "number"),
    Column("rejected", "Rejected", "number"),
    Column("pass_rate", "Passing", "share"),
    Column("addresses", "Addresses", "number"),
    Column("owner", "Owner"),
    Column("reason", "Why"),
    Column("next_step", "What to do"),
    Column("evidence", "Seen"),
    Column("first_day", "First seen", "day"),
    Column("last_day", "Last seen", "day"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One source."""

    who: str
    href: str | None
    verdict: Verdict
    messages: int
    rate: float
    machines: str
    reason: str
    step: str | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Some sources."""

    rows: tuple[Row, ...]
    """The first of them."""
    number: int
    """Of all."""


@dataclass(frozen=True, slots=True)
class Group:
    """Sources with which nobody has anything to do."""

    title: str
    words: str
    listing: Listing


def listing(domain: str, days: int, lines: Sequence[Line]) -> Listing:
    """Show the first of them; what was said of one above is not said again."""
    return Listing(tuple(_rows(domain, days, lines[:MOST])), len(lines))


def _rows(domain: str, days: int, lines: Sequence[Line]) -> Iterator[Row]:
    told: dict[str, str] = {}
    for line in lines:
        words = line.source.next_step or line.source.reason
        yield _row(domain, days, line, told.get(words))
        told.setdefault(words, line.source.who)


def _row(domain: str, days: int, line: Line, above: str | None) -> Row:
    source = line.source
    stopped = stopped_by_receivers(source)
    reason, step = f"{source.reason}{f' Receivers {stopped}.' if stopped else ''}", source.next_step
    if above and source.cause is Cause.STRANGER:
        reason, step = f"As for {above} above: nothing ties it to you.", None
    elif above and step:
        step = f"As for {above} above."
    return Row(
        who=source.who,
        href=source_address(domain, source.who, days),
        verdict=source.verdict,
        messages=source.messages,
        rate=source.passing / source.messages if source.messages else 0.0,
        machines=_machines(line),
        reason=reason,
        step=step,
        evidence=source.identifiers[:EVIDENCE],
    )


def source_address(domain: str, who: str, days: int) -> str | None:
    """Write the address of a source's page."""
    return address("domains", domain, "source", who=who, days=days)


def _machines(line: Line) -> str:
    """Tell whose machines they are, and which sends most."""
    source = line.source
    first = next((it.key for it in source.addresses if it.key != UNREADABLE), None)
    others = line.addresses - 1
    more = f" and {counted(others, 'other address', 'other addresses')}" if others > 0 else ""
    owner = None if source.who in {source.owner, NOBODY_KNOWN} else source.owner
    return " · ".join(filter(None, [owner, first and f"{first}{more}"]))


def groups(domain: str, days: int, lines: Sequence[Line]) -> tuple[Group, ...]:
    """Put together the sources with which nobody has anything to do."""
    return tuple(
        Group(counted(len(members), one), words, listing(domain, days, members))
        for verdict, (one, words) in COLLAPSED.items()
        if (members := [it for it in lines if it.source.verdict is verdict])
    )


def table(domain: str, lines: Sequence[Line]) -> Table:
    """Give all of them, for CSV."""
    return Table(
        name="sources",
        caption=f"Who sends as {domain}",
        columns=COLUMNS,
        rows=tuple(map(_cells, lines)),
        empty="No source stands so.",
    )


def _cells(line: Line) -> tuple[Cell, ...]:
    it = line.source
    return (
        Cell(it.who),
        Cell(it.service),
        Cell(it.verdict),
        Cell(it.messages),
        Cell(it.passing),
        Cell(it.failing),
        Cell(it.quarantined),
        Cell(it.rejected),
        Cell(it.passing / it.messages if it.messages else None),
        Cell(line.addresses),
        Cell(it.owner),
        Cell(it.reason),
        Cell(it.next_step),
        Cell("; ".join(it.identifiers)),
        Cell(it.first_day),
        Cell(it.last_day),
    )
