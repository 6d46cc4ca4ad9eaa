"""Names and numbers in, as a sentence or a subject has them, out."""

from collections.abc import Sequence
from typing import Final

from summary.hosts import OWN_SERVERS
from summary.sources import NOBODY_KNOWN
from summary.words import counted

LONGEST: Final = 60
"""Characters of a name; the owner of a network chose it."""
NAMED: Final = 3
"""Names in a sentence; the others are counted."""


def named(names: Sequence[str]) -> str:
    """Name a few, and count the others."""
    shown = [short(it) for it in names[:NAMED]]
    if len(names) > NAMED:
        return f"{', '.join(shown)} and {len(names) - NAMED:,} more"
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def short(name: str) -> str:
    """Cut a name that a stranger chose."""
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}…"


def first_up(text: str) -> str:
    """Begin a sentence."""
    return f"{text[:1].upper()}{text[1:]}"


def source_is(who: str) -> str:
    """Name a source and say "is" or "are" of it."""
    return f"{short(who)} {'are' if who in {OWN_SERVERS, NOBODY_KNOWN} else 'is'}"


def share(part: int, whole: int, one: str) -> str:
    """Write how many of how many things."""
    return f"all {counted(whole, one)}" if part == whole else f"{part:,} of {counted(whole, one)}"


def percent(part: int, whole: int) -> str:
    """Write a share; what is not all of it is never 100 %."""
    return "100%" if part == whole else f"{part * 1000 // whole / 10}%"
