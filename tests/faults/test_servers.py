"""The mail server restarts, refuses the login for a while, or can do less than others."""

import pytest

from ingest.mailboxes import MailboxUnavailableError
from tests.faults.configured import DENIED, EVERYTHING, configure
from tests.faults.scene import Scene
from tests.servers.dovecot import DovecotServer
from tests.servers.relay import Relay


@pytest.mark.dovecot
@pytest.mark.parametrize(
    "command", ["LOGIN", "SELECT", "SEARCH", "FETCH", "LIST", "CREATE", "MOVE", "LOGOUT"]
)
def test_a_restart_costs_nothing(own_dovecot: DovecotServer, url: str, command: str) -> None:
    def restart() -> bool:
        own_dovecot.restart()
        return True

    scene = Scene(own_dovecot, url)
    with Relay(own_dovecot.host, own_dovecot.imap_port) as relay:
        relay.at(command, 1, restart)
        scene.survive(scene.settings(relay))
    scene.recover()


@pytest.mark.dovecot
def test_a_server_that_can_do_nothing_special_will_do(url: str) -> None:
    with DovecotServer(without=EVERYTHING) as server:
        scene = Scene(server, url)
        for _ in range(2):
            scene.recover()


@pytest.mark.dovecot
def test_a_login_that_is_refused_for_a_while_is_accepted_later(url: str) -> None:
    with DovecotServer() as server:
        scene = Scene(server, url)
        denied = server.directory / "denied"
        denied.write_text(f"{scene.user}:\n")
        configure(server, DENIED.format(file=denied))
        for _ in range(3):
            with pytest.raises(MailboxUnavailableError, match="login refused") as caught:
                scene.poll()
            assert not caught.value.temporary
        configure(server, "")
        scene.recover()
