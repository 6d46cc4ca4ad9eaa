"""The connection to the mail server is cut: at every command of a poll, and at any byte of it."""

import re
from collections.abc import Callable, Iterator
from enum import Enum

import pytest

from tests.faults.scene import Scene
from tests.servers.dovecot import DovecotServer
from tests.servers.relay import Relay, Way

MOVING = {
    "MOVE": (frozenset[str](), ""),
    "COPY": (frozenset({"MOVE"}), "COPY|STORE|EXPUNGE"),
    "COPY without UIDPLUS": (frozenset({"MOVE", "UIDPLUS"}), "COPY|STORE"),
}
"""How messages are moved -> what the server does not say that it can, and the commands that are special to this way."""

PIECES = 8
"""Into which the bytes of a poll are cut, each way."""


class Moment(Enum):
    """When, as seen from a command."""

    BEFORE = "before it reaches the server"
    UNANSWERED = "when the server has done it, and before its answer"
    HALF_ANSWERED = "in the middle of its answer"


@pytest.fixture(scope="module", params=MOVING)
def moving(request: pytest.FixtureRequest) -> str:
    """Name the way in which the server moves messages."""
    return str(request.param)


@pytest.fixture(scope="module")
def server(moving: str) -> Iterator[DovecotServer]:
    with DovecotServer(without=MOVING[moving][0]) as server:
        yield server


def commands_of_a_poll(server: DovecotServer, url: str) -> list[str]:
    """Give what a client says in a poll that nothing disturbs."""
    with Relay(server.host, server.imap_port) as relay:
        scene = Scene(server, url)
        scene.recover(scene.settings(relay))
        return relay.heard()


def cut(relay: Relay, number: int, moment: Moment) -> None:
    """Cut the connection at the command of this number."""

    def let_it_through() -> bool:
        relay.after(12 if moment is Moment.HALF_ANSWERED else 0, Way.DOWN, lambda: False)
        return moment is not Moment.BEFORE

    relay.at("", number, let_it_through)


@pytest.mark.dovecot
@pytest.mark.parametrize("moment", Moment)
def test_a_cut_at_any_command_costs_nothing(
    server: DovecotServer, moving: str, moment: Moment, new_url: Callable[[], str], subtests: pytest.Subtests
) -> None:
    commands = commands_of_a_poll(server, new_url())
    assert any("MOVE" in command for command in commands) == (moving == "MOVE")
    for number, command in enumerate(commands, 1):
        if re.search(MOVING[moving][1], command):
            with subtests.test(command.strip()), Relay(server.host, server.imap_port) as relay:
                scene = Scene(server, new_url())
                cut(relay, number, moment)
                scene.survive(scene.settings(relay))
                scene.recover(doubles=moving != "MOVE")


def test_a_cut_at_any_byte_costs_nothing(
    dovecot_server: DovecotServer, new_url: Callable[[], str], subtests: pytest.Subtests
) -> None:
    with Relay(dovecot_server.host, dovecot_server.imaps_port, hears=False) as relay:
        scene = Scene(dovecot_server, new_url())
        scene.recover(scene.settings(port=relay.port))
        for way in Way:
            for bytes_ in range(0, relay.passed(way), relay.passed(way) // PIECES):
                with subtests.test(f"{bytes_} bytes {way.value}"):
                    scene = Scene(dovecot_server, new_url())
                    relay.after(bytes_, way, lambda: False)
                    scene.survive(scene.settings(port=relay.port))
                    scene.recover()


def test_a_server_that_lets_nobody_in_is_tried_again(
    relay: Relay, dovecot_server: DovecotServer, url: str
) -> None:
    scene = Scene(dovecot_server, url)
    relay.refuse()
    assert "connection was refused" in scene.survive(scene.settings(relay))
    relay.accept()
    scene.recover(scene.settings(relay))
