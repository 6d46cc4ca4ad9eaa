"""When somebody may be asked again: what became of the questions so far in, seconds to wait out.

A token bucket keeps the rate, a circuit breaker keeps away from whoever wants it or does not answer. Nothing here
sleeps or reads a clock: `now` is monotonic seconds. Several threads may use one object.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from enrich.values import NAMES, ORIGIN

PER_MINUTE: Final[Mapping[str, float]] = {
    # LACNIC grants 10 a minute and 1000 an hour, and blocks for minutes whoever asks for more.
    "lacnic": 8,
    # Name servers answer out of their caches; 50 a second trouble none of them.
    ORIGIN: 3000,
    NAMES: 3000,
}
OTHERS_PER_MINUTE: Final = 60
"""Of whoever is not named: no other registry publishes a number."""

LARGEST_BURST: Final = 5.0
BURST_SECONDS: Final = 5
"""At once as much may be asked as the rate allows in this time, but one question at least: whoever counts 10 a minute
counts a burst on top of a steady 8."""

FIRST_CLOSING: Final = 60.0
LONGEST_CLOSING: Final = 3600.0
"""Seconds for which nobody is asked; they double each time until somebody answers."""
SHORTEST_RETRY_AFTER: Final = 1.0
LONGEST_RETRY_AFTER: Final = 86_400.0
"""Seconds within which a Retry-After is believed; 0 would mean to go on at the pace that was too much."""

ROUNDING: Final = 1e-6
"""Of a token: whoever waited for as long as was said is not told to wait for another billionth of a second."""

UNREACHED_IN_A_ROW: Final = 3
FAILED_IN_A_ROW: Final = 10
"""Questions that reached nobody, and questions that failed at all, after which nobody is asked for a while.

A name that cannot be had is its zone's failure, and many zones are dead: name servers that answer are asked on.
"""


@dataclass
class _Circuit:
    """One who is asked."""

    per_second: float
    burst: float
    tokens: float
    filled_at: float = -math.inf
    closed_until: float = -math.inf
    failures: int = 0
    unreached: int = 0
    closings: int = 0

    def wait(self, now: float) -> float:
        """Take a token if there is one; otherwise say how long there will be none."""
        if now < self.closed_until:
            return self.closed_until - now
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.per_second)
        self.filled_at = now
        if self.tokens < 1 - ROUNDING:
            return (1 - self.tokens) / self.per_second
        self.tokens -= 1
        return 0.0

    def close(self, seconds: float, now: float) -> None:
        """Let nobody ask for a while, and then with one question first."""
        self.closed_until = max(self.closed_until, now + seconds)
        self.filled_at = self.closed_until
        self.tokens = 1.0

    def back_off(self, now: float) -> None:
        """Close, longer each time; questions that were under way when it closed change nothing."""
        if now < self.closed_until:
            return
        self.close(min(FIRST_CLOSING * 2.0**self.closings, LONGEST_CLOSING), now)
        self.closings += 1


class Pace:
    """The pace towards everybody that is asked, by name: a registry, ORIGIN, NAMES."""

    def __init__(self, per_minute: Mapping[str, float] | None = None) -> None:
        self._per_minute = {**PER_MINUTE, **(per_minute or {})}
        self._circuits: dict[str, _Circuit] = {}
        self._lock = Lock()

    def wait(self, who: str, now: float) -> float:
        """Give the seconds until `who` may be asked; 0: now, and the question is counted."""
        with self._lock:
            return self._circuit(who).wait(now)

    def answered(self, who: str) -> None:
        """Note that a question was answered, if only by "not found"."""
        with self._lock:
            circuit = self._circuit(who)
            circuit.failures = circuit.unreached = circuit.closings = 0

    def limited(self, who: str, retry_after: float | None, now: float) -> None:
        """Note that `who` asks for a pause: of so many seconds, or without a number."""
        with self._lock:
            circuit = self._circuit(who)
            circuit.failures += 1
            if retry_after is None:
                circuit.back_off(now)
            else:
                circuit.close(min(max(retry_after, SHORTEST_RETRY_AFTER), LONGEST_RETRY_AFTER), now)

    def failed(self, who: str, now: float, reached: bool) -> None:
        """Note that a question was not answered, or by nothing that can be used."""
        with self._lock:
            circuit = self._circuit(who)
            circuit.failures += 1
            circuit.unreached = 0 if reached else circuit.unreached + 1
            if circuit.unreached >= UNREACHED_IN_A_ROW or (
                who != NAMES and circuit.failures >= FAILED_IN_A_ROW
            ):
                circuit.back_off(now)

    def closed_for(self, who: str, now: float) -> float:
        """Give the seconds for which `who` is left alone."""
        with self._lock:
            return max(0.0, self._circuit(who).closed_until - now)

    def close_for(self, who: str, seconds: float, now: float) -> None:
        """Go on with a pause that was noted before this process began."""
        with self._lock:
            self._circuit(who).close(seconds, now)

    def failures(self, who: str) -> int:
        """Count the questions in a row, up to now, that were not answered."""
        with self._lock:
            return self._circuit(who).failures

    def _circuit(self, who: str) -> _Circuit:
        if who not in self._circuits:
            per_second = self._per_minute.get(who, OTHERS_PER_MINUTE) / 60
            burst = min(LARGEST_BURST, max(1.0, per_second * BURST_SECONDS))
            self._circuits[who] = _Circuit(per_second, burst, tokens=burst)
        return self._circuits[who]
