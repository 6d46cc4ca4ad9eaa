"""A running daemon told to those who watch it, by HTTP: /healthz for a probe, /metrics for Prometheus.

Nothing is asked of a database or a mailbox here: a question is answered from what is known, at once. Slow and hostile
clients are the business of waitress, which gives a thread to whole requests alone.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from json import dumps
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from waitress import wasyncore
from waitress.server import create_server

from ingest.monitoring import exposition
from ingest.monitoring.gauges import LOOK_SECONDS, Gauges
from ingest.monitoring.watch import Watch
from ingest.settings import MonitorSettings, Settings
from store.database import Database

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LOOP_SECONDS = 0.5
"""Between two looks whether the end has come."""

CLOSE_SECONDS = 2.0
"""How long the end may wait for a look at the database."""

BOUNDS: dict[str, Any] = {
    "threads": 2,
    "connection_limit": 100,
    "channel_timeout": 10,  # seconds of silence
    "cleanup_interval": 5,
    "max_request_header_size": 8 << 10,
    "max_request_body_size": 1 << 10,
    "ident": "ruamill",
}
"""What all clients together may take."""

INDEX = """\
<!DOCTYPE html>
<title>ruamill</title>
<h1>ruamill {version}</h1>
<p><a href="/healthz">/healthz</a>: is it well? 200 if so, else 503 with what is wrong
<p><a href="/metrics">/metrics</a>: for Prometheus
"""

PLAIN = "text/plain; charset=utf-8"

Answer = tuple[str, str, bytes]
"""Status, content type, content."""

log = structlog.get_logger()


@contextmanager
def serve(
    settings: Settings, watch: Watch, database: Database, every: float = LOOK_SECONDS
) -> Iterator[int | None]:
    """Answer while the `with` lasts; give the port, None where nothing is served. `every`: seconds between two looks.

    An address that cannot be had is logged, and the daemon does its work unwatched.
    """
    listener = _listen(settings.monitor) if settings.monitor.enabled else None
    if listener is None:
        yield None
        return
    gauges = Gauges(settings, database)
    with listener, _looking(gauges, every), _answering(listener, Monitor(watch, gauges)):
        host, port = listener.getsockname()[:2]
        log.info("monitoring", host=host, port=port)
        yield port


def _listen(settings: MonitorSettings) -> socket.socket | None:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:  # UnicodeError: a host that can be no name
        advice = "set another [monitor] port or host, or enabled = false; ruamill works on without it"
        log.error("monitor_failed", host=settings.host, port=settings.port, error=str(error), advice=advice)  # noqa: TRY400 (an address in use is no defect)
        return None


@contextmanager
def _looking(gauges: Gauges, every: float) -> Iterator[None]:
    """Look at the database in a thread of its own; one that hangs does not keep the end."""
    end = Event()
    thread = Thread(target=gauges.run, args=(end, every), daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(CLOSE_SECONDS)


@contextmanager
def _answering(listener: socket.socket, application: "Monitor") -> Iterator[None]:
    end = Event()
    channels: dict[int, Any] = {}
    server = create_server(application, map=channels, sockets=[listener], **BOUNDS)
    thread = Thread(target=_loop, args=(channels, end), daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(CLOSE_SECONDS)
        server.task_dispatcher.shutdown()


def _loop(channels: dict[int, Any], end: Event) -> None:
    while not end.is_set():
        wasyncore.loop(LOOP_SECONDS, use_poll=True, map=channels, count=1)
    wasyncore.close_all(channels)


class Monitor:
    """The WSGI application."""

    def __init__(self, watch: Watch, gauges: Gauges) -> None:
        self._watch = watch
        self._gauges = gauges

    def __call__(self, environment: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        status, kind, content = self._answer(environment["REQUEST_METHOD"], environment["PATH_INFO"])
        headers = [("Content-Type", kind), ("Content-Length", str(len(content)))]
        start(status, [*headers, ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")])
        return [] if environment["REQUEST_METHOD"] == "HEAD" else [content]

    def _answer(self, method: str, path: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return "405 Method Not Allowed", PLAIN, b"ask with GET or HEAD\n"
        match path:
            case "/":
                return "200 OK", "text/html; charset=utf-8", INDEX.format(version=version("ruamill")).encode()
            case "/healthz":
                return self._health()
            case "/metrics":
                return "200 OK", CONTENT_TYPE_PLAIN_0_0_4, exposition.metrics(self._watch, self._gauges)
        return "404 Not Found", PLAIN, b"there is nothing here; try /healthz or /metrics\n"

    def _health(self) -> Answer:
        health = exposition.health(self._watch, self._gauges)
        status = "503 Service Unavailable" if health["problems"] else "200 OK"
        content = dumps(health, indent=2, default=datetime.isoformat) + "\n"
        return status, "application/json", content.encode()
