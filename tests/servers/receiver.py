"""A web server on loopback, with or without TLS: what it was sent by POST comes out."""

import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

from tests.servers.certificates import make_certificate

UNSPOKEN = "T000-B000-XXXX"
"""In the path of its URL: what opens a webhook, and must be in no message."""

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Request:
    """What somebody sent."""

    path: str
    headers: dict[str, str]
    content: bytes


class Receiver:
    """Keeps what it is sent; `answer` says what it answers. With a folder for its certificate it wants TLS."""

    def __init__(self, folder: Path | None = None) -> None:
        self.requests: list[Request] = []
        self.answer: Answer = answering(200, b"ok")
        self._folder = folder

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if self._folder:
            self.ca_file = self._folder / "cert.pem"
            make_certificate(self.ca_file, self._folder / "key.pem")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.ca_file, self._folder / "key.pem")
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if self._folder else "http"
        self.url = f"{scheme}://localhost:{self._server.server_port}/services/{UNSPOKEN}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append(Request(self.path, dict(self.headers.items()), content))
                with suppress(OSError):  # nobody waits for it any more
                    receiver.answer(self)

            def log_message(self, *args: object) -> None:
                """Keep quiet."""

        return Handler


def answering(status: int, content: bytes = b"", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer
