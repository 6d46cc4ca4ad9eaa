"""Connections for pages: nothing can be changed over them, and nothing is thought about for ever."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from store.database import Database, DatabaseUnavailableError, DatabaseUrlError
from store.migrate import SchemaTooNewError, SchemaTooOldError, upgrade
from store.readonly import ReadOnlyDatabase, TookTooLongError
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer
from tests.store.kit import feedback, report_mail, take

PATIENCE = 30.0
FOR_EVER = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000000000)
    SELECT max(n) FROM numbers
"""


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url)) as database:
        upgrade(database)
        take(database, report_mail(("report.xml", feedback())))
        yield database


@pytest.fixture
def pages(database: Database, database_url: str) -> Iterator[ReadOnlyDatabase]:
    del database
    with closing(ReadOnlyDatabase(database_url, PATIENCE, list)) as pages:
        yield pages


def number_of_reports(connection: Connection) -> int:
    return int(connection.scalar(text("SELECT count(*) FROM report")) or 0)


def test_what_is_there_is_read(pages: ReadOnlyDatabase) -> None:
    with pages.reading() as connection:
        assert number_of_reports(connection) == 1


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM report",
        "UPDATE report SET reporter = 'somebody else'",
        "INSERT INTO alembic_version VALUES ('9999')",
        "CREATE TABLE notes (text text)",
        "DROP TABLE record_reason",
    ],
)
def test_nothing_can_be_changed(pages: ReadOnlyDatabase, change: str) -> None:
    with pytest.raises((DBAPIError, DatabaseUnavailableError)), pages.reading() as connection:
        connection.execute(text(change))
    with pages.reading() as connection:
        assert number_of_reports(connection) == 1


def test_one_page_sees_one_state_of_the_database(pages: ReadOnlyDatabase, database: Database) -> None:
    with pages.reading() as connection:
        before = number_of_reports(connection)
        take(database, report_mail(("report.xml", feedback("2"))))
        assert number_of_reports(connection) == before
    with pages.reading() as connection:
        assert number_of_reports(connection) == before + 1


def test_a_question_that_takes_too_long_is_given_up(database_url: str, database: Database) -> None:
    del database
    with closing(ReadOnlyDatabase(database_url, 0.2, list)) as hurried:
        with (
            pytest.raises(TookTooLongError, match=r"no answer in 0\.2 seconds"),
            hurried.reading() as connection,
        ):
            connection.execute(text(FOR_EVER)).all()
        with hurried.reading() as connection:
            assert number_of_reports(connection) == 1


def test_each_question_is_counted(database_url: str, database: Database) -> None:
    del database
    asked: list[None] = []
    with closing(ReadOnlyDatabase(database_url, PATIENCE, lambda: asked.append(None))) as counted:
        with counted.reading() as connection:
            before = len(asked)
            number_of_reports(connection)
            number_of_reports(connection)
        assert len(asked) == before + 2


def test_a_database_without_tables_says_what_to_do(database_url: str) -> None:
    with closing(Database(database_url)) as empty, empty.writing() as connection:
        connection.execute(text("CREATE TABLE notes (text text)"))
    with (
        closing(ReadOnlyDatabase(database_url, PATIENCE, list)) as pages,
        pytest.raises(SchemaTooOldError, match="run `ruamill db upgrade` first"),
        pages.reading(),
    ):
        pass


def test_a_database_of_a_newer_ruamill_is_not_read(pages: ReadOnlyDatabase, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNewError, match="install the newer one"), pages.reading():
        pass


def test_a_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    pages = ReadOnlyDatabase(f"sqlite:///{tmp_path}/ruamill.db", PATIENCE, list)
    with pytest.raises(DatabaseUrlError, match=r"there is no such file"), pages.reading():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_takes_the_place_of_another_is_seen(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ruamill.db"
    pages = ReadOnlyDatabase(url, PATIENCE, list)
    for number in (1, 2):
        with closing(Database(url)) as database:
            upgrade(database)
            take(database, *(report_mail(("report.xml", feedback(str(it)))) for it in range(number)))
        with pages.reading() as connection:
            assert number_of_reports(connection) == number
        for file in tmp_path.iterdir():
            file.unlink()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Buy milk. " * 100)
    pages = ReadOnlyDatabase(f"sqlite:///{tmp_path}/notes.txt", PATIENCE, list)
    with pytest.raises(DatabaseUrlError, match=r"notes.txt: the file is no SQLite database"), pages.reading():
        pass


def test_a_server_that_is_away_is_an_outage() -> None:
    pages = ReadOnlyDatabase(f"postgresql://u:s3cret@127.0.0.1:{free_port()}/reports", PATIENCE, list)
    with pytest.raises(DatabaseUnavailableError) as caught, pages.reading():
        pass
    assert "s3cret" not in str(caught.value)


def test_a_login_that_may_only_read_is_enough(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    with closing(Database(url)) as database:
        upgrade(database)
        with database.writing() as connection:
            connection.execute(text("CREATE ROLE onlooker LOGIN PASSWORD 'x' IN ROLE pg_read_all_data"))
    onlooker = make_url(url).set(username="onlooker", password="x").render_as_string(hide_password=False)  # noqa: S106 (of a throw-away server)
    with closing(ReadOnlyDatabase(onlooker, PATIENCE, list)) as pages, pages.reading() as connection:
        assert number_of_reports(connection) == 0
    with closing(Database(url)) as database, database.writing() as connection:
        connection.execute(text("DROP ROLE onlooker"))
    postgres_server.drop_database(url)
