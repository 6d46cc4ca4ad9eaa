"""What a run of look-ups did: addresses by what was found, queries by who was asked, seconds."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FIGURES = ("found", "not_found", "failed", "named", "nameless", "names_failed", "waiting")


@dataclass(slots=True)
class Looked:
    """Counts of addresses, as their answers are kept."""

    found: int = 0
    """Whose network is known now."""
    not_found: int = 0
    failed: int = 0
    named: int = 0
    nameless: int = 0
    names_failed: int = 0
    waiting: int = 0
    """That never had an answer, at the end."""
    queries: Counter[str] = field(default_factory=Counter)
    """By who was asked: a registry, origin, names."""
    closed: dict[str, float] = field(default_factory=dict)
    """Who is not asked now, and for how many seconds more."""
    advance: Callable[[int], object] = lambda addresses: None  # noqa: ARG005 (nobody watches)
    """Told how many more addresses are done: a progress bar."""
    expect: Callable[[int], object] = lambda addresses: None  # noqa: ARG005 (the same)
    """Told how many are to be done."""
    started: float = field(default_factory=time.monotonic)

    @property
    def is_news(self) -> bool:
        """Whether anything is known now that was not before."""
        return bool(self.found or self.not_found or self.named or self.nameless)

    def as_json(self) -> dict[str, Any]:
        """Give the one object that `--json` prints."""
        return {
            **{name: getattr(self, name) for name in FIGURES},
            "queries": dict(sorted(self.queries.items())),
            "closed": {who: round(seconds) for who, seconds in self.closed.items()},
            "seconds": round(time.monotonic() - self.started, 3),
        }
