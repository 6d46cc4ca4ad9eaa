"""`/conflicts`: reports that contradict a counted one, and wait for a person to decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from ingest.web.filters import Conflicts
from ingest.web.pages.view import Cell, Column, Crumb, Place, Table, View, address
from store.conflicts import Conflict, Copy, conflicts
from store.readonly import Connection
from summary.words import counted

SHOWN: Final = 50
"""Conflicts on the page; CSV has all."""
COLUMNS: Final = (
    Column("report", "Report", "number"),
    Column("reporter", "Reporter"),
    Column("report_id", "Report id"),
    Column("domain", "About"),
    Column("day", "Day", "day"),
    Column("records", "Records", "number"),
    Column("messages", "Messages", "number"),
    Column("passing", "Passing", "number"),
    Column("ingested_at", "Came in", "moment"),
    Column("mail", "Brought by"),
    Column("other", "Other", "number"),
    Column("other_records", "Records", "number"),
    Column("other_messages", "Messages", "number"),
    Column("other_passing", "Passing", "number"),
    Column("other_ingested_at", "Came in", "moment"),
    Column("other_mail", "Brought by"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One of the two reports."""

    title: str
    href: str | None
    copy: Copy
    mail: str


@dataclass(frozen=True, slots=True)
class Case:
    """One conflict."""

    key: int
    title: str
    report_id: str | None
    rows: tuple[Row, ...]
    removed: bool
    """The other one was removed for its age; the sums by day still have it."""


@dataclass(frozen=True, kw_only=True)
class ConflictsView(View):
    """Conflicts."""

    cases: tuple[Case, ...]
    more: str | None


def build(connection: Connection, asked: Conflicts, today: date) -> ConflictsView:
    """Show those that wait for a decision."""
    del asked, today
    return view(conflicts(connection))


def view(found: Sequence[Conflict]) -> ConflictsView:
    """Say all of it. Pure."""
    left = len(found) - SHOWN
    return ConflictsView(
        title="Conflicts",
        place=Place.CONFLICTS,
        crumbs=(Crumb("Conflicts"),),
        tables={"conflicts": _table(found)},
        cases=tuple(map(_case, found[:SHOWN])),
        more=f"{counted(left, 'more conflict')}, older ones: the CSV has all of them." if left > 0 else None,
    )


def _case(it: Conflict) -> Case:
    this = Row("not counted", address("reports", it.this.key), it.this, _mail(it.this))
    other = [Row("counted", address("reports", it.other.key), it.other, _mail(it.other))] if it.other else []
    return Case(
        key=it.this.key,
        title=f"{it.reporter or 'no reporter named'} about {it.policy_domain or 'no domain'}, {_period(it)}",
        report_id=it.report_id,
        rows=(*other, this),
        removed=it.other is None,
    )


def _period(it: Conflict) -> str:
    last = (it.ends_at - timedelta(seconds=1)).date() if it.ends_at else it.day
    return f"{it.day} to {last}" if it.begins_at and last > it.day else f"{it.day}"


def _mail(copy: Copy) -> str:
    """Say what brought a report, and what speaks against it."""
    doubts = [
        f"DMARC {copy.dmarc}" if copy.dmarc and copy.dmarc != "pass" else "",
        "not of the reporter's domain" if copy.sender_fits is False else "",
    ]
    origin = copy.sender or ("a file" if copy.source == "file" else f"mailbox {copy.source}")
    return ", ".join(filter(None, [origin, *doubts]))


def _table(found: Sequence[Conflict]) -> Table:
    return Table(
        name="conflicts",
        caption="Reports that contradict a counted one, the newest first",
        columns=COLUMNS,
        rows=tuple(map(_cells, found)),
        empty="No report waits for a decision.",
    )


def _cells(it: Conflict) -> tuple[Cell, ...]:
    of_both = (Cell(it.reporter), Cell(it.report_id), Cell(it.policy_domain), Cell(it.day))
    others = _copy(it.other) if it.other else (Cell(None),) * 6
    key, *rest = _copy(it.this)
    return (key, *of_both, *rest, *others)


def _copy(it: Copy) -> tuple[Cell, ...]:
    return (
        Cell(it.key, address("reports", it.key)),
        Cell(it.records),
        Cell(it.messages),
        Cell(it.passing),
        Cell(it.ingested_at),
        Cell(_mail(it)),
    )
