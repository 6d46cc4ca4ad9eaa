"""A relay in front of an IMAP server: what the client says is noted, and something can be done at a chosen command."""

import socket
import socketserver
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from types import TracebackType
from typing import Self

Act = Callable[[], bool]
"""What is done before a command is passed on; false hangs up instead."""


class Wire:
    """One relay on loopback, without TLS, for any number of connections one after the other."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._heard: list[str] = []
        self._due: tuple[str, int, Act] | None = None

    def __enter__(self) -> Self:
        wire = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError), socket.create_connection(wire._target) as server:
                    answers = Thread(target=_copy, args=(server, self.connection))
                    answers.start()
                    self._pass_on(server)
                    server.shutdown(socket.SHUT_RDWR)
                    answers.join()

            def _pass_on(self, server: socket.socket) -> None:
                with suppress(OSError):
                    for line in self.rfile:
                        if not wire._pass(line.decode()):
                            return
                        server.sendall(line)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where the relay listens."""
        return int(self._server.server_address[1])

    def at(self, command: str, nth: int, act: Act) -> None:
        """Do something when the client gives its nth such command from now on."""
        self._due = (command, len(self.heard(command)) + nth, act)

    def heard(self, command: str) -> list[str]:
        """Give the commands of a name so far, oldest first."""
        return [line for line in list(self._heard) if command in line.split()]

    def _pass(self, line: str) -> bool:
        self._heard.append(line)
        if self._due is None:
            return True
        command, number, act = self._due
        if command not in line.split() or len(self.heard(command)) < number:
            return True
        self._due = None
        return act()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Pass on answers until one side ends."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
