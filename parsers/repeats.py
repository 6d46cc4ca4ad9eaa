"""An element's XML in, what was read from the same XML before out: reports repeat themselves and one another.

Of a hundred times that a receiver tells what DKIM and SPF came to, ninety-odd tell what was told before to the letter.
An element is known by its XML alone, so nothing here knows what elements mean.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from lxml.etree import _Element, tostring

from parsers.journal import Journal
from parsers.values import Dialect

MOST: Final = 1 << 11
"""Elements that are remembered: three megabytes. Twice as many would save one hundredth of the reading."""
LONGEST: Final = 1_000
"""Characters of an element's XML; what is longer is seldom said twice."""


class Setting(NamedTuple):
    """What decides, besides its XML, how an element is read."""

    dialect: Dialect
    namespace: str
    """That of the root."""
    own_namespace: str
    """That of the child of the root in which the element stands."""
    text_bytes: int
    results: int


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What was read from an element."""

    value: Any
    """Never changed by who gets it."""
    journal: Journal


_known: Final[dict[tuple[str, Setting], Known]] = {}


def said(element: _Element) -> str | None:
    """Give an element's XML where it may be said again: names outside ASCII are converted so many times a report only."""
    xml = tostring(element, encoding="unicode", with_tail=False)
    return xml if len(xml) <= LONGEST and xml.isascii() else None


def recall(xml: str, setting: Setting) -> Known | None:
    """Give what was read from the same XML in the same setting, if it is remembered."""
    return _known.get((xml, setting))


def remember(xml: str, setting: Setting, known: Known) -> None:
    """Keep what was read; of all that is kept nothing once it is too much."""
    if len(_known) >= MOST:
        _known.clear()
    _known[xml, setting] = known
