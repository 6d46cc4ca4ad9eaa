"""The daemon as it runs, or two of them, and a real mail server: from reports in the database to a letter that was delivered."""

import json
from collections.abc import Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store import outbox
from store.database import Database
from store.migrate import upgrade
from store.outbox import Parcel
from tests.ingest.program import Daemon, Program, wait_until
from tests.servers.mail import MailServer
from tests.servers.postfix import PostfixServer
from tests.store.kit import feedback, record, rows, take

NOW = datetime.now(UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
READER = "postmaster@example.org"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have a letter an hour ago, to one reader."""
    for key, value in {"AT": f"{NOW - HOUR:%H:%M}", "RECIPIENTS": READER}.items():
        monkeypatch.setenv(f"RUAMILL_SUMMARY__{key}", value)
    monkeypatch.setenv("RUAMILL_SMTP__SENDER", "dmarc@example.org")
    return monkeypatch


def send_by(environment: pytest.MonkeyPatch, server: MailServer | PostfixServer, **more: str) -> None:
    place = {"host": server.host, "port": str(server.port), "ca_file": str(server.ca_file)}
    for key, value in {**place, **more}.items():
        environment.setenv(f"RUAMILL_SMTP__{key.upper()}", value)


def prepare(url: str) -> None:
    """Let a report have come in yesterday, and the last letter have gone out the day before: it is high time."""
    last = Parcel(
        kind="daily",
        channel="mail",
        recipient=READER,
        topic="all",
        begins_at=NOW - 3 * DAY,
        ends_at=NOW - 2 * DAY,
        message_id="<last@example.org>",
        subject="the last one",
        content=b"",
    )
    with closing(Database(url)) as database:
        upgrade(database)
        take(database, feedback("1", record("192.0.2.1", 1111)), now=NOW - DAY)
        [key] = outbox.claim(database, [last], NOW - 2 * DAY)
        outbox.sent(database, key, NOW - 2 * DAY)


def mailbox(folder: Path) -> Mapping[str, object]:
    """Make an empty one."""
    for name in ("cur", "new", "tmp"):
        (folder / "Maildir" / name).mkdir(parents=True)
    return {"kind": "maildir", "path": str(folder / "Maildir")}


@pytest.mark.postfix
def test_a_letter_is_delivered_by_postfix(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/ruamill.db"
    prepare(url)
    program = Program(tmp_path, url, mailbox(tmp_path))
    with PostfixServer() as server:
        send_by(environment, server)
        with Daemon(program) as daemon:
            [claimed] = daemon.wait_for("letter_claimed")
            [sent] = daemon.wait_for("letter_sent")
            daemon.stop()
        [letter] = server.letters(1)
    assert claimed["message_id"] == sent["message_id"] == letter["Message-ID"]
    assert letter["Subject"] == claimed["subject"]
    assert "1,111" in str(letter)
    seen = json.loads(program.run("status", "--json").stdout)
    assert seen["last_letter"]["subject"] == letter["Subject"]
    assert seen["undelivered_letters"] == []


def test_two_daemons_send_one_letter(
    tmp_path: Path, database_url: str, environment: pytest.MonkeyPatch
) -> None:
    prepare(database_url)
    with MailServer() as server, ExitStack() as stack:
        send_by(environment, server, user=server.user, password=server.password)
        daemons = []
        for name in ("one", "other"):
            folder = tmp_path / name
            folder.mkdir()
            daemons.append(stack.enter_context(Daemon(Program(folder, database_url, mailbox(folder)))))
        wait_until(lambda: any(daemon.events("letter_sent") for daemon in daemons))
        for daemon in daemons:
            daemon.wait_for("poll")
            daemon.stop()
        assert not any(daemon.events("defect") for daemon in daemons)
        assert not any(server.password in line for daemon in daemons for line in daemon.lines)
        assert len(server.letters) == 1
    with closing(Database(database_url)) as database:
        [sent] = rows(database, "SELECT attempts FROM summary_delivery WHERE subject <> 'the last one'")
        assert sent == (1,)
