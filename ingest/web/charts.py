"""Messages by day in; where the bars of a picture stand, and the same in words, out. Pure; templates/charts.html.j2 draws it.

What passes stands above the line, what does not below it, so that the picture needs no colour. Places across are in per
cent of whatever width there is, and heights in pixels: lines, patterns and letters keep their shape on a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from store.pages.values import ChartDay
from summary.letter.words import share
from summary.words import counted

HEIGHT: Final = 220
"""Pixels of a chart, without the days beneath it."""
TOP: Final = 14
"""Of them, those above the highest bar: the uppermost number stands there."""
SEEN: Final = 2.0
"""Pixels that a part of a bar has at least, so that a single message shows."""
FILLED: Final = 0.8
"""Of a day's place, the part that its bar takes."""
LINES: Final = 4
"""Lines behind the bars, about."""
LABELS: Final = 6
"""Days that are named beneath, about."""
SPARK_HEIGHT: Final = 28
SPARK_WIDTH: Final = 120

Part = Literal["passing", "failing", "forwarded"]


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a bar."""

    part: Part
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One day."""

    words: str
    """What it shows."""
    x: float
    """Per cent, of the day's place; the bar stands in its middle."""
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A line with its number, or a day with its name."""

    at: float
    """Pixels from above, or per cent from the left."""
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of consecutive days, the last of them at the right."""

    bars: tuple[Bar, ...]
    place: float
    """Per cent of the width that a day takes."""
    width: float
    """Per cent of the width that a bar takes."""
    base: float
    """Where the line is that all bars stand on, in pixels from above."""
    lines: tuple[Mark, ...]
    days: tuple[Mark, ...]
    parts: tuple[Part, ...]
    """Those that occur."""
    words: str
    """What the picture shows, for whoever does not see it."""
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Spark:
    """A picture without numbers, as small as a word."""

    passing: str
    """All bars above the line, as the path of SVG draws them."""
    failing: str
    """Those below it."""
    words: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """How messages become pixels."""

    base: float
    pixels: float
    """Of one message."""

    def height(self, messages: int) -> float:
        return max(SEEN, round(messages * self.pixels, 1)) if messages else 0.0

    def blocks(self, day: ChartDay) -> tuple[Block, ...]:
        """Stack a day: what passes upward, what fails downward, what forwarders broke below that."""
        up, down, beyond = map(self.height, (day.passing, day.failing, day.forwarded))
        every = (
            Block("passing", round(self.base - up, 1), up),
            Block("failing", self.base, down),
            Block("forwarded", round(self.base + down, 1), beyond),
        )
        return tuple(it for it in every if it.height)


def chart(days: Sequence[ChartDay], number: int, last_day: date) -> Chart | None:
    """Draw so many days up to the last one; None where there is nothing to draw."""
    shown = _every(days, number, last_day)
    if not any(it.messages for it in shown):
        return None
    scale = _scale(shown, HEIGHT - TOP, TOP)
    place = 100 / number
    return Chart(
        bars=tuple(Bar(_said(it), round(n * place, 3), scale.blocks(it)) for n, it in enumerate(shown)),
        place=round(place, 3),
        width=round(place * FILLED, 3),
        base=scale.base,
        lines=tuple(_lines(shown, scale)),
        days=tuple(_days(shown, place)),
        parts=_parts(shown),
        words=_words(shown),
    )


def spark(days: Sequence[ChartDay], number: int, last_day: date) -> Spark | None:
    """Draw them as small as a word; None where there is nothing to draw."""
    shown = _every(days, number, last_day)
    if not any(it.messages for it in shown):
        return None
    scale = _scale(shown, SPARK_HEIGHT, 0)
    place = SPARK_WIDTH / number
    above = [_box(n * place, place, scale.base, -scale.height(it.passing)) for n, it in enumerate(shown)]
    below = [
        _box(n * place, place, scale.base, scale.height(it.messages - it.passing))
        for n, it in enumerate(shown)
    ]
    return Spark("".join(above), "".join(below), _words(shown))


