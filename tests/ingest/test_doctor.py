"""`ruamill doctor` names what is wrong with everything that is configured, and the next step."""

import json
import os
import re
from pathlib import Path

import pytest

from ingest.configuration import load
from ingest.doctor import configuration, daemon, maildir
from ingest.doctor.findings import Finding, Level, to_the_end
from ingest.settings import MaildirSettings, MonitorSettings
from tests.ingest.doctor_kit import as_nobody, nobodys_folder, the, worst
from tests.ingest.mailbox_kit import account, make_maildir, report_mail
from tests.ingest.program import RUAMILL, Daemon, Program
from tests.ingest.terminal import on_terminal
from tests.servers.dovecot import DovecotServer
from tests.servers.ports import free_port

# --- the configuration


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "ruamill.toml"
    file.write_text('[[mailbox]]\nhost = "imap.example.org"\nuser = "dmarc"\npassword = "open-sesame"\n')
    file.chmod(0o640)
    return file


def test_a_file_with_a_password_that_others_may_read(config: Path) -> None:
    assert not [found for found in configuration.findings(load(config), config) if found.check == "rights"]
    config.chmod(0o644)
    found = the(list(configuration.findings(load(config), config)), "rights")
    assert found.level is Level.WARNING
    assert "open-sesame" not in str(found)
    assert found.advice.startswith("chmod o= ")


def test_a_file_without_a_password_may_be_read_by_all(config: Path) -> None:
    config.chmod(0o644)
    config.write_text(config.read_text().replace('password = "open-sesame"\n', ""))
    settings = load(config, {"RUAMILL_MAILBOX__0__PASSWORD": "open-sesame"})
    assert not [found for found in configuration.findings(settings, config) if found.check == "rights"]


def test_the_password_of_the_database_counts_too(tmp_path: Path) -> None:
    file = tmp_path / "ruamill.toml"
    for url, level in (("postgresql://anna:sesame@db/x", Level.WARNING), ("sqlite:///x.db", None)):
        file.write_text(f'database = "{url}"\n')
        file.chmod(0o644)
        found = [each.level for each in configuration.findings(load(file), file) if each.check == "rights"]
        assert found == ([level] if level else [])


def test_a_key_of_the_mailbox_is_looked_at(tmp_path: Path, config: Path) -> None:
    key = tmp_path / "key.json"
    config.write_text(
        '[[mailbox]]\nuser = "dmarc@example.org"\n[mailbox.oauth]\nprovider = "google"\n'
        f'service_account_file = "{key}"\n'
    )
    found = the(list(configuration.findings(load(config), config)), "rights")
    assert found.level is Level.WRONG
    assert str(key) in found.text
    key.write_text("{}")
    key.chmod(0o644)
    assert the(list(configuration.findings(load(config), config)), "rights").level is Level.WARNING
    key.chmod(0o600)
    assert not [each for each in configuration.findings(load(config), config) if each.check == "rights"]


def test_what_is_left_open_is_noted(config: Path) -> None:
    checks = {each.check: each.level for each in configuration.findings(load(config), config)}
    assert checks["domains"] is checks["accept.trusted_authserv_id"] is Level.NOTE
    with config.open("r+") as file:
        tables = file.read()
        file.seek(0)
        file.write(f'domains = "example.org"\n{tables}[accept]\ntrusted_authserv_id = "mx.example.org"\n')
    checks = {each.check: each.level for each in configuration.findings(load(config), config)}
    assert not {"domains", "accept.trusted_authserv_id", "mailbox"} & checks.keys()


# --- a Maildir


def look_into(path: Path, **changes: object) -> list[Finding]:
    settings = MaildirSettings.model_validate({"kind": "maildir", "path": path, **changes})
    return list(to_the_end(maildir.findings(settings)))


def test_a_maildir_that_is_right_is_left_as_it_is(tmp_path: Path) -> None:
    make_maildir(tmp_path / "Maildir", [report_mail(1)])
    before = sorted(tmp_path.rglob("*"))
    found = look_into(tmp_path / "Maildir")
    assert worst(found) is Level.NOTE
    assert "1 message there" in the(found, "path").text
    assert sorted(tmp_path.rglob("*")) == before
    make_maildir(tmp_path / "Maildir" / ".Processed", [])
    assert Level.OK in [each.level for each in look_into(tmp_path / "Maildir") if each.check == "folder"]


