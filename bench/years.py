"""Years of data: a database is filled, asked everything, and filled further; how long that takes and what it weighs out.

    python -m bench.years --quick       # a hundredth of the size: does it run?
    python -m bench.years               # 20,000,000 records in PostgreSQL, 5,000,000 in SQLite: half an hour
    python -m bench.years --write       # the same, and the figures into docs/performance.md

With `--postgresql URL` and `--sqlite FILE` the databases are kept: an empty one is filled, one that was filled before is
asked as it is.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, select

from bench.contest import environment
from bench.corpora import CORPORA, ROOT, Corpus, mails
from bench.databases import Engine, postgresql, sqlite
from bench.machine import description
from bench.measure import Figures, measure
from bench.tables import Table, markdown, put, show, spread
from bench.years_ask import COMMONEST, LARGEST, MIDDLE, ask, named, plan, written_out
from bench.years_fill import fill
from bench.years_reports import END
from bench.years_size import Weight, weights
from store.database import Database
from store.migrate import revision, upgrade
from store.schema import report

RUAMILL = Path(sys.executable).with_name("ruamill")
PERFORMANCE = ROOT / "docs" / "performance.md"
PERIODS = (30, 365)
"""Days up to the last one that are asked about."""
ROUNDS = 3
"""Each of them stores mails of its own, into the full database and into an empty one."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    postgresql_records: int
    sqlite_records: int
    mails: int
    """That are stored afterwards, in ROUNDS and one more."""


