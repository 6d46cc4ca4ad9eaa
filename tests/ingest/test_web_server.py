"""`ruamill web` as people start it: over real sockets, for slow and hostile clients, to its end."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import pytest
from sqlalchemy import text

from ingest.web.app import PATIENCE_SECONDS
from store.database import Database
from tests.ingest.program import PATIENCE, Program, wait_until
from tests.servers.postgres import PostgresServer

STOP_SECONDS = 2.0


class Served(NamedTuple):
    """A running `ruamill web`."""

    process: subprocess.Popen[str]
    host: str
    port: int

    def status(self, place: str = "/", **headers: str) -> int:
        """Ask once, over a connection of its own."""
        with closing(HTTPConnection(self.host, self.port, timeout=PATIENCE)) as connection:
            connection.request("GET", place, headers=headers)
            return connection.getresponse().status

    def connection(self) -> socket.socket:
        """Connect, and say nothing."""
        return socket.create_connection((self.host, self.port), PATIENCE)


@contextmanager
def serving(program: Program, *words: str) -> Iterator[Served]:
    """Start it on a free port, and wait until it says where."""
    with program.started("web", "--port", "0", *words) as process:
        assert process.stdout
        said = process.stdout.readline()
        assert said, process.communicate()[1]
        host, _, port = said.split()[0].removeprefix("http://").rstrip("/").rpartition(":")
        yield Served(process, host.strip("[]"), int(port))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("web")
    program = Program(folder, f"sqlite:///{folder}/ruamill.db")
    assert program.run("db", "upgrade").returncode == 0
    return program


@pytest.fixture(scope="module")
def served(program: Program) -> Iterator[Served]:
    with serving(program) as served:
        yield served


# -- the beginning


def test_it_says_where_it_is_and_that_is_so(served: Served) -> None:
    assert served.host == "127.0.0.1"
    assert served.status() == 200
    assert served.status("/healthz") == 200


def test_a_port_in_use_is_one_clear_sentence(program: Program, served: Served) -> None:
    done = program.run("web", "--port", str(served.port))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"port {served.port} of 127.0.0.1 is in use, perhaps by another `ruamill web`" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--host", "0.0.0.0"), "whoever reaches it could read everything"),  # noqa: S104 (that is the point)
        (("--host", "192.0.2.1"), "cannot be had"),
        (("--host", "no such host"), "cannot be had"),
    ],
)
def test_an_address_that_is_no_use_is_one_clear_sentence(
    program: Program, words: tuple[str, ...], sentence: str
) -> None:
    done = program.run("web", "--port", "0", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_users_file_that_is_no_use_is_one_clear_sentence(program: Program, tmp_path: Path) -> None:
    (tmp_path / "ruamill.toml").write_text('[web]\nusers_file = "/nowhere/users"\n')
    done = program.run("--config", str(tmp_path / "ruamill.toml"), "web", "--port", "0")
    assert done.returncode == 2
    assert "users_file /nowhere/users cannot be read" in done.stderr


def test_other_addresses_of_this_machine_serve_too(program: Program) -> None:
    with serving(program, "--host", "localhost") as served:
        assert served.status() == 200


# -- clients


def test_a_websocket_is_no_way_in(served: Served) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert served.status("/", **upgrade) == 200


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.0\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: example.net\r\n\r\n", b"400"),
        (b"GET http://example.net/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nx", b"405"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000, b"400"),
    ],
)
def test_what_is_no_request_for_a_page_is_refused(served: Served, said: bytes, status: bytes) -> None:
    with served.connection() as connection:
        connection.sendall(said)
        assert connection.recv(12) == b"HTTP/1.1 " + status
    assert served.status() == 200


def test_whoever_says_nothing_whole_is_left(served: Served) -> None:
    silent, slow = served.connection(), served.connection()
    with silent, slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: local")
        began = monotonic()
        assert silent.recv(1) == b""
        assert _ended(slow)
        assert 5 < monotonic() - began < PATIENCE


def _ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_many_at_once_do_not_keep_others_for_long(served: Served) -> None:
    held = [served.connection() for _ in range(150)]
    try:
        assert served.status() == 503
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: served.status() == 200)


# -- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once(program: Program, number: signal.Signals) -> None:
    with serving(program) as served:
        assert served.status() == 200
        with served.connection() as idle:
            began = monotonic()
            served.process.send_signal(number)
            assert served.process.wait(PATIENCE) == 0
            assert monotonic() - began < STOP_SECONDS
            assert idle.recv(1) == b""
        assert served.process.stderr
        events = [json.loads(line)["event"] for line in served.process.stderr.read().splitlines()]
    assert events == ["web_started", "web_stopped"]


def test_a_database_that_hangs_keeps_neither_a_page_nor_the_end(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.create_database()
    program = Program(tmp_path, url)
    assert program.run("db", "upgrade").returncode == 0
    with closing(Database(url)) as database, serving(program) as served:
        assert served.status("/reports") == 200
        with database.writing() as connection:
            connection.execute(text("LOCK TABLE report IN ACCESS EXCLUSIVE MODE"))
            assert served.status("/reports") == 503
            with served.connection() as waiting:
                waiting.sendall(b"GET /reports HTTP/1.1\r\nHost: localhost\r\n\r\n")
                wait_until(lambda: _waits(database))
                began = monotonic()
                served.process.terminate()
                assert served.process.wait(PATIENCE) == 0
                assert monotonic() - began < PATIENCE_SECONDS - 1
    postgres_server.drop_database(url)


def _waits(database: Database) -> bool:
    """Tell whether somebody waits for a lock."""
    with database.reading() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
