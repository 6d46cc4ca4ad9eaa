"""How long the database and the mailboxes have been away in, alerts about those away for too long out.

All of it is in this process's memory, and of the monotonic clock: it needs no database, and no clock that is right.
"""

import math
import time
from collections.abc import Callable, Iterator

from ingest.monitoring.watch import Standing, Watch
from summary.alerts import Alert, unreachable


class Outages:
    """What was unreachable for how long; the threshold is in minutes."""

    def __init__(self, watch: Watch, minutes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._watch = watch
        self._seconds = 60.0 * minutes
        self._clock = clock
        self._database_away: float | None = None
        self._database_back = -math.inf

    def answered(self) -> None:
        """Take note that the database answers."""
        if self._database_away is not None:
            self._database_away, self._database_back = None, self._clock()

    def failed(self, error: str) -> Alert | None:
        """Take note that the database does not answer; give the alert once that has lasted too long."""
        now = self._clock()
        self._database_away = now if self._database_away is None else self._database_away
        seconds = now - self._database_away
        return unreachable("database", error, _minutes(seconds)) if seconds >= self._seconds else None

    def mailboxes(self) -> Iterator[Alert]:
        """Give an alert for each mailbox that has been away too long while the database was there."""
        for it in self._watch.standings():
            seconds = self._away(it)
            if it.error and seconds >= self._seconds:
                yield unreachable(f"mailbox {it.name}", it.error, _minutes(seconds))

    def _away(self, standing: Standing) -> float:
        """Count the seconds without a message taken; a poll fails without the database too, which says nothing."""
        if standing.failing_seconds is None:
            return 0
        progress = math.inf if standing.progress_seconds is None else standing.progress_seconds
        return min(standing.failing_seconds, progress, self._clock() - self._database_back)


def _minutes(seconds: float) -> int:
    return int(seconds // 60)
