"""The benchmark: this checkout in, a table of ruamill against the floor out; README.md says what the figures mean."""

import argparse
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from bench.contest import FLOOR, Contender, in_turn, once, ruamill
from bench.corpora import CORPORA, ROOT, Corpus, large_report, mails
from bench.databases import Engine, postgresql, sqlite
from bench.machine import description
from bench.measure import CommandFailedError, Figures
from bench.tables import Table, show, spread, write

RUAMILL = Path(sys.executable).with_name("ruamill")
PERFORMANCE = ROOT / "docs" / "performance.md"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: mails, mails to compare the memory with, records of the one large report, rounds."""

    mails: int
    many_mails: int
    records: int
    rounds: int


FULL = Scale(mails=5_000, many_mails=20_000, records=500_000, rounds=5)
QUICK = Scale(mails=500, many_mails=2_000, records=50_000, rounds=2)


def compare(
    engines: Sequence[Engine], contender: Contender, source: Corpus, rounds: int, work: Path
) -> Table:
    """Measure ruamill against the floor, on each engine."""
    rows: list[tuple[str, ...]] = []
    for engine in engines:
        print(f"{engine.name}: {rounds} rounds after one that is not counted")
        measured = in_turn((FLOOR, contender), source, engine, rounds, work)
        rows += _compared(engine, *zip(*measured, strict=True))
    return Table(
        f"{source.reports:,} mails, {source.records:,} records: median of {rounds} rounds (least-greatest)",
        ("database", "program", "CPU s", "wall s", "peak MiB"),
        tuple(rows),
    )


def _compared(
    engine: Engine, floor: Sequence[Figures], measured: Sequence[Figures]
) -> Iterator[tuple[str, ...]]:
    """Write what each took, and the ratio of the two in each round."""
    for name, figures in (("floor", floor), ("ruamill", measured)):
        yield engine.name, name, *_columns(figures)
    pairs = list(zip(measured, floor, strict=True))
    yield (
        engine.name,
        "ruamill / floor",
        spread([ours.cpu_seconds / least.cpu_seconds for ours, least in pairs], 2),
        spread([ours.wall_seconds / least.wall_seconds for ours, least in pairs], 2),
        "",
    )


def _columns(figures: Sequence[Figures]) -> tuple[str, str, str]:
    return (
        spread([each.cpu_seconds for each in figures], 2),
        spread([each.wall_seconds for each in figures], 2),
        spread([each.peak_mib for each in figures], 0),
    )


def memory(engine: Engine, contender: Contender, sources: dict[str, Corpus], work: Path) -> Table:
    """Measure one run of ruamill over each corpus."""
    rows: list[tuple[str, ...]] = []
    for name, source in sources.items():
        print(f"{engine.name}: {name}")
        figures, _ = once(contender, source, engine, work)
        rows.append((name, f"{source.records:,}", *_columns([figures])))
    return Table(
        f"ruamill into {engine.name}, one run", ("", "records", "CPU s", "wall s", "peak MiB"), tuple(rows)
    )


def measure_all(scale: Scale, contender: Contender, url: str | None) -> list[Table]:
    """Make what corpora are missing and measure everything."""
    small, many, large = mails(scale.mails), mails(scale.many_mails), large_report(scale.records)
    sources = {
        f"{scale.mails:,} mails": small,
        f"{scale.many_mails:,} mails": many,
        f"one report of {scale.records:,} records": large,
    }
    with TemporaryDirectory(dir=CORPORA) as folder, postgresql(url) as server:
        work, embedded = Path(folder), sqlite(Path(folder))
        engines = [embedded, server] if server else [embedded]
        return [
            compare(engines, contender, small, scale.rounds, work),
            memory(embedded, contender, sources, work),
        ]


def arguments() -> argparse.Namespace:
    """Read the command line; what cannot be measured is refused before anything is made."""
    parser = argparse.ArgumentParser(description="Measure ruamill against the floor.")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the size: does it run? says little else"
    )
    parser.add_argument("--rounds", type=int, help=f"rounds of floor and ruamill (default {FULL.rounds})")
    parser.add_argument(
        "--database", help="PostgreSQL server to use, postgresql://…, in place of a throw-away one"
    )
    parser.add_argument(
        "--command", default=str(RUAMILL), help="how ruamill is started (default %(default)s)"
    )
    parser.add_argument(
        "--write", action="store_true", help=f"put the figures into {PERFORMANCE.relative_to(ROOT)}"
    )
    given = parser.parse_args()
    if given.quick and given.write:
        parser.error("--write wants the full run: leave out --quick")
    if given.database and not given.database.startswith("postgresql://"):
        parser.error("--database takes postgresql://…; SQLite is measured in any case")
    if not shutil.which(shlex.split(given.command)[0]):
        parser.error(
            f"there is no {given.command}: install this project beside this Python, or give --command"
        )
    return given


def main() -> None:
    """Measure, print, and write the figures down if asked to."""
    given = arguments()
    scale = QUICK if given.quick else FULL
    if given.rounds:
        scale = replace(scale, rounds=given.rounds)
    machine = description()
    print(machine)
    try:
        tables = measure_all(scale, ruamill(given.command), given.database)
    except (CommandFailedError, sqlite3.Error, psycopg.Error) as error:
        sys.exit(str(error))
    for table in tables:
        show(table)
    if given.write:
        write(PERFORMANCE, machine, tables)


if __name__ == "__main__":
    main()
