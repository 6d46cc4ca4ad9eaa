"""URLs in, connections out: what cannot work is told from what may pass, and writers take turns."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any

import pytest
from sqlalchemy import column, select, table, text

from fixtures.make_mails import xml_of
from store import schema
from store.database import BUSY_SECONDS, Database, DatabaseUnavailableError, DatabaseUrlError
from store.mailboxes import note_poll
from store.migrate import upgrade
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer
from tests.store.kit import INBOX, NOW, feedback, rows, take

REPORTS = sorted(path.stem for path in (Path(__file__).parents[2] / "fixtures" / "reports").glob("*.xml"))


# -- URLs


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("", "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"),
        ("reports.db", "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"),
        ("postgresql://ruamill:s3cret@db:port/reports", "write sqlite:///FILE or postgresql://"),
        ("mysql://ruamill:s3cret@db/reports", '"mysql": only sqlite and postgresql are supported'),
        ("postgresql://ruamill:s3c@ret@db/reports", "write %40"),
        ("sqlite://", "names no file; write sqlite:///FILE"),
        ("sqlite:///:memory:", "names no file; write sqlite:///FILE"),
        ("sqlite://reports.db", "names no file; write sqlite:///FILE"),
    ],
)
def test_a_url_that_is_no_use_is_answered_with_advice(url: str, advice: str) -> None:
    with pytest.raises(DatabaseUrlError) as caught:
        Database(url)
    assert advice in str(caught.value)
    assert "ret" not in str(caught.value)


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_the_name_of_a_database_hides_the_password(driver: str) -> None:
    name = Database(f"{driver}://ruamill:s3cret@db.example.org/reports").name
    assert name == "postgresql+psycopg://ruamill:***@db.example.org/reports"


def test_a_file_that_is_no_database_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Buy milk. " * 100)
    with pytest.raises(DatabaseUrlError, match=r"notes.txt: the file is no SQLite database; name another"):
        rows(Database(f"sqlite:///{tmp_path}/notes.txt"), "SELECT 1")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUrlError, match=f"there is no folder {tmp_path}/reports; make it"):
        Database(f"sqlite:///{tmp_path}/reports/ruamill.db")


# -- outages


def test_an_unreachable_server_is_an_outage_told_without_the_password() -> None:
    database = Database(f"postgresql://ruamill:s3cret@127.0.0.1:{free_port()}/reports")
    with pytest.raises(DatabaseUnavailableError, match="Connection refused") as caught:
        rows(database, "SELECT 1")
    assert "s3cret" not in str(caught.value)
    assert "ruamill:***@127.0.0.1" in str(caught.value)


def test_a_connection_lost_in_mid_write_leaves_nothing_and_the_next_one_works(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.create_database()
    database, other = Database(url), Database(url)
    upgrade(database)
    with pytest.raises(DatabaseUnavailableError):
        write_and_lose_connection(database, other)
    assert rows(database, "SELECT * FROM mailbox_state") == []
    database.close()
    other.close()
    postgres_server.drop_database(url)


def write_and_lose_connection(database: Database, other: Database) -> None:
    with database.writing() as connection:
        note_poll(connection, INBOX, 1, NOW)
        backends = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        rows(other, f"SELECT pg_terminate_backend(pid) {backends}")
        note_poll(connection, INBOX, 2, NOW)


def test_a_server_that_only_follows_another_is_an_outage(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    database = Database(url)
    upgrade(database)
    name = url.rpartition("/")[2]
    with database.writing() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    database.close()
    with (
        pytest.raises(DatabaseUnavailableError, match="read-only transaction"),
        database.writing() as connection,
    ):
        note_poll(connection, INBOX, 1, NOW)
    database.close()
    postgres_server.drop_database(url)


# -- transactions


def test_writers_take_turns(database_url: str) -> None:
    first, second = Database(database_url), Database(database_url)
    with first.writing() as connection:
        connection.execute(text("CREATE TABLE list (number int)"))
    trying = Event()

    def write_second() -> None:
        trying.set()
        with second.writing() as connection:
            connection.execute(text("INSERT INTO list SELECT 10 + count(*) FROM list"))

    thread = Thread(target=write_second)
    with first.writing() as connection:
        connection.execute(text("INSERT INTO list VALUES (1)"))
        thread.start()
        trying.wait()
        thread.join(0.3)
        assert thread.is_alive()
        connection.execute(text("INSERT INTO list VALUES (2)"))
    thread.join(BUSY_SECONDS)
    assert rows(first, "SELECT number FROM list ORDER BY number") == [(1,), (2,), (12,)]
    first.close()
    second.close()


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.writing() as connection:
        note_poll(connection, INBOX, 1, NOW)
        assert rows(database, "SELECT * FROM mailbox_state") == []


def test_an_error_in_the_middle_undoes_the_whole(database: Database) -> None:
    def write_and_fail() -> None:
        with database.writing() as connection:
            note_poll(connection, INBOX, 1, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert rows(database, "SELECT * FROM mailbox_state") == []


def test_sqlite_is_set_up(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/ruamill.db")
    settings = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": BUSY_SECONDS * 1000,
    }
    assert {name: rows(database, f"PRAGMA {name}")[0][0] for name in settings} == settings
    database.close()


def test_a_waiting_sqlite_is_an_outage_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.database.BUSY_SECONDS", 0.1)
    database = Database(f"sqlite:///{tmp_path}/ruamill.db")
    with closing(sqlite3.connect(tmp_path / "ruamill.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnavailableError, match="database is locked"), database.writing():
            pass
    database.close()


# -- what is read back


def test_a_new_sqlite_that_another_sets_up_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE half_done (number int)")
        other.execute("BEGIN IMMEDIATE")  # for this lock SQLite does not wait where the journal changes
        Timer(0.3, other.execute, ["COMMIT"]).start()
        with closing(Database(f"sqlite:///{file}")) as database, database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_who_reads_sees_one_state_of_the_database(database: Database) -> None:
    number = text("SELECT count(*) FROM report")
    with database.reading() as connection:
        assert connection.scalar(number) == 0
        take(database, feedback())
        assert connection.scalar(number) == 0
    assert rows(database, "SELECT count(*) FROM report") == [(1,)]


@pytest.fixture
def both_engines(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[list[Database]]:
    url = postgres_server.create_database()
    databases = [Database(f"sqlite:///{tmp_path}/ruamill.db"), Database(url)]
    for database in databases:
        upgrade(database)
    yield databases
    for database in databases:
        database.close()
    postgres_server.drop_database(url)


def test_records_flat_says_the_same_on_both_engines(both_engines: list[Database]) -> None:
    reports = [xml_of(name) for name in REPORTS]
    flat = []
    for database in both_engines:
        take(database, *reports, reports[0].replace(b"<count>", b"<count>1"))
        flat.append(records_flat(database))
    assert flat[0] == flat[1]
    assert len(flat[0]) == rows(both_engines[0], "SELECT sum(records) FROM report WHERE counted")[0][0]


def records_flat(database: Database) -> list[dict[str, Any]]:
    """Read the view with the types of the tables' columns that it shows."""
    types = {each.name: each.type for part in (schema.report, schema.record) for each in part.c}
    with database.reading() as connection:
        names = connection.execute(text("SELECT * FROM records_flat LIMIT 0")).keys()
        view = table("records_flat", *(column(name, types.get(name)) for name in names))
        query = select(view).order_by(view.c.report_key, view.c.ordinal)
        return [dict(row) for row in connection.execute(query).mappings()]
