"""The benchmark: this checkout in, tables of ruamill against the floor and its peer out; README.md says what they mean."""

import argparse
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from bench.corpora import CORPORA, ROOT
from bench.databases import postgresql, sqlite
from bench.growth import growth
from bench.machine import description
from bench.measure import CommandFailedError
from bench.parts import FULL, QUICK, Bench, Scale, against_floor, mailbox, peer, sizes, starting, workers
from bench.tables import Table, markdown, put, show

RUAMILL = Path(sys.executable).with_name("ruamill")
PERFORMANCE = ROOT / "docs" / "performance.md"
PICTURES = PERFORMANCE.with_suffix("")
PARTS: dict[str, Callable[[Bench], list[Table]]] = {
    "S": against_floor,
    "L": sizes,
    "workers": workers,
    "peer": peer,
    "mailbox": mailbox,
    "start": starting,
    "growth": growth,
}
"""By the names of the sections that they write; in this order."""


def run(part: str, bench: Bench, *, write: bool) -> None:
    """Measure one part, print it, and write it down if asked to."""
    print(f"{part}:", flush=True)
    machine = description()
    tables = PARTS[part](bench)
    for table in tables:
        show(table)
    if write and tables:
        put(PERFORMANCE, part, [f"Measured on {machine}.", *map(markdown, tables)])


def measure_all(given: argparse.Namespace, scale: Scale) -> None:
    """Measure the parts that are asked for."""
    with TemporaryDirectory(dir=CORPORA) as folder, postgresql(given.database) as server:
        work, pictures = Path(folder), PICTURES if given.write else CORPORA
        bench = Bench(given.command, work, sqlite(work), server, scale, pictures)
        for part in given.only:
            run(part, bench, write=given.write)


def arguments() -> argparse.Namespace:
    """Read the command line; what cannot be measured is refused before anything is made."""
    parser = argparse.ArgumentParser(description="Measure ruamill against the floor and its peer.")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the size: does it run? says little else"
    )
    parser.add_argument("--rounds", type=int, help=f"rounds of everything (default {FULL.rounds})")
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
    print(description())
    CORPORA.mkdir(parents=True, exist_ok=True)
    try:
        measure_all(given, scale)
    except (CommandFailedError, sqlite3.Error, psycopg.Error) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
