"""HTTP as a token endpoint is to be asked: whom to trust in, an adapter for a requests session out."""
# ruff: noqa: ANN401 (the signatures are those of requests)

import time
from io import BytesIO
from ssl import SSLContext
from typing import Any

from requests import Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

SECONDS = 15.0
"""How long an endpoint may let us wait: for the connection, for an answer, and then for the rest of it."""

ANSWER_BYTES = 256 * 1024
"""More than this is no token: Microsoft's have 2 KiB, and 20 KiB with hundreds of groups in them."""


class TooLongError(Exception):
    """The answer is longer than any token."""


class Trusting(HTTPAdapter):
    """Trusts whom the context trusts."""

    def __init__(self, context: SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Trust them without a proxy."""
        super().init_poolmanager(*args, **options, ssl_context=self._context)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """Trust them behind a proxy."""
        return super().proxy_manager_for(*args, **options, ssl_context=self._context)

    def cert_verify(self, *args: Any) -> None:
        """Leave it at that: requests would add the authorities that it brings along."""


class Adapter(Trusting):
    """Reads no more of an answer than a token can have."""

    def send(self, *args: Any, **options: Any) -> Response:
        """Read the answer at once, as far as it may go. Raises TooLongError, TimeoutError."""
        response = super().send(*args, **options)
        with response.raw as answer:
            response.raw = BytesIO(_read(answer))
        return response


def _read(answer: HTTPResponse) -> bytes:
    deadline = time.monotonic() + SECONDS
    read = b""
    while piece := answer.read1(ANSWER_BYTES):
        read += piece
        if len(read) > ANSWER_BYTES:
            raise TooLongError
        if time.monotonic() > deadline:
            raise TimeoutError
    return read
