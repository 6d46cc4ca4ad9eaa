"""An application in, whoever asks on a port answered until told to stop: uvicorn, with bounds on what clients may take."""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ingest.configuration import ConfigurationError

BACKLOG: Final = 100
REQUEST_SECONDS: Final = 10.0
"""How long a client may take to say what it wants, and again to take the answer."""
STOP_SECONDS: Final = 1
"""How long the answers in hand may take once we are told to stop."""
BOUNDS: Final[dict[str, Any]] = {
    "limit_concurrency": 100,  # connections
    "h11_max_incomplete_event_size": 16 << 10,  # bytes of a request's line and header fields
    "timeout_keep_alive": 5,  # seconds of silence between two requests
    "timeout_graceful_shutdown": STOP_SECONDS,
    "backlog": BACKLOG,
}
"""What all clients together may take."""
PLAIN: Final[dict[str, Any]] = {
    "ws": "none",
    "proxy_headers": False,  # who asks is who is connected: the guard decides whose word is taken
    "server_header": False,
    "access_log": False,
    "log_config": None,
}

log = structlog.get_logger()


def listen(host: str, port: int) -> socket.socket:
    """Take the address. Raises ConfigurationError where it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:  # UnicodeError: a host that can be no name
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is in use, perhaps by another `ruamill web`" if taken else f"cannot be had: {_told(error)}"
        raise ConfigurationError(
            f"port {port} of {host} {why}: name another with --host and --port, or in [web] of ruamill.toml"
        ) from error
    # asyncio does so for sockets of its own making alone: else the end of each answer waits 40 ms for an acknowledgement
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _told(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def serve(application: ASGIApp, listener: socket.socket, started: Callable[[], None]) -> None:
    """Answer until SIGTERM or SIGINT; `started` is called once that is so."""
    config = uvicorn.Config(application, http=_Impatient, log_level="error", **BOUNDS, **PLAIN)
    _Server(config, started).run([listener])


class _Server(uvicorn.Server):
    """One that ends by itself when it is told to: uvicorn's would die of the signal in the end."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._told = started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told()


class _Impatient(H11Protocol):
    """A connection that is closed where its client says nothing whole, or takes nothing of the answer, for too long.

    uvicorn bounds the silence between two requests alone.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._seen: object = None
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._next.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Give it up where nothing has changed since the last look, unless it is our turn."""
        unasked = self.cycle is None or self.cycle.response_complete
        untaken = self.transport.get_write_buffer_size()
        now = (id(self.cycle), unasked, untaken)
        if now == self._seen and (unasked or untaken):
            self.transport.abort()
            return
        self._seen = now
        self._next = self.loop.call_later(REQUEST_SECONDS, self._look)
