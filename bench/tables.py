"""Tables of figures: rows of text in, a table on the terminal or in Markdown out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table as RichTable

Row = tuple[str, ...]
FILE_COLUMNS = 150


@dataclass(frozen=True, slots=True)
class Table:
    """One table; its first column names what the row is about."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def spread(values: Sequence[float], digits: int) -> str:
    """Tell the median, and behind it the least and the greatest where there are several."""
    middle = f"{median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted of some values; their median is held to it."""

    what: str
    bound: float
    values: Sequence[float]
    digits: int = 2
    at_least: bool = False
    """Not at most."""

    @property
    def holds(self) -> bool:
        """Tell whether it is reached."""
        found = median(self.values)
        return found >= self.bound if self.at_least else found <= self.bound

    @property
    def row(self) -> Row:
        """Write it down."""
        wanted = f"at {'least' if self.at_least else 'most'} {self.bound:g}"
        return self.what, wanted, spread(self.values, self.digits), "yes" if self.holds else "**no**"


def aims(every: Sequence[Aim]) -> list[Table]:
    """Set side by side what is wanted and what is; no table where nothing is wanted."""
    columns = ("aim", "wanted", "measured", "holds")
    return [Table("Aims: median (least-greatest)", columns, tuple(it.row for it in every))] if every else []


def show(table: Table) -> None:
    """Print a table to the terminal."""
    printed = RichTable(title=table.title, title_justify="left")
    for position, column in enumerate(table.columns):
        printed.add_column(column, justify="right" if position else "left")
    for row in table.rows:
        printed.add_row(*row)
    console = Console()
    if not console.is_terminal:  # a file has no width; rich would take 80 columns
        console.width = FILE_COLUMNS
    console.print(printed)


def put(path: Path, section: str, paragraphs: Sequence[str]) -> None:
    """Put paragraphs between a section's markers in a Markdown file."""
    begin, end = (f"<!-- {section}:{mark} -->" for mark in ("begin", "end"))
    written = "\n\n".join([begin, *paragraphs, end])
    text, found = re.subn(
        f"{begin}.*?{end}", lambda _: written, path.read_text(encoding="utf-8"), count=1, flags=re.DOTALL
    )
    if not found:
        raise SystemExit(f"{path}: put the lines {begin} and {end} where the figures shall stand")
    path.write_text(text, encoding="utf-8")


def markdown(table: Table) -> str:
    """Write a table as Markdown has it, its title above."""
    head = [table.columns, tuple("---:" if position else "---" for position in range(len(table.columns)))]
    lines = [f"| {' | '.join(row)} |" for row in [*head, *table.rows]]
    return "\n".join([f"**{table.title}**", "", *lines])
