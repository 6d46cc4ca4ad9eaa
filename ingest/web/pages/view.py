"""What every page is made of: tables whose rows are shown and written as CSV alike, links, and what is not there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Literal
from urllib.parse import quote, urlencode

from ingest.web.filters import LONGEST

DIGITS: Final = 18
"""Of a key: more do not fit into 64 bits."""

Value = str | int | float | bool | date | datetime | None
"""What a cell holds, and CSV writes; a float is a share of one, None is nothing to tell."""
Query = Mapping[str, str | int | date | None]
Kind = Literal[
    "text", "code", "number", "share", "change", "day", "moment", "level", "verdict", "outcome", "result"
]
"""How a column is shown."""


class NothingThereError(LookupError):
    """What was asked for is not in the database; the message is a sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a row."""

    value: Value
    """As CSV has it."""
    href: str | None = None
    """Where it leads, from the root of the pages, made by `address`."""
    notes: tuple[str, ...] = ()
    """Quiet words beneath it, a line each; CSV leaves them out."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    """In CSV: snake_case, as the views name it (docs/schema.md)."""
    title: str
    """For people, with its unit where the number has one."""
    kind: Kind = "text"
    shown: bool = True
    """False: in CSV alone, since the page tells it in another shape."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page. Its rows are what is shown, and what `?format=csv&table=NAME` writes."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    bound: str | None = None
    """What the rows are the first of, where they are not all: "the newest 10,000 records"."""
    following: str | None = None
    """Address of the rows that follow."""
    empty: str = "Nothing to show."
    """What stands there without rows."""


@dataclass(frozen=True, slots=True)
class Crumb:
    """A step of the way from the overview to a page."""

    text: str
    href: str | None = None
    """None: it is this page."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure that a page leads with."""

    title: str
    figure: str
    more: str | None = None
    look: Literal["act", "look"] | None = None
    """What it wants; the words say it too."""
    anchor: str | None = None
    """Where on the page the words beneath lead."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is said of what a page is about."""

    title: str
    cell: Cell
    kind: Kind = "text"


class Place(StrEnum):
    """Where in the navigation a page belongs."""

    OVERVIEW = "overview"
    REPORTS = "reports"
    LEDGER = "ledger"
    CONFLICTS = "conflicts"
    ABOUT = "about"


@dataclass(frozen=True, kw_only=True)
class View:
    """What every page has; each adds its own."""

    title: str
    place: Place
    crumbs: tuple[Crumb, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)


def address(*parts: str | int, **query: str | int | date | None) -> str | None:
    """Write the address of a page, from the root of the pages; what is None is left out.

    None where a stranger's name is longer than what an address may hold: there is no such page.
    """
    if any(isinstance(it, str) and len(it) > LONGEST for it in (*parts, *query.values())):
        return None
    path = "/".join(quote(str(part), safe="") for part in parts)
    asked = urlencode({name.rstrip("_"): value for name, value in query.items() if value is not None})
    return f"/{path}?{asked}" if asked else f"/{path}"


def key_of(after: str | None) -> int | None:
    """Read the key after which a list goes on. Raises NothingThereError."""
    if after is None:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= DIGITS):
        raise NothingThereError("there is no page that begins there")
    return int(after)
