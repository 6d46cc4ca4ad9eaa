"""What is asked about sending addresses: the name servers of this machine, and the five registries.

Nothing here is needed to take in reports, so nothing here is wrong: at worst the letter tells less about a sender.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener, getproxies

from dns.exception import DNSException
from dns.resolver import Resolver
from ipwhois.rdap import RIR_RDAP

from ingest.doctor.findings import Finding, note, ok, warning
from ingest.doctor.network import begin

ADDRESS, NAME = "198.41.0.4", "a.root-servers.net."
"""An address whose name is known for as long as there is a DNS."""

DNS_SECONDS = 5.0
REGISTRY_SECONDS = 8.0
REGISTRIES = {name: str(urls["ip_url"]).partition("ip/{")[0] for name, urls in RIR_RDAP.items()}
"""Registry -> the address below which ipwhois asks it."""


def name_servers(resolver: Callable[[], Resolver] = Resolver) -> Iterator[Finding]:
    """Look up the name of an address, as is done for every sender."""
    try:
        asked = resolver()
        servers = ", ".join(str(server) for server in asked.nameservers)
        names = [str(each.target) for each in asked.resolve_address(ADDRESS, lifetime=DNS_SECONDS)]
    except DNSException as error:
        text = f"the name of {ADDRESS} cannot be looked up: {str(error).partition(':')[0]}"
        advice = "check /etc/resolv.conf, and that its servers answer for names outside: dig -x " + ADDRESS
        yield warning("names", text, advice)
        return
    if NAME in names:
        yield ok("names", f"{servers}: the name of an address can be looked up")
    else:
        text = f"{servers}: {ADDRESS} is called {', '.join(names)} instead of {NAME}"
        yield warning("names", text, "ask a name server that does not make answers up")


def registries(bases: Mapping[str, str] = REGISTRIES) -> Iterator[Finding]:
    """Ask each registry for its help page (RFC 9082 3.1.6), all at once, by the way that ipwhois takes."""
    yield from _proxies()
    until = time.monotonic() + REGISTRY_SECONDS
    asked = {name: begin(partial(_ask, base)) for name, base in bases.items()}
    answers: dict[str, list[str]] = {}
    for name, future in asked.items():
        try:
            reason = future.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            reason = f"no answer within {REGISTRY_SECONDS:.0f} s"
        answers.setdefault(reason, []).append(name)
    for reason, names in answers.items():
        yield _judged(reason, names, bases)


def _judged(reason: str, names: list[str], bases: Mapping[str, str]) -> Finding:
    if not reason:
        return ok("registries", f"{', '.join(names)}: reached")
    hosts = ", ".join(urlsplit(bases[name]).netloc for name in names)
    advice = f"let this machine through to {hosts} (HTTPS), or name a proxy in the environment: https_proxy"
    return warning("registries", f"{', '.join(names)}: {reason}", advice)


def _ask(base: str) -> str:
    """Say why a registry does not answer; nothing if it does."""
    request = Request(f"{base}help", headers={"Accept": "application/rdap+json"})  # noqa: S310 (addresses of ipwhois)
    try:
        with build_opener(ProxyHandler()).open(request, timeout=REGISTRY_SECONDS) as answer:
            json.load(answer)
    except HTTPError as error:
        return f"answers with HTTP status {error.code}"
    except URLError as error:
        return f"cannot be reached ({error.reason})"
    except (OSError, HTTPException) as error:
        return f"cannot be reached ({error})"
    except ValueError:
        return "something else answers in its place"
    return ""


def _proxies() -> Iterator[Finding]:
    """Name the proxy that the environment sets, without its password."""
    if proxy := getproxies().get("https"):
        where = urlsplit(proxy if "://" in proxy else f"//{proxy}")
        place = f"{where.hostname}:{where.port}" if where.port else str(where.hostname)
        yield note(
            "proxy", f"registries are asked through {place} (https_proxy); mail servers and names are not"
        )
