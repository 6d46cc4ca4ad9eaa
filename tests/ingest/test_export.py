"""`ruamill export`: views in files by day, all of one state; every row in one file, whole days at a time."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingest import results
from ingest.commands import export
from ingest.configuration import ConfigurationError
from ingest.results import OutputError
from ingest.settings import Settings
from ingest.status import DONE, WRONG_USE
from store.database import Database
from store.migrate import upgrade
from store.views import VIEWS
from tests.ingest.program import RUAMILL, Program
from tests.ingest.terminal import on_terminal, printed
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, feedback, record, rows, take

TODAY = date(2026, 11, 22)
DAYS = ("2026-11-01", "2026-11-02", "2026-11-04")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Give a database with reports of three days, the first of them with two."""
    database = Database(database_url)
    upgrade(database)
    begins = [FIRST_OF_NOVEMBER + number * DAY for number in (0, 0, 1, 3)]
    take(
        database, *(feedback(str(number), begin=begin, end=begin + 1) for number, begin in enumerate(begins))
    )
    yield database
    database.close()


@pytest.fixture
def settings(database: Database, database_url: str) -> Settings:
    del database
    return Settings.model_validate({"database": database_url})


def exported(
    settings: Settings, folder: Path, *views: str, form: str = "csv", **options: Any
) -> dict[str, list[Any]]:
    """Export, and read what was written: name of the file -> its rows."""
    usual: dict[str, Any] = {"since": None, "until": None, "today": TODAY}
    assert export.run(settings, views, folder, form=form, **(usual | options)) == DONE  # type: ignore[arg-type]
    return {
        str(file.relative_to(folder)): _rows(file) for file in sorted(folder.rglob("*")) if file.is_file()
    }


def _rows(file: Path) -> list[Any]:
    if file.suffix == ".csv":
        with file.open(encoding="utf-8", newline="") as opened:
            return list(csv.DictReader(opened, strict=True))
    parquet = pytest.importorskip("pyarrow.parquet")
    return list(parquet.read_table(file).to_pylist())


