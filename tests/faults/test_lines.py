"""A bad line to the mail server: silent, slow, or not carrying what was sent."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from ingest.mailboxes import MailboxUnavailableError
from tests.faults.scene import Scene
from tests.servers.dovecot import DovecotServer
from tests.servers.relay import Relay, Way

READ_TIMEOUT = 0.5
PIECES = 8
"""Into which the bytes of a poll are cut, each way."""


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize(
    "command", ["LOGIN", "SELECT", "SEARCH", "FETCH", "LIST", "CREATE", "MOVE", "LOGOUT"]
)
def test_a_line_that_falls_silent_is_given_up(
    relay: Relay, dovecot_server: DovecotServer, url: str, command: str, way: Way
) -> None:
    def fall_silent() -> bool:
        relay.stall(way)
        return True

    scene = Scene(dovecot_server, url)
    relay.at(command, 1, fall_silent)
    complaint = scene.survive(scene.settings(relay, read_timeout=READ_TIMEOUT))
    assert "no answer in time" in complaint or command == "LOGOUT"
    relay.flow()
    scene.recover(scene.settings(relay))


def test_a_line_that_falls_silent_in_mid_answer_is_given_up(
    relay: Relay, dovecot_server: DovecotServer, url: str
) -> None:
    def fall_silent() -> bool:
        relay.stall()
        return True

    def fall_silent_soon() -> bool:
        relay.after(5_000, Way.DOWN, fall_silent)
        return True

    scene = Scene(dovecot_server, url)
    relay.at("FETCH", 2, fall_silent_soon)
    assert "no answer in time" in scene.survive(scene.settings(relay, read_timeout=READ_TIMEOUT))
    relay.flow()
    scene.recover(scene.settings(relay))


def test_a_slow_line_takes_its_time(relay: Relay, dovecot_server: DovecotServer, url: str) -> None:
    """One answer takes longer than silence may last."""
    scene, patience = Scene(dovecot_server, url), 3
    relay.throttle(6_000)
    started = time.monotonic()
    assert scene.survive(scene.settings(relay, read_timeout=patience)) == ""
    assert time.monotonic() - started > patience
    scene.check()


# --- bits that flip


@pytest.fixture
def tls_relay(dovecot_server: DovecotServer) -> Iterator[Relay]:
    with Relay(dovecot_server.host, dovecot_server.imaps_port, hears=False) as relay:
        yield relay


def spoil(relay: Relay, way: Way, place: int) -> None:
    def flip() -> bool:
        relay.corrupt(way, seed=place)
        return True

    relay.after(place, way, flip)


def bytes_of_a_handshake(relay: Relay, server: DovecotServer) -> dict[Way, int]:
    """Measure how much passes until both sides trust each other."""
    context = ssl.create_default_context(cafile=server.ca_file)
    with (
        socket.create_connection((server.host, relay.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        secured.recv(1)
        return {way: relay.passed(way) for way in Way}


@pytest.mark.parametrize("way", Way)
def test_a_bit_that_flips_costs_nothing(
    tls_relay: Relay,
    dovecot_server: DovecotServer,
    new_url: Callable[[], str],
    subtests: pytest.Subtests,
    way: Way,
) -> None:
    start = bytes_of_a_handshake(tls_relay, dovecot_server)[way]
    scene = Scene(dovecot_server, new_url())
    scene.recover(scene.settings(port=tls_relay.port))
    end = tls_relay.passed(way) - start
    for place in range(start, end, (end - start) // PIECES):
        with subtests.test(f"byte {place}"):
            scene = Scene(dovecot_server, new_url())
            spoil(tls_relay, way, place)
            scene.survive(scene.settings(port=tls_relay.port, read_timeout=2))
            scene.recover()


@pytest.mark.parametrize("way", Way)
def test_a_bit_that_flips_in_the_handshake_is_no_lasting_harm(
    tls_relay: Relay, dovecot_server: DovecotServer, url: str, subtests: pytest.Subtests, way: Way
) -> None:
    """It may look like a wrong port, or a certificate of somebody else."""
    end = bytes_of_a_handshake(tls_relay, dovecot_server)[way]
    scene = Scene(dovecot_server, url)
    for place in range(0, end, end // PIECES):
        with subtests.test(f"byte {place}"):
            spoil(tls_relay, way, place)
            with suppress(MailboxUnavailableError):
                scene.poll(scene.settings(port=tls_relay.port, connect_timeout=2, read_timeout=2))
    scene.recover(scene.settings(port=tls_relay.port))
