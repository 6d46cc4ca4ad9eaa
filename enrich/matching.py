"""What is known of a machine and its mail in; which service's machine it is out, with the evidence.

A signature survives forwarding; an SPF pass, a confirmed name and the network do not. So these tell the machine, and a
signature tells it only where nothing known of the machine says otherwise. docs/catalogue.md gives the reasons.
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from enrich.catalogue import Catalogue
from enrich.service import COMMON_SELECTORS, Kind, Service, words

TENANTS: Final = frozenset(
    {"bulk", "transactional", "crm", "marketing", "tickets", "hr", "survey", "shop", "collaboration", "other"}
)
"""Kinds of services that may send through another's machines."""

EvidenceKind = Literal["return_path", "name", "dkim_domain", "selector", "owner", "asn"]


class Signature(NamedTuple):
    """One DKIM result of the machine's mail."""

    domain: str | None
    selector: str | None
    result: str | None
    aligned: bool
    """With the author's domain."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a machine and its mail; domains in lower case, without a trailing dot."""

    name: str | None = None
    """Its reverse name."""
    name_confirmed: bool = False
    owner: str | None = None
    """Registered owner of its network."""
    as_name: str | None = None
    asn: int | None = None
    signatures: Sequence[Signature] = ()
    return_paths: Sequence[str] = ()
    """Domains for which an SPF check passed."""


@dataclass(frozen=True, slots=True)
class Match:
    """A service, and what shows it."""

    service: str
    """Key in the catalogue."""
    kind: EvidenceKind
    evidence: str
    """In words, such as "SPF passed for mail19.atl11.rsgsv.net"."""


def match(catalogue: Catalogue, traits: Traits) -> Match | None:
    """Tell whose machine it is, by the strongest evidence; None where it is nobody's, or two services' alike."""
    index = _index(catalogue)
    machine = index.by_return_path(traits) or index.by_name(traits)
    if machine is None or index.kind(machine.service) == "hoster":
        machine = (
            index.by_signature(traits, machine)
            or machine
            or index.by_owner(traits)
            or index.by_system(traits)
        )
    if machine and index.kind(machine.service) == "transactional":
        return index.by_tenant(traits, machine) or machine
    return machine


@lru_cache(maxsize=8)
def _index(catalogue: Catalogue) -> "_Index":
    return _Index(catalogue.services)


class _Index:
    """Who claims what: one look at each level of a domain name, whatever the size of the catalogue."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services
        self._return_paths = _claims(services, "return_paths")
        self._names = _claims(services, "names")
        self._dkim_domains = _claims(services, "dkim_domains")
        self._asns = _claims(services, "asns")
        self._owners: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for key, service in services.items():
            for owner in service.owners:
                self._owners[words(owner)].append(key)
        self._longest_owner = max(map(len, self._owners), default=0)
        self._shapes = [
            (re.compile(translate(shape)), key)
            for key, service in services.items()
            for shape in service.selectors
        ]
        self._signers = lru_cache(maxsize=1 << 14)(self._signers_by_shape)

    def kind(self, key: str) -> Kind:
        return self._services[key].kind

    def by_return_path(self, traits: Traits) -> Match | None:
        for domain in traits.return_paths:
            if key := _covering(self._return_paths, domain):
                return Match(key, "return_path", f"SPF passed for {domain}")
        return None

    def by_name(self, traits: Traits) -> Match | None:
        if not (traits.name and traits.name_confirmed):  # anybody may call a machine of his anything
            return None
        key = _covering(self._names, traits.name)
        return Match(key, "name", f"the machine's name is {traits.name}") if key else None

    def by_signature(self, traits: Traits, hoster: Match | None) -> Match | None:
        if traits.name_confirmed and not hoster:  # a name that is no service's: somebody who passes mail on
            return None
        for signature in traits.signatures:
            key = _covering(self._dkim_domains, signature.domain)
            elsewhere = hoster and key and self._services[key].names  # its own machines are called otherwise
            if key and signature.result == "pass" and not elsewhere:
                return Match(key, "dkim_domain", f"DKIM passed for {signature.domain}")
        return None

    def by_tenant(self, traits: Traits, landlord: Match) -> Match | None:
        """Tell the service that sends through the machines of one which takes mail from nobody but its customers."""
        for signature in traits.signatures:
            for key, kind in self._makers(signature):
                if key != landlord.service and self.kind(key) in TENANTS and signature.result == "pass":
                    said = f"DKIM passed for {signature.domain}, selector {signature.selector}"
                    return Match(key, kind, f"{said}; {landlord.evidence}")
        return None

    def _makers(self, signature: Signature) -> Iterator[tuple[str, EvidenceKind]]:
        """Tell who made a signature: by its domain, or by a selector which only one has that rents all its machines."""
        if key := _covering(self._dkim_domains, signature.domain):
            yield key, "dkim_domain"
        signers = self._signers(signature.selector) if signature.aligned else ()
        if (
            len(signers) == 1
            and not self._services[signers[0]].names
            and signature.selector not in COMMON_SELECTORS
        ):
            yield signers[0], "selector"

    def by_owner(self, traits: Traits) -> Match | None:
        return self._of_network(traits.owner, "owner", f"in a network of {traits.owner}", traits)

    def by_system(self, traits: Traits) -> Match | None:
        key = self._asns.get(traits.asn)
        if key:
            return Match(key, "asn", f"in a network announced by AS{traits.asn}")
        return self._of_network(traits.as_name, "asn", f"in a network announced by {traits.as_name}", traits)

    def _of_network(
        self, owner: str | None, kind: EvidenceKind, evidence: str, traits: Traits
    ) -> Match | None:
        candidates = self._owned_by(owner)
        if len(candidates) == 1:
            return Match(candidates[0], kind, evidence)
        for signature in traits.signatures:
            signers = [
                key for key in candidates if signature.aligned and key in self._signers(signature.selector)
            ]
            if len(signers) == 1:
                return Match(signers[0], "selector", f"{evidence}, DKIM selector {signature.selector}")
        return None

    def _owned_by(self, owner: str | None) -> Sequence[str]:
        """Give the services that claim an owner, by the longest beginning of its name that is claimed."""
        name = words(owner or "")[: self._longest_owner]
        beginnings = (name[:length] for length in range(len(name), 0, -1))
        return next((self._owners[each] for each in beginnings if each in self._owners), ())

    def _signers_by_shape(self, selector: str | None) -> Sequence[str]:
        return tuple(
            dict.fromkeys(key for shape, key in self._shapes if shape.match((selector or "").lower()))
        )


def _claims(services: Mapping[str, Service], field: str) -> dict[Hashable, str]:
    return {one: key for key, service in services.items() for one in getattr(service, field)}


def _covering(claims: Mapping[Hashable, str], domain: str | None) -> str | None:
    """Give who claims a domain, or the nearest above it."""
    return next((claims[name] for name in _upwards(domain or "") if name in claims), None)


def _upwards(domain: str) -> Iterator[str]:
    while domain:
        yield domain
        domain = domain.partition(".")[2]
