"""What a run did: messages by outcome, reports, records, seconds, and the rejected ones by name."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from store.outcomes import Outcome
from store.preparing import Prepared
from store.writer import Decision

REJECTED = frozenset({Outcome.CORRUPT, Outcome.REFUSED})
NAMED = REJECTED | {Outcome.PARTIAL, Outcome.RETRY, Outcome.CONFLICT, Outcome.UNSUPPORTED}
"""Outcomes that a person may want to look into."""
NAMED_LIMIT = 1_000
"""Messages that are named; more are only counted."""


@dataclass(frozen=True, slots=True)
class Named:
    """A message that a person may want to look into."""

    name: str
    outcome: Outcome
    reason: str


@dataclass(slots=True)
class Tally:
    """Counts as messages are committed."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    reports: int = 0
    records: int = 0
    tls_reports: int = 0
    failure_reports: int = 0
    named: list[Named] = field(default_factory=list)
    advance: Callable[[int], None] = lambda messages: None  # noqa: ARG005 (nobody watches)
    """Told how many more messages are done: a progress bar."""
    expect: Callable[[int], None] = lambda messages: None  # noqa: ARG005 (the same)
    """Told how many more messages are to be done."""
    started: float = field(default_factory=time.monotonic)

    def add(self, message: Prepared, decision: Decision) -> None:
        """Count one message."""
        self.advance(1)
        self.outcomes[decision.outcome] += 1
        self.reports += decision.reports
        self.records += decision.records
        self.tls_reports += decision.tls_reports
        self.failure_reports += decision.failure_reports
        if decision.outcome in NAMED and len(self.named) < NAMED_LIMIT:
            place, uid = message.sighting.place, message.sighting.uid
            name = (
                f"{place.folder}/{uid}" if place.source == "file" else f"{place.source} {place.folder} {uid}"
            )
            self.named.append(Named(name, decision.outcome, decision.reason or ""))

    @property
    def seen(self) -> int:
        """How many messages were looked at."""
        return self.outcomes.total()

    @property
    def rejected(self) -> int:
        """How many messages were meant to be reports and not taken."""
        return sum(self.outcomes[outcome] for outcome in REJECTED)

    def as_json(self) -> dict[str, Any]:
        """Give the one object that `--json` prints."""
        return {
            "messages": {"seen": self.seen, **{outcome.value: self.outcomes[outcome] for outcome in Outcome}},
            "reports": self.reports,
            "records": self.records,
            "seconds": round(time.monotonic() - self.started, 3),
        }
