"""Reports by the newest day: a filter in, one page of them out."""

from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from store.pages.distinct import distinct
from store.pages.values import PER_PAGE, Rows, UnknownPlaceError, is_called
from store.schema import domain_day_rollup, is_short, report


@dataclass(frozen=True, slots=True)
class Filter:
    """Which reports; None: whichever."""

    domain: str | None = None
    reporter: str | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One report."""

    id: int
    """Its key."""
    reporter: str | None
    policy_domain: str | None
    report_id: str | None
    day: date
    begins_at: datetime | None
    ends_at: datetime | None
    ingested_at: datetime
    records: int
    messages: int
    counted: bool
    """False: it is in no sum."""
    whole: bool
    """False: only the records before a damaged place could be read."""
    is_foreign: bool
    """About a domain that is none of ours."""


def reports(connection: Connection, chosen: Filter, after: int | None = None) -> Rows[ReportRow]:
    """Give a page of reports, those about the newest days first; `after` the one with that key. Raises UnknownPlaceError."""
    columns = [report.c[field.name] for field in fields(ReportRow)]
    query = select(*columns).where(*_fitting(chosen), *_onwards(connection, after))
    query = query.order_by(report.c.day.desc(), report.c.id.desc()).limit(PER_PAGE + 1)
    found = tuple(ReportRow(*row) for row in connection.execute(query))
    if not found and after is not None:
        raise UnknownPlaceError
    following = str(found[PER_PAGE - 1].id) if len(found) > PER_PAGE else None
    return Rows(found[:PER_PAGE], following)


def reporter_names(connection: Connection) -> tuple[str, ...]:
    """Name everybody who reports, in order; but names longer than INDEXED."""
    return tuple(sorted(connection.scalars(distinct(report.c.reporter, is_short(report.c.reporter)))))


def domain_names(connection: Connection) -> tuple[str, ...]:
    """Name the domains that were reported about, in order."""
    return tuple(sorted(connection.scalars(distinct(domain_day_rollup.c.policy_domain))))


def _fitting(chosen: Filter) -> list[ColumnElement[bool]]:
    columns = report.c
    conditions = []
    if chosen.domain is not None:
        conditions.append(columns.policy_domain == chosen.domain)
    if chosen.reporter is not None:
        conditions.append(is_called(columns.reporter, chosen.reporter))
    if chosen.first_day is not None:
        conditions.append(columns.day >= chosen.first_day)
    if chosen.last_day is not None:
        conditions.append(columns.day <= chosen.last_day)
    return conditions


def _onwards(connection: Connection, after: int | None) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    day = connection.scalar(select(report.c.day).where(report.c.id == after))
    if day is None:
        raise UnknownPlaceError
    return [report.c.day <= day, or_(report.c.day < day, and_(report.c.day == day, report.c.id < after))]
