"""The relay does to connections what the tests of faults rely on."""

import socket
import socketserver
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from tests.servers.relay import Relay, Way

QUIET = 0.2
"""Seconds without a byte that count as silence."""


class Echo(socketserver.BaseRequestHandler):
    """Send back whatever comes."""

    def handle(self) -> None:
        """Serve one connection."""
        while data := self.request.recv(4096):
            self.request.sendall(data)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.fixture
def relay(port: int) -> Iterator[Relay]:
    with Relay("127.0.0.1", port) as relay:
        yield relay


@contextmanager
def connected(relay: Relay) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10) as client:
        assert said(client, b"hello") == b"hello"
        yield client


def said(client: socket.socket, words: bytes) -> bytes:
    """Give the answer; empty where the other side hung up."""
    try:
        client.sendall(words)
        answer = b""
        while len(answer) < len(words) and (data := client.recv(4096)):
            answer += data
    except ConnectionError:
        return b""
    return answer


def is_silent(client: socket.socket) -> bool:
    client.settimeout(QUIET)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(10)
    return False


def test_connections_side_by_side_are_cut_together(relay: Relay) -> None:
    with connected(relay) as first, connected(relay) as second:
        assert said(first, b"a") + said(second, b"b") == b"ab"
        assert relay.cut() == 4
        assert said(first, b"a") + said(second, b"b") == b""


def test_nobody_is_let_in_for_a_while(relay: Relay) -> None:
    with connected(relay) as client:
        relay.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", relay.port))
        assert said(client, b"still here") == b"still here"
    relay.accept()
    with connected(relay) as client:
        assert said(client, b"again") == b"again"


@pytest.mark.parametrize("way", Way)
def test_a_line_falls_silent_and_comes_back(relay: Relay, way: Way) -> None:
    with connected(relay) as client:
        relay.stall(way)
        client.sendall(b"anybody?")
        assert is_silent(client)
        relay.flow()
        assert client.recv(100) == b"anybody?"


def test_a_slow_line_takes_its_time(relay: Relay) -> None:
    with connected(relay) as client:
        relay.throttle(1_000, Way.DOWN)
        started = time.monotonic()
        assert said(client, bytes(500)) == bytes(500)
        assert time.monotonic() - started > 0.4


def test_a_bit_flips_in_the_next_piece_alone(relay: Relay) -> None:
    with connected(relay) as client:
        relay.corrupt(Way.UP)
        spoilt = said(client, bytes(100))
        assert sum(byte.bit_count() for byte in spoilt) == 1
        assert said(client, bytes(100)) == bytes(100)


def test_something_happens_at_a_command_before_it_is_passed_on(relay: Relay) -> None:
    with connected(relay) as client:
        relay.at("FETCH", 2, lambda: False)
        assert said(client, b"1 FETCH 1") == b"1 FETCH 1"
        assert said(client, b"2 FETCHED") == b"2 FETCHED"
        assert said(client, b"3 FETCH 1") == b""
    assert relay.heard("FETCH") == ["1 FETCH 1", "3 FETCH 1"]


def test_something_happens_after_a_number_of_bytes(relay: Relay) -> None:
    with connected(relay) as client:
        relay.after(7, Way.DOWN, lambda: False)
        assert said(client, b"0123456789") == b"0123456"
        assert relay.passed(Way.DOWN) == len("hello") + 7
