"""What both engines share: the question before it is asked, the answer, and how errors are told."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from itertools import count, islice
from time import monotonic
from typing import Protocol

from store.schema import metadata
from store.views import VIEWS, Type

BATCH = 1_000
"""Rows that are taken from the database at once."""

Value = str | int | float | bool | date | None
"""What a cell may hold; a datetime, in UTC, is a date too."""

Row = tuple[Value, ...]

REFUSED = "only one SELECT is answered: a query never changes anything"

_BEGINNING = re.compile(r"(?:\s|\(|--[^\n]*|/\*.*?\*/)*(\w*)", re.DOTALL)
_PARAMETER = re.compile(
    r"""'[^']*(?:'|\Z) | "[^"]*(?:"|\Z) | --[^\n]* | /\*.*?(?:\*/|\Z) | ::  # none within these, closed or not
    | :(?P<name>domain|since|until)\b""",
    re.VERBOSE | re.DOTALL,
)


class AskingError(Exception):
    """The question is not answered; the text says why, and what to do, in one line.

    A server quotes values, which strangers wrote: what could steer a terminal is replaced.
    """

    def __init__(self, told: str) -> None:
        super().__init__(
            "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in told)
        )


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer; its name is its own."""

    name: str
    type: Type


class Answer:
    """Rows under their columns. They come from the database as they are taken, once."""

    def __init__(self, columns: tuple[Column, ...], rows: Iterator[Row], limit: int | None) -> None:
        self.columns = columns
        self.truncated = False
        """There were more rows than the limit; known once all are taken."""
        self._rows = rows
        self._limit = limit

    def __iter__(self) -> Iterator[Row]:
        """Give the rows, up to the limit."""
        yield from islice(self._rows, self._limit)
        self.truncated = self._limit is not None and next(self._rows, None) is not None


class Session(Protocol):
    """A connection that can only read."""

    def ask(self, sql: str, values: Mapping[str, str] | None = None, *, limit: int | None = None) -> Answer:
        """Ask one SELECT; `values` for its parameters. The rows of one answer are taken before the next question."""


class Patience:
    """How long the database may think; what the reader of its rows takes is not counted."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._left = seconds
        self._since: float | None = None

    @property
    def left(self) -> float:
        """Seconds; none are left at 0 and below."""
        return self._left - (0 if self._since is None else monotonic() - self._since)

    @contextmanager
    def thinking(self) -> Iterator[None]:
        """Count what happens within. Raises AskingError where nothing is left."""
        if self._left <= 0:
            raise self.lost()
        self._since = monotonic()
        try:
            yield
        finally:
            self._left, self._since = self.left, None

    def lost(self) -> AskingError:
        """Say that there was no answer in time."""
        return AskingError(
            f"no answer in {self._seconds:g} seconds; ask for fewer days, or give it longer with --timeout"
        )


def checked(sql: str) -> str:
    """Hold a question to what can be told by its text alone. Raises AskingError."""
    if "\0" in sql or not _is_text(sql):
        raise AskingError("the SQL is no text in UTF-8")
    word = _beginning(sql)
    if not word:
        raise AskingError("there is no SQL in it; give one SELECT")
    if word.lower() not in {"select", "with", "values"}:
        raise AskingError(f'"{word}": {REFUSED}')
    return sql


def _is_text(sql: str) -> bool:
    """Tell whether it has no lone surrogates, which stand for bytes of a command line that are no UTF-8."""
    return sql.encode(errors="replace").decode() == sql


def _beginning(sql: str) -> str:
    found = _BEGINNING.match(sql)
    return found[1] if found else ""


def parameters(sql: str) -> frozenset[str]:
    """Name the parameters that a question wants: domain, since, until."""
    return frozenset(found["name"] for found in _PARAMETER.finditer(sql) if found["name"])


def numbered(sql: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """Write `:name` as `$1`, as PostgreSQL wants it; the values in their order."""
    names = sorted(parameters(sql) & values.keys())

    def written(found: re.Match[str]) -> str:
        return f"${names.index(found['name']) + 1}" if found["name"] in names else found[0]

    return _PARAMETER.sub(written, sql), [values[name] for name in names]


def distinct(names: Iterable[str]) -> list[str]:
    """Give every column a name of its own: `day`, `day_2`."""
    told: list[str] = []
    for name in names:
        others = (f"{name}_{number}" for number in count(2))
        told.append(name if name not in told else next(other for other in others if other not in told))
    return told


def no_column(name: str, sql: str) -> AskingError:
    """Say that a column is not there, and which one may be meant."""
    words = set(re.findall(r"\w+", sql.lower()))
    named = [view for view_name, view in VIEWS.items() if view_name in words]
    known = {column for view in named or VIEWS.values() for column in view.columns}
    return AskingError(f'there is no column "{name}"{_meant(name, known)}')


def no_view(name: str) -> AskingError:
    """Say that a view or table is not there, and which one may be meant."""
    return AskingError(f'there is no view "{name}"{_meant(name, {*VIEWS, *metadata.tables})}')


def _meant(name: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(name.rpartition(".")[2].lower(), sorted(known), 1)
    return f'; did you mean "{nearest[0]}"?' if nearest else "; `ruamill query --list` shows what there is"
