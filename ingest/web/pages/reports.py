"""`/reports`: the reports that were taken in, those about the newest days first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ingest.web.filters import Reports
from ingest.web.pages.view import Cell, Column, Crumb, Place, Table, View, address, key_of
from store.pages.reports import Filter, ReportRow, domain_names, reporter_names, reports
from store.pages.values import Rows
from store.readonly import Connection

COLUMNS: Final = (
    Column("day", "Day", "day"),
    Column("reporter", "Reporter"),
    Column("policy_domain", "About"),
    Column("report_id", "Report id"),
    Column("records", "Records", "number"),
    Column("messages", "Messages", "number"),
    Column("state", "State"),
    Column("ingested_at", "Came in", "moment"),
    Column("report", "Report", shown=False),
)
MOST: Final = 500
"""Names that can be chosen from a list; of more of them, one is typed."""
NO_SUCH: Final = "No report fits this filter."
NONE: Final = "No report was taken in yet: `ruamill poll` reads the mailboxes that are configured, `ruamill ingest PATH` takes files."

Options = tuple[tuple[str | None, str], ...]


@dataclass(frozen=True, kw_only=True)
class ReportsView(View):
    """Reports."""

    asked: Reports
    domains: Options | None
    """None: too many to choose from."""
    reporters: Options | None

    @property
    def filtered(self) -> bool:
        """Whether some are left out."""
        return _filters(self.asked)


def build(connection: Connection, asked: Reports, today: date) -> ReportsView:
    """Show a page of reports. Raises NothingThereError, UnknownPlaceError."""
    del today
    chosen = Filter(asked.domain, asked.reporter, asked.since, asked.until)
    found = reports(connection, chosen, key_of(asked.after))
    return view(found, asked, domain_names(connection), reporter_names(connection))


def view(
    found: Rows[ReportRow], asked: Reports, domains: Sequence[str], reporters: Sequence[str]
) -> ReportsView:
    """Say all of it. Pure."""
    following = found.following and address(
        "reports",
        domain=asked.domain,
        reporter=asked.reporter,
        from_=asked.since,
        to=asked.until,
        after=found.following,
    )
    return ReportsView(
        title="Reports",
        place=Place.REPORTS,
        crumbs=(Crumb("Reports"),),
        tables={
            "reports": table(found.rows, following=following, empty=NO_SUCH if _filters(asked) else NONE)
        },
        asked=asked,
        domains=_options(domains, asked.domain),
        reporters=_options(reporters, asked.reporter),
    )


def _filters(asked: Reports) -> bool:
    return any(it is not None for it in (asked.domain, asked.reporter, asked.since, asked.until))


def _options(names: Sequence[str], chosen: str | None) -> Options | None:
    if len(names) > MOST:
        return None
    every = sorted({*filter(None, names), *([chosen] if chosen else [])}, key=str.casefold)
    return ((None, "All"), *((name, name) for name in every if address(name)))


def table(
    found: Sequence[ReportRow],
    *,
    following: str | None = None,
    bound: str | None = None,
    empty: str = "No report.",
) -> Table:
    """Give a table of reports."""
    return Table(
        name="reports",
        caption="Reports, those about the newest days first",
        columns=COLUMNS,
        rows=tuple(map(_cells, found)),
        bound=bound,
        following=following,
        empty=empty,
    )


def _cells(it: ReportRow) -> tuple[Cell, ...]:
    here = address("reports", it.id)
    about = it.policy_domain and not it.is_foreign and address("domains", it.policy_domain)
    return (
        Cell(it.day, here),
        Cell(it.reporter, here),
        Cell(it.policy_domain, about or None),
        Cell(it.report_id),
        Cell(it.records),
        Cell(it.messages),
        Cell(state(counted=it.counted, whole=it.whole, is_foreign=it.is_foreign)),
        Cell(it.ingested_at),
        Cell(it.id),
    )


def state(*, counted: bool, whole: bool, is_foreign: bool) -> str:
    """Say what became of a report."""
    if is_foreign:
        return "not about a domain of yours: not counted"
    return ("counted" if counted else "not counted") + ("" if whole else ", damaged")
