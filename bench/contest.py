"""The contest: who puts which mails where in, what each of them took in each round out.

All are measured from outside as whole processes, start and migrations included, one after the other in turn, each time
into a new database. Afterwards their rows are counted: figures of runs that stored different rows are worth nothing.
"""

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.corpora import ROOT, Corpus
from bench.databases import Engine, row_counts
from bench.measure import CommandFailedError, Figures, measure


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that stores mails."""

    name: str
    command: Callable[[Corpus, str], Sequence[str]]
    """Makes ready what it reads, and gives the command that puts it into the database of a URL."""
    count: Callable[[str], Mapping[str, int]] = row_counts
    """Counts the rows behind a URL, by the names of ruamill's tables."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A program, the mails that it is given, and where it puts them."""

    contender: Contender
    source: Corpus
    engine: Engine


@dataclass(frozen=True, slots=True)
class Taken:
    """What an entrant took, round by round."""

    entrant: Entrant
    rounds: list[Figures] = field(default_factory=list)

    @property
    def cpu_seconds(self) -> list[float]:
        """With those of the processes that it started; not those of a server."""
        return [each.cpu_seconds for each in self.rounds]

    @property
    def wall_seconds(self) -> list[float]:
        """From its start to its end."""
        return [each.wall_seconds for each in self.rounds]

    @property
    def peak_mib(self) -> list[float]:
        """Its memory at its largest."""
        return [each.peak_mib for each in self.rounds]

    @property
    def reports_per_cpu_second(self) -> list[float]:
        """How fast it is, whatever else the machine does."""
        return [self.entrant.source.reports / each for each in self.cpu_seconds]

    @property
    def records_per_cpu_second(self) -> list[float]:
        """The same, where reports are of different size."""
        return [self.entrant.source.records / each for each in self.cpu_seconds]


FLOOR = Contender(
    "floor",
    lambda source, url: [sys.executable, "-m", "bench.floor", str(source.folder), "--database", url],
)


def ruamill(command: str, workers: int = 1) -> Contender:
    """Ruamill's `ingest`, however ruamill is started; the database comes by the environment."""
    name = "ruamill" if workers == 1 else f"ruamill, {workers} workers"
    started = [*shlex.split(command), "ingest", "--json", "--workers", str(workers)]
    return Contender(name, lambda source, _: [*started, str(source.folder)])


def race(entrants: Sequence[Entrant], rounds: int, work: Path) -> list[Taken]:
    """Measure the entrants one after the other, round by round, after one round that fills the caches."""
    taken = [Taken(entrant) for entrant in entrants]
    stored: dict[Path, Mapping[str, int]] = {}
    for number in range(rounds + 1):
        for each in taken:
            figures, rows = once(each.entrant, work)
            if rows != stored.setdefault(each.entrant.source.folder, rows):
                raise CommandFailedError(f"{_named(each.entrant)} stored other rows than another: {rows}")
            if number:
                each.rounds.append(figures)
    return taken


def once(entrant: Entrant, work: Path) -> tuple[Figures, Mapping[str, int]]:
    """Measure one run into a new database, and count the rows it left there. Raises CommandFailedError if some are missing."""
    source = entrant.source
    with entrant.engine.fresh() as url:
        command = entrant.contender.command(source, url)
        figures = measure(command, cwd=ROOT, environment=environment(url, work))
        rows = entrant.contender.count(url)
    print(f"  {_named(entrant)}: {figures.cpu_seconds:.2f} CPU s, {figures.wall_seconds:.2f} s", flush=True)
    if (rows["report"], rows["record"]) != (source.reports, source.records):
        raise CommandFailedError(
            f"{_named(entrant)} stored {rows['report']:,} reports and {rows['record']:,} records;"
            f" there are {source.reports:,} and {source.records:,}"
        )
    return figures, rows


def _named(entrant: Entrant) -> str:
    return f"{entrant.source.folder.name}, {entrant.contender.name}, {entrant.engine.name}"


def environment(url: str, work: Path) -> dict[str, str]:
    """Hide the user's own configuration from ruamill."""
    empty = work / "empty.toml"
    empty.touch()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RUAMILL_")}
    return {**inherited, "RUAMILL_CONFIG": str(empty), "RUAMILL_DATABASE": url}
