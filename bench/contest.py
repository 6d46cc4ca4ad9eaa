"""The contest: floor and ruamill, a corpus and an engine in, the figures of each round out.

Both are measured from outside as whole processes, start and migrations included, one after the other in turn, each time
into a new database. Afterwards their rows are counted: figures of runs that stored different rows are worth nothing.
"""

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.corpora import ROOT, Corpus
from bench.databases import Engine, row_counts
from bench.measure import CommandFailedError, Figures, measure


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that puts a folder into the database of a URL."""

    name: str
    command: Callable[[Path, str], list[str]]


FLOOR = Contender(
    "floor", lambda folder, url: [sys.executable, "-m", "bench.floor", str(folder), "--database", url]
)


def ruamill(command: str) -> Contender:
    """Measure ruamill's `ingest`, however ruamill is started; the database comes by the environment."""
    return Contender("ruamill", lambda folder, _: [*shlex.split(command), "ingest", str(folder), "--json"])


def once(contender: Contender, source: Corpus, engine: Engine, work: Path) -> tuple[Figures, dict[str, int]]:
    """Measure one run into a new database, and count the rows it left there."""
    with engine.fresh() as url:
        command = contender.command(source.folder, url)
        figures = measure(command, cwd=ROOT, environment=environment(url, work))
        rows = row_counts(url)
    if (rows["report"], rows["record"]) != (source.reports, source.records):
        raise CommandFailedError(
            f"{contender.name} stored {rows['report']:,} reports and {rows['record']:,} records;"
            f" {source.folder} has {source.reports:,} and {source.records:,}"
        )
    return figures, rows


def in_turn(
    contenders: tuple[Contender, ...], source: Corpus, engine: Engine, rounds: int, work: Path
) -> Iterator[tuple[Figures, ...]]:
    """Measure the contenders one after the other, round by round."""
    for number in range(rounds + 1):
        figures, rows = zip(*(once(each, source, engine, work) for each in contenders), strict=True)
        if any(other != rows[0] for other in rows):
            raise CommandFailedError(f"{engine.name}: the contenders stored different rows: {rows}")
        if number:  # the round before the first one fills the caches
            yield figures


def environment(url: str, work: Path) -> dict[str, str]:
    """Hide the user's own configuration from ruamill."""
    empty = work / "empty.toml"
    empty.touch()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RUAMILL_")}
    return {**inherited, "RUAMILL_CONFIG": str(empty), "RUAMILL_DATABASE": url}