def _box(x: float, place: float, base: float, height: float) -> str:
    """Draw a bar that stands on the line: to its corner, up or down, across, back."""
    return f"M{x:.1f} {base}v{height}h{place * FILLED:.1f}v{-height}z" if height else ""


def _said(day: ChartDay) -> str:
    if not day.messages:
        return f"{day.day}: no mail reported"
    forwarded = f", {day.forwarded:,} by forwarders" if day.forwarded else ""
    return (
        f"{day.day}: {counted(day.messages, 'message')}, {share(day.passing, day.messages)} passing "
        f"({day.passing:,} passing, {day.failing:,} failing{forwarded})"
    )


def _every(days: Sequence[ChartDay], number: int, last_day: date) -> list[ChartDay]:
    """Put in the days without a report."""
    by_day = {it.day: it for it in days}
    wanted = [last_day - timedelta(days=back) for back in reversed(range(number))]
    return [by_day.get(day, ChartDay(day, 0, 0)) for day in wanted]


def _scale(days: Sequence[ChartDay], height: int, top: int) -> _Scale:
    """Give the highest bar and the lowest one the whole height together."""
    up, down = max(it.passing for it in days), max(it.messages - it.passing for it in days)
    # each of the three parts may be as high as it is seen, however few its messages are
    pixels = (height - 3 * SEEN) / (up + down)
    return _Scale(round(top + max(SEEN, up * pixels), 1) if up else float(top), pixels)


def _lines(days: Sequence[ChartDay], scale: _Scale) -> list[Mark]:
    """Set a few lines above and below the base with round numbers."""
    up, down = max(it.passing for it in days), max(it.messages - it.passing for it in days)
    step = _round((up + down) / LINES)
    above = [Mark(round(scale.base - n * scale.pixels, 1), f"{n:,}") for n in range(0, up + 1, step)]
    below = [Mark(round(scale.base + n * scale.pixels, 1), f"{n:,}") for n in range(step, down + 1, step)]
    return above + below


def _round(step: float) -> int:
    """Give the next 1, 2 or 5, with noughts."""
    size = 1
    while True:
        for first in (1, 2, 5):
            if first * size >= step:
                return first * size
        size *= 10


def _days(days: Sequence[ChartDay], place: float) -> list[Mark]:
    """Name a few days: Mondays of a longer time, so that weeks can be told."""
    mondays = [n for n, it in enumerate(days) if it.day.weekday() == 0]
    named = mondays if len(days) > 2 * LABELS else list(range(len(days)))
    every = max(1, -(-len(named) // LABELS))
    last = len(named) - 1
    kept = [n for number, n in enumerate(named) if (last - number) % every == 0]
    return [Mark(round((n + 0.5) * place, 3), f"{days[n].day.day} {days[n].day:%b}") for n in kept]


def _parts(days: Sequence[ChartDay]) -> tuple[Part, ...]:
    sums: dict[Part, int] = {
        "passing": sum(it.passing for it in days),
        "failing": sum(it.failing for it in days),
        "forwarded": sum(it.forwarded for it in days),
    }
    return tuple(part for part, messages in sums.items() if messages)


def _words(days: Sequence[ChartDay]) -> str:
    reported = [it for it in days if it.messages]
    messages, passing = sum(it.messages for it in reported), sum(it.passing for it in reported)
    busiest = max(reported, key=lambda it: it.messages)
    worst = min(reported, key=lambda it: it.passing / it.messages)
    said = [
        f"{len(days)} days to {days[-1].day}: {counted(messages, 'message')}, {share(passing, messages)} passing",
        f"the most on {busiest.day} ({busiest.messages:,})",
    ]
    if worst.passing < worst.messages:
        said.append(f"the lowest pass rate on {worst.day} ({share(worst.passing, worst.messages)})")
    if len(reported) < len(days):
        said.append(f"no mail reported on {counted(len(days) - len(reported), 'day')}")
    return f"{'; '.join(said)}."
