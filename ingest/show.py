"""Results for people: tables and progress on a terminal, plain lines in a pipe, JSON when asked."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from json import dumps
from typing import Any

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

_OUTCOME_STYLES = {
    Outcome.STORED: "green",
    Outcome.PARTIAL: "yellow",
    Outcome.CONFLICT: "yellow",
    Outcome.RETRY: "yellow",
    Outcome.CORRUPT: "red",
    Outcome.REFUSED: "red",
}


def printable(text: str) -> str:
    """Replace what could steer a terminal: a report is written by strangers."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def as_json(value: Any) -> None:  # noqa: ANN401 (whatever JSON can say)
    """Print one JSON value."""
    sys.stdout.write(dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None) + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[str | int]], *, title: str = "") -> None:
    """Print a table on a terminal, tab-separated lines with a header in a pipe; numbers to the right."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            sys.stdout.write("\t".join(printable(str(value)) for value in row) + "\n")
        return
    drawn = Table(title=title or None, title_justify="left", header_style="bold")
    for number, column in enumerate(columns):
        numeric = bool(rows) and isinstance(rows[0][number], int)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(f"{value:,}" if isinstance(value, int) else Text(printable(value)) for value in row))
    Console().print(drawn)


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
    summary = ", ".join(f"{number:,} {outcome.value}" for outcome, number in counts) or "nothing waits"
    console.print(Text(f"{result.seen:,} messages: {summary}"))
    seconds = result.as_json()["seconds"]
    console.print(Text(f"{result.reports:,} new reports with {result.records:,} records in {seconds:.1f} s"))


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar while standard error is a terminal; give what tells it how many more are done."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(printable(what), total=total)

        def advance(messages: int) -> None:
            bar.advance(task, messages)

        yield advance
