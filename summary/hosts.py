"""What is known of a sending address in; whose machine it is, out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address

from enrich.catalogue import Catalogue, Service
from enrich.matching import Match, Signature, Traits, match
from parsers.alignment import organizational_domain
from store.evidence import Evidence, Machine

OWN_SERVERS = "your own servers"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beforehand."""

    catalogue: Catalogue
    uses: tuple[str, ...] = ()
    """Services that the domain is said to use, by their key in the catalogue."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Of the domain's own mail servers."""
    domains: frozenset[str] = frozenset()
    """All of the operator's own domains: one of them is no stranger to another."""


@dataclass(frozen=True, slots=True)
class Host:
    """A sending address and whose it is."""

    address: str | None
    machine: Machine | None
    match: Match | None
    """What shows the service."""
    key: str | None
    """The service's key in the catalogue."""
    service: Service | None
    """Whose machine it is; of one of the domain's own, what runs on it, where that is configured."""
    own: bool
    """One of the domain's own machines: in its networks, or with a confirmed name below it."""
    who: str
    """The service, the owner, the domain of its name, or the address: what groups sources."""

    @property
    def kind(self) -> str | None:
        """The service's kind."""
        return self.service.kind if self.service else None

    @property
    def owner(self) -> str | None:
        """Who the network belongs to."""
        return (self.machine.owner or self.machine.as_name) if self.machine else None

    @property
    def name(self) -> str | None:
        """The machine's confirmed name: anybody may give a machine another one."""
        return self.machine.name if self.machine and self.machine.name_confirmed else None


def hosts(
    domain: str, evidence: Iterable[Evidence], machines: Mapping[str, Machine], known: Known
) -> dict[str | None, Host]:
    """Tell for each address in the evidence whose machine it is."""
    seen: dict[str | None, list[Evidence]] = {}
    for piece in evidence:
        seen.setdefault(piece.source_ip, []).append(piece)
    return {
        address: _host(domain, pieces, machines.get(address or ""), known) for address, pieces in seen.items()
    }


def _host(domain: str, pieces: list[Evidence], machine: Machine | None, known: Known) -> Host:
    address, services = pieces[0].source_ip, known.catalogue.services
    if _within(address, known.networks) or _named_below(domain, machine):
        relay = _relay(known)
        return Host(address, machine, None, relay, services.get(relay or ""), own=True, who=OWN_SERVERS)
    paths = _return_paths(domain, pieces)
    found = _match(known.catalogue, domain, pieces, _traits(domain, pieces, machine, paths))
    if found is None:
        who = _who(address, machine, paths if len(paths) == len(_authorised(pieces)) else [])
        return Host(address, machine, None, None, None, own=False, who=who)
    service = services[found.service]
    return Host(address, machine, found, found.service, service, own=False, who=service.name)


def _match(catalogue: Catalogue, domain: str, pieces: list[Evidence], traits: Traits) -> Match | None:
    """Match a machine; a signature tells it only beside an SPF pass of the domain's or the service's: alone it may be forwarded."""
    found = match(catalogue, traits)
    if found is None or found.kind != "dkim_domain":
        return found
    service = catalogue.services[found.service]
    near = (organizational_domain(domain), *service.names, *service.return_paths)
    if any(_is_below(name, each) for name in _authorised(pieces) for each in near):
        return found
    return match(catalogue, replace(traits, signatures=[it for it in traits.signatures if it.aligned]))


def _is_below(name: str, domain: str) -> bool:
    """Tell whether a name is a domain or below it."""
    return name == domain or name.endswith(f".{domain}")


def _relay(known: Known) -> str | None:
    """Tell what runs on the domain's own servers, where it is said to use one kind alone."""
    services = known.catalogue.services
    relays = [key for key in known.uses if key in services and services[key].kind == "relay"]
    return relays[0] if len(relays) == 1 else None


def _who(address: str | None, machine: Machine | None, paths: list[str]) -> str:
    """Name a machine that is no known service's: who owns it, else who named it, else who lists it in an SPF record."""
    name = machine.name if machine and machine.name_confirmed else None
    owner = (machine.owner or machine.as_name) if machine else None
    domain = next(iter([name] if name else paths), None)
    return owner or (domain and organizational_domain(domain)) or address or "an address that cannot be read"


def _traits(domain: str, pieces: list[Evidence], machine: Machine | None, paths: list[str]) -> Traits:
    ours = organizational_domain(domain)
    signatures = dict.fromkeys(it for piece in pieces for it in piece.signatures)
    results = [
        Signature(it.domain, it.selector, it.result, organizational_domain(it.domain or "") == ours)
        for it in signatures
    ]
    if machine is None:
        return Traits(signatures=results, return_paths=paths)
    return Traits(
        name=machine.name,
        name_confirmed=machine.name_confirmed,
        owner=machine.owner,
        as_name=machine.as_name,
        asn=machine.asn,
        signatures=results,
        return_paths=paths,
    )


def _return_paths(domain: str, pieces: list[Evidence]) -> list[str]:
    """Give the domains that authorise the machine, without the domain itself: whoever sends for it is in its record."""
    ours = organizational_domain(domain)
    return [name for name in _authorised(pieces) if organizational_domain(name) != ours]


def _authorised(pieces: list[Evidence]) -> dict[str, None]:
    return dict.fromkeys(
        it.domain for piece in pieces for it in piece.checks if it.result == "pass" and it.domain
    )


def _within(address: str | None, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return bool(networks and address) and any(ip_address(address or "") in network for network in networks)


def _named_below(domain: str, machine: Machine | None) -> bool:
    return bool(
        machine
        and machine.name
        and machine.name_confirmed
        and organizational_domain(machine.name) == organizational_domain(domain)
    )
