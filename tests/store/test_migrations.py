"""A database of any age becomes one of this version, whole or not at all."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from store.database import Database
from store.migrate import HEAD, SchemaTooNewError, migrations, upgrade
from store.schema import metadata
from tests.store.kit import content, feedback, rows, take

ROOT = Path(__file__).parents[2]
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
VIEWS = {
    *("records_flat", "reporter_quality", "ingest_health", "tls_days", "failure_messages"),
    *("sources", "source_days", "failing_sources", "new_sources"),
}
BROKEN = """
from alembic import op
revision, down_revision, branch_labels, depends_on = "broken", "{head}", None, None

def upgrade():
    op.execute("CREATE TABLE half_done (number int)")
    op.execute("DROP VIEW records_flat")
    op.execute("SELECT something FROM nowhere")
"""


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


def structure(database: Database) -> dict[str, list[str]]:
    """Describe every table and view by its columns and indexes."""
    with database.reading() as connection:
        found = inspect(connection)
        names = [*found.get_table_names(), *found.get_view_names()]
        columns = {name: [repr(column) for column in found.get_columns(name)] for name in names}
        return {
            name: columns[name] + sorted(str(index["name"]) for index in found.get_indexes(name))
            for name in names
        }


def run_migrations(connection: Connection, folder: Path) -> None:
    """Run the migrations of another folder as `upgrade` runs its own."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def waiting_process(url: str) -> "subprocess.Popen[str]":
    """Start a process that upgrades a database once it is told to."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", UPGRADE, url], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
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
    assert (content(database), structure(database)) == before
    assert rows(database, "SELECT version_num FROM alembic_version") == [("9999",)]


def test_several_processes_may_upgrade_at_once(empty: Database, database_url: str) -> None:
    processes = [waiting_process(database_url) for _ in range(3)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate() for process in processes] == [("", "")] * 3
    assert rows(empty, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert upgrade(empty) == HEAD


def test_a_migration_that_fails_leaves_the_database_as_it_was(database: Database, tmp_path: Path) -> None:
    folder = shutil.copytree(migrations(), tmp_path / "migrations")
    (folder / "versions" / "broken.py").write_text(BROKEN.format(head=HEAD))
    take(database, feedback())
    before = content(database), structure(database)
    with pytest.raises(Exception, match="nowhere"), database.writing() as connection:
        run_migrations(connection, folder)
    assert (content(database), structure(database)) == before
    assert rows(database, "SELECT version_num FROM alembic_version") == [(HEAD,)]
