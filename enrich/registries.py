"""An address in, what the registry in charge of it says out; ipwhois asks.

Nothing here sleeps, repeats a question or raises: whatever goes wrong becomes a Failed or a Limited at one boundary.
How often somebody may be asked is enrich.pace's business.
"""

import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import OpenerDirector

from dns.exception import Timeout
from dns.resolver import NoResolverConfiguration
from ipwhois.exceptions import ASNLookupError, HTTPLookupError, HTTPRateLimitError
from ipwhois.net import Net
from ipwhois.rdap import RDAP

from enrich.addresses import group
from enrich.mending import UnreadableError, cleaned
from enrich.name_servers import name_servers as read_name_servers
from enrich.opener import Route, opener, retry_after, user_agent
from enrich.origin import ask_origin
from enrich.registered import registered
from enrich.values import BOOTSTRAP, ORIGIN, Address, Answer, Failed, Limited, NotFound, Origin

REFUSALS = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.FORBIDDEN}
"""RFC 7480 5.5; and what a registry says that has had enough of us."""
NOBODY_BEHIND = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
"""A gateway answered, and found no registry."""
WITH_CONTEXT = (ASNLookupError, HTTPLookupError, HTTPRateLimitError)
"""What ipwhois raises instead of what happened."""
TRIES = 3
"""A name server's share of the time: a lost datagram is sent again."""


class Registries:
    """All registries, and the name servers that know origins; several threads may ask at the same time."""

    def __init__(
        self,
        *,
        base_urls: Mapping[str, str] | None = None,
        proxy: str | None = None,
        name_servers: Sequence[str] = (),
        timeout: float = 10,
        contact: str | None = None,
    ) -> None:
        self._base_urls = base_urls or {}
        self._proxy = proxy
        self._name_servers = read_name_servers(name_servers)
        self._timeout = timeout
        self._user_agent = user_agent(contact)
        # 20 ms to build, and as good for all questions
        self._tls = ssl.create_default_context()

    def origin(self, address: Address) -> Origin | Failed | None:
        """Ask who announces an address, and which registry gave it out: one TXT query.

        None where nobody announces it or no known registry gave it out: then the bootstrap server is to be asked.
        """
        try:
            return ask_origin(self._net(address))
        except Exception as error:  # noqa: BLE001 (the boundary: ipwhois lets through whatever comes)
            cause = _cause(error)
            return Failed(ORIGIN, _words(cause), reached=not isinstance(cause, Timeout | OSError))

    def network(self, address: Address, origin: Origin | None) -> Answer:
        """Ask the registry that the origin names, or the bootstrap server, which network an address lies in.

        One RDAP query; redirects are followed.
        """
        route = Route(origin.registry if origin else BOOTSTRAP, self._base_urls)
        try:
            found = RDAP(self._net(address, self._opener(route))).lookup(
                asn_data={"asn_registry": route.registry},
                bootstrap=origin is None,
                retry_count=0,
                rate_limit_timeout=0,
                root_ent_check=False,
            )
            return registered(found, address, origin, route.registry)
        except Exception as error:  # noqa: BLE001 (the boundary: ipwhois lets through whatever comes)
            return _without_network(error, address, route)

    def _opener(self, route: Route) -> OpenerDirector:
        return opener(
            route, context=self._tls, seconds=self._timeout, proxy=self._proxy, user_agent=self._user_agent
        )

    def _net(self, address: Address, web: OpenerDirector | None = None) -> Net:
        """Make ipwhois' object for one question; they are not for several threads."""
        net = Net(address, timeout=self._timeout, proxy_opener=web)
        net.dns_resolver.timeout = self._timeout / TRIES
        if self._name_servers:
            net.dns_resolver.nameservers = self._name_servers
        return net


def _without_network(error: Exception, address: Address, route: Route) -> Answer:
    """Say what became of a question that no network came of."""
    match _cause(error):
        case HTTPRateLimitError():  # without a status: by a notice
            return Limited(route.registry, None)
        case HTTPError() as refusal:
            return _refused(refusal, address, route)
        case UnreadableError() as unreadable:
            return Failed(route.registry, f"the answer is {unreadable}")
        case OSError() | HTTPException() as failure:  # URLError too
            return Failed(route.registry, _words(failure), reached=route.elsewhere)
        case other:
            return Failed(route.registry, _words(other))


def _cause(error: Exception) -> BaseException:
    """Find what happened: ipwhois says that a look-up failed, and leaves the reason to the context."""
    return (isinstance(error, WITH_CONTEXT) and error.__context__) or error


def _refused(refusal: HTTPError, address: Address, route: Route) -> Answer:
    """Read a status that is no answer (RFC 7480 5)."""
    pause = retry_after(refusal.headers, datetime.now(UTC))
    if refusal.code in REFUSALS or (refusal.code == HTTPStatus.SERVICE_UNAVAILABLE and pause is not None):
        return Limited(route.registry, pause)
    # A registry's 404 is empty or JSON; a page means that somebody else stands where the base URL points to.
    if refusal.code == HTTPStatus.NOT_FOUND and refusal.headers.get_content_type() != "text/html":
        around = group(address)
        return NotFound(around[0], around[-1], route.registry)
    reached = route.elsewhere or refusal.code not in NOBODY_BEHIND
    return Failed(route.registry, f"HTTP status {refusal.code}", reached)


def _words(error: object) -> str:
    """Put a failure into words."""
    match error:
        case URLError(reason=reason):
            return _words(reason)
        case TimeoutError() | Timeout():
            return "no answer in time"
        case NoResolverConfiguration():
            return "no name server in /etc/resolv.conf, where ipwhois insists on one"
        case OSError(strerror=str(words)) | str(words):
            return cleaned(words)
        case _:
            return cleaned(f"{type(error).__name__}: {error}")
