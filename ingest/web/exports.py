"""A table of a page in, the same rows as CSV out: safe to open in a spreadsheet."""

from enum import StrEnum
from io import StringIO
from typing import Final

from starlette.responses import Response

from ingest.results.texts import write_csv
from ingest.web.filters import BadParameterError
from ingest.web.pages.view import Kind, Table, Value, View
from store.asking import Column
from store.views import Type

TYPES: Final[dict[Kind, Type]] = {
    "number": Type.INTEGER,
    "share": Type.NUMBER,
    "change": Type.NUMBER,
    "day": Type.DATE,
    "moment": Type.MOMENT,
}
"""Of the kinds that are no text."""


def csv(view: View, name: str | None) -> Response:
    """Answer with a table of a view; the name may be left out where there is one table. Raises BadParameterError."""
    table = _table(view, name)
    columns = [Column(it.name, TYPES.get(it.kind, Type.TEXT)) for it in table.columns]
    written = StringIO(newline="")
    write_csv(columns, (tuple(_plain(cell.value) for cell in row) for row in table.rows), written)
    file = f'attachment; filename="ruamill-{table.name}.csv"'
    return Response(written.getvalue(), media_type="text/csv", headers={"Content-Disposition": file})


def _plain(value: Value) -> Value:
    """Write a word of ours as the word that it is."""
    return value.value if isinstance(value, StrEnum) else value


def _table(view: View, name: str | None) -> Table:
    tables = (
        list(view.tables.values()) if name is None else [it for it in view.tables.values() if it.name == name]
    )
    if len(tables) == 1:
        return tables[0]
    names = ", ".join(it.name for it in view.tables.values())
    raise BadParameterError(f"name one table of this page: {names}" if names else "this page has no table")
