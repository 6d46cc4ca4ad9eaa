"""The views and the tables in docs/schema.md, as store.views and store.schema have them.

`python -m tests.store.schema_page --write` writes them anew; without --write it prints the page.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy import Column, Table, UniqueConstraint, make_url

from store.migrate import HEAD
from store.schema import metadata
from store.views import TYPES, VIEWS, View

DOCUMENT = Path(__file__).parents[2] / "docs" / "schema.md"
BEGIN, END = "<!-- schema:begin -->", "<!-- schema:end -->"
DIALECTS = [make_url(f"{engine}://").get_dialect()() for engine in ("postgresql", "sqlite")]


def row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Write a table of Markdown."""
    yield from ("", row(*head), row(*["---"] * len(head)))
    yield from (row(*cells) for cells in rows)


def types() -> Iterator[str]:
    """Tell what the words for types mean."""
    names = ((f"`{name}`", *engines) for name, engines in TYPES.items())
    yield from grid(("type", "on PostgreSQL", "on SQLite"), names)


def view(name: str, it: View) -> Iterator[str]:
    """Tell of one view."""
    yield from ("", f"### {name}", "", f"{it.comment}.")
    if not it.shown:
        yield from ("", "A role of `ruamill db grant-analyst` does not see it: it shows real mail.")
    columns = (
        (f"`{name}`", each.type.value, "" if each.nullable else "never", each.comment)
        for name, each in it.columns.items()
    )
    yield from grid(("column", "type", "NULL", "what it is"), columns)


def keys(column: Column[object]) -> str:
    """Tell what a column is a key to."""
    parents = [f"→ {key.target_fullname}" for key in column.foreign_keys]
    return ", ".join((["key"] if column.primary_key else []) + parents)


def column_cells(column: Column[object]) -> tuple[str, ...]:
    kinds = (column.type.compile(dialect).lower() for dialect in DIALECTS)
    null = "" if column.nullable else "never"
    return (f"`{column.name}`", *kinds, null, keys(column), column.comment or "")


def indexes(table: Table) -> Iterator[str]:
    """Tell which columns are unique together, and which are found by an index."""
    unique = [it for it in table.constraints if isinstance(it, UniqueConstraint)]
    lines = [f"unique: {', '.join(column.name for column in it.columns)}" for it in unique]
    for index in table.indexes:
        where = index.dialect_options["postgresql"]["where"]
        words = f"{', '.join(column.name for column in index.columns)}{f' where {where}' if where is not None else ''}"
        lines.append(f"{'unique' if index.unique else 'index'}: {words}")
    if lines:
        yield ""
        yield from (f"- {line}" for line in sorted(lines, key=lambda line: (line.startswith("index"), line)))


def table(it: Table) -> Iterator[str]:
    """Tell of one table."""
    yield from ("", f"### {it.name}", "", f"{it.comment}.")
    yield from grid(
        ("column", "PostgreSQL", "SQLite", "NULL", "key", "what it is"), map(column_cells, it.columns)
    )
    yield from indexes(it)


def body() -> Iterator[str]:
    """Write what comes from the code."""
    yield from (f"This is schema **{HEAD}**.", "", "## Views")
    yield from grid(
        ("view", "a row is about"), ((f"[{name}](#{name})", it.comment) for name, it in VIEWS.items())
    )
    yield from types()
    for name, it in VIEWS.items():
        yield from view(name, it)
    yield from ("", "## Tables", "", "What is under the views. A migration may change them at any time.")
    for each in sorted(metadata.tables.values(), key=lambda it: it.name):
        yield from table(each)


def page(written: str) -> str:
    """Put what comes from the code between the marks of a page."""
    before, _, rest = written.partition(BEGIN)
    after = rest.partition(END)[2]
    return before + "\n".join((BEGIN, *body(), END)) + after


def main() -> None:
    """Write the page anew, or print it."""
    made = page(DOCUMENT.read_text(encoding="utf-8"))
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(made, encoding="utf-8")
    else:
        print(made)  # noqa: T201 (it was asked for)


if __name__ == "__main__":
    main()
