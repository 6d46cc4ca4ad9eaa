"""Who reports in; a table of them out."""

from collections.abc import Sequence
from typing import Final

from ingest.web.pages.view import Cell, Column, Table, address
from store.pages.domain import ReporterRow

COLUMNS: Final = (
    Column("reporter", "Reporter"),
    Column("reports", "Reports", "number"),
    Column("messages", "Messages", "number"),
    Column("last_day", "Last day", "day"),
)


def table(domain: str, found: Sequence[ReporterRow], *, bound: str | None = None) -> Table:
    """Give a table of those who report about a domain."""
    rows = tuple(
        (
            Cell(it.reporter, it.reporter and address("reports", domain=domain, reporter=it.reporter)),
            Cell(it.reports),
            Cell(it.messages),
            Cell(it.last_day),
        )
        for it in found
    )
    return Table("reporters", "Who reports", COLUMNS, rows, bound, empty="Nobody reported in this period.")
