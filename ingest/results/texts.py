"""Rows as CSV that is safe to open in a spreadsheet, and as JSON."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from json import dumps
from typing import Any, TextIO

from store.asking import Column, Value

FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[\s\"]*[=+\-@＝＋－＠]|[\t\r\n])")  # noqa: RUF001 (full-width ones count as well)
"""Where a spreadsheet could begin to compute (OWASP, CSV injection): at the beginning of a cell, and after a semicolon, a tab
or a line break, which some spreadsheets take for the end of one."""


@lru_cache(maxsize=100_000)  # the same names come again and again
def harmless(text: str) -> str:
    """Put an apostrophe where a spreadsheet would take what follows for a formula."""
    return FORMULA.sub("'", text)


CELLS: Mapping[type, Callable[[Any], Any]] = {
    str: harmless,
    bool: {False: "false", True: "true"}.__getitem__,
    date: date.isoformat,
    datetime: datetime.isoformat,
    int: int,
    float: float,
    type(None): lambda _: "",
}
"""How a value is written, by its type."""


def write_csv(columns: Sequence[Column], rows: Iterable[tuple[Value, ...]], file: TextIO) -> int:
    """Write CSV (RFC 4180) with a header; an empty cell is nothing known, or an empty text."""
    written = csv.writer(file)
    written.writerow(harmless(column.name) for column in columns)
    number = 0
    for row in rows:
        written.writerow([CELLS[type(value)](value) for value in row])
        number += 1
    return number


def write_json(columns: Sequence[Column], rows: Iterable[tuple[Value, ...]], file: TextIO) -> int:
    """Write a list of objects, one a line."""
    names = [column.name for column in columns]
    number = 0
    file.write("[")
    for row in rows:
        file.write(",\n" if number else "\n")
        file.write(_object(dict(zip(names, row, strict=True))))
        number += 1
    file.write("\n]\n" if number else "]\n")
    return number


def _object(row: Mapping[str, Value]) -> str:
    """Write one row; what could steer a terminal is escaped, which means the same in JSON."""
    text = dumps(row, ensure_ascii=False, allow_nan=False, default=_iso)
    return text if text.isprintable() else dumps(row, default=_iso)


def _iso(moment: date) -> str:
    return moment.isoformat()
