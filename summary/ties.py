"""Readings and hosts in; what a domain uses out: what is configured, and what its own mail has shown.

A signature survives forwarding, so a signature alone never shows that the machine which brought it is ours.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from parsers.alignment import organizational_domain
from summary.hosts import Host, Known
from summary.reading import Dkim, Reading, Spf

Key = tuple[str, str]
"""Domain and selector of a signature."""

FOR_ANYBODY: Final = frozenset({"hoster", "forwarder", "list"})
"""Kinds whose machines carry mail for anybody: one of them tells nothing about its neighbours."""
FOR_MEMBERS: Final = frozenset({"mailbox"})
"""Kinds whose members send to and forward for everybody from the same machines: each message must show that it is ours."""
SENDERS: Final = frozenset(
    {"bulk", "transactional", "crm", "marketing", "tickets", "hr", "survey", "shop", "collaboration", "other"}
)
"""Kinds that send what their customers write, and forward nothing."""


@dataclass(frozen=True, slots=True)
class Ties:
    """What ties machines and services to a domain."""

    domain: str
    services: frozenset[str]
    """Services that send for it, by their key in the catalogue: configured or learnt."""
    addresses: frozenset[str]
    """Machines in its SPF record that belong to no service of their own."""
    listed: frozenset[str]
    """Services whose machines are in its SPF record."""
    default_signers: frozenset[str]
    """Domains below which mailbox services sign for each customer by default: onmicrosoft.com."""
    tenants: frozenset[str]
    """Those with which they sign for this domain, as learnt."""
    homes: Mapping[Key, str]
    """Where each key that verified is used most: Host.who."""
    family: frozenset[str]
    """Organisational domains of the operator's own domains."""

    def is_ours(self, reading: Reading, host: Host) -> bool:
        """Tell whether a message came from a machine that sends for the domain."""
        if host.own or (
            host.address in self.addresses and (host.service is None or host.kind in FOR_ANYBODY)
        ):
            return True
        if host.key not in self.services or self._is_another_customers(reading, host):
            return False
        return host.kind not in FOR_MEMBERS or self.shows_us(reading)

    def _is_another_customers(self, reading: Reading, host: Host) -> bool:
        """Tell a machine that the SPF record leaves out, of a service that it lists: others' mail goes through it."""
        if host.key not in self.listed or reading.spf is not Spf.REFUSED:
            return False
        if host.kind in FOR_MEMBERS:
            return reading.dkim is not Dkim.BROKEN or any(key in self.homes for key in reading.keys)
        return host.kind == "gateway" and not _shows_service(reading, host)

    def shows_us(self, reading: Reading) -> bool:
        """Tell whether a message from a machine that many share shows that a member of ours sent it."""
        if reading.own or any(map(self.is_us, reading.signers)):
            return True
        return not reading.signers and (reading.automatic or bool(reading.checks))

    def is_us(self, name: str) -> bool:
        """Tell whether a domain is another one of ours, or our tenant: seen with an SPF pass of ours, or named after us."""
        above = organizational_domain(name)
        if name in self.tenants or above in self.family:
            return True
        return above in self.default_signers and any(
            _resembles(name, ours) for ours in (self.domain, *self.family)
        )


def _shows_service(reading: Reading, host: Host) -> bool:
    """Tell whether a message is signed as the domain with a key that is named as the service's keys are."""
    shapes = host.service.selectors if host.service else ()
    return any(_is_named_so(shapes, selector) for _, selector in reading.keys)


@lru_cache(maxsize=1 << 14)
def _is_named_so(shapes: tuple[str, ...], selector: str) -> bool:
    """Tell whether a selector has one of the shapes."""
    return any(fnmatchcase(selector.lower(), shape) for shape in shapes)


@lru_cache(maxsize=1 << 14)
def _resembles(name: str, domain: str) -> bool:
    """Tell whether a tenant's name is made of ours: exampleorg.onmicrosoft.com, example-org.20230601.gappssmtp.com."""
    ours = organizational_domain(domain)
    return _letters(name.partition(".")[0]) in {_letters(ours), _letters(ours.partition(".")[0])}


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name))


def learn(domain: str, pieces: Iterable[tuple[Reading, Host]], known: Known) -> Ties:
    """Learn what a domain uses from its own mail."""
    members = [service for service in known.catalogue.services.values() if service.kind in FOR_MEMBERS]
    learnt = _Learnt(frozenset(name for service in members for name in service.dkim_domains))
    for reading, host in pieces:
        learnt.take(reading, host)
    return Ties(
        domain,
        services=frozenset(known.uses) | learnt.services,
        addresses=frozenset(learnt.addresses),
        listed=frozenset(learnt.listed),
        default_signers=learnt.default_signers,
        tenants=frozenset(learnt.tenants),
        family=frozenset(map(organizational_domain, known.domains)),
        homes={key: places.most_common(1)[0][0] for key, places in learnt.places.items()},
    )


class _Learnt:
    """What is learnt, piece by piece."""

    def __init__(self, default_signers: frozenset[str]) -> None:
        self.default_signers = default_signers
        self.services: set[str] = set()
        self.addresses: set[str] = set()
        self.listed: set[str] = set()
        self.tenants: set[str] = set()
        self.places: dict[Key, Counter[str]] = defaultdict(Counter)

    def take(self, reading: Reading, host: Host) -> None:
        if reading.spf in (Spf.PASSES, Spf.UNALIGNED):
            self._take_listed(reading, host)
        if host.key and host.kind not in FOR_ANYBODY and self._signs_for_us(reading, host):
            self.services.add(host.key)
        for signature, key in zip(reading.own, reading.keys, strict=True):
            if signature.result == "pass":
                self.places[key][host.who] += reading.evidence.messages

    def _take_listed(self, reading: Reading, host: Host) -> None:
        """Learn from an SPF pass of ours: the SPF record lists the machine."""
        if host.key and host.kind not in FOR_ANYBODY:
            self.services.add(host.key)
            self.listed.add(host.key)
        elif host.address:
            self.addresses.add(host.address)
        self.tenants.update(filter(self._is_default, reading.signers))

    def _is_default(self, name: str) -> bool:
        return organizational_domain(name) in self.default_signers

    def _signs_for_us(self, reading: Reading, host: Host) -> bool:
        """Tell whether the machine's service signs for the domain: with its kind of key, as its tenant, or under its own return path."""
        if _shows_service(reading, host):
            return True
        if any(self._is_default(name) and _resembles(name, reading.domain) for name in reading.signers):
            return True
        under_its_path = host.match is not None and host.match.kind == "return_path"
        return reading.dkim is Dkim.PASSES and under_its_path and host.kind in SENDERS
