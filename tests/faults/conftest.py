"""What the tests of faults stand on: a database brought to its schema once and copied, relays, servers that may break."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingest.database import open_database
from ingest.settings import Settings
from tests.servers.dovecot import DovecotServer
from tests.servers.postgres import PostgresServer
from tests.servers.relay import Relay


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite database with the schema and nothing in it."""
    path = tmp_path_factory.mktemp("empty") / "ruamill.db"
    open_database(Settings.model_validate({"database": f"sqlite:///{path}"})).close()
    return path


@pytest.fixture
def new_url(empty_database: Path, tmp_path: Path) -> Callable[[], str]:
    """Give what makes the URL of a database of one's own, as often as one asks."""
    numbers = count(1)

    def make() -> str:
        path = tmp_path / f"ruamill-{next(numbers)}.db"
        shutil.copy(empty_database, path)
        return f"sqlite:///{path}"

    return make


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()


@pytest.fixture
def relay(dovecot_server: DovecotServer) -> Iterator[Relay]:
    """Give a relay in front of the Dovecot of all tests, without TLS."""
    with Relay(dovecot_server.host, dovecot_server.imap_port) as relay:
        yield relay


@pytest.fixture(scope="package")
def own_dovecot() -> Iterator[DovecotServer]:
    """Give a Dovecot that may be stopped."""
    with DovecotServer() as server:
        yield server


@pytest.fixture(scope="package")
def own_postgres() -> Iterator[PostgresServer]:
    """Give a PostgreSQL that may be stopped."""
    with PostgresServer() as server:
        yield server
