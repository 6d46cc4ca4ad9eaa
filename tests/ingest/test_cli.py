"""The command line as a person uses it: words in, text or JSON and an exit status out."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import tomllib
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fixtures.carriers import zipped
from ingest.commands import parse
from ingest.settings import Settings
from tests.ingest.program import RUAMILL
from tests.ingest.terminal import on_terminal
from tests.servers.ports import free_port
from tests.store.kit import RECORD, feedback, half, large

ROOT = Path(__file__).parents[2]
MAILS = sorted((ROOT / "fixtures" / "mails").glob("*.eml"))
REPORTS = sorted((ROOT / "fixtures" / "reports").glob("*.xml"))
COMMANDS = ("", "ingest", "poll", "run", "retry", "parse", "sources", "db", "db upgrade")
OUTCOMES = (
    "stored",
    "partial",
    "duplicate",
    "conflict",
    "not_a_report",
    "unsupported",
    "corrupt",
    "refused",
    "retry",
)
HOSTILE = "\N{CONTROL SEQUENCE INTRODUCER}31m\N{RIGHT-TO-LEFT OVERRIDE}\N{DELETE}"
"""What XML lets through and a terminal obeys."""


def ruamill(
    *words: str | Path, cwd: Path, stdin: bytes = b"", database: str = ""
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [RUAMILL, *words], cwd=cwd, check=False, input=stdin, capture_output=True, env=environment(database)
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return subprocess.CompletedProcess(words, done.returncode, done.stdout.decode(), done.stderr.decode())


def environment(database: str = "") -> dict[str, str]:
    usual = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return usual | {"RUAMILL_DATABASE": database} if database else usual


def told(*words: str | Path, cwd: Path) -> Any:
    """Run a command with --json; what it says."""
    done = ruamill(*words, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def seen(*words: str | Path, cwd: Path, columns: int) -> str:
    """Run a command on a terminal; what a person sees, colours and movements of the cursor taken out."""
    shown = on_terminal([RUAMILL, *words], cwd, columns=columns, environment=environment())
    erased = re.sub(r"\r(\x1b\[(1A|2K))+", "", shown)  # how a progress bar takes itself away
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", erased)


def controls(text: str) -> set[str]:
    """Give the characters in a text that could steer a terminal."""
    return {char for char in text if not char.isprintable()} - {"\n"}


def lines(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


# -- help


def test_the_version_is_told(tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    done = ruamill("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ruamill {version}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, tmp_path: Path) -> None:
    done = ruamill(*command.split(), "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: {' '.join(['ruamill', *command.split()])} ")
    assert re.search(r"^  -h, --help +Show this message and exit\.$", done.stdout, re.MULTILINE)
    assert not re.search(r"<\w+", done.stdout)
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert list(tmp_path.iterdir()) == []


def test_help_lists_every_command_with_what_it_does(tmp_path: Path) -> None:
    shown = ruamill("--help", cwd=tmp_path).stdout
    for command in {command.split()[0] for command in COMMANDS if command}:
        assert re.search(rf"^  {command} +[A-Z].*\.$", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["polll"], "No such command 'polll'"),
        (["sources", "--dyas", "1"], "No such option: --dyas"),
        (["sources", "--days", "0"], "Invalid value for '--days'"),
        (["ingest"], "Missing argument"),
    ],
)
def test_wrong_use_is_explained(words: Sequence[str], complaint: str, tmp_path: Path) -> None:
    done = ruamill(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


# -- ingest


def as_folder(folder: Path) -> Path:
    folder.mkdir()
    for mail in MAILS:
        shutil.copy(mail, folder)
    return folder


def as_maildir(folder: Path) -> Path:
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)
    for number, mail in enumerate(MAILS):
        shutil.copy(mail, folder / ("new" if number % 2 else "cur") / f"{number:03}")
    return folder


def as_mbox(file: Path) -> Path:
    start = b"From reporter@example.net Sun Nov  1 00:00:00 2026\n"
    file.write_bytes(b"".join(start + mail.read_bytes() + b"\n" for mail in MAILS))
    return file


def expected_of_mails() -> tuple[Counter[str], int]:
    """Give the outcomes of the fixtures' mails, and how many reports are in them."""
    facts = [json.loads(mail.with_suffix(".json").read_text()) for mail in MAILS]
    return Counter(fact["outcome"] for fact in facts), sum(len(fact["reports"]) for fact in facts)


