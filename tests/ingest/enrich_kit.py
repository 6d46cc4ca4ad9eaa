"""Registered networks and the reports about addresses in them, by number: what look-ups are tried on."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from itertools import cycle, islice
from threading import Event
from typing import Any

from enrich.pace import Pace
from enrich.values import BOOTSTRAP, NAMES, ORIGIN, REGISTRIES
from fixtures.registries.server import Network, RegistryServers
from ingest.enrichment import Enrichment
from ingest.lookups.looked import Looked
from ingest.settings import EnrichSettings
from store.database import Database
from tests.store.kit import feedback, record, rows, take

SENDERS = {24: 14, 25: 14, 26: 13, 27: 13, 28: 12, 29: 8, 48: 14}
"""How many addresses of a network send, by the length of its prefix."""
ASKED = (*REGISTRIES, BOOTSTRAP)
FAST = dict.fromkeys(ASKED, 60_000)
"""Queries a minute, of servers of our own."""


def networks(number: int, **values: Any) -> list[Network]:
    """Register networks of all sizes side by side, the small ones several in a /24, each of which one registry has."""
    return [replace(network, **values) for network in islice(_networks(), number)]


def _networks() -> Iterator[Network]:
    start = int(ip_network("45.0.0.0/8")[0])
    for number, length in enumerate(cycle(SENDERS)):
        net: Any = ip_network(f"2a00:{number:x}::/48")
        if length <= 32:
            start = -(-start >> (32 - length) << (32 - length))
            net = ip_network((start, length))
            start += net.num_addresses
        registry = REGISTRIES[(int(net[0]) >> 8 if length <= 32 else number) % len(REGISTRIES)]
        asn = 64_500 + number if number % 16 else None  # some are announced by nobody
        names = (f"NET-{number}", f"NETWORK-{number}", f"Owner {number}")
        yield Network(net[0], net[-1], registry, *names, country="DE", asn=asn)


def senders(*networks: Network, most: int = 100) -> list[str]:
    """Give the addresses in networks that send, at most so many of each."""
    return [str(it.first + offset) for it in networks for offset in range(min(most, SENDERS[_length(it)]))]


def _length(network: Network) -> int:
    return network.first.max_prefixlen - (network.size - 1).bit_length()


def report_on(database: Database, *addresses: str) -> None:
    """Let a report of today come in about mail from these addresses, the first of them with the most messages."""
    today = int(datetime.now(UTC).replace(hour=0, minute=0, second=0).timestamp())
    records = [record(address, 2 * len(addresses) - place) for place, address in enumerate(addresses)]
    report = feedback(f"{addresses[0]} {len(addresses)}", *records, begin=today, end=today + 86_399)
    take(database, report, now=datetime.now(UTC))


def pace(**per_minute: float) -> Pace:
    """Give a pace that slows nobody down but those that are named."""
    return Pace({**FAST, ORIGIN: 600_000, NAMES: 600_000, **per_minute})


def settings(servers: RegistryServers, **others: Any) -> EnrichSettings:
    """Let look-ups ask our servers."""
    asked = {"rdap_base_urls": servers.base_urls, "name_servers": servers.name_servers, "per_minute": FAST}
    return EnrichSettings.model_validate({**asked, **others})


def look_up(servers: RegistryServers, database: Database, budget: int | None = None, **others: Any) -> Looked:
    """Make one run, as a process that has just begun."""
    looked = Looked()
    assert Enrichment(settings(servers, **others), database, pace()).run(looked, Event(), budget=budget)
    return looked


def asked_registries(servers: RegistryServers) -> Counter[str]:
    """Count the queries to registries, by whom they reached."""
    return Counter({who: number for who, number in servers.queries.items() if who in ASKED})


def states(database: Database) -> Counter[str]:
    """Count addresses by the state of their look-up."""
    return Counter(state for (state,) in rows(database, "SELECT state FROM source"))


def owners(database: Database) -> dict[str, str | None]:
    """Give the owner of each address that has a network."""
    query = "SELECT source_ip, owner FROM source JOIN network ON network.id = network_key"
    return {str(address): owner for address, owner in rows(database, query)}


def expected_owners(networks: Iterable[Network], most: int = 100) -> dict[str, str | None]:
    """Give the owner of each address that sends."""
    return {address: network.owner for network in networks for address in senders(network, most=most)}
