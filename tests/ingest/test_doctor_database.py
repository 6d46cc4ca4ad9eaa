"""`ruamill doctor` tells what keeps a database from being used, and leaves nothing in it."""

from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from ingest.doctor import database, disk
from ingest.doctor.findings import Finding, Level, to_the_end
from store import condition
from store.database import Database
from store.locks import lock
from store.migrate import HEAD, upgrade
from tests.ingest.doctor_kit import as_nobody, nobodys_folder, the, worst
from tests.ingest.mailbox_kit import ask, engine_of
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer


def look_at(url: str, *mailboxes: str) -> list[Finding]:
    return list(to_the_end(database.findings(url, mailboxes)))


def test_a_database_that_is_right(database_url: str) -> None:
    opened = Database(database_url)
    upgrade(opened)
    before = ask(database_url, "SELECT count(*) FROM mailbox_state")
    assert worst(look_at(database_url, "dmarc")) is Level.OK
    assert ask(database_url, "SELECT count(*) FROM mailbox_state") == before
    with lock(opened, "dmarc"):
        found = the(look_at(database_url, "dmarc", "other"), "lock")
    assert found.level is Level.NOTE
    assert "dmarc" in found.text
    opened.close()


def test_a_database_that_is_empty_stays_so(database_url: str) -> None:
    with engine_of(database_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE of_somebody (word TEXT)")
    found = look_at(database_url)
    assert the(found, "schema").level is Level.NOTE
    assert worst(found) is Level.NOTE
    with engine_of(database_url) as engine:
        assert inspect(engine).get_table_names() == ["of_somebody"]


@pytest.mark.parametrize(("schema", "level"), [("0001", Level.NOTE), ("9999", Level.WRONG)])
def test_a_database_of_another_ruamill(database_url: str, schema: str, level: Level) -> None:
    opened = Database(database_url)
    upgrade(opened)
    with opened.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :schema"), {"schema": schema})
    opened.close()
    found = look_at(database_url)
    assert the(found, "schema").level is level
    assert HEAD in the(found, "schema").text
    assert worst(found) is level


def test_a_file_of_sqlite_that_is_missing_is_not_made(tmp_path: Path) -> None:
    found = look_at(f"sqlite:///{tmp_path}/ruamill.db", "dmarc")
    assert [(each.check, each.level) for each in found] == [("file", Level.NOTE)]
    assert not list(tmp_path.iterdir())


def test_no_file_to_lock_is_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ruamill.db"
    opened = Database(url)
    upgrade(opened)
    opened.close()
    look_at(url, "dmarc")
    assert [file.name for file in tmp_path.iterdir()] == ["ruamill.db"]


def test_a_url_that_is_no_use(tmp_path: Path) -> None:
    assert the(look_at(f"sqlite:///{tmp_path}/nowhere/ruamill.db"), "url").level is Level.WRONG
    assert "secret" not in str(look_at("postgresql://anna:secret@host:port/x"))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "ruamill.db").write_text("Dear diary, " * 100)
    found = look_at(f"sqlite:///{tmp_path}/ruamill.db")
    assert the(found, "connection").level is Level.WRONG
    assert found[-1].level is Level.SKIPPED


def test_a_folder_where_no_database_can_be_made() -> None:
    with nobodys_folder() as folder, as_nobody():
        found = the(look_at(f"sqlite:///{folder}/ruamill.db"), "folder")
    assert found.level is Level.WRONG
    assert str(folder) in found.advice


def test_a_database_that_another_process_writes_to_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(condition.PATIENCE, "sqlite", "PRAGMA busy_timeout = 100")
    url = f"sqlite:///{tmp_path}/ruamill.db"
    opened = Database(url)
    upgrade(opened)
    with opened.writing():
        found = the(look_at(url), "writing")
    opened.close()
    assert found.level is Level.WRONG
    assert "another process writes" in found.advice


@pytest.mark.parametrize(
    ("kind", "expected"), [("ext4", None), ("nfs4", "nfs4"), ("fuse.sshfs", "fuse.sshfs"), ("cifs", "cifs")]
)
def test_a_network_file_system_is_known(tmp_path: Path, kind: str, expected: str | None) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        f"99 22 0:50 / {tmp_path}/a\\040disk rw,relatime shared:9 master:1 - {kind} server:/export rw\n"
    )
    assert disk.network_file_system(tmp_path / "a disk" / "deep" / "in", mounts) == expected
    assert disk.network_file_system(tmp_path, mounts) is None


def test_a_postgresql_that_refuses(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    with engine_of(postgres_server.url("postgres")) as engine, engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE doctor LOGIN PASSWORD 'right'")
        connection.exec_driver_sql("CREATE ROLE guest LOGIN")
        connection.exec_driver_sql(
            "CREATE ROLE standby LOGIN; ALTER ROLE standby SET default_transaction_read_only = on"
        )
        access = Path(connection.exec_driver_sql("SHOW hba_file").scalar_one())
        access.write_text(f"host all doctor 127.0.0.1/32 scram-sha-256\n{access.read_text()}")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    place, name = url.partition("@")[2], url.rpartition("/")[2]
    refusals = {
        f"postgresql://doctor:wrong-one@{place}": ("connection", "check user and password"),
        f"postgresql://doctor@{place}": ("connection", "put the password into the URL"),
        f"postgresql://stranger@{place}": ("connection", "make the role"),
        url.replace(name, "nowhere"): ("connection", "make the database"),
        f"postgresql://postgres@127.0.0.1:{free_port()}/x": ("connection", "check host and port"),
        f"postgresql://guest@{place}": ("writing", "let the user own"),
        f"postgresql://standby@{place}": ("writing", "name the primary server"),
        f"{url}?sslmode=require": ("connection", "check sslmode"),
    }
    for refused, (check, advice) in refusals.items():
        found = look_at(refused)
        assert the(found, check).level is Level.WRONG, found
        assert the(found, check).advice.startswith(advice), found
        assert "wrong-one" not in str(found)
    assert worst(look_at(f"postgresql://doctor:right@{place}")) is Level.WRONG  # no right to make tables
    opened = Database(url)
    upgrade(opened)
    opened.close()
    refusal = the(look_at(f"postgresql://guest@{place}"), "connection")
    assert refusal.advice.startswith("let the user own")


def test_a_postgresql_that_cannot_keep_every_name(postgres_server: PostgresServer) -> None:
    with engine_of(postgres_server.url("postgres")) as engine, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    found = the(look_at(postgres_server.url("latin")), "encoding")
    assert found.level is Level.WRONG
    assert "LATIN1" in found.text
