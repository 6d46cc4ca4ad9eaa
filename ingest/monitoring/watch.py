"""How the mailboxes of a running daemon are doing: what their threads tell in, standings at this moment out.

Durations are of the monotonic clock, so that a clock that jumps makes nobody ill; moments in UTC are for people.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock

from ingest.monitoring import metrics
from ingest.tally import Tally

STUCK_SECONDS = 900.0
"""Without a sign of life from a thread: a poll shows one at every message, a thread that waits every minute, and no
connection, no statement and no wait for new mail lasts so long."""

PATIENCE_POLLS = 3
PATIENCE_SECONDS = 300.0
"""Failures for so many polls, and at least so long, are more than a server that restarts."""


def patience(poll_seconds: float) -> float:
    """Give the seconds that a mailbox may go without a poll that went through."""
    return max(PATIENCE_POLLS * poll_seconds, PATIENCE_SECONDS)


class State(StrEnum):
    """What is being done about a mailbox."""

    STARTING = "starting"
    STANDING_BY = "standing_by"
    """Another daemon works on it."""
    POLLING = "polling"
    WATCHING = "watching"
    """Connected, to be told of new mail."""
    WAITING = "waiting"
    """Until the next poll is due."""
    AWAY = "away"
    """Something was wrong; it is tried again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One mailbox at one moment; seconds count back from it."""

    name: str
    state: State
    silent_seconds: float
    """Since the last sign of life."""
    polled_at: datetime | None
    """End of the last poll that went through, in this process."""
    polled_seconds: float | None
    polled_messages: int | None
    """That it found."""
    progress_seconds: float | None
    """Since the last message that a poll took."""
    failing_seconds: float | None
    """Since the first failure after the last poll that went through."""
    error: str | None
    """The last failure; None once a poll has gone through."""
    error_at: datetime | None
    refused: bool
    """Whether it was a refusal, which will not pass by itself."""

    def problem(self, patience: float) -> str | None:
        """Say what a person should look into; `patience` is how many seconds of failures are none of it.

        A poll that goes on taking messages is well, however often its connection is cut.
        """
        if self.silent_seconds > STUCK_SECONDS:
            minutes = int(self.silent_seconds // 60)
            return f"{self.name}: no sign of life for {minutes} minutes: restart ruamill, and report this"
        if self.state is State.STANDING_BY or self.failing_seconds is None:
            return None
        progressing = self.progress_seconds is not None and self.progress_seconds < patience
        passing = self.failing_seconds < patience or progressing
        return f"{self.name}: {self.error}" if self.refused or not passing else None


@dataclass(slots=True)
class _Mailbox:
    """What was told of one mailbox; clock times are monotonic."""

    alive: float
    state: State = State.STARTING
    progressed: float | None = None
    polled: tuple[float, datetime, int] | None = None
    failing: float | None = None
    failed: tuple[str, datetime] | None = None
    refused: bool = False

    def is_well(self) -> None:
        self.failing, self.failed, self.refused = None, None, False


class Watch:
    """Keeps what the mailboxes' threads tell, and counts their polls for /metrics; every thread may call it."""

    def __init__(
        self, names: Iterable[str], poll_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.patience = patience(poll_seconds)
        self._clock = clock
        self._lock = Lock()
        self._mailboxes = {name: _Mailbox(clock()) for name in names}
        metrics.expect(self._mailboxes)

    def enter(self, source: str, state: State) -> None:
        """Take note of what is done from now on; a sign of life too."""
        with self._lock:
            mailbox = self._alive(source)
            mailbox.state = state
            if state is State.STANDING_BY:
                mailbox.is_well()

    def beat(self, source: str) -> None:
        """Take note of a sign of life; in a poll, of a message that was taken."""
        with self._lock:
            mailbox = self._alive(source)
            if mailbox.state is State.POLLING:
                mailbox.progressed = mailbox.alive

    def polled(self, source: str, tally: Tally) -> None:
        """Take note of a poll that went through."""
        metrics.POLLS.labels(source, metrics.Result.DONE).inc()
        with self._lock:
            mailbox = self._alive(source)
            mailbox.polled = (mailbox.alive, datetime.now(UTC), tally.seen)
            mailbox.is_well()

    def failed(self, source: str, error: str, *, refused: bool = False) -> None:
        """Take note of what stopped a poll, or kept it from beginning; `refused`: waiting will not mend it."""
        metrics.POLLS.labels(source, metrics.Result.REFUSED if refused else metrics.Result.FAILED).inc()
        with self._lock:
            mailbox = self._alive(source)
            mailbox.failing = mailbox.alive if mailbox.failing is None else mailbox.failing
            mailbox.failed = (error, datetime.now(UTC))
            mailbox.refused = refused

    def stuck(self) -> list[str]:
        """Name the mailboxes whose threads have given no sign of life for STUCK_SECONDS."""
        return [it.name for it in self.standings() if it.silent_seconds > STUCK_SECONDS]

    def standings(self) -> list[Standing]:
        """Give all mailboxes as they are now."""
        with self._lock:
            now = self._clock()
            return [_standing(name, mailbox, now) for name, mailbox in self._mailboxes.items()]

    def _alive(self, source: str) -> _Mailbox:
        mailbox = self._mailboxes[source]
        mailbox.alive = self._clock()
        return mailbox


def _standing(name: str, mailbox: _Mailbox, now: float) -> Standing:
    polled, polled_at, polled_messages = mailbox.polled or (None, None, None)
    error, error_at = mailbox.failed or (None, None)

    def since(moment: float | None) -> float | None:
        return None if moment is None else now - moment

    return Standing(
        name=name,
        state=mailbox.state,
        silent_seconds=now - mailbox.alive,
        polled_at=polled_at,
        polled_seconds=since(polled),
        polled_messages=polled_messages,
        progress_seconds=since(mailbox.progressed),
        failing_seconds=since(mailbox.failing),
        error=error,
        error_at=error_at,
        refused=mailbox.refused,
    )