FULL = Scale(20_000_000, 5_000_000, 20_000)
QUICK = Scale(200_000, 50_000, 5_000)


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with years of reports, and the engine that has it."""

    engine: Engine
    url: str
    records: int
    reports: int


def filled(engine: Engine, url: str, records: int) -> Filled:
    """Fill a database that is empty; take another as it is."""
    database = Database(url)
    with database.reading() as connection:
        is_empty = revision(connection) is None
    if is_empty:
        print(f"{engine.name}: filling it with {records:,} records", flush=True)
        fill(url, records)
    upgrade(database)
    with database.reading() as connection:
        stored, reports = connection.execute(select(func.sum(report.c.records), func.count())).one()
    return Filled(engine, url, int(stored), int(reports))


def sizes(it: Filled) -> Table:
    """Weigh each table, in bytes for each record there is."""
    with Database(it.url).reading() as connection:
        found = weights(connection)
    every = Weight(sum(one.rows for one in found.values()), sum(one.indexes for one in found.values()))
    heaviest = sorted(found, key=lambda name: -found[name].together)
    rows = [
        (name, *(f"{part / it.records:.1f}" for part in (weight.rows, weight.indexes, weight.together)))
        for name, weight in [*((name, found[name]) for name in heaviest), ("everything", every)]
        if weight.together > it.records
    ]
    title = f"{it.records:,} records in {it.reports:,} reports: {every.together / 1e9:.1f} GB, bytes a record"
    return Table(f"{it.engine.name}, {title}", ("table", "rows", "indexes", "together"), tuple(rows))


def answers(it: Filled) -> tuple[Table, Table]:
    """Ask every question about the largest domain and about a middle one: the commonest, and the others."""
    database = Database(it.url)
    rows = []
    for name, question in named():
        asked = [
            ask(database, written_out(question, domain, days))
            for domain in (LARGEST, MIDDLE)
            for days in PERIODS
        ]
        rows.append((name, f"{asked[0].rows:,}", *(f"{one.seconds:.2f}" for one in asked)))
        print(it.engine.name, *rows[-1], flush=True)
    columns = (
        "question",
        "rows",
        *(f"{which}, {days} days" for which in ("largest", "middle") for days in PERIODS),
    )
    common = len(COMMONEST)
    return (
        Table(f"{it.engine.name}: the ten commonest questions, seconds", columns, tuple(rows[:common])),
        Table(f"{it.engine.name}: the other questions, seconds", columns, tuple(rows[common:])),
    )


def plans(it: Filled) -> str:
    """Give the plans of the commonest questions, as far as they tell how rows are found."""
    with Database(it.url).reading() as connection:
        written = [
            "\n".join([name, *plan(connection, written_out(question, LARGEST, PERIODS[0]))])
            for name, question in islice(named(), len(COMMONEST))
        ]
    return "\n\n".join([f"**{it.engine.name}: plans**", "```\n" + "\n\n".join(written) + "\n```"])


def further(it: Filled, mails: Corpus, work: Path) -> Table | None:
    """Store the mails of the days that follow, into the full database and into an empty one; None if it has them."""
    with Database(it.url).reading() as connection:
        if connection.scalar(select(func.max(report.c.day))) >= END:
            return None
    folders = sorted(folder for folder in mails.folder.iterdir() if folder.is_dir())
    size = len(folders) // (ROUNDS + 1)
    full, empty = [], []
    for first in range(0, size * (ROUNDS + 1), size):
        print(f"{it.engine.name}: storing {folders[first].name} and {size - 1} more", flush=True)
        mine = folders[first : first + size]
        full.append(_stored(it.url, mine, work))
        with it.engine.fresh() as url:
            upgrade(Database(url))
            empty.append(_stored(url, mine, work))
    return _compared(it.engine.name, full[1:], empty[1:])  # the first round fills the caches


def _stored(url: str, folders: Sequence[Path], work: Path) -> Figures:
    command = [str(RUAMILL), "ingest", *map(str, folders), "--json"]
    return measure(command, cwd=ROOT, environment=environment(url, work))


def _compared(name: str, full: Sequence[Figures], empty: Sequence[Figures]) -> Table:
    """Set the rounds side by side."""
    pairs = list(zip(full, empty, strict=True))
    rows = (
        ("empty", *(spread(values, 2) for values in _figures(empty)), ""),
        ("full", *(spread(values, 2) for values in _figures(full)), ""),
        (
            "speed, full / empty",
            spread([other.cpu_seconds / one.cpu_seconds for one, other in pairs], 2),
            spread([other.wall_seconds / one.wall_seconds for one, other in pairs], 2),
            "",
        ),
    )
    title = f"{name}: `ruamill ingest`, median of {ROUNDS} rounds (least-greatest)"
    return Table(title, ("database", "CPU s", "wall s"), tuple(row[:3] for row in rows))


def _figures(some: Sequence[Figures]) -> tuple[list[float], list[float]]:
    return [it.cpu_seconds for it in some], [it.wall_seconds for it in some]


@contextmanager
def databases(
    postgresql_url: str | None, file: Path | None, scale: Scale, work: Path
) -> Iterator[list[Filled]]:
    """Fill the databases that are named, else throw-away ones."""
    with postgresql(postgresql_url) as server, ExitStack() as kept:
        every = []
        if server:
            url = postgresql_url or kept.enter_context(server.fresh())
            every.append(filled(server, url, scale.postgresql_records))
        every.append(filled(sqlite(work), f"sqlite:///{file or work / 'years.db'}", scale.sqlite_records))
        yield every


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure years of data.")
    parser.add_argument(
        "--quick", action="store_true", help="a hundredth of the size: does it run? says little else"
    )
    parser.add_argument("--records", type=int, help=f"in PostgreSQL (default {FULL.postgresql_records:,})")
    parser.add_argument("--sqlite-records", type=int, help=f"in SQLite (default {FULL.sqlite_records:,})")
    parser.add_argument(
        "--postgresql", metavar="URL", help="database to fill, or filled before: postgresql://…"
    )
    parser.add_argument("--sqlite", metavar="FILE", type=Path, help="the same: a file")
    parser.add_argument(
        "--write", action="store_true", help=f"put the figures into {PERFORMANCE.relative_to(ROOT)}"
    )
    given = parser.parse_args()
    if given.quick and given.write:
        parser.error("--write wants the full run: leave out --quick")
    return given


def main() -> None:
    """Fill, ask, store more, print, and write the figures down if asked to."""
    given = arguments()
    scale = QUICK if given.quick else FULL
    scale = replace(
        scale,
        postgresql_records=given.records or scale.postgresql_records,
        sqlite_records=given.sqlite_records or scale.sqlite_records,
    )
    machine, corpus = description(), mails(scale.mails)
    print(machine)
    tables: list[Table] = []
    texts: list[str] = []
    with (
        TemporaryDirectory(dir=CORPORA) as folder,
        databases(given.postgresql, given.sqlite, scale, Path(folder)) as every,
    ):
        for it in every:
            tables += [sizes(it), *answers(it)]
            texts.append(plans(it))
            tables += filter(None, [further(it, corpus, Path(folder))])
    for table in tables:
        show(table)
    if given.write:
        put(PERFORMANCE, "years", [f"Measured on {machine}.", *map(markdown, tables), *texts])


if __name__ == "__main__":
    main()
