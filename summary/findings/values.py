"""What a letter tells of, as values: a finding, how much it wants, and from where on it is one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from summary.readiness import Readiness
from summary.sources import SourceLine


class Level(StrEnum):
    """How much a finding wants, the most first."""

    ACT = "act"
    LOOK = "look"
    WELL = "well"
    """Nothing: it is good to know."""


class Kind(StrEnum):
    """What a finding is about, the worst first."""

    NOW_FAILS = "now_fails"
    """A source that passed, or stood on both legs, and does no more."""
    OWN_SOURCE_FAILS = "own_source_fails"
    POLICY_WEAKENED = "policy_weakened"
    NO_REPORTS = "no_reports"
    RATE_DROPPED = "rate_dropped"
    NOTHING_PASSES = "nothing_passes"
    NEW_FAILING_SOURCE = "new_failing_source"
    INTAKE = "intake"
    REPORTER_SILENT = "reporter_silent"
    POLICY_CHANGED = "policy_changed"
    NEW_SOURCE = "new_source"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on something is worth a look; the settings of [summary]."""

    drop_points: float = 15
    drop_messages: int = 100
    silent_days: int = 2
    new_source_messages: int = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a postmaster should know."""

    level: Level
    kind: Kind
    what: str
    """A few words, as a subject has them: `Mimecast is failing DKIM`."""
    sentence: str
    """What happened, in one sentence with its figures."""
    next_step: str | None
    domain: str | None = None
    who: str | None = None
    number: int = 1
    """How many sources it is about."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What summary.sources and summary.readiness say of a domain."""

    lines: tuple[SourceLine, ...]
    """Of the reports in the window."""
    earlier: tuple[SourceLine, ...]
    """Of the reports of the 7 days before."""
    readiness: Readiness | None


_LEVELS: Final = tuple(Level)
_KINDS: Final = tuple(Kind)


def severity(level: Level) -> int:
    """Give what levels are sorted by, the worst first."""
    return _LEVELS.index(level)


def urgency(finding: Finding) -> tuple[int, int]:
    """Give what findings are sorted by, the worst first."""
    return severity(finding.level), _KINDS.index(finding.kind)