def test_each_day_has_its_file(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = exported(settings, tmp_path / "out", "records_flat")
    assert list(files) == [f"records_flat/records_flat-{day}.csv" for day in DAYS]
    assert [[row["day"] for row in rows] for rows in files.values()] == [[DAYS[0]] * 2, [DAYS[1]], [DAYS[2]]]
    assert list(files["records_flat/records_flat-2026-11-01.csv"][0]) == list(VIEWS["records_flat"].columns)
    assert capsys.readouterr().out == f"3 files with 4 rows below {tmp_path / 'out'}\n"


def test_a_view_without_days_has_one_file(settings: Settings, tmp_path: Path) -> None:
    files = exported(settings, tmp_path / "out", "sources")
    assert list(files) == ["sources/sources-2026-11-22.csv"]
    assert [row["messages"] for row in files["sources/sources-2026-11-22.csv"]] == ["48"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_all_views_hold_what_the_database_does(
    form: str, settings: Settings, database: Database, tmp_path: Path
) -> None:
    """All but those with raw mail, which have to be named."""
    files = exported(settings, tmp_path / "out", "all", form=form)
    shown = {name for name, view in VIEWS.items() if view.shown}
    for name in VIEWS:
        found = [row for file, rows in files.items() if file.startswith(f"{name}/") for row in rows]
        ((number,),) = rows(database, f"SELECT count(*) FROM {name}")  # noqa: S608 (our own names)
        assert len(found) == (number if name in shown else 0), name
    assert "failure_messages/failure_messages-2026-11-22.csv" in exported(
        settings, tmp_path / "out", "failure_messages"
    )


def test_parquet_has_the_same_types_in_every_file(settings: Settings, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    exported(settings, tmp_path / "out", "records_flat", "reports", form="parquet")
    for view, number in (("records_flat", 3), ("reports", 3)):
        schemas = [parquet.read_schema(file) for file in (tmp_path / "out" / view).iterdir()]
        assert len(schemas) == number
        assert all(schema.equals(schemas[0]) for schema in schemas)
    assert str(schemas[0].field("hours_late").type) == "double"
    assert str(schemas[0].field("counted").type) == "bool"


def test_days_can_be_chosen(settings: Settings, tmp_path: Path) -> None:
    files = exported(settings, tmp_path / "out", "domain_days", since="2026-11-02", until="2026-11-03")
    assert list(files) == ["domain_days/domain_days-2026-11-02.csv"]


@pytest.mark.parametrize("at_once", [1, 2, 3, 1_000])
def test_whole_days_are_asked_for_at_once(
    at_once: int, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "AT_ONCE", at_once)
    files = exported(settings, tmp_path / "out", "records_flat")
    assert [len(rows) for rows in files.values()] == [2, 1, 1]


def test_a_later_export_replaces_the_files_of_days_that_changed(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    before = exported(settings, tmp_path / "out", "records_flat")
    late = feedback(
        "late", record("192.0.2.9", 5), begin=FIRST_OF_NOVEMBER + DAY, end=FIRST_OF_NOVEMBER + DAY + 1
    )
    take(database, late)
    after = exported(settings, tmp_path / "out", "records_flat")
    changed = "records_flat/records_flat-2026-11-02.csv"
    assert [len(before[changed]), len(after[changed])] == [1, 2]
    assert {name: rows for name, rows in after.items() if name != changed} == {
        name: rows for name, rows in before.items() if name != changed
    }


def test_all_files_show_one_state(
    settings: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that comes in while files are written is in none of them, and has not to wait."""
    make_folder = results.make_folder

    def meanwhile(folder: Path) -> None:
        make_folder(folder)
        if folder.name == "domain_days":
            take(database, feedback("meanwhile", begin=FIRST_OF_NOVEMBER, end=FIRST_OF_NOVEMBER + 2))

    monkeypatch.setattr(results, "make_folder", meanwhile)
    files = exported(settings, tmp_path / "out", "records_flat", "domain_days")
    assert len(files["records_flat/records_flat-2026-11-01.csv"]) == 2
    assert files["domain_days/domain_days-2026-11-01.csv"][0]["records"] == "2"
    assert (
        len(exported(settings, tmp_path / "out", "records_flat")["records_flat/records_flat-2026-11-01.csv"])
        == 3
    )


def test_an_empty_database_gives_no_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    database = Database(url)
    upgrade(database)
    database.close()
    settings = Settings.model_validate({"database": url})
    assert exported(settings, tmp_path / "out", "records_flat") == {}
    assert capsys.readouterr().out.startswith("0 files with 0 rows")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("views", "options", "told"),
    [
        (["record_flat"], {}, 'no view is called "record_flat"; did you mean "records_flat"?'),
        (["report; DROP TABLE report"], {}, "no view is called"),
        (["zzz"], {}, "there are: records_flat, "),
        (["sources"], {"since": "2026"}, "is no day"),
        (["sources"], {"since": "2026-11-02", "until": "2026-11-01"}, "is after --until"),
    ],
)
def test_wrong_use_says_what_to_write(
    views: list[str], options: dict[str, str], told: str, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        exported(settings, tmp_path / "out", *views, **options)
    assert told in str(wrong.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_folder_that_cannot_be_made_is_told(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="no folder can be made there"):
        exported(settings, tmp_path / "out", "sources")


def test_as_a_program_it_says_what_it_wrote(tmp_path: Path) -> None:
    program = Program(tmp_path, f"sqlite:///{tmp_path}/ruamill.db")
    database = Database(f"sqlite:///{tmp_path}/ruamill.db")
    upgrade(database)
    take(database, feedback())
    database.close()
    done = program.run("export", "records_flat", "sources", "-o", "out")
    assert (done.returncode, done.stdout, done.stderr) == (DONE, "2 files with 2 rows below out\n", "")
    done = program.run("export", "record_flat", "-o", "out")
    assert (done.returncode, len(done.stderr.splitlines())) == (WRONG_USE, 1)
    command: list[str | Path] = [RUAMILL, "--config", tmp_path / "ruamill.toml", "export", "all", "-o", "out"]
    assert printed(on_terminal(command, tmp_path))[-1].endswith("below out")
