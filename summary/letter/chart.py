"""Messages by day in; bars, and the same in words, out: what passes upward, what fails downward, so that no colour is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from store.figures import Day
from summary.letter.words import share
from summary.words import counted

DAYS: Final = 30
HEIGHT: Final = 64
"""Pixels of the highest bar and the lowest one together."""
SEEN: Final = 2
"""Pixels that a bar has at least, so that a single message shows."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A day, in pixels."""

    passing: int
    failing: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The days up to the newest reported one."""

    bars: tuple[Bar, ...]
    """One for each day; nothing on a day without a report."""
    first_day: str
    last_day: str
    words: str
    """What the picture shows, for whoever does not see it."""

    @property
    def above(self) -> int:
        """Pixels above the base line."""
        return max(it.passing for it in self.bars)


def chart(days: Sequence[Day]) -> Chart | None:
    """Draw the days; None where there is nothing to draw."""
    by_day = {it.day: it for it in days if it.messages}
    if not by_day:
        return None
    last = max(by_day)
    every = [last - timedelta(days=back) for back in reversed(range(DAYS))]
    shown = [by_day.get(day, Day(day, 0, 0)) for day in every]
    highest = max(it.passing for it in shown) + max(it.messages - it.passing for it in shown)
    bars = tuple(
        Bar(_pixels(it.passing, highest), _pixels(it.messages - it.passing, highest)) for it in shown
    )
    return Chart(bars, f"{every[0]}", f"{last}", _words(shown, last))


def _pixels(messages: int, highest: int) -> int:
    return max(SEEN, round(HEIGHT * messages / highest)) if messages else 0


def _words(days: Sequence[Day], last: date) -> str:
    reported = [it for it in days if it.messages]
    messages, passing = sum(it.messages for it in reported), sum(it.passing for it in reported)
    busiest = max(reported, key=lambda it: it.messages)
    worst = min(reported, key=lambda it: it.passing / it.messages)
    said = [
        f"{DAYS} days to {last}: {counted(messages, 'message')}, {share(passing, messages)} passing",
        f"the most on {busiest.day} ({busiest.messages:,})",
    ]
    if worst.passing < worst.messages:
        fails = f"{worst.messages - worst.passing:,} of {worst.messages:,} fail"
        said.append(f"the lowest pass rate on {worst.day} ({share(worst.passing, worst.messages)}: {fails})")
    if len(reported) < len(days):
        said.append(f"no mail reported on {counted(len(days) - len(reported), 'day')}")
    return f"{'; '.join(said)}."
