"""A database of any age becomes one of this version, whole or not at all."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from store.database import Database, DatabaseUnavailableError
from store.migrate import HEAD, SchemaTooNewError, SchemaTooOldError, check, migrations, upgrade
from store.schema import metadata
from store.views import VIEWS
from tests.servers.small_disk import fill, missing, relieve, small_disk
from tests.store import filling
from tests.store.kit import content, feedback, large, rows, take
from tests.store.migration_kit import move, run_migrations, structure, with_another

ROOT = Path(__file__).parents[2]
NO_DISK = missing()
UPGRADE = """
import sys
import alembic.command, alembic.config, alembic.script
from store.database import Database
from store.migrate import upgrade

print("ready", flush=True)
sys.stdin.readline()
upgrade(Database(sys.argv[1]))
"""
"""Waits at the start line, so that several really run at once."""
MIGRATE = """
import sys
from pathlib import Path
from store.database import Database
from tests.store.migration_kit import run_migrations

with Database(sys.argv[1]).migrating() as connection:
    run_migrations(connection, Path(sys.argv[2]))
"""
BROKEN = """
from alembic import op

def upgrade():
    op.execute("CREATE TABLE half_done (number int)")
    op.execute("DROP VIEW records_flat")
    op.execute("SELECT something FROM nowhere")
"""
REWRITING = """
import sys
from alembic import op

def upgrade():
    op.execute("DELETE FROM source_seen")
    op.execute("UPDATE record SET envelope_to = '{text}'")
    {then}
"""
TEXT = "." * 300
"""Of as many records as `large` has it is more than SQLite keeps in memory before a commit."""
FAILING = REWRITING.format(text=TEXT, then="raise RuntimeError('no further')")
WAITING = REWRITING.format(text=TEXT, then="print('rewritten', flush=True); sys.stdin.readline()")


@pytest.fixture
def alembic(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Configure alembic's own command as a developer has it."""
    monkeypatch.setenv("RUAMILL_DATABASE", database_url)
    return Config(ROOT / "alembic.ini")


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def started(script: str, *arguments: str | Path, says: str) -> "subprocess.Popen[str]":
    """Start a process, and wait until it says so; then it waits for a line."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == f"{says}\n"
    return process


def test_an_empty_database_gets_every_table(empty: Database) -> None:
    assert upgrade(empty) is None
    assert set(structure(empty)) == {*metadata.tables, *VIEWS, "alembic_version"}


def test_upgrading_again_changes_nothing(database: Database) -> None:
    take(database, feedback())
    before = content(database), structure(database)
    assert upgrade(database) == HEAD
    assert (content(database), structure(database)) == before


def test_migrations_and_tables_say_the_same(alembic: Config) -> None:
    command.upgrade(alembic, "head")
    command.check(alembic)


def test_down_to_nothing_and_up_again(alembic: Config, empty: Database) -> None:
    command.upgrade(alembic, "head")
    before = structure(empty)
    command.downgrade(alembic, "base")
    assert set(structure(empty)) == {"alembic_version"}
    command.upgrade(alembic, "head")
    assert structure(empty) == before


def test_rows_of_an_older_schema_come_through(alembic: Config, database: Database) -> None:
    take(database, feedback())
    before = content(database, "report", "record", "message", "record_dkim", "source_seen")
    command.downgrade(alembic, "0001")
    with database.writing() as connection:
        connection.execute(text("INSERT INTO source (source_ip, state) VALUES ('192.0.2.1', 'waiting')"))
    command.upgrade(alembic, "head")
    after = content(database, "report", "record", "message", "record_dkim", "source_seen")
    assert {table: len(found) for table, found in after.items()} == {
        table: len(found) for table, found in before.items()
    }
    assert rows(database, "SELECT is_foreign, sender_fits FROM report") == [(False, None)]
    assert rows(database, "SELECT reports, deviations FROM reporter_quality")[0][0] == 1
    assert rows(database, "SELECT failures, name_failures, name_confirmed FROM source") == [(0, 0, None)]
    assert rows(database, "SELECT messages, lookup_state FROM sources") == [(12, "waiting")]


def test_the_newest_revision_is_the_one_this_program_knows() -> None:
    assert ScriptDirectory(str(migrations())).get_heads() == [HEAD]


def test_a_newer_database_is_left_alone(database: Database) -> None:
    take(database, feedback())
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = content(database), structure(database)
    with pytest.raises(
        SchemaTooNewError, match=f"schema 9999, this ruamill knows {HEAD}: install the newer one"
    ):
        upgrade(database)
    with pytest.raises(SchemaTooNewError, match="install the newer one"), database.reading() as connection:
        check(connection)
    assert (content(database), structure(database)) == before
    assert rows(database, "SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_database_that_must_not_be_changed_is_only_looked_at(empty: Database) -> None:
    with pytest.raises(SchemaTooOldError, match="has no tables"), empty.reading() as connection:
        check(connection)
    upgrade(empty)
    with empty.reading() as connection:
        check(connection)
    move(empty, "0004")
    with pytest.raises(SchemaTooOldError, match="is at schema 0004"), empty.reading() as connection:
        check(connection)


def test_several_processes_may_upgrade_at_once(empty: Database, database_url: str) -> None:
    processes = [started(UPGRADE, database_url, says="ready") for _ in range(3)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate() for process in processes] == [("", "")] * 3
    assert rows(empty, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert upgrade(empty) == HEAD


@pytest.mark.parametrize(
    ("report", "migration", "why"),
    [(feedback(), BROKEN, "nowhere"), (large(), FAILING, "no further")],
    ids=["structure", "rows"],
)
def test_a_migration_that_fails_leaves_the_database_as_it_was(
    database: Database, tmp_path: Path, report: bytes, migration: str, why: str
) -> None:
    folder = with_another(tmp_path, migration)
    take(database, report)
    before = content(database), structure(database)
    with pytest.raises(Exception, match=why), database.migrating() as connection:
        run_migrations(connection, folder)
    assert (content(database), structure(database)) == before
    assert rows(database, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_migration_that_is_killed_leaves_the_database_as_it_was(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    take(database, large())
    before = content(database), structure(database)
    with started(MIGRATE, database_url, with_another(tmp_path, WAITING), says="rewritten") as process:
        process.kill()
    assert (content(database), structure(database)) == before
    assert upgrade(database) == HEAD
    take(database, feedback())


@pytest.mark.skipif(NO_DISK is not None, reason=f"no small disk: {NO_DISK}")
def test_a_full_disk_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    with (
        small_disk(8, tmp_path / "small") as disk,
        closing(Database(f"sqlite:///{disk}/ruamill.db")) as database,
    ):
        upgrade(database)
        take(database, feedback())
        move(database, "0001")
        with database.reading() as connection:
            before = filling.content(connection), structure(database)
        fill(disk, leaving=16 * 1024)
        with pytest.raises(DatabaseUnavailableError, match="full"):
            upgrade(database)
        with database.reading() as connection:
            assert (filling.content(connection), structure(database)) == before
        relieve(disk)
        assert upgrade(database) == "0001"
