"""Rows as a table for people: side by side where they fit, else one beneath the other."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingest.show import printable
from store.asking import Column, Value
from store.views import Type

GAP = 2
"""Blanks between two columns."""
NARROW = 10
"""A column that is broken over lines is no narrower than that, or its title."""
LINES = 6
"""A cell is broken over about as many lines, at most."""
UNBOUNDED = 1_000_000


def write(columns: Sequence[Column], rows: Iterable[tuple[Value, ...]], file: TextIO) -> int:
    """Draw as wide as the terminal, or as wide as it needs to be; return how many rows."""
    console = Console(file=file, highlight=False, width=None if file.isatty() else UNBOUNDED)
    cells = [[_shown(value) for value in row] for row in rows]
    widths = _widths(columns, cells, console.width)
    if widths:
        console.print(_side_by_side(columns, widths, cells))
    else:
        for number, row in enumerate(cells, 1):
            console.print(Text(f"row {number}", style="dim"))
            console.print(_beneath(columns, row))
            console.print()
    return len(cells)


def _shown(value: Value) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(round(value, 4))
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else printable(str(value))


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]], room: int) -> list[int]:
    """Share the room among the columns, those first that lack little; none where it is too small for a table."""
    wanted = [
        max(cell_len(column.name), *(cell_len(row[place]) for row in cells), 1)
        for place, column in enumerate(columns)
    ]
    widths = [
        max(cell_len(column.name), min(most, max(NARROW, most // LINES)))
        for column, most in zip(columns, wanted, strict=True)
    ]
    left = room - sum(widths) - GAP * (len(widths) - 1)
    if left < 0:
        return []
    for place in sorted(range(len(widths)), key=lambda it: wanted[it] - widths[it]):
        more = min(wanted[place] - widths[place], left)
        widths[place] += more
        left -= more
    return widths


def _side_by_side(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[Sequence[str]]) -> Table:
    drawn = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    for column, width in zip(columns, widths, strict=True):
        numeric = column.type in {Type.INTEGER, Type.NUMBER}
        drawn.add_column(
            Text(printable(column.name)),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=numeric,
            width=width,
        )
    for row in cells:
        drawn.add_row(*map(Text, row))
    return drawn


def _beneath(columns: Sequence[Column], row: Sequence[str]) -> Table:
    drawn = Table.grid(padding=(0, GAP, 0, 0))
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    for column, cell in zip(columns, row, strict=True):
        drawn.add_row(Text(printable(column.name)), Text(cell))
    return drawn
