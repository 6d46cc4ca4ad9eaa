"""`/`: every domain that was reported about, the worst first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ingest.web.charts import Spark, spark
from ingest.web.filters import Overview, Sort
from ingest.web.pages.view import Cell, Column, Crumb, Place, Table, Tile, View, address
from store.pages.overview import DomainRow, overview
from store.pages.state import Arrived, arrived
from store.readonly import Connection
from summary.findings.values import Level, severity
from summary.letter.parts import called
from summary.letter.words import share

DAYS: Final = 30
COLUMNS: Final = (
    Column("level", "Verdict", "level"),
    Column("domain", "Domain"),
    Column("sentence", "Why", shown=False),
    Column("messages", "Messages", "number"),
    Column("pass_rate", "Passing", "share"),
    Column("change", "Change", "change", shown=False),
    Column("policy", "Policy"),
    Column("last_day", "Reported to", "day"),
)
SORTS: Final[tuple[tuple[Sort, str], ...]] = (
    ("verdict", "Worst first"),
    ("messages", "Most messages"),
    ("rate", "Lowest pass rate"),
    ("domain", "Name"),
)
LEVELS: Final = ((None, "All"), *((it, called(it).capitalize()) for it in Level))
UNJUDGED: Final = "Not judged yet: `ruamill enrich` does it, and so does every poll that brings reports."


@dataclass(frozen=True, slots=True)
class Row:
    """One domain."""

    domain: str
    href: str | None
    level: Level | None
    """None: not judged yet."""
    sentence: str
    messages: int
    rate: float | None
    change: float | None
    """Of the pass rate, against the 30 days before."""
    policy: str | None
    last_day: date
    spark: Spark | None


@dataclass(frozen=True, kw_only=True)
class OverviewView(View):
    """The overview."""

    sentence: str
    tiles: tuple[Tile, ...]
    rows: tuple[Row, ...]
    asked: Overview
    arrived: Arrived | None
    """How far a database has come about which there is nothing to show yet; else None."""
    levels: tuple[tuple[Level | None, str], ...] = LEVELS
    sorts: tuple[tuple[Sort, str], ...] = SORTS


def build(connection: Connection, asked: Overview, today: date) -> OverviewView:
    """Show all domains."""
    found = overview(connection, today)
    return view(found, asked, None if found else arrived(connection))


def view(found: Sequence[DomainRow], asked: Overview, come: Arrived | None = None) -> OverviewView:
    """Put them in the order that is asked for. Pure."""
    every = [_row(it) for it in found]
    rows = tuple(sorted((it for it in every if asked.level in (None, it.level)), key=_ORDERS[asked.sort]))
    return OverviewView(
        title="Domains",
        place=Place.OVERVIEW,
        crumbs=(Crumb("Domains"),),
        tables={"domains": _table(rows)},
        sentence=_sentence(every),
        tiles=tuple(_tiles(found)),
        rows=rows,
        asked=asked,
        arrived=come,
    )


def _row(found: DomainRow) -> Row:
    standing = found.standing
    rate = found.passing / found.messages if found.messages else None
    earlier = found.earlier_passing / found.earlier_messages if found.earlier_messages else None
    return Row(
        domain=found.domain,
        href=address("domains", found.domain),
        level=Level(standing.level) if standing else None,
        sentence=standing.sentence if standing else UNJUDGED,
        messages=found.messages,
        rate=rate,
        change=None if rate is None or earlier is None else rate - earlier,
        policy=_policy(found),
        last_day=found.last_day,
        spark=spark(found.days, DAYS, found.last_day),
    )


def _policy(found: DomainRow) -> str | None:
    if found.standing is None or found.standing.p is None:
        return None
    return f"{found.standing.p}, t=y" if found.standing.testing == "y" else found.standing.p


def _worst_first(row: Row) -> tuple[int, int, str]:
    return len(Level) if row.level is None else severity(row.level), -row.messages, row.domain


_ORDERS: Final = {
    "verdict": _worst_first,
    "messages": lambda row: (-row.messages, row.domain),
    "rate": lambda row: (2.0 if row.rate is None else row.rate, -row.messages, row.domain),
    "domain": lambda row: row.domain,
}


def _sentence(rows: Sequence[Row]) -> str:
    """Say how many want what."""
    counts = Counter(it.level for it in rows)
    wanted = (
        (counts[Level.ACT], "wants action", "want action"),
        (counts[Level.LOOK], "wants a look", "want a look"),
        (counts[Level.WELL], "is well", "are well"),
        (counts[None], "is not judged yet", "are not judged yet"),
    )
    said = [f"{number:,} {one if number == 1 else more}" for number, one, more in wanted if number]
    return f"{', '.join(said)}."


def _tiles(found: Sequence[DomainRow]) -> Iterator[Tile]:
    """Give the figures of all domains together."""
    if not found:
        return
    messages, passing = sum(it.messages for it in found), sum(it.passing for it in found)
    yield Tile("Domains", f"{len(found):,}", "that were reported about")
    yield Tile("Messages", f"{messages:,}", f"in {DAYS} days")
    yield Tile("Passing", share(passing, messages), f"{passing:,} messages")
    judged = [it.standing.judged_at for it in found if it.standing]
    last = f"judged {max(judged):%Y-%m-%d %H:%M}" if judged else None
    yield Tile("Reported to", f"{max(it.last_day for it in found)}", last)


def _table(rows: Sequence[Row]) -> Table:
    return Table(
        name="domains",
        caption="Domains, over the 30 days to the last one that was reported",
        columns=COLUMNS,
        rows=tuple(_cells(it) for it in rows),
        empty="No domain stands so.",
    )


def _cells(row: Row) -> tuple[Cell, ...]:
    return (
        Cell(row.level),
        Cell(row.domain, row.href),
        Cell(row.sentence),
        Cell(row.messages),
        Cell(row.rate),
        Cell(row.change),
        Cell(row.policy),
        Cell(row.last_day),
    )
