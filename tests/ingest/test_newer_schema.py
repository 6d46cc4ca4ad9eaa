"""A database that a newer ruamill made is left alone by every command, which says so in one line; the mail stays."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from store.database import Database
from store.migrate import HEAD, upgrade
from tests.ingest.mailbox_kit import report_mail
from tests.ingest.program import PATIENCE, Daemon, Program
from tests.store.kit import content, counts, feedback, rows, take

COMMANDS = (
    ["run"],
    ["poll"],
    ["ingest", "report.xml"],
    ["query", "SELECT 1"],
    ["export", "domain_days", "--output", "exported"],
    ["reparse"],
    ["db", "upgrade"],
)
TOLD = f"ruamill: the database has schema 9999, this ruamill knows {HEAD}: install the newer one"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Give a database with a report, of a revision that is still to come."""
    with closing(Database(database_url)) as database:
        upgrade(database)
        take(database, feedback())
        with database.writing() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        yield database


def test_every_command_refuses_and_says_so(
    database: Database, database_url: str, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    mail = tmp_path / "Maildir" / "new" / "1"
    for folder in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / folder).mkdir(parents=True)
    mail.write_bytes(report_mail(1).content)
    (tmp_path / "report.xml").write_bytes(feedback("2"))
    program = Program(tmp_path, database_url, {"kind": "maildir", "path": str(tmp_path / "Maildir")})
    before = content(database)
    for words in COMMANDS:
        with subtests.test(" ".join(words)):
            done = program.run(*words)
            assert (done.returncode, done.stdout) == (2, "")
            # beside it the daemon logs, as JSON
            assert [line for line in done.stderr.splitlines() if not line.startswith("{")] == [TOLD]
    assert content(database) == before
    assert rows(database, "SELECT version_num FROM alembic_version") == [("9999",)]
    assert mail.exists()
    assert not (tmp_path / "exported").exists()


def test_a_daemon_stops_where_a_newer_one_migrated_meanwhile(database_url: str, tmp_path: Path) -> None:
    for folder in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / folder).mkdir(parents=True)
    program = Program(tmp_path, database_url, {"kind": "maildir", "path": str(tmp_path / "Maildir")})
    with Daemon(program) as daemon, closing(Database(database_url)) as database:
        daemon.wait_for("poll")
        with database.writing() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        mail = tmp_path / "Maildir" / "new" / "1"
        mail.write_bytes(report_mail(1).content)
        assert daemon.process.wait(PATIENCE) == 2
        assert counts(database, "message", "report") == {"message": 0, "report": 0}
    assert daemon.lines[-1] == f"{TOLD}\n"
    assert mail.exists()
