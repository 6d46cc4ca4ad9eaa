"""`ruamill conflicts`: who contradicts whom is told, and what a person decides is in the sums when the command ends."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from ingest.commands import conflicts, status
from ingest.configuration import ConfigurationError
from ingest.database import open_database
from ingest.monitoring.exposition import metrics
from ingest.monitoring.gauges import Gauges
from ingest.monitoring.watch import Watch
from ingest.settings import Settings
from store.database import Database
from store.schema import message, report
from store.writer import write
from tests.ingest.program import RUAMILL, Program
from tests.ingest.terminal import on_terminal, printed
from tests.store.kit import NOW, content, feedback, incoming, record, report_mail, rows, take
from tests.store.test_rollups import compare

SAME, OTHER = record("192.0.2.7", 1), record("2001:db8::1", 1_234)
FIRST = feedback("1", record("192.0.2.1", 3), record("192.0.2.2", 4), SAME)
SECOND = feedback("1", record("192.0.2.1", 5).replace("pass<", "fail<"), OTHER, SAME)
HOSTILE = feedback("\x9b31m", OTHER, reporter="R\x9b2J\u202e")
DOCUMENT = (Path(__file__).parents[2] / "docs/conflicts.md").read_text(encoding="utf-8")
DOCUMENTED = (
    feedback(
        "2026-11-01.example.org",
        record("192.0.2.1", 310),
        record("198.51.100.7", 12).replace("pass<", "fail<"),
    ),
    feedback(
        "2026-11-01.example.org",
        record("192.0.2.1", 310),
        record("198.51.100.7", 15).replace("pass<", "fail<"),
        record("2001:db8::25", 64),
    ),
)
"""A report and its correction."""
COMMANDS = """
  ruamill conflicts 2 leave    1 stays counted, 2 is left out
  ruamill conflicts 2 replace  2 is counted in the place of 1
  ruamill conflicts 2 add      both are counted: two different reports under one name
