"""What the doctor found: one line about one thing that was tried."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; everything works."""
    WARNING = "warning"
    """Something is missing that ruamill can do without, or will go wrong some day."""
    WRONG = "wrong"
    """ruamill cannot do its work until a person mends it."""
    SKIPPED = "skipped"
    """Not tried, because something before it is wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and the next step to take where there is one."""

    check: str
    level: Level
    text: str
    advice: str = ""


class DeadEndError(Exception):
    """A finding behind which nothing more can be tried."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def ok(check: str, text: str) -> Finding:
    """Tell what works."""
    return Finding(check, Level.OK, text)


def note(check: str, text: str, advice: str = "") -> Finding:
    """Tell what is worth knowing."""
    return Finding(check, Level.NOTE, text, advice)


def warning(check: str, text: str, advice: str) -> Finding:
    """Tell what will go wrong, or goes less well than it could."""
    return Finding(check, Level.WARNING, text, advice)


def wrong(check: str, text: str, advice: str) -> Finding:
    """Tell what keeps ruamill from its work."""
    return Finding(check, Level.WRONG, text, advice)


def to_the_end(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Give the findings up to a dead end, and say there that the rest was not tried."""
    try:
        yield from findings
    except DeadEndError as end:
        yield end.finding
        yield Finding(
            "the rest", Level.SKIPPED, "not tried: mend this first, then run `ruamill doctor` again"
        )
