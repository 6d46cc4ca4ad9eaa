"""Rows out: a table for people, CSV for spreadsheets, JSON and Parquet for programs; to standard output or into a file.

What goes to standard output cannot steer a terminal, directly or through a pipe. A file is there whole or not at all.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Literal

from ingest.configuration import ConfigurationError
from ingest.results import tables, texts
from ingest.results.files import OutputError, make_folder, replacing
from ingest.show import printable
from store.asking import Column, Value

__all__ = ["FORMS", "Form", "OutputError", "check", "make_folder", "replacing", "save", "show"]

Form = Literal["table", "csv", "json", "parquet"]
FORMS: tuple[Form, ...] = ("table", "csv", "json", "parquet")
Rows = Iterable[tuple[Value, ...]]

TEXTS = {"table": tables.write, "csv": texts.write_csv, "json": texts.write_json}


def check(form: Form, *, to_file: bool) -> None:
    """Hold a form to what this installation and the place it goes to can take. Raises ConfigurationError."""
    if form != "parquet":
        return
    if not to_file:
        raise ConfigurationError("Parquet is no text for standard output: give --output FILE")
    try:
        import pyarrow as pa  # noqa: F401, PLC0415 (optional)
    except ImportError:
        raise ConfigurationError(
            'Parquet needs pyarrow, which is not installed: pip install "ruamill[parquet]"'
        ) from None


def show(columns: Sequence[Column], rows: Rows, form: Form) -> int:
    """Write to standard output; return how many rows. Raises OutputError where it takes no more."""
    try:
        if form == "csv":
            columns = [Column(printable(column.name), column.type) for column in columns]
            rows = _cleaned(rows)
        number = TEXTS[form](columns, rows, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # whoever read it has enough
    except OSError as error:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # what is left is not tried again at the end
        raise OutputError(f"standard output: {error.strerror}") from error
    return number


def save(columns: Sequence[Column], rows: Rows, form: Form, path: Path) -> int:
    """Write a file, in the place of one that is there; return how many rows. Raises OutputError."""
    with replacing(path) as file:
        return _write(columns, rows, form, file)


def _write(columns: Sequence[Column], rows: Rows, form: Form, file: BinaryIO) -> int:
    if form == "parquet":
        from ingest.results import parquet  # noqa: PLC0415 (optional, and slow to import)

        return parquet.write(columns, rows, file)
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    number = TEXTS[form](columns, rows, text)
    text.detach()
    return number


def _cleaned(rows: Rows) -> Iterator[tuple[Value, ...]]:
    for row in rows:
        yield tuple(printable(value) if isinstance(value, str) else value for value in row)
