"""What several pages show: a day of a chart, and one page of rows with the place at which the next one begins."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    and_,
    case,
    cast,
    func,
)

from store.schema import INDEXED, is_short

PER_PAGE: Final = 50
"""Rows of one page."""

Row = TypeVar("Row")


class UnknownPlaceError(LookupError):
    """There is no such page: it lies beyond the end, or what it began at is not there any more."""


@dataclass(frozen=True, slots=True)
class ChartDay:
    """Messages of a UTC day; every one is in one of the three."""

    day: date
    passing: int
    failing: int
    """Those that are not in `forwarded`."""
    forwarded: int = 0
    """Those that fail because they were passed on: nothing is wrong with them at home."""

    @property
    def messages(self) -> int:
        """All of them."""
        return self.passing + self.failing + self.forwarded


@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """One page of a list that may be long."""

    rows: tuple[Row, ...]
    following: str | None
    """Where the next page begins; None: this is the last one."""


def is_called(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Tell whether a stranger's text is this one, so that its partial index is of use."""
    return and_(column == name, is_short(column)) if len(name) <= INDEXED else column == name


def total(messages: ColumnElement[int]) -> ColumnElement[int]:
    """Sum up, as the number that it is: PostgreSQL's own sums are decimal, which take three times as long to read."""
    return cast(func.sum(messages), BigInteger)


def passing(sums: FromClause) -> ColumnElement[int]:
    """Sum up the messages in the sums by day that pass DMARC."""
    return total(case(((sums.c.dkim == "pass") | (sums.c.spf == "pass"), sums.c.messages), else_=0))