def test_no_maildir(tmp_path: Path) -> None:
    (tmp_path / "cur").mkdir()
    found = look_into(tmp_path)
    assert the(found, "path").level is Level.WRONG
    assert "new, tmp missing" in the(found, "path").text


def test_a_maildir_on_two_file_systems(tmp_path: Path) -> None:
    shared = Path("/dev/shm")  # noqa: S108 (a file system of its own, where there is one)
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    make_maildir(tmp_path / "Maildir", [])
    elsewhere = shared / f"ruamill-doctor-{os.getpid()}"
    make_maildir(elsewhere, [])
    try:
        (tmp_path / "Maildir" / ".Processed").symlink_to(elsewhere)
        refused = [each for each in look_into(tmp_path / "Maildir") if each.level is Level.WRONG]
    finally:
        for part in ("cur", "new", "tmp", "."):
            (elsewhere / part).rmdir()
    assert ["another file system" in each.text for each in refused] == [True]


def test_a_maildir_of_somebody_else() -> None:
    with nobodys_folder() as folder:
        make_maildir(folder / "Maildir", [])
        with as_nobody():
            found = look_into(folder / "Maildir")
            left = look_into(folder / "Maildir", after="leave")
        assert [each.check for each in found if each.level is Level.WRONG] == ["rights"] * 2 + ["folder"] * 3
        assert worst(left) is Level.OK


# --- as an operator runs it


@pytest.fixture
def program(tmp_path: Path, dovecot_server: DovecotServer, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")  # the registries are left in peace
    return Program(tmp_path, f"sqlite:///{tmp_path}/ruamill.db", account(dovecot_server, "doctor"))


def test_nothing_is_wrong(program: Program) -> None:
    done = program.run("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert {line.partition(":")[0] for line in lines[:-1]} <= {"ok", "note", "warning"}
    assert "ok: mailbox doctor: login: as doctor" in lines
    assert lines[-1].startswith("Nothing is wrong")


@pytest.mark.usefixtures("program")
def test_something_is_wrong_as_json(tmp_path: Path, dovecot_server: DovecotServer) -> None:
    wrong = account(dovecot_server, "doctor", password="wrong-one")  # noqa: S106 (nobody's)
    done = Program(tmp_path, f"sqlite:///{tmp_path}/nowhere/ruamill.db", wrong).run("doctor", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert set(found[0]) == {"section", "check", "level", "text", "advice"}
    sections = {each["section"] for each in found if each["level"] == "wrong"}
    assert sections == {"database", "mailbox doctor"}
    assert "wrong-one" not in done.stdout + done.stderr


def test_a_configuration_that_cannot_be_read(program: Program) -> None:
    config = program.folder / "ruamill.toml"
    config.write_text('databse = "x"\n[[mailbox]]\nuser = "anna"\npassword = "x"\n')
    done = program.run("doctor")
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert [line.partition(f" {config}: ")[2].split()[0] for line in lines[:-1]] == [
        "mailbox.0.host",
        "databse",
    ]
    assert lines[-1] == "2 things are wrong."
    assert json.loads(program.run("doctor", "--json").stdout)[0]["level"] == "wrong"


def test_a_terminal_shows_each_section(program: Program) -> None:
    shown = on_terminal(
        [RUAMILL, "--config", "ruamill.toml", "doctor"],
        program.folder,
        environment={
            "https_proxy": os.environ["https_proxy"],
            "RUAMILL_ENRICH__QUERIES": "on",
            "RUAMILL_ENRICH__NAME_SERVERS": "127.0.0.1:9",  # nobody
        },
    )
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n")  # a spinner comes back and back
    for head in ("configuration", "database", "mailbox doctor", "DNS", "registries", "daemon"):
        assert re.search(rf"^{head}$", plain, re.MULTILINE)
    assert max(len(line) for line in plain.splitlines()) <= 80


def test_a_daemon_that_runs_is_found(program: Program) -> None:
    port = free_port()
    config = program.folder / "ruamill.toml"
    config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
    with Daemon(program) as running:
        running.wait_for("poll")
        found = the(list(daemon.findings(MonitorSettings(port=port))), "monitor")
        assert found.level is Level.OK
        lock = next(each for each in program.run("doctor").stdout.splitlines() if ": lock: " in each)
        assert lock.startswith("note: database: lock: a ruamill is at work on the mailbox doctor")
