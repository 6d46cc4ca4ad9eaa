"""Figures and strangers' strings in; what a reader sees of them out."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar
from unicodedata import category
from zoneinfo import ZoneInfo

T = TypeVar("T")

BLANKS: Final = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters that nobody sees."""
MARKS: Final = 3
"""Combining marks on one letter; no language has more."""
LONGEST_NAME: Final = 80
"""Characters of a name: strangers choose them."""


def printable(text: str) -> str:
    """Write out by its number what has no shape of its own, turns the direction, or piles up on a letter: `<U+202E>`."""
    if text.isascii() and text.isprintable():
        return text
    written, marks = [], 0
    for char in text:
        marks = marks + 1 if category(char) in {"Mn", "Me"} else 0
        written.append(_visible(char) if marks <= MARKS else _number(char))
    return "".join(written)


def _visible(char: str) -> str:
    if char.isprintable() and char not in BLANKS:
        return char
    return " " if category(char) == "Zs" else _number(char)


def _number(char: str) -> str:
    return f"<U+{ord(char):04X}>"


def clipped(text: str, longest: int = LONGEST_NAME) -> str:
    """Shorten."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def cleaned(value: T, longest: int) -> T:
    """Make every string in a value printable and no longer than that, however deep it is in it."""
    found: Any = value
    if type(found) is str:
        return clipped(printable(found[:longest]), longest)  # type: ignore[return-value]  # a str for a str
    if isinstance(found, tuple):
        return tuple(cleaned(it, longest) for it in found)  # type: ignore[return-value]  # no named ones here
    if is_dataclass(found):
        parts = {it.name: cleaned(getattr(found, it.name), longest) for it in fields(found)}
        return replace(found, **parts)  # type: ignore[type-var,return-value]  # an instance, of the same class
    return value


def named(names: Iterable[str], most: int) -> str:
    """Write the first names, and count the others."""
    every = [clipped(name) for name in names]
    more = len(every) - most
    return f"{', '.join(every[:most])} and {more:,} more" if more > 0 else ", ".join(every)


def share(part: int, whole: int) -> str:
    """Write a share in per cent, cut and not rounded, so that 100% means all of it."""
    return f"{part * 1000 // whole / 10:.1f}%" if whole else "-"


def moment(at: datetime, timezone: ZoneInfo) -> str:
    """Write a moment in a time zone."""
    return at.astimezone(timezone).strftime("%Y-%m-%d %H:%M")


def period(days: Sequence[Any]) -> str:
    """Write the first and the last of some days."""
    first, last = min(days), max(days)
    return f"{first}" if first == last else f"{first} to {last}"
