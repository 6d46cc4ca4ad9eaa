"""`ruamill doctor`: everything that is configured, tried, and told as it is found."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingest import configuration, logs, show
from ingest.configuration import ConfigurationError
from ingest.doctor.findings import Finding, Level, wrong
from ingest.doctor.sections import Section, sections
from ingest.status import DONE, OUTAGE, WRONG_USE

MINOR = (Level.WARNING, Level.NOTE)
STYLES = {
    Level.OK: "green",
    Level.NOTE: "cyan",
    Level.WARNING: "yellow",
    Level.WRONG: "bold red",
    Level.SKIPPED: "dim",
}


def run(config: Path | None, database: str | None, *, json: bool) -> int:
    """Try everything, and print what was found; the exit status tells whether something is wrong."""
    try:
        file = configuration.find_file(config, os.environ)
        settings = configuration.load(file)
    except ConfigurationError as error:
        _tell([Section("configuration", map(_unreadable, str(error).splitlines()))], json=json)
        return WRONG_USE
    logs.set_up(settings.log)
    settings = settings.with_database(database) if database else settings
    levels = _tell(sections(settings, file), json=json)
    return OUTAGE if levels[Level.WRONG] else DONE


def _unreadable(line: str) -> Finding:
    return wrong(
        "file", line, "mend it; `ruamill init -` prints a configuration with every setting explained"
    )


def _tell(sections: Iterable[Section], *, json: bool) -> Counter[Level]:
    """Print the findings as they come, or all at once as JSON; count them."""
    found = []
    for section in sections:
        if not json:
            _head(section)
        for finding in _as_they_come(section):
            found.append((section.name, finding))
            if not json:
                _line(section, finding)
    levels = Counter(finding.level for _, finding in found)
    if json:
        show.as_json([{"section": name, **asdict(finding)} for name, finding in found])
    else:
        typer.echo(_summary(levels))
    return levels


def _as_they_come(section: Section) -> Iterator[Finding]:
    """Give the findings; while one is waited for, a terminal shows that something goes on."""
    console = Console(stderr=True)
    while True:
        with console.status(Text(show.printable(section.name))):
            finding = next(section.findings, None)
        if finding is None:
            return
        yield finding


def _head(section: Section) -> None:
    if sys.stdout.isatty():
        Console().print(Text(show.printable(section.name), style="bold"))


def _line(section: Section, finding: Finding) -> None:
    """Print a finding: below its section on a terminal, on one line with it in a pipe."""
    text, advice = show.printable(finding.text), show.printable(finding.advice)
    if not sys.stdout.isatty():
        next_step = f" -> {advice}" if advice else ""
        typer.echo(f"{finding.level}: {show.printable(section.name)}: {finding.check}: {text}{next_step}")
        return
    grid = Table.grid(padding=(0, 1))
    grid.add_column(min_width=len(Level.WARNING) + 2, justify="right")
    grid.add_column(overflow="fold")
    grid.add_row(
        Text(finding.level, style=STYLES[finding.level]), Text.assemble((finding.check, "bold"), ": ", text)
    )
    if advice:
        grid.add_row("", Text(f"→ {advice}"))
    Console().print(grid)


def _summary(levels: Counter[Level]) -> str:
    """Say how it stands, in one line."""
    wrong = levels[Level.WRONG]
    things = f"{wrong or 'nothing'} {'things are' if wrong > 1 else 'thing is' if wrong else 'is'} wrong"
    counted = [
        f"{levels[level]} {level}{'s' if levels[level] > 1 else ''}" for level in MINOR if levels[level]
    ]
    return f"{', '.join([things, *counted])}.".capitalize()
