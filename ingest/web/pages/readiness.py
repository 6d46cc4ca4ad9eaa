"""Whether a domain is ready for the next policy, as it was judged, in; what its page says of it out."""

from dataclasses import dataclass

from ingest.web.pages.view import Cell, Column, Table
from summary.readiness import Period, Readiness
from summary.telling import Obstacle, Paragraph, obstacles, paragraphs
from summary.words import TOUCHED


@dataclass(frozen=True, slots=True)
class ReadinessPart:
    """What there is to say."""

    answer: str
    ready: bool
    obstacles: tuple[Obstacle, ...]
    paragraphs: tuple[Paragraph, ...]
    touched: Table


def part(found: Readiness) -> ReadinessPart:
    """Say it all."""
    return ReadinessPart(
        answer=found.answer,
        ready=found.ready,
        obstacles=tuple(obstacles(found)),
        paragraphs=tuple(paragraphs(found)),
        touched=_table(found),
    )


def short(found: Readiness) -> str:
    """Say it in a few words."""
    if found.next_policy is None:
        return "the strictest there is"
    return f"{'ready' if found.ready else 'not yet ready'} for {found.next_policy}"


def _table(found: Readiness) -> Table:
    periods = found.periods
    counts = {name: [it.failing_of(verdict) for it in periods] for verdict, name in TOUCHED.items()}
    rows = [(Cell(name), *map(_cell, numbers, periods)) for name, numbers in counts.items() if any(numbers)]
    rows.append((Cell("in all"), *(_cell(it.failing, it) for it in periods)))
    rows.append((Cell("of messages"), *(Cell(it.messages) for it in periods)))
    rows.append((Cell("days that were reported"), *(Cell(it.reported_days) for it in periods)))
    return Table(
        name="readiness",
        caption="Messages that a stricter policy would have touched",
        columns=(
            Column("what", "Of them"),
            *(Column(f"days_{it.days}", f"{it.days} days", "number") for it in periods),
        ),
        rows=tuple(rows),
    )


def _cell(number: int, period: Period) -> Cell:
    return Cell(number, notes=(f"{number / period.messages:.1%}",) if number else ())
