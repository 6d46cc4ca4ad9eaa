"""Rows into forms: CSV that no spreadsheet computes in, files that are whole or not there."""

import csv
import json
import os
import resource
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import results
from ingest.results import Form, OutputError, tables, texts
from store.asking import Column, Value
from store.views import Type

COLUMNS = [Column("name", Type.TEXT), Column("number", Type.NUMBER)]
EVERY_TYPE = [
    Column("text", Type.TEXT),
    Column("address", Type.ADDRESS),
    Column("integer", Type.INTEGER),
    Column("number", Type.NUMBER),
    Column("boolean", Type.BOOLEAN),
    Column("date", Type.DATE),
    Column("moment", Type.MOMENT),
]
ROWS: list[tuple[Value, ...]] = [
    (
        'a "quoted", text',
        "2001:db8::1",
        -5,
        0.1,
        True,
        date(2026, 11, 1),
        datetime(2026, 11, 1, 1, 2, 3, tzinfo=UTC),
    ),
    (None,) * 7,
    ("two\nlines", "192.0.2.1", 2**63 - 1, 7, False, date(1, 1, 1), datetime(9999, 12, 31, tzinfo=UTC)),
]


def as_csv(columns: list[Column], rows: list[tuple[Value, ...]]) -> list[list[str]]:
    file = StringIO(newline="")
    texts.write_csv(columns, rows, file)
    return list(csv.reader(StringIO(file.getvalue(), newline=""), strict=True))


def test_csv_holds_every_type() -> None:
    assert as_csv(EVERY_TYPE, ROWS) == [
        ["text", "address", "integer", "number", "boolean", "date", "moment"],
        ['a "quoted", text', "2001:db8::1", "-5", "0.1", "true", "2026-11-01", "2026-11-01T01:02:03+00:00"],
        [""] * 7,
        ["two\nlines", "192.0.2.1", str(2**63 - 1), "7", "false", "0001-01-01", "9999-12-31T00:00:00+00:00"],
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\n", "'\n"),
        ("  =1", "'  =1"),
        ('"=1', "'\"=1"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        ("a;=cmd|'/c calc'!A0;b", "a;'=cmd|'/c calc'!A0;b"),
        ("a\n=1", "a\n'=1"),
        ("a=b", "a=b"),
        ("example.org/s1=pass; example.net/s2=fail", "example.org/s1=pass; example.net/s2=fail"),
        ("mail-1.example.org", "mail-1.example.org"),
        ("", ""),
    ],
)
def test_where_a_spreadsheet_could_compute_stands_an_apostrophe(text: str, written: str) -> None:
    assert texts.harmless(text) == written


@given(st.text(st.sampled_from("=+-@\t\r\n;, \"'ab＝")))  # noqa: RUF001 (full-width)
def test_no_cell_of_text_begins_a_formula(text: str) -> None:
    ((cell, number),) = as_csv(COLUMNS, [(text, -1)])[1:]
    assert number == "-1"
    for part in cell.replace("\t", ";").replace("\r", ";").replace("\n", ";").split(";"):
        assert part.strip(' "')[:1] not in tuple("=+-@＝")  # noqa: RUF001 (the same)
    assert cell[:1] not in ("\t", "\r", "\n")
    assert len(cell) - len(text) == cell.count("'") - text.count("'")


def test_a_title_is_no_formula_either() -> None:
    assert as_csv([Column("=1", Type.TEXT)], []) == [["'=1"]]


@given(st.lists(st.tuples(st.text(), st.floats(allow_nan=False, allow_infinity=False))))
def test_json_keeps_everything_and_steers_nothing(rows: list[tuple[Value, ...]]) -> None:
    file = StringIO()
    assert texts.write_json(COLUMNS, rows, file) == len(rows)
    assert json.loads(file.getvalue()) == [{"name": name, "number": number} for name, number in rows]
    assert file.getvalue().replace("\n", "").isprintable()


def test_parquet_keeps_everything(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "all.parquet"
    assert results.save(EVERY_TYPE, ROWS, "parquet", file) == 3
    assert [tuple(row.values()) for row in parquet.read_table(file).to_pylist()] == ROWS
    many = ((str(number), number) for number in range(250_000))
    assert results.save(COLUMNS, many, "parquet", file) == 250_000
    written = parquet.ParquetFile(file)
    assert [written.metadata.row_group(group).num_rows for group in range(3)] == [100_000, 100_000, 50_000]
    assert written.metadata.row_group(0).column(0).compression == "ZSTD"
    assert results.save(COLUMNS, [], "parquet", file) == 0
    assert parquet.read_table(file).schema.names == ["name", "number"]


def test_a_table_in_a_file_is_as_wide_as_it_needs_to_be() -> None:
    file = StringIO()
    tables.write(COLUMNS, [("x" * 300, 0.123456), (None, None)], file)
    head, _, first, second = (line.rstrip() for line in file.getvalue().splitlines())
    assert head.split() == ["name", "number"]
    assert first.split() == ["x" * 300, "0.1235"]
    assert second.split() == ["-", "-"]


# -- files


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Let no file grow beyond 64 kB: the system says so as it says that a disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
@pytest.mark.parametrize("form", ["csv", "json", "table", "parquet"])
@pytest.mark.parametrize("before", [None, "of yesterday"])
def test_a_full_disk_leaves_no_half_file(form: Form, before: str | None, tmp_path: Path) -> None:
    file = tmp_path / "answer"
    if before:
        file.write_text(before)
    rows = ((os.urandom(32).hex(), number) for number in range(20_000))
    with pytest.raises(OutputError, match="nothing was written there"):
        results.save(COLUMNS, rows, form, file)
    assert [(it.name, it.read_text()) for it in tmp_path.iterdir()] == (
        [("answer", before)] if before else []
    )


def test_an_interrupted_answer_leaves_no_half_file(tmp_path: Path) -> None:
    def rows() -> Iterator[tuple[Value, ...]]:
        yield "a", 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        results.save(COLUMNS, rows(), "csv", tmp_path / "answer.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_file_keeps_its_rights_and_a_link_its_place(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("of yesterday")
    (tmp_path / "real.csv").chmod(0o600)
    (tmp_path / "link.csv").symlink_to("real.csv")
    assert results.save(COLUMNS, [("a", 1)], "csv", tmp_path / "link.csv") == 1
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "name,number\na,1\n"
    assert (tmp_path / "real.csv").stat().st_mode & 0o777 == 0o600


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null"), tmp_path / "none" / "answer.csv"):
        with pytest.raises(OutputError):
            results.save(COLUMNS, [], "csv", path)
    assert list(tmp_path.iterdir()) == []
