"""How ipwhois talks to registries: settings in, the urllib opener out that it takes as `proxy_opener`.

ipwhois asks fixed places, reads as much as is sent for as long as it is sent, and forgets who answered. This opener
leads questions to where the settings say, after redirects too, bounds an answer in bytes and seconds, mends it, and
remembers which registry was asked last.
"""

import io
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from importlib.metadata import version
from socket import socket
from typing import Any, Final
from urllib.request import (
    AbstractHTTPHandler,
    BaseHandler,
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPRedirectHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)
from urllib.response import addinfourl

from ipwhois.rdap import BOOTSTRAP_URL, RIR_RDAP

from enrich.mending import UnreadableError, mended
from enrich.values import BOOTSTRAP, REGISTRIES

LARGEST_ANSWER: Final = 1 << 20
MOST_REDIRECTS: Final = 5

PLACES: Final = {who: str(RIR_RDAP[who]["ip_url"]).removesuffix("ip/{0}") for who in REGISTRIES} | {
    BOOTSTRAP: f"{BOOTSTRAP_URL}/"
}
"""Whom ipwhois asks where."""


class Route(BaseHandler):
    """Lead each question to where the settings say, and remember who has it now."""

    handler_order = 400
    """Before urllib writes down the host (500)."""

    def __init__(self, registry: str, base_urls: Mapping[str, str]) -> None:
        self.registry = registry
        """Who was asked last."""
        self.elsewhere = False
        """It redirected to somebody else: LACNIC does, to the national registries."""
        self._base_urls = base_urls

    def http_request(self, request: Request) -> Request:
        """Rewrite the question's URL, also where a registry redirects to another."""
        for who, place in PLACES.items():
            if (path := _below(place, request.full_url)) is not None:
                self.registry, self.elsewhere = who, False
                request.full_url = self._base_urls.get(who, place) + path
                return request
        self.elsewhere = True
        return request

    https_request = http_request


def _below(place: str, url: str) -> str | None:
    """Give what of a URL comes after a place, by HTTP as well as by HTTPS."""
    found, _, path = url.partition(place.partition("://")[2])
    return path if found in {"https://", "http://"} else None


class _Deadline:
    """The moment at which an answer must be complete."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Give the seconds that are left. Raises TimeoutError if there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class _Bytes(io.RawIOBase):
    """What a socket receives until the deadline: its own timeout begins anew with every byte that drips in."""

    def __init__(self, connection: socket, deadline: _Deadline) -> None:
        self._connection = connection
        self._bytes = connection.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 (io's own word for a buffer)
        """Read as a file does. Raises TimeoutError and OSError."""
        self._connection.settimeout(self._deadline.left())
        return self._bytes.readinto(buffer)

    def close(self) -> None:
        """Let the socket go."""
        self._bytes.close()
        super().close()


class _Bounded(HTTPResponse):
    """A response whose every line is read before the deadline."""

    def __init__(self, connection: socket, *arguments: Any, deadline: _Deadline, **named: Any) -> None:  # noqa: ANN401 (http.client's own)
        super().__init__(connection, *arguments, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Bytes(connection, deadline))


class _Redirects(HTTPRedirectHandler):
    """Follow a registry to another one, but not in circles."""

    max_redirections = MOST_REDIRECTS
    max_repeats = 1


class _Web(AbstractHTTPHandler):
    """Ask by HTTP and HTTPS, and read the answer before the deadline."""

    def __init__(self, context: ssl.SSLContext, deadline: _Deadline) -> None:
        super().__init__()
        self._tls = partial(HTTPSConnection, context=context)
        self._deadline = deadline

    def http_open(self, request: Request) -> HTTPResponse:
        """Ask. Raises URLError and what http.client raises."""
        return self._ask(HTTPConnection, request)

    def https_open(self, request: Request) -> HTTPResponse:
        """Ask over TLS."""
        return self._ask(self._tls, request)

    http_request = https_request = AbstractHTTPHandler.do_request_

    def _ask(self, kind: Callable[..., HTTPConnection], request: Request) -> HTTPResponse:
        request.timeout = self._deadline.left()

        def connection(host: str, **options: Any) -> HTTPConnection:  # noqa: ANN401 (urllib's own)
            made = kind(host, **options)
            made.response_class = partial(_Bounded, deadline=self._deadline)  # type: ignore[assignment]  # (it is only called)
            return made

        return self.do_open(connection, request)


class _Answer(addinfourl):
    """An answer that was read, with what urllib looks at."""

    def __init__(self, response: HTTPResponse, body: bytes) -> None:
        super().__init__(io.BytesIO(body), response.headers, response.url, response.status)
        self.msg = response.reason


class _Answers(BaseHandler):
    """Read an answer within its bounds, and mend it."""

    handler_order = 900
    """Before urllib makes an error or a redirect of a status (1000): it would read and keep what comes with it."""

    def http_response(self, _request: Request, response: HTTPResponse) -> addinfourl:
        """Give the mended answer. Raises UnreadableError and OSError."""
        with response:
            body = mended(_read(response)) if response.status < HTTPStatus.MULTIPLE_CHOICES else b""
        return _Answer(response, body)

    https_response = http_response


def _read(response: HTTPResponse) -> bytes:
    body = response.read(LARGEST_ANSWER + 1)
    if len(body) > LARGEST_ANSWER:
        raise UnreadableError(f"more than {LARGEST_ANSWER} bytes")
    return body


def opener(
    route: Route,
    *,
    context: ssl.SSLContext,
    seconds: float,
    proxy: str | None,
    user_agent: str,
) -> OpenerDirector:
    """Make the opener for one question: all of it, redirects included, takes at most so many seconds."""
    deadline = _Deadline(seconds)
    made = OpenerDirector()
    made.addheaders = [("User-Agent", user_agent)]
    for handler in (
        ProxyHandler({"http": proxy, "https": proxy} if proxy else None),
        route,
        _Web(context, deadline),
        _Answers(),
        _Redirects(),
        HTTPErrorProcessor(),
        HTTPDefaultErrorHandler(),
        UnknownHandler(),
    ):
        made.add_handler(handler)
    return made


def user_agent(contact: str | None) -> str:
    """Say who asks, and where to complain (RFC 9110 10.1.5)."""
    name = f"ruamill/{version('ruamill')}"
    return f"{name} (+{contact})" if contact else name


def retry_after(headers: Message, now: datetime) -> float | None:
    """Read Retry-After, seconds or a date (RFC 9110 10.2.3), as seconds from now; None where it says nothing."""
    text = str(headers.get("Retry-After", "")).strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())
