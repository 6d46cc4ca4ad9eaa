"""Who may look: a request in, the name of whoever sent it out, or nobody past here.

On loopback without any names everybody on this machine may; then a page of a stranger, in a browser of this machine,
must not ask in our name (DNS rebinding), and the Host field shows it.
"""

from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.configuration import ConfigurationError
from ingest.settings import WebSettings
from ingest.web.logins import Logins
from ingest.web.problems import Problem, RefusedError

OPEN: Final = ("/static/", "/healthz")
"""What is shown to everybody: there is nothing of anybody in it."""

NOT_HERE: Final = Problem(
    HTTPStatus.BAD_REQUEST,
    "Not under this name",
    "These pages are for this machine alone, and answer to localhost only.",
    "Ask for them as localhost. A reverse proxy names its users in a header: [web] user_header of ruamill.toml.",
)
NOT_PROXIED: Final = Problem(
    HTTPStatus.FORBIDDEN,
    "Not this way",
    "These pages are shown through a reverse proxy, and you did not come through one that is known.",
    "Ask for them at the proxy's address; [web] proxies of ruamill.toml names the proxies.",
)
UNNAMED: Final = Problem(
    HTTPStatus.FORBIDDEN,
    "Who are you?",
    "The reverse proxy did not say who you are.",
    "It must send one field of the name in [web] user_header of ruamill.toml, once it knows whom it let in.",
)


def check(settings: WebSettings, address: str) -> None:
    """Refuse to serve strangers pages that anybody could read. Raises ConfigurationError."""
    if not (_of(address).is_loopback or settings.users_file or settings.user_header):
        raise ConfigurationError(
            f"{settings.host} is not this machine alone, and whoever reaches it could read everything: set users_file "
            "or user_header in [web] of ruamill.toml (docs/web.md), or serve on 127.0.0.1"
        )


class Guard:
    """The layer that lets requests through, each with the name of its sender."""

    def __init__(self, app: ASGIApp, settings: WebSettings, logins: Logins | None) -> None:
        self._app = app
        self._settings = settings
        self._logins = logins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through (ASGI 3). Raises RefusedError."""
        if scope["type"] == "http" and not scope["path"].removeprefix(scope["root_path"]).startswith(OPEN):
            scope["ruamill.user"] = await self._user(Headers(scope=scope), (scope.get("client") or ("",))[0])
        await self._app(scope, receive, send)

    async def _user(self, headers: Headers, client: str) -> str | None:
        header = self._settings.user_header
        if header and self._believed(client):
            named = headers.getlist(header)
            if len(named) == 1 and named[0].strip():
                return _text(named[0])
            if self._logins is None:
                raise RefusedError(UNNAMED)
        if self._logins:
            return await self._logins.user(headers.get("authorization"), client)
        if header:
            raise RefusedError(NOT_PROXIED)
        if not _is_local(headers.getlist("host"), self._settings.host):
            raise RefusedError(NOT_HERE)
        return None

    def _believed(self, client: str) -> bool:
        address = _of(client)
        return address.is_loopback or any(address in network for network in self._settings.proxies)


def _of(text: str) -> IPv4Address | IPv6Address:
    """Read the address of a socket; an IPv4 one may come in the clothes of IPv6, and a zone does not matter."""
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_local(hosts: Sequence[str], own: str) -> bool:
    """Tell whether a Host field names this machine as it calls itself."""
    if len(hosts) != 1:
        return False
    try:
        name = urlsplit(f"//{hosts[0]}").hostname or ""
        return name in ("localhost", own.lower()) or _of(name).is_loopback
    except ValueError:
        return False


def _text(value: str) -> str:
    """Undo what ASGI servers make of UTF-8 in a field."""
    return value.strip().encode("latin-1").decode("utf-8", "replace")
