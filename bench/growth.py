"""Growth, a part of the benchmark: databases that get fuller and fuller in, what a report then takes out, as a plot too.

The mails of each step are made, stored into every database, and by the floor into an empty one, and thrown away.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from shutil import rmtree
from statistics import median
from typing import Final

from bench.contest import FLOOR, Entrant, environment, once, ruamill
from bench.corpora import ROOT, Corpus
from bench.databases import row_counts
from bench.growth_reports import write
from bench.measure import CommandFailedError, Figures, measure
from bench.parts import Bench
from bench.plot import Panel, svg
from bench.tables import Aim, Table, aims

FIRST: Final = 1_000
"""Reports that are there before the first step."""
SAME: Final = 1.1
"""What shall be flat may rise by so much from the first quarter of the steps to the last."""
ROWS: Final = 9
"""Of the table, about; the plot has every step."""

Taken = Mapping[str, Figures]
"""By the names of the databases, and that of the floor."""


@dataclass(frozen=True, slots=True)
class Step:
    """So many reports were there, and so many more came."""

    before: int
    reports: int
    taken: Taken

    def cpu_ms(self, name: str) -> float:
        """Give the CPU milliseconds of a report."""
        return self.taken[name].cpu_seconds * 1000 / self.reports

    def wall_ms(self, name: str) -> float:
        """Give its milliseconds by the clock: a server's work is in them."""
        return self.taken[name].wall_seconds * 1000 / self.reports


def growth(bench: Bench) -> list[Table]:
    """Fill a database of each engine, step by step."""
    names = [engine.name for engine in bench.engines]
    with ExitStack() as kept:
        urls = {engine.name: kept.enter_context(engine.fresh()) for engine in bench.engines}
        steps = list(_steps(bench, urls))
        for name, url in urls.items():
            _check(name, url, steps[-1].before + steps[-1].reports)
    picture = bench.pictures / "growth.svg"
    picture.parent.mkdir(exist_ok=True)
    picture.write_text(plot(steps, names), encoding="utf-8")
    print(f"drawn: {picture.relative_to(ROOT)}")
    return [_table(steps, names), *aims(list(_wanted(steps, names)))]


def _steps(bench: Bench, urls: Mapping[str, str]) -> Iterator[Step]:
    last = bench.scale.growth
    _stored(bench, urls, range(FIRST))
    for first in range(FIRST, last, bench.scale.step):
        taken = _stored(bench, urls, range(first, first + bench.scale.step))
        yield Step(first, bench.scale.step, taken)


def _stored(bench: Bench, urls: Mapping[str, str], numbers: range) -> Taken:
    """Store the mails of these numbers everywhere."""
    source = write(bench.work / f"growth-{numbers.start}", numbers)
    floor, _ = once(Entrant(FLOOR, source, bench.sqlite), bench.work)
    taken = {name: _ingested(bench, source, url) for name, url in urls.items()}
    rmtree(source.folder)
    print(*(f"  {name}: {it.cpu_seconds:.2f} CPU s, {it.wall_seconds:.2f} s" for name, it in taken.items()))
    return {**taken, FLOOR.name: floor}


def _ingested(bench: Bench, source: Corpus, url: str) -> Figures:
    command = ruamill(bench.command).command(source, url)
    return measure(command, cwd=ROOT, environment=environment(url, bench.work))


def _check(name: str, url: str, reports: int) -> None:
    stored = row_counts(url)["report"]
    if stored != reports:
        raise CommandFailedError(f"{name} has {stored:,} reports of {reports:,}")


def _table(steps: Sequence[Step], names: Sequence[str]) -> Table:
    columns = [f"{name}, {what} ms" for name in names for what in ("CPU", "wall")]
    rows = [
        (
            f"{step.before:,}",
            *(f"{of(name):.2f}" for name in names for of in (step.cpu_ms, step.wall_ms)),
            f"{step.cpu_ms(FLOOR.name):.2f}",
        )
        for step in steps[:: max(1, len(steps) // ROWS)]
    ]
    title = f"A report of the next {steps[0].reports:,}, with so many in the database"
    return Table(title, ("reports", *columns, "floor, CPU ms"), tuple(rows))


def _wanted(steps: Sequence[Step], names: Sequence[str]) -> Iterator[Aim]:
    """Ask for no more in the last quarter of the steps than in the first, in times of the floor beside them."""
    quarter = max(1, len(steps) // 4)
    for name in names:
        for what, of in (("CPU", Step.cpu_ms), ("wall time", Step.wall_ms)):
            floors = [of(step, name) / of(step, FLOOR.name) for step in steps]
            rise = median(floors[-quarter:]) / median(floors[:quarter])
            yield Aim(f"{what} of a report / the floor's, last quarter / first, {name}", SAME, [rise])


def plot(steps: Sequence[Step], names: Sequence[str]) -> str:
    """Draw every step."""
    panels = [
        Panel(title, "reports in the database", _lines(steps, names, of))
        for title, of in (
            ("CPU milliseconds of a report", Step.cpu_ms),
            ("Milliseconds of a report by the clock", Step.wall_ms),
        )
    ]
    return svg(panels, "What a report takes while the database grows")


def _lines(
    steps: Sequence[Step], names: Sequence[str], of: Callable[[Step, str], float]
) -> dict[str, list[tuple[float, float]]]:
    return {
        name.partition(" ")[0]: [(step.before, of(step, name)) for step in steps]
        for name in (*names, FLOOR.name)
    }
