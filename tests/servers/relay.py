"""A TCP relay in front of a server: what passes is counted, and can be cut, stalled, slowed and spoilt, when one likes.

At once, at a command that the client gives (IMAP without TLS; the queries of PostgreSQL), or after a number of bytes.
"""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from random import Random
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

CHUNK = 1 << 16
TICKS_PER_SECOND = 20
"""Pieces in which a second's bytes pass where they are slowed."""

Act = Callable[[], bool]
"""What is done before something is passed on; false hangs up instead."""


class Way(Enum):
    """A direction."""

    UP = "from the client to the server"
    DOWN = "from the server to the client"


BOTH = tuple(Way)


class Relay:
    """One relay on loopback, for any number of connections at once.

    Without `hears` nothing is noted of what clients say, as for days of it, and no command can be waited for.
    """

    def __init__(self, host: str, port: int, *, hears: bool = True) -> None:
        self._target = (host, port)
        self._hears = hears
        self._heard: list[str] = []
        self._due: tuple[str, int, Act] | None = None
        self._streams = {way: _Stream() for way in Way}
        self._connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        # Bound and never listening: the port stays ours while connections are refused.
        self._place = _bound(0)
        self.port = int(self._place.getsockname()[1])
        self.accept()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()
        for stream in self._streams.values():
            stream.open.set()
        self.cut()
        for thread in self._threads:
            thread.join()
        self._place.close()

    # --- at once

    def cut(self) -> int:
        """Hang up on both sides of every connection; tell how many sides there were."""
        sides = list(self._connections)
        for side in sides:
            _hang_up(side)
        return len(sides)

    def refuse(self) -> None:
        """Let nobody connect from now on; connections that are there live on."""
        if self._listener:
            _hang_up(self._listener)
            self._listener = None

    def accept(self) -> None:
        """Let clients connect again."""
        if not self._listener:
            self._listener = _bound(self.port)
            self._listener.listen()
            self._start(self._take_in, self._listener)

    def stall(self, *ways: Way) -> None:
        """Pass nothing on, and say nothing, as a network does that lost its way; both ways unless one is named."""
        for way in ways or BOTH:
            self._streams[way].open.clear()

    def flow(self) -> None:
        """Pass on what was held back, and as fast as it comes."""
        for stream in self._streams.values():
            stream.rate = None
            stream.open.set()

    def throttle(self, bytes_per_second: float, *ways: Way) -> None:
        """Pass on so many bytes a second, of each connection and each way."""
        for way in ways or BOTH:
            self._streams[way].rate = bytes_per_second

    def corrupt(self, way: Way, bits: int = 1, seed: int = 0) -> None:
        """Flip a bit in each of the next so many pieces that pass."""
        self._streams[way].flips = bits
        self._streams[way].chance = Random(seed)  # noqa: S311 (a place, no secret)

    # --- when something passes

    def at(self, command: str, nth: int, act: Act) -> None:
        """Do something when the client gives its nth such command from now on, before it is passed on."""
        self._due = (command, len(self.heard(command)) + nth, act)

    def after(self, number: int, way: Way, act: Act) -> None:
        """Do something when so many more bytes have passed, before the next one does."""
        self._streams[way].due = (self._streams[way].passed + number, act)

    def heard(self, command: str = "") -> list[str]:
        """Give the commands of a name so far, or all of them, oldest first."""
        return [said for said in list(self._heard) if _says(said, command)]

    def passed(self, way: Way) -> int:
        """Give the number of bytes that have passed one way."""
        return self._streams[way].passed

    # --- the connections

    def _start(self, work: Callable[..., None], *arguments: object) -> Thread:
        thread = Thread(target=work, args=arguments)
        thread.start()
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        return thread

    def _take_in(self, listener: socket.socket) -> None:
        with suppress(OSError), listener:
            while True:
                client, _ = listener.accept()
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            self._connections |= {client, server}
            answers = self._start(self._pass_on, Way.DOWN, server, client)
            self._pass_on(Way.UP, client, server)
            answers.join()
            self._connections -= {client, server}

    def _pass_on(self, way: Way, source: socket.socket, target: socket.socket) -> None:
        """Pass on one way until one side ends, or an act hangs up."""
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if way is Way.UP and self._hears and not self._hear(data.decode("latin-1")):
                    break
                for piece in self._streams[way].pieces(data):
                    target.sendall(piece)
        for side in (source, target):
            _hang_up(side)

    def _hear(self, said: str) -> bool:
        self._heard.append(said)
        if self._due is None:
            return True
        command, number, act = self._due
        if not _says(said, command) or len(self.heard(command)) < number:
            return True
        self._due = None
        return act()


class _Stream:
    """All that passes one way, of every connection."""

    def __init__(self) -> None:
        self.open = Event()
        self.open.set()
        self.rate: float | None = None
        self.flips = 0
        self.chance = Random(0)  # noqa: S311 (a place, no secret)
        self.passed = 0
        self.due: tuple[int, Act] | None = None
        self._counting = Lock()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Cut what came into what may pass now, in time, spoilt where it shall be."""
        while data:
            self.open.wait()
            piece, act = self._next(data)
            if act is None:
                data = data[len(piece) :]
                yield piece
                if self.rate is not None:
                    time.sleep(1 / TICKS_PER_SECOND)
            elif not act():
                raise ConnectionAbortedError

    def _next(self, data: bytes) -> tuple[bytes, Act | None]:
        """Count the next piece; an act is due before it where there is one."""
        with self._counting:
            left = self.due[0] - self.passed if self.due else len(data)
            if self.due and left <= 0:
                (_, act), self.due = self.due, None
                return b"", act
            most = len(data) if self.rate is None else max(1, int(self.rate / TICKS_PER_SECOND))
            piece = data[: min(left, most)]
            self.passed += len(piece)
            return self._spoilt(piece), None

    def _spoilt(self, piece: bytes) -> bytes:
        if not self.flips:
            return piece
        self.flips -= 1
        spoilt = bytearray(piece)
        spoilt[self.chance.randrange(len(spoilt))] ^= 1 << self.chance.randrange(8)
        return bytes(spoilt)


def _bound(port: int) -> socket.socket:
    """Make a socket that is bound to a port of loopback (0: a free one), which it may share with another of ours."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _says(said: str, command: str) -> bool:
    return re.search(rf"\b{re.escape(command)}\b", said) is not None


def _hang_up(side: socket.socket) -> None:
    with suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
