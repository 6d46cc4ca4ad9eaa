"""`ruamill retry`: kept messages are read once more, and the ledger says what became of them now."""

import json
from pathlib import Path

import pytest

from fixtures.carriers import gzipped
from tests.ingest.mailbox_kit import ask, corrupt_mail, notice_mail, ordinary_mail
from tests.ingest.program import Program
from tests.store.kit import feedback, record

LEDGER = "SELECT uid, outcome, attempts FROM message ORDER BY uid"


@pytest.fixture
def program(tmp_path: Path, database_url: str) -> Program:
    """Give a program whose database has four messages of which three are kept."""
    (tmp_path / "in").mkdir()
    for name, content in (
        ("corrupt", corrupt_mail(1).content),
        ("notice", notice_mail(2).content),
        ("ordinary", ordinary_mail(3).content),
        ("refused", gzipped(feedback("1", *(record("192.0.2.1", 1) for _ in range(3))))),
    ):
        (tmp_path / "in" / name).write_bytes(content)
    program = Program(tmp_path, database_url)
    config = tmp_path / "ruamill.toml"
    whole = config.read_text()
    config.write_text(f"{whole}[limits]\nrecords = 2\n")
    assert program.run("ingest", "in").returncode == 0
    config.write_text(whole)
    return program


def test_what_is_corrupt_or_unsupported_is_read_again(program: Program, database_url: str) -> None:
    done = program.run("retry", "--json")
    assert done.returncode == 0, done.stderr
    tally = json.loads(done.stdout)["messages"]
    assert {outcome: number for outcome, number in tally.items() if number} == {
        "seen": 2,
        "corrupt": 1,
        "unsupported": 1,
    }
    assert ask(database_url, LEDGER) == [
        ("corrupt", "corrupt", 2),
        ("notice", "unsupported", 2),
        ("ordinary", "not_a_report", 1),
        ("refused", "refused", 1),
    ]
    assert ask(database_url, "SELECT count(*) FROM message_raw") == [(3,)]


def test_a_limit_that_was_raised_lets_a_report_in(program: Program, database_url: str) -> None:
    assert json.loads(program.run("retry", "refused", "--json").stdout)["reports"] == 1
    assert ask(database_url, LEDGER)[3] == ("refused", "stored", 2)
    assert ask(database_url, "SELECT count(*) FROM message_raw") == [(2,)]
    assert json.loads(program.run("retry", "refused", "--json").stdout)["messages"]["seen"] == 0


def test_many_are_read_in_pages(program: Program, database_url: str) -> None:
    folder = program.folder / "many"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number}").write_bytes(corrupt_mail(10 + number).content)
    program.run("ingest", "many")
    assert json.loads(program.run("retry", "corrupt", "--json").stdout)["messages"]["seen"] == 51
    assert ask(
        database_url, "SELECT min(attempts), max(attempts) FROM message WHERE outcome = 'corrupt'"
    ) == [(2, 2)]


def test_an_outcome_that_is_not_kept_is_named(program: Program) -> None:
    done = program.run("retry", "stored")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        'no message is kept as "stored"; there are: corrupt, partial, refused, retry, unsupported'
        in done.stderr
    )
