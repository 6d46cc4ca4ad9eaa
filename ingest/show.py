"""Results for people: tables and progress on a terminal, plain lines in a pipe, JSON when asked."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from json import dumps
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from ingest.tally import Tally
from store.outcomes import Outcome
from summary.words import counted

_OUTCOME_STYLES = {
    Outcome.STORED: "green",
    Outcome.PARTIAL: "yellow",
    Outcome.CONFLICT: "yellow",
    Outcome.RETRY: "yellow",
    Outcome.CORRUPT: "red",
    Outcome.REFUSED: "red",
}


Value = str | int | float | date | None
"""What a cell of a table may hold; a float is a share of one, None is nothing to tell."""

_GAP = 2
"""Blanks between two columns: the padding and the line that SIMPLE_HEAD does not draw."""


def printable(text: str) -> str:
    """Replace what could steer a terminal: a report is written by strangers."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def as_json(value: Any) -> None:  # noqa: ANN401 (whatever JSON can say)
    """Print one JSON value; on a terminal over several lines. What could steer a terminal is escaped."""
    text = dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None, default=_iso)
    sys.stdout.writelines(f"{_escaped(line)}\n" for line in text.split("\n"))


def _iso(moment: date) -> str:
    return moment.isoformat()


def _escaped(line: str) -> str:
    """Escape within JSON what json leaves: control characters beyond ASCII, lone surrogates of a file's name."""
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else dumps(char)[1:-1] for char in line)


def table(columns: Sequence[str], rows: Sequence[Sequence[Value]], *, spare: Sequence[str] = ()) -> None:
    """Print a table on a terminal, tab-separated lines with a header in a pipe.

    A terminal too narrow for it is spared some columns, in the order of `spare`.
    """
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            sys.stdout.write("\t".join(_plain(value) for value in row) + "\n")
        return
    cells = [[_pretty(value) for value in row] for row in rows]
    console = Console()
    shown = _fitting(columns, cells, spare, console.width)
    drawn = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    for place in shown:
        words = all(isinstance(row[place], str) for row in rows)
        drawn.add_column(columns[place], justify="left" if words else "right", overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(row[place]) for place in shown))
    console.print(drawn)


def _fitting(
    columns: Sequence[str], cells: Sequence[Sequence[str]], spare: Sequence[str], width: int
) -> list[int]:
    """Choose the places of the columns that fit."""
    widths = [max(cell_len(row[place]) for row in (columns, *cells)) + _GAP for place in range(len(columns))]
    shown = list(range(len(columns)))
    for name in spare:
        if sum(widths[place] for place in shown) - _GAP > width:
            shown.remove(columns.index(name))
    return shown


def _plain(value: Value) -> str:
    return str(value) if isinstance(value, int) else _pretty(value)


def _pretty(value: Value) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1%}" if isinstance(value, float) else printable(str(value))


def tally(result: Tally, *, json: bool) -> None:
    """Print what a run did, and name what a person may want to look into."""
    if json:
        as_json(result.as_json())
        return
    console = Console(soft_wrap=True, highlight=False)
    counts = [(outcome, result.outcomes[outcome]) for outcome in Outcome if result.outcomes[outcome]]
    for named in result.named:
        line = f"{named.outcome.value}: {printable(named.name)}: {printable(named.reason)}"
        console.print(Text(line, style=_OUTCOME_STYLES.get(named.outcome, "")))
    summary = ", ".join(f"{number:,} {outcome.value}" for outcome, number in counts)
    console.print(Text(": ".join(filter(None, [counted(result.seen, "message"), summary]))))
    new = [f"{counted(result.reports, 'new report')} with {counted(result.records, 'record')}"]
    if result.tls_reports:
        new.append(counted(result.tls_reports, "TLS report"))
    if result.failure_reports:
        new.append(counted(result.failure_reports, "failure report"))
    console.print(Text(f"{', '.join(new)} in {result.as_json()['seconds']:.1f} s"))


def nothing(domain: str | None, reported: Sequence[str]) -> str:
    """Say that there are no reports, and about what there are some."""
    if domain and reported:
        return printable(f"No reports about {domain}; there are reports about {', '.join(reported)}")
    return "No reports yet: store some with `ruamill ingest` or `ruamill poll`."


@dataclass(frozen=True, slots=True)
class Bar:
    """A progress bar: told how many more are done, and how many more are to be done."""

    advance: Callable[[int], None]
    expect: Callable[[int], None]


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Bar]:
    """Show a progress bar while standard error is a terminal; without a total until it is told what to expect."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(printable(what), total=total)

        def expect(more: int) -> None:
            bar.update(task, total=(bar.tasks[task].total or 0) + more)

        yield Bar(lambda done: bar.advance(task, done), expect)
