"""What is known about an address, as values: who was asked, what came back. No socket, no clock."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

REGISTRIES: Final = ("arin", "ripencc", "apnic", "lacnic", "afrinic")
"""The five regional registries, by the names that origin look-ups give them."""
BOOTSTRAP: Final = "bootstrap"
"""Redirects to the registry in charge; asked for an address that no network announces (RFC 7484)."""
ORIGIN: Final = "origin"
"""The name servers that know which autonomous system announces an address."""
NAMES: Final = "names"
"""The name servers that are asked for reverse names."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who announces an address, and which registry gave it out."""

    registry: str
    asn: int | None
    country: str | None
    """Of the allocation, ISO 3166-1 alpha-2; not a location."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network as registered (RFC 9083 5.4), for the range in which the answer may be used."""

    first: Address
    last: Address
    """The more specific of the registered range and the /24 or /48 around the address that was asked for."""
    registered: str | None
    """The registered range, as "first - last"."""
    handle: str | None
    name: str | None
    owner: str | None
    """Name of the registrant; in its absence of whoever the registry names next."""
    country: str | None
    registry: str | None
    """None: not from a registry, but from an MMDB file."""
    asn: int | None
    as_name: str | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """The registry has nothing about these addresses (RFC 7480 5.3)."""

    first: Address
    last: Address
    registry: str


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer that can be used; worth another try."""

    asked: str
    """Registry, ORIGIN or NAMES."""
    reason: str
    reached: bool = True
    """False where nobody answered at all: then others will not either."""


@dataclass(frozen=True, slots=True)
class Limited:
    """Asked too often (RFC 7480 5.5)."""

    asked: str
    retry_after: float | None
    """Seconds, where the answer says so."""


Answer: TypeAlias = Network | NotFound | Failed | Limited


@dataclass(frozen=True, slots=True)
class Name:
    """The reverse name of an address."""

    name: str
    """Lower case, without a trailing dot."""
    confirmed: bool
    """The name has the address among its own (forward-confirmed)."""