@pytest.mark.parametrize("form", [as_folder, as_maildir, as_mbox])
def test_mails_are_taken_from_whatever_they_lie_in(form: Any, tmp_path: Path) -> None:
    path = form(tmp_path / "reports")
    outcomes, reports = expected_of_mails()
    first, again = (told("ingest", path, cwd=tmp_path) for _ in range(2))
    assert first["messages"] == {"seen": len(MAILS), **dict.fromkeys(OUTCOMES, 0), **outcomes}
    assert first["reports"] == reports
    assert again["messages"]["duplicate"] == outcomes["stored"]
    assert (again["messages"]["stored"], again["reports"], again["records"]) == (0, 0, 0)


def test_the_tally_is_one_object(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_bytes(feedback())
    tally = told("ingest", "report.xml", cwd=tmp_path)
    assert list(tally) == ["messages", "reports", "records", "seconds"]
    assert list(tally["messages"]) == ["seen", *OUTCOMES]
    assert tally["messages"] == {**dict.fromkeys(("seen", *OUTCOMES), 0), "seen": 1, "stored": 1}
    assert (tally["reports"], tally["records"]) == (1, 1)
    assert 0 < tally["seconds"] < 60


def test_our_own_database_among_the_reports_is_no_message(tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_bytes(feedback())
    tallies = [
        json.loads(ruamill("ingest", ".", "--json", cwd=tmp_path).stdout)["messages"] for _ in range(2)
    ]
    assert [(tally["seen"], tally["stored"], tally["duplicate"]) for tally in tallies] == [
        (1, 1, 0),
        (1, 0, 1),
    ]


def test_the_tally_names_what_a_person_may_want_to_look_into(tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_bytes(feedback())
    (tmp_path / "half.xml.gz").write_bytes(half(feedback()))
    done = ruamill("ingest", ".", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[:2] == [
        f"corrupt: {tmp_path}/half.xml.gz: half.xml.gz: gzip stream is cut off",
        "2 messages: 1 stored, 1 corrupt",
    ]
    assert re.fullmatch(r"1 new report with 1 record in \d+\.\d s", done.stdout.splitlines()[2])


def test_several_paths_may_be_given_and_one_of_them_twice(tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_bytes(feedback("1"))
    (tmp_path / "2.xml").write_bytes(feedback("2"))
    tally = told("ingest", "1.xml", "2.xml", "1.xml", cwd=tmp_path)
    assert (tally["messages"]["stored"], tally["messages"]["duplicate"]) == (2, 1)


@pytest.mark.parametrize(
    ("name", "content"),
    [("half.xml.gz", half(feedback())), ("evil.xml", b"<!DOCTYPE feedback [<!ENTITY a 'b'>]><feedback/>")],
    ids=["corrupt", "refused"],
)
def test_what_was_rejected_counts_only_where_one_is_strict(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    for words, status in (([], 0), (["--strict"], 3)):
        assert ruamill("ingest", name, *words, cwd=tmp_path).returncode == status


def test_where_nothing_was_rejected_strict_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "hello.eml").write_bytes(b"Subject: Lunch?\n\nToday at one?\n")
    (tmp_path / "report.xml").write_bytes(feedback())
    assert ruamill("ingest", ".", "--strict", cwd=tmp_path).returncode == 0


def test_a_file_that_cannot_be_read_is_for_another_try(tmp_path: Path) -> None:
    (tmp_path / "report.xml").symlink_to("/proc/self/mem")  # not even root can read its first byte
    done = ruamill("ingest", "report.xml", "--strict", cwd=tmp_path)
    assert done.returncode == 75
    assert "report.xml: cannot be read: Input/output error (try 1 of 5)\n1 message: 1 retry\n" in done.stdout


def test_a_path_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_bytes(feedback())
    done = ruamill("ingest", "report.xml", "reprot.xml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ruamill: reprot.xml: there is no such file or folder\n"
    assert not (tmp_path / "ruamill.db").exists()


def test_a_pipe_is_wrong_use(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert ruamill("ingest", "pipe", cwd=tmp_path).returncode == 2


# -- configuration and database


@pytest.mark.parametrize("command", ["poll", "run"])
def test_without_a_mailbox_there_is_nothing_to_poll(command: str, tmp_path: Path) -> None:
    done = ruamill(command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ruamill: no mailbox is configured: add a [[mailbox]] to ruamill.toml")


def test_a_mailbox_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "ruamill.toml").write_text(
        '[[mailbox]]\nkind = "maildir"\nname = "local"\npath = "Maildir"\n'
    )
    done = ruamill("poll", "locla", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, 'ruamill: no mailbox is called "locla"; there are: local\n')


def test_a_mailbox_that_somebody_must_mend_is_no_temporary_failure(tmp_path: Path) -> None:
    (tmp_path / "ruamill.toml").write_text('[[mailbox]]\nkind = "maildir"\npath = "Maildir"\n')
    done = ruamill("poll", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "ruamill: no Maildir at Maildir: cur, new, tmp missing; check path\n"


def test_a_wrong_configuration_is_told_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('databse = "x"\n[log]\nlevel = "loud"\n')
    done = ruamill("--config", "my.toml", "sources", cwd=tmp_path)
    assert done.returncode == 2
    assert sorted(done.stderr.splitlines()) == [
        'ruamill: my.toml: databse is no known key; did you mean "database"?',
        "ruamill: my.toml: log.level must be 'debug', 'info', 'warning' or 'error'",
    ]


def test_the_database_is_chosen_by_option_then_by_environment(tmp_path: Path) -> None:
    for words in ([], ["--database", "sqlite:///option.db"]):
        ruamill(*words, "db", "upgrade", cwd=tmp_path, database="sqlite:///variable.db")
    assert {path.name for path in tmp_path.glob("*.db")} == {"option.db", "variable.db"}


def test_an_upgrade_says_what_it_did(tmp_path: Path) -> None:
    first, again = (ruamill("db", "upgrade", cwd=tmp_path).stdout for _ in range(2))
    assert re.fullmatch(r"sqlite:///ruamill\.db: from an empty database to schema \d{4}\n", first)
    assert re.fullmatch(r"sqlite:///ruamill\.db: at schema \d{4} already\n", again)


@pytest.mark.parametrize("words", [["sources"], ["ingest", "."]])
def test_a_database_that_is_away_is_a_temporary_failure(words: list[str], tmp_path: Path) -> None:
    url = f"postgresql://ruamill:s3cret@127.0.0.1:{free_port()}/reports"
    done = ruamill(*words, cwd=tmp_path, database=url)
    assert done.returncode == 75
    assert "Connection refused" in done.stderr
    assert "s3cret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_newer_database_is_wrong_use(tmp_path: Path) -> None:
    ruamill("db", "upgrade", cwd=tmp_path)
    with closing(sqlite3.connect(tmp_path / "ruamill.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    done = ruamill("sources", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("ruamill: the database has schema 9999, ")


# -- parse


def without_raw(value: Any) -> Any:
    """Drop the tokens as they were sent, and what was recomputed, which the fixtures do not list."""
    if isinstance(value, list):
        return [without_raw(each) for each in value]
    if isinstance(value, dict):
        listed = (key for key in value if key != "recomputed" and not key.endswith("_raw"))
        return {key: without_raw(value[key]) for key in listed}
    return value


@pytest.mark.parametrize("xml", REPORTS, ids=lambda path: path.stem)
def test_parse_shows_what_a_report_says(xml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = json.loads(xml.with_suffix(".json").read_text(encoding="utf-8"))
    assert parse.run(Settings(), xml) == 0
    shown = json.loads(capsys.readouterr().out)
    (report,) = shown["reports"]
    report["deviations"] = {f"{it['code']} {it['place']}": it["times"] for it in report["deviations"]}
    assert {key: without_raw(report[key]) for key in expected} == expected
    assert (shown["mail"], shown["not_taken"]) == (None, [])


def test_parse_takes_a_file_or_standard_input(tmp_path: Path) -> None:
    (mail,) = (path for path in MAILS if path.stem == "google")
    named, piped = (
        ruamill("parse", mail, cwd=tmp_path),
        ruamill("parse", "-", cwd=tmp_path, stdin=mail.read_bytes()),
    )
    assert (named.returncode, piped.returncode) == (0, 0)
    assert json.loads(named.stdout) == json.loads(piped.stdout)
    assert json.loads(named.stdout)["mail"]["sender"] == "noreply-dmarc-support@google.com"
    assert json.loads(named.stdout)["reports"][0]["report_id"] == "7304418025569183342"
    assert list(tmp_path.iterdir()) == []


def test_parse_says_why_a_report_is_not_taken(tmp_path: Path) -> None:
    done = ruamill("parse", "-", cwd=tmp_path, stdin=half(feedback()))
    assert done.returncode == 3
    assert json.loads(done.stdout) == {
        "mail": None,
        "reports": [],
        "tls_reports": [],
        "failure_reports": [],
        "not_taken": [{"name": "-", "outcome": "corrupt", "reason": "gzip stream is cut off"}],
    }


def test_parse_says_why_a_large_report_is_not_taken(tmp_path: Path) -> None:
    hostile = f"<record><auth_results>{'<dkim/>' * 101}</auth_results></record></feedback>".encode()
    (tmp_path / "large.xml").write_bytes(large().replace(b"</feedback>", hostile))
    done = ruamill("parse", "large.xml", cwd=tmp_path)
    (not_taken,) = json.loads(done.stdout)["not_taken"]
    assert (done.returncode, not_taken["name"], not_taken["outcome"]) == (3, "large.xml", "refused")


def test_parse_shows_what_a_damaged_report_says(tmp_path: Path) -> None:
    (tmp_path / "cut.xml").write_bytes(feedback().removesuffix(b"</feedback>\n"))
    shown = json.loads(ruamill("parse", "cut.xml", cwd=tmp_path).stdout)
    (report,) = shown["reports"]
    assert len(report["records"]) == 1
    assert "cut-off" in [it["code"] for it in report["deviations"]]
    assert report["damage"]
    assert report["records"][0]["recomputed"] == {"dkim": "pass", "spf": "fail", "agreement": "agrees"}


def test_parse_shows_reports_of_other_kinds(tmp_path: Path) -> None:
    tls = json.loads(ruamill("parse", ROOT / "fixtures" / "tls" / "google.json.gz", cwd=tmp_path).stdout)
    assert tls["tls_reports"][0]["organization"] == "Google Inc."
    failure = json.loads(
        ruamill("parse", ROOT / "fixtures" / "failures" / "rfc9991.eml", cwd=tmp_path).stdout
    )
    assert failure["failure_reports"][0]["reported_domain"] == "inselpost.example"
    assert failure["mail"]["subject"] is None


def test_parse_of_nothing_is_wrong_use(tmp_path: Path) -> None:
    assert (
        ruamill("parse", "report.xml", cwd=tmp_path).stderr
        == "ruamill: report.xml: No such file or directory\n"
    )
    assert ruamill("parse", ".", cwd=tmp_path).returncode == 2


def test_parse_takes_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    name = b"r\xe9port.xml".decode(errors="surrogateescape")
    (tmp_path / name).write_bytes(feedback())
    done = ruamill("parse", name, cwd=tmp_path)
    assert json.loads(done.stdout)["reports"][0]["name"] == name


# -- what strangers write


def fill(folder: Path, *reports: bytes) -> Path:
    for number, report in enumerate(reports):
        (folder / f"{number}.xml").write_bytes(report)
    done = ruamill("ingest", *sorted(folder.glob("*.xml")), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with reports that try to steer a terminal, one of them stored."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "broken.zip").write_bytes(zipped({"\x1b]0;owned\x07\x1b[2J.xml": b"<feedback>"}))
    return fill(folder, feedback("1", RECORD.replace("by a list", HOSTILE), domain=f"{HOSTILE}.example"))


@pytest.mark.parametrize("words", [["sources"], ["sources", "--json"], ["parse", "0.xml"], ["sources", "x"]])
def test_no_report_steers_the_terminal(hostile: Path, words: list[str]) -> None:
    assert controls(HOSTILE) == set(HOSTILE) - set("31m")
    text = seen(*words, cwd=hostile, columns=200)
    assert "example" in text
    assert controls(text) == set()


def test_no_file_name_steers_the_terminal(hostile: Path) -> None:
    text = seen("ingest", "broken.zip", cwd=hostile, columns=200)
    assert "]0;owned" in text
    assert controls(text) <= {"\r"}  # of the progress bar
    assert controls(seen("parse", "broken.zip", cwd=hostile, columns=200)) == set()