"""


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings.model_validate({"database": database_url, "monitor": {"enabled": False}})


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """Give a database with a report that a forged mail contradicts."""
    with closing(open_database(settings)) as database:
        take(database, FIRST, report_mail(("r.xml", SECOND)))
        with database.writing() as connection:
            connection.execute(update(report).where(report.c.id == 2).values(sender_fits=False))
            connection.execute(update(message).where(message.c.sender.is_not(None)).values(dmarc="fail"))
        yield database


@pytest.fixture
def shown(settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]) -> "Shown":
    del database
    return Shown(settings, capsys)


class Shown:
    """The command, and what it prints into a pipe."""

    def __init__(self, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        self._settings = settings
        self._capsys = capsys
        self.errors = ""

    def __call__(self, report: int | None = None, decision: str | None = None, *, every: bool = False) -> str:
        """Run it for people."""
        assert conflicts.run(self._settings, report, decision, every=every, json=False) == 0
        captured = self._capsys.readouterr()
        self.errors = captured.err
        return captured.out

    def json(self, report: int | None = None, decision: str | None = None, *, every: bool = False) -> Any:
        """Run it for a program."""
        assert conflicts.run(self._settings, report, decision, every=every, json=True) == 0
        return json.loads(self._capsys.readouterr().out)

    def refused(self, report: int, decision: str | None = None) -> str:
        """Run it in vain; give why."""
        with pytest.raises(ConfigurationError) as error:
            conflicts.run(self._settings, report, decision, every=False, json=False)
        return str(error.value)


# --- the list


def test_a_line_for_each_in_a_pipe(shown: Shown) -> None:
    heads, *lines = [line.split("\t") for line in shown().splitlines()]
    [found] = [dict(zip(heads, line, strict=True)) for line in lines]
    assert (found["report"], found["other"], found["decision"]) == ("2", "1", "-")
    assert (found["reporter"], found["report id"], found["domain"]) == ("Reporter", "1", "example.org")
    assert (found["begins"], found["ends"]) == ("2026-11-01 00:00:00", "2026-11-01 23:59:59")
    assert (found["records"], found["messages"], found["passing"]) == ("3", "1240", "99.6%")
    assert (found["other records"], found["other messages"], found["other passing"]) == ("3", "8", "100.0%")
    assert (found["came in"], found["other mail"]) == ("2026-11-03 04:00", "mailbox box")
    assert found["mail"] == "noreply@reporter.example, DMARC fail, not of the reporter's domain"


def test_decided_ones_are_listed_when_asked(shown: Shown) -> None:
    shown(2, "replace")
    assert shown() == ""
    assert shown.errors == "No report waits for a decision.\n"
    [line] = shown(every=True).splitlines()[1:]
    assert line.split("\t")[:2] == ["1", "replaced"]
    assert shown.json() == []
    [found] = shown.json(every=True)
    assert (found["this"]["key"], found["this"]["decision"], found["other"]["key"]) == (1, "replaced", 2)


def test_where_nothing_contradicts_that_is_said(tmp_path: Path) -> None:
    program = Program(tmp_path, f"sqlite:///{tmp_path}/ruamill.db")
    done = program.run("conflicts", "--all")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No report contradicts another one.\n")


# --- one of them


def test_how_it_differs(shown: Shown) -> None:
    lines = shown(2).splitlines()
    assert lines[0] == "Report 2: Reporter about example.org, 2026-11-01 · waits for a decision"
    assert "1\tcounted\t3\t8\t100.0%\t2026-11-03 04:00" in lines
    assert "2\tnot counted\t3\t1240\t99.6%\t2026-11-03 04:00" in lines
    assert "2 came from noreply@reporter.example, DMARC fail, not of the reporter's domain" in lines
    assert "1 line the same in both, 0 with other counts, 2 only in 1, 2 only in 2" in lines
    assert "2001:db8::1\texample.org\t-\t-\tnone\tpass\tpass\t-\t1234" in lines
    assert "192.0.2.1\texample.org\t-\t-\tnone\tfail\tfail\t-\t5" in lines
    assert any(line.startswith("What speaks for leave: The mail that brought it") for line in lines)
    assert shown(2).endswith(COMMANDS)


def test_how_it_differs_as_json(shown: Shown) -> None:
    found = shown.json(2)
    assert (found["this"]["key"], found["other"]["key"]) == (2, 1)
    how = found["differences"]
    assert [how[name] for name in ("same", "changed", "only_first", "only_second")] == [1, 0, 2, 2]
    assert (how["lines"][0]["source_ip"], how["lines"][0]["first"], how["lines"][0]["second"]) == (
        "2001:db8::1",
        None,
        1_234,
    )
    assert found["advice"]["decision"] == "leave"
    shown(2, "leave")
    assert shown.json(2)["advice"] is None


def test_very_many_differences_are_cut_short(database: Database, shown: Shown) -> None:
    many = [record(f"10.0.{number // 250}.{number % 250}", 1) for number in range(conflicts.ALL_LINES + 5)]
    take(database, feedback("1", *many))
    output = shown(3)
    assert output.count("\texample.org\t") == conflicts.ALL_LINES
    assert shown.errors == "1,000 of 1,008 lines that differ, the largest first\n"


# --- a decision


@pytest.mark.parametrize(
    ("decision", "told", "messages"),
    [
        ("leave", "left out", 8),
        ("replace", "counted in the place of 1", 1_240),
        ("add", "counted beside 1", 1_248),
    ],
)
def test_a_decision_is_in_the_sums(
    decision: str, told: str, messages: int, database: Database, shown: Shown
) -> None:
    assert shown(2, decision) == f"Report 2: {told}.\n"
    assert rows(database, "SELECT sum(messages) FROM domain_day_rollup") == [(messages,)]
    compare(database)


def test_how_many_more_wait_is_told(database: Database, shown: Shown) -> None:
    take(database, feedback("1", OTHER), feedback("1", SAME))
    assert shown(2, "add").endswith("\n2 more wait for a decision: `ruamill conflicts`\n")
    assert shown(3, "leave").endswith("\n1 more waits for a decision: `ruamill conflicts`\n")
    found = shown.json(3, "replace")
    assert (found["this"]["decision"], found["other"]["decision"]) == ("replacing", "replaced")


def test_what_cannot_be_decided_changes_nothing(database: Database, shown: Shown) -> None:
    before = content(database)
    assert shown.refused(2, "ad") == '"ad" is no decision; there are: leave, replace, add'
    assert (
        shown.refused(9, "add") == "no report 9 waits for a decision; `ruamill conflicts` lists those that do"
    )
    assert shown.refused(1).startswith("report 1 contradicts no other one")
    assert content(database) == before


def test_as_a_command(tmp_path: Path, database_url: str, database: Database) -> None:
    del database
    program = Program(tmp_path, database_url)
    assert program.run("conflicts").stdout.count("\n") == 2
    assert program.run("conflicts", "2", "replace").stdout == "Report 2: counted in the place of 1.\n"
    again = program.run("conflicts", "7", "add")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("ruamill: no report 7 waits")


# --- on a terminal, and elsewhere


def on_screen(folder: Path, *words: str, columns: int = 80) -> list[str]:
    return printed(
        on_terminal(
            [RUAMILL, "--database", "sqlite:///ruamill.db", "conflicts", *words], folder, columns=columns
        )
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    settings = Settings.model_validate({"database": f"sqlite:///{tmp_path}/ruamill.db"})
    with closing(open_database(settings)) as database:
        take(database, FIRST, SECOND, HOSTILE, HOSTILE.replace(b"1234", b"1"))
    return tmp_path


def test_on_a_terminal_with_the_commands_to_copy(folder: Path) -> None:
    lines = on_screen(folder)
    first = next(line for line in lines if line.startswith("Report 2: "))
    assert first == "Report 2: Reporter about example.org, 2026-11-01 · waits for a decision"
    assert any(
        line.split() == ["2", "not", "counted", "3", "1,240", "99.6%", "2026-11-03", "04:00"]
        for line in lines
    )
    assert "  ruamill conflicts 2          how they differ" in lines
    assert COMMANDS.strip("\n").splitlines() == [
        line for line in lines if line.startswith("  ruamill conflicts 2 ") and "how" not in line
    ]
    assert max(map(len, on_screen(folder, "2"))) <= 90


def test_a_reporter_cannot_steer_a_terminal(folder: Path) -> None:
    for words in ((), ("4",)):
        output = "\n".join(on_screen(folder, *words))
        assert "Report 4: R\N{REPLACEMENT CHARACTER}" in output
        assert not {"\x9b", "\u202e"} & set(output)


def test_status_tells_how_many_wait(
    settings: Settings, shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status.run(settings, json=False) == 0
    assert "1 conflict waits for a decision: `ruamill conflicts`" in capsys.readouterr().out.splitlines()
    shown(2, "leave")
    assert status.run(settings, json=False) == 0
    assert "for a decision" not in capsys.readouterr().out
    assert status.run(settings, json=True) == 0
    assert json.loads(capsys.readouterr().out)["database"]["conflicts"] == 0


def test_prometheus_is_told_how_many_wait(settings: Settings, database: Database) -> None:
    gauges = Gauges(settings, database)
    gauges.look()
    assert b"\nruamill_conflicts 1.0\n" in metrics(Watch([], 300), gauges)


def test_the_document_shows_what_is_printed(tmp_path: Path) -> None:
    settings = Settings.model_validate({"database": f"sqlite:///{tmp_path}/ruamill.db"})
    with closing(open_database(settings)) as database:
        for number, xml in enumerate(DOCUMENTED):
            write(
                database,
                [incoming(report_mail(("r.xml", xml)), str(number))],
                NOW + timedelta(hours=6 * number),
            )
    for words in ((), ("2",)):
        assert "\n".join(on_screen(tmp_path, *words)).strip() in DOCUMENT
