"""How a report departs from the standard in; a table of it out."""

from collections.abc import Sequence
from typing import Final

from ingest.web.pages.view import Cell, Column, Table
from store.pages.report import Deviation

COLUMNS: Final = (
    Column("code", "What", "code"),
    Column("place", "Where", "code"),
    Column("raw", "What stood there"),
    Column("action", "What was done"),
    Column("times", "Times", "number"),
)


def table(found: Sequence[Deviation], *, bound: str | None = None) -> Table:
    """Give a table of deviations."""
    rows = tuple(
        (Cell(it.code), Cell(it.place), Cell(it.raw), Cell(it.action), Cell(it.times)) for it in found
    )
    return Table(
        "deviations",
        "Deviations from the standard",
        COLUMNS,
        rows,
        bound,
        empty="None: it is as the standard wants it.",
    )
