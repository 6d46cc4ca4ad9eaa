"""Messages by day in; a table of them out, the newest first: a chart in figures."""

from collections.abc import Sequence
from typing import Final

from ingest.web.pages.view import Cell, Column, Table
from store.pages.values import ChartDay

COLUMNS: Final = (
    Column("day", "Day", "day"),
    Column("messages", "Messages", "number"),
    Column("passing", "Passing", "number"),
    Column("failing", "Failing", "number"),
    Column("forwarded", "Failing by forwarders", "number"),
)


def table(found: Sequence[ChartDay]) -> Table:
    """Give a table of the days with reports."""
    rows = tuple(
        (Cell(it.day), Cell(it.messages), Cell(it.passing), Cell(it.failing), Cell(it.forwarded))
        for it in reversed(found)
    )
    return Table("days", "The same in figures, day by day", COLUMNS, rows)
