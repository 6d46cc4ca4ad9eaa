"""Sentences for people: wrapped and in colours on a terminal, one line each in a pipe."""

import sys

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ingest.show import printable

ARROW = "→ "
INDENT = 2


def heading(text: str, more: str = "") -> None:
    """Print what the following is about."""
    if not sys.stdout.isatty():
        sys.stdout.write(f"{printable(text)}{printable(more)}\n")
        return
    Console(highlight=False).print(Text.assemble((printable(text), "bold"), printable(more)))


def paragraph(title: str, text: str, step: str | None = None, style: str = "") -> None:
    """Print what something is, and beneath it what to do about it."""
    if not sys.stdout.isatty():
        sys.stdout.write(
            f"{printable(title)}: {printable(text)}{f' {ARROW}{printable(step)}' if step else ''}\n"
        )
        return
    console = Console(highlight=False)
    console.print(Text(printable(title), style=f"bold {style}".strip()))
    console.print(Padding(Text(printable(text)), (0, 0, 0, INDENT)))
    if step:
        console.print(hanging(step, INDENT))


def hanging(step: str, indent: int) -> Padding:
    """Write what to do behind an arrow, the following lines below the first word."""
    grid = Table.grid()
    grid.add_column(width=len(ARROW))
    grid.add_column(overflow="fold")
    grid.add_row(Text(ARROW, style="cyan"), Text(printable(step)))
    return Padding(grid, (0, 0, 0, indent))
