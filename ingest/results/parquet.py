"""Rows as Parquet, typed, in bounded memory. Needs pyarrow: the extra `parquet`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from store.asking import Column, Value
from store.views import Type

BATCH = 5_000
"""Rows that are made columns at once: as Python's values they take ten times the memory."""
GROUP = 100_000
"""Rows of a row group, at least."""

TYPES: Mapping[Type, Any] = {
    Type.TEXT: pa.string(),
    Type.ADDRESS: pa.string(),
    Type.INTEGER: pa.int64(),
    Type.NUMBER: pa.float64(),
    Type.BOOLEAN: pa.bool_(),
    Type.DATE: pa.date32(),
    Type.MOMENT: pa.timestamp("us", tz="UTC"),
}


def write(columns: Sequence[Column], rows: Iterable[tuple[Value, ...]], file: BinaryIO) -> int:
    """Write a file of row groups; return how many rows."""
    schema = pa.schema([(column.name, TYPES[column.type]) for column in columns])
    number = 0
    with ParquetWriter(file, schema, compression="zstd") as written:
        batches = _batches(schema, columns, rows)
        while group := list(islice(batches, GROUP // BATCH)):
            table = pa.Table.from_batches(group)
            written.write_table(table)
            number += table.num_rows
    return number


def _batches(schema: Any, columns: Sequence[Column], rows: Iterable[tuple[Value, ...]]) -> Iterator[Any]:  # noqa: ANN401 (pyarrow has no annotations)
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        arrays = [
            pa.array(_exact(column, values), type=TYPES[column.type])
            for column, values in zip(columns, zip(*batch, strict=True), strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _exact(column: Column, values: Sequence[Value]) -> Sequence[Value]:
    """Make whole numbers, which a sum of PostgreSQL's may be, what the rest of the column is."""
    if column.type is not Type.NUMBER:
        return values
    return [float(value) if isinstance(value, int) else value for value in values]
