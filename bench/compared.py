"""What entrants took, side by side: their figures in, rows of a table and ratios of the runs of one round out."""

from collections.abc import Callable, Sequence
from operator import attrgetter

from bench.contest import Taken
from bench.tables import Row, Table, spread

Values = Callable[[Taken], list[float]]
CPU: Values = attrgetter("cpu_seconds")
WALL: Values = attrgetter("wall_seconds")
PEAK: Values = attrgetter("peak_mib")
REPORTS: Values = attrgetter("reports_per_cpu_second")
RECORDS: Values = attrgetter("records_per_cpu_second")


def row(name: str, taken: Taken, rate: Values = REPORTS) -> Row:
    """Write down what an entrant took."""
    figures = (spread(CPU(taken), 2), spread(WALL(taken), 2), spread(PEAK(taken), 0), spread(rate(taken), 0))
    return name, taken.entrant.engine.name, *figures


def beside(one: Taken, other: Taken) -> list[Row]:
    """Write down how many times as much as the other the one took: round by round, and the least of all rounds of each."""
    name = f"{one.entrant.contender.name} / {other.entrant.contender.name}"
    into = one.entrant.engine.name
    every = [spread(ratios(values, one, other), 2) for values in (CPU, WALL, PEAK)]
    least = [f"{min(values(one)) / min(values(other)):.2f}" for values in (CPU, WALL, PEAK)]
    return [(name, into, *every, ""), (f"{name}, least of each", into, *least, "")]


def ratios(values: Values, one: Taken, other: Taken) -> list[float]:
    """Set the two in relation, round by round: what disturbs a round disturbs both."""
    return [mine / theirs for mine, theirs in zip(values(one), values(other), strict=True)]


def table(title: str, rounds: int, rows: Sequence[Row], rate: str = "reports") -> Table:
    """Put the rows under each other."""
    columns = ("", "into", "CPU s", "wall s", "peak MiB", f"{rate} / CPU s")
    return Table(f"{title}: median of {rounds} rounds (least-greatest)", columns, tuple(rows))
