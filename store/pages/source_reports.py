"""One source of a domain, from the reports themselves: who reports about it, and the records that name it.

What is asked of records looks at the newest days alone, as many as can be read in time; how many is told.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, or_, select

from store.pages import records as raw
from store.pages.domain import ReporterRow
from store.pages.records import RecordRow
from store.pages.source import Chosen, is_of
from store.pages.values import PER_PAGE, ChartDay, Rows, UnknownPlaceError, total
from store.schema import domain_day_rollup, record, report

_RECORD: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,9})")
"""Key of the report, and position in it."""
READ: Final = 40_000
"""Records of a domain that one page reads at most, but for a single day with more."""


@dataclass(frozen=True, slots=True)
class Reporters:
    """Who reports about a source."""

    rows: tuple[ReporterRow, ...]
    """Those with most messages first; `reports` are those that name the source."""
    first_day: date | None
    """The days from this one on were looked at; None: nothing was reported."""
    whole: bool
    """They are all days of the period."""


def reporters(connection: Connection, chosen: Chosen, days: Sequence[ChartDay]) -> Reporters:
    """Tell who reported about a source on the newest of its days."""
    newest = _newest(connection, chosen, [it.day for it in days])
    messages = total(record.c.messages)
    query = (
        select(report.c.reporter, func.count(report.c.id.distinct()), messages, func.max(report.c.day))
        .join_from(report, record)
        .where(*_reported(chosen, newest.days))
        .group_by(report.c.reporter)
        .order_by(messages.desc(), report.c.reporter)
    )
    rows = tuple(ReporterRow(*row) for row in connection.execute(query))
    return Reporters(rows, min(newest.days, default=None), newest.whole)


def records(
    connection: Connection, chosen: Chosen, days: Sequence[ChartDay], after: str | None = None
) -> Rows[RecordRow]:
    """Give a page of a source's records on its days, those of the newest reports first. Raises UnknownPlaceError.

    A page may have fewer than PER_PAGE of them, and another one follow.
    """
    start = _Start() if after is None else _start(connection, after)
    newest = _newest(connection, chosen, [it.day for it in days if it.day <= start.day])
    query = raw.selected().where(*_reported(chosen, newest.days), *start.onwards)
    query = query.order_by(report.c.day.desc(), record.c.report_key.desc(), record.c.ordinal)
    found = raw.read(connection, query.limit(PER_PAGE + 1))
    if not found and after:
        raise UnknownPlaceError
    if len(found) > PER_PAGE:
        last = found[PER_PAGE - 1]
        return Rows(found[:PER_PAGE], f"{last.report_key}.{last.ordinal}")
    # where nothing was found, the reports of these days were removed for their age, and so were those before
    return Rows(found, None if newest.whole or not found else min(newest.days).isoformat())


def _reported(chosen: Chosen, days: Sequence[date]) -> tuple[ColumnElement[bool], ...]:
    about = report.c.policy_domain == chosen.domain
    return about, report.c.counted, report.c.day.in_(days), is_of(record.c.source_ip, chosen)


@dataclass(frozen=True, slots=True)
class _Newest:
    """The newest of a source's days."""

    days: tuple[date, ...]
    whole: bool
    """They are all of them."""


def _newest(connection: Connection, chosen: Chosen, days: Sequence[date]) -> _Newest:
    """Choose as many days as have at most READ records of the domain; at least one."""
    sums = domain_day_rollup.c
    query = select(sums.day, total(sums.records)).where(
        sums.policy_domain == chosen.domain, sums.day.in_(days)
    )
    found = connection.execute(query.group_by(sums.day).order_by(sums.day.desc())).all()
    upto = accumulate(records for _, records in found)
    read = sum(records <= READ for records in upto)
    newest = tuple(day for day, _ in found)[: max(read, 1)]
    return _Newest(newest, len(newest) == len(found))


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a page of records begins."""

    day: date = date.max
    onwards: tuple[ColumnElement[bool], ...] = ()


def _start(connection: Connection, after: str) -> _Start:
    """Read a place: that of the last record that was shown, or the last day that was gone through."""
    if (place := _RECORD.fullmatch(after)) is None:
        return _Start(_day_before(after))
    key, ordinal = map(int, place.groups())
    day = connection.scalar(select(report.c.day).where(report.c.id == key))
    if day is None:
        raise UnknownPlaceError
    same = (report.c.id == key) & (record.c.ordinal > ordinal)
    return _Start(day, (or_(report.c.day < day, report.c.id < key, same),))


def _day_before(after: str) -> date:
    try:
        return date.fromisoformat(after) - timedelta(days=1)
    except (ValueError, OverflowError):
        raise UnknownPlaceError from None
