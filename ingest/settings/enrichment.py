"""What can be set about look-ups, and about each of our own domains."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from ingest.settings.base import ONE_OR_SEVERAL, MailAddresses, Seconds, Section

Registry: TypeAlias = Literal["arin", "ripencc", "apnic", "lacnic", "afrinic", "bootstrap"]
"""Whom ipwhois asks; "bootstrap" redirects to the registry in charge of an address that no network announces."""

PerMinute = Annotated[int, Field(ge=1, le=60_000)]


def _base_url(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise ValueError('must be a URL such as "https://rdap.example.org/ripe/"')
    return text if text.endswith("/") else f"{text}/"


def _name_server(text: str) -> str:
    """Take an address, and a port behind it: 192.0.2.53, 192.0.2.53:5353, [2001:db8::53], [2001:db8::53]:5353."""
    place = urlsplit(f"//{text}")
    try:
        ip_address(place.hostname or "")
        _ = place.port
    except ValueError:
        wanted = 'must be an address such as "192.0.2.53", "192.0.2.53:5353" or "[2001:db8::53]"'
        raise ValueError(wanted) from None
    return text


def _network(text: object) -> object:
    try:
        return ip_network(str(text), strict=False)
    except ValueError:
        raise ValueError('must be an address or a network such as "192.0.2.0/24"') from None


BaseUrl = Annotated[str, AfterValidator(_base_url)]
NameServers = Annotated[tuple[Annotated[str, AfterValidator(_name_server)], ...], ONE_OR_SEVERAL]
Networks = Annotated[
    tuple[Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)], ...], ONE_OR_SEVERAL
]


class EnrichSettings(Section):
    """Who is asked about sending addresses, and how much."""

    queries: Literal["on", "off"] = "on"
    """off: nobody outside is asked, neither registries nor name servers. `enrich = "off"` says the same."""
    budget: Annotated[int, Field(ge=1)] = 1000
    """Registry queries in one run."""
    per_minute: dict[Registry, PerMinute] = Field(default_factory=dict)
    """Queries a minute to each registry; those of enrich.pace without it."""
    rdap_base_urls: dict[Registry, BaseUrl] = Field(default_factory=dict)
    """Where a registry is asked instead: a mirror, a test server."""
    proxy: SecretStr | None = None
    """HTTP proxy for the registries, secret for the password in it; that of the environment (https_proxy) without it."""
    name_servers: NameServers = ()
    """Whom reverse names and origins are asked of; those of the system without it."""
    timeout: Seconds = 10
    """For one answer of a registry or a name server."""
    contact: str | None = None
    """Mail address or URL that registries may turn to, sent in User-Agent."""
    mmdb: Annotated[tuple[Path, ...], ONE_OR_SEVERAL] = ()
    """MMDB files with ASN and country by address (MaxMind's or IPinfo's layout), read offline."""
    services: Path | None = None
    """Your own services, in the form of the catalogue: added to it, or instead of an entry with the same key."""

    @property
    def proxy_url(self) -> str | None:
        """The proxy, with its password."""
        return self.proxy.get_secret_value() if self.proxy else None


class DomainSettings(Section):
    """What is known about one of our own domains."""

    uses: Annotated[tuple[str, ...], ONE_OR_SEVERAL] = ()
    """Services that send for it, by their key in the catalogue; what passes aligned is learnt without."""
    networks: Networks = ()
    """Addresses of its own mail servers."""
    recipients: MailAddresses = ()
    """Who gets its letter; those of [summary] without it."""


def enrichment(value: object) -> object:
    """Take `enrich = "off"` for the table that says so."""
    return {"queries": value} if isinstance(value, str) else value
