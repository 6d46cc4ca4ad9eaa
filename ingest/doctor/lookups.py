"""Who is asked about sending addresses: the name servers and the registries, tried as look-ups go.

Nothing here is needed to take in reports, so nothing here is wrong: at worst less is known about a sender.
"""

import time
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies

from enrich.names import Names
from enrich.opener import PLACES
from enrich.registries import Registries
from enrich.values import BOOTSTRAP, Failed, Limited, NotFound, Origin
from ingest.doctor.findings import Finding, note, ok, warning
from ingest.doctor.network import begin
from ingest.settings import EnrichSettings

ADDRESS, NAME = "198.41.0.4", "a.root-servers.net"
"""An address whose name is known for as long as there is a DNS."""

ASKED_ABOUT = {
    "arin": ADDRESS,
    "ripencc": "193.0.14.129",
    "apnic": "202.12.27.33",
    "lacnic": "200.3.14.10",
    "afrinic": "196.216.2.1",
    BOOTSTRAP: ADDRESS,
}
"""An address in each one's charge: of root servers, or of the registry itself."""

DNS_SECONDS = 5.0
REGISTRY_SECONDS = 8.0

UNREACHED = "let this machine through to {hosts} (HTTPS), or name a proxy in enrich.proxy or https_proxy"
REFUSED = "wait: look-ups go on by themselves; if it lasts, ask less: enrich.per_minute"
ANOTHER = "something else may answer in place of {hosts}: check enrich.rdap_base_urls, and the proxy"
"""What to do, by what went wrong."""


def name_servers(settings: EnrichSettings) -> Iterator[Finding]:
    """Look up the name of an address, and who announces it, as is done for every sender."""
    servers = ", ".join(settings.name_servers) or "the name servers of this machine"
    seconds = min(settings.timeout, DNS_SECONDS)
    yield _named(servers, settings, seconds)
    yield _announced(servers, settings, seconds)


def _named(servers: str, settings: EnrichSettings, seconds: float) -> Finding:
    found = Names(name_servers=settings.name_servers, timeout=seconds).name(ip_address(ADDRESS))
    if isinstance(found, Failed):
        text = f"{servers}: the name of {ADDRESS} cannot be looked up: {found.reason}"
        place = "enrich.name_servers" if settings.name_servers else "/etc/resolv.conf"
        advice = f"check {place}, and that its servers answer for names outside: dig -x {ADDRESS}"
        return warning("names", text, advice)
    if found is None or found.name != NAME:
        called = f"is called {found.name}" if found else "has no name"
        text = f"{servers}: {ADDRESS} {called}, and everywhere else it is {NAME}"
        advice = "ask name servers that know the world and make nothing up: enrich.name_servers"
        return warning("names", text, advice)
    return ok("names", f"{servers}: the name of an address can be looked up")


def _announced(servers: str, settings: EnrichSettings, seconds: float) -> Finding:
    asking = Registries(name_servers=settings.name_servers, timeout=seconds)
    found = asking.origin(ip_address(ADDRESS))
    if isinstance(found, Origin):
        return ok("origins", f"{servers}: who announces an address can be looked up")
    reason = f": {found.reason}" if found else ""
    text = f"{servers}: who announces {ADDRESS} cannot be looked up{reason}"
    advice = "let them answer TXT questions about origin.asn.cymru.com; without it every network is asked of bootstrap"
    return warning("origins", text, advice)


def registries(settings: EnrichSettings) -> Iterator[Finding]:
    """Ask each registry about a network in its charge, all at once."""
    yield from _proxy(settings)
    seconds = min(settings.timeout, REGISTRY_SECONDS)
    own: dict[str, str] = dict(settings.rdap_base_urls.items())
    asking = Registries(
        base_urls=own,
        proxy=settings.proxy_url,
        name_servers=settings.name_servers,
        timeout=seconds,
        contact=settings.contact,
    )
    outcomes: dict[tuple[str, str], list[str]] = {}
    for who, outcome in _ask_all(asking, seconds):
        outcomes.setdefault(outcome, []).append(who)
    for (advice, what), names in outcomes.items():
        hosts = dict.fromkeys(urlsplit(own.get(who, PLACES[who])).netloc for who in names)
        yield _judged(advice.format(hosts=", ".join(hosts)), f"{', '.join(names)}: {what}")


def _ask_all(asking: Registries, seconds: float) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give each registry, and what came of asking it; one that hangs keeps nobody, nor does the system's resolver."""
    until = time.monotonic() + seconds
    asked = {who: begin(partial(_ask, asking, who)) for who in ASKED_ABOUT}
    for who, future in asked.items():
        try:
            yield who, future.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            yield who, (UNREACHED, "cannot be reached (no answer in time)")


def _ask(asking: Registries, who: str) -> tuple[str, str]:
    """Ask one registry; give the advice, which is empty if it answers as it should, and what came of it."""
    origin = None if who == BOOTSTRAP else Origin(who, None, None)
    match asking.network(ip_address(ASKED_ABOUT[who]), origin):
        case Failed(reason=reason, reached=False):
            return UNREACHED, f"cannot be reached ({reason})"
        case Failed(reason=reason):
            return ANOTHER, f"gives no answer that can be used ({reason})"
        case Limited():
            return REFUSED, "refuses: it was asked too often from here"
        case NotFound():
            return ANOTHER, "knows nothing of a network in its charge"
        case _:
            return "", "reached"


def _judged(advice: str, text: str) -> Finding:
    return warning("registries", text, advice) if advice else ok("registries", text)


def _proxy(settings: EnrichSettings) -> Iterator[Finding]:
    """Name the proxy without its password."""
    if proxy := settings.proxy_url or getproxies().get("https"):
        where = urlsplit(proxy if "://" in proxy else f"//{proxy}")
        place = f"{where.hostname}:{where.port}" if where.port else str(where.hostname)
        source = "enrich.proxy" if settings.proxy else "https_proxy"
        yield note("proxy", f"registries are asked through {place} ({source}); mail and name servers are not")
