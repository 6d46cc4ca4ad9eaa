"""A name is held by one at a time, and free again when its holder ends, however it ends."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store.database import Database, DatabaseUnavailableError
from store.locks import lock
from store.migrate import upgrade
from tests.ingest.program import wait_until
from tests.servers.postgres import PostgresServer

HOLDER = """
import sys
from store.database import Database
from store.locks import lock
with lock(Database(sys.argv[1]), sys.argv[2]) as held:
    print(held is not None and held.held(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    upgrade(database)
    yield database
    database.close()


@contextmanager
def another_process(url: str, name: str) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold a name."""
    command = [sys.executable, "-c", HOLDER, url, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "True\n"
        try:
            yield process
        finally:
            process.kill()


def is_free(database: Database, name: str) -> bool:
    with lock(database, name) as held:
        return held is not None


def test_one_holds_a_name_and_others_hold_others(database: Database, database_url: str) -> None:
    with another_process(database_url, "dmarc"):
        assert not is_free(database, "dmarc")
        assert is_free(database, "dmarc@example.org")


def test_a_name_is_free_again_once_it_is_let_go(database: Database) -> None:
    for _ in range(3):
        assert is_free(database, "dmarc")


def test_a_holder_that_is_killed_lets_go(database: Database, database_url: str) -> None:
    with another_process(database_url, "dmarc") as process:
        process.kill()
        process.wait()
        wait_until(lambda: is_free(database, "dmarc"))


def test_writing_and_holding_do_not_hinder_each_other(database: Database) -> None:
    with lock(database, "dmarc") as held, database.writing():
        assert held is not None
        assert held.held()


@pytest.mark.postgresql
def test_a_database_that_restarts_forgets_who_held_what() -> None:
    with PostgresServer() as server:
        database = Database(server.create_database())
        with lock(database, "dmarc") as held:
            assert held is not None
            assert held.held()
            server.restart()
            assert [held.held(), held.held()] == [False, False]
        assert is_free(database, "dmarc")
        server.stop()
        with pytest.raises(DatabaseUnavailableError), lock(database, "dmarc"):
            pass
        database.close()


def test_a_folder_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/ruamill.db")
    tmp_path.joinpath(".ruamill.db-e37b83cf.lock").mkdir()
    with pytest.raises(DatabaseUnavailableError, match="must be writable"), lock(database, "dmarc"):
        pass
    database.close()
