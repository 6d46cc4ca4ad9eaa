"""Who sends as the policy domains of the corpus: a generator of random numbers in, what one record tells out.

Invented on the reserved names of RFC 2606 and the addresses kept for benchmarks and documentation (RFC 2544, RFC 3849):
nobody's mail is in it, and nobody's registry is asked about it. The shares follow what real reports show.
"""

from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from random import Random

IPV4_BASE = int(IPv4Address("198.18.0.0"))
IPV6_BASE = int(IPv6Address("2001:db8::"))
ADDRESSES_APART = 7
"""Distance between two neighbouring hosts of a service, so that they spread over several /24."""

OVERRIDDEN = 0.2
"""Share of what the policy would have hit and the receiver let through."""
NULL_PATH = 0.03
"""Share of bounces and automatic replies: no return path, SPF checks the HELO name."""
SUBDOMAIN = 0.066
"""Share of records whose header_from lies below the policy domain."""

POLICIES = ("none", "none", "quarantine", "reject", "reject")
TRADES = ("logistics", "clinic", "bakery", "harbour", "museum", "insurance", "college", "timber")
PLACES = ("north", "lake", "old-town", "valley", "island")


@dataclass(frozen=True, slots=True)
class PolicyDomain:
    """A domain that publishes a DMARC record, and the policy in it."""

    name: str
    policy: str


DOMAINS = tuple(
    PolicyDomain(f"{place}-{trade}.example", POLICIES[number % len(POLICIES)])
    for number, (place, trade) in enumerate((place, trade) for trade in TRADES for place in PLACES)
)
DOMAIN_WEIGHTS = tuple(1 / (rank + 1) for rank in range(len(DOMAINS)))


@dataclass(frozen=True, slots=True)
class Service:
    """Machines that send as a policy domain; `{own}` in a name stands for that domain."""

    weight: int
    hosts: int
    ipv6: bool
    signs_as: tuple[str, ...]
    selectors: tuple[str, ...]
    bounces_to: str
    breaks: float = 0.03
    """The share of the domain's own signatures that no longer verify."""


SERVICES = (
    Service(
        weight=26,
        hosts=1_200,
        ipv6=True,
        signs_as=("{own}", "tenant.{own}.cloud.example"),
        selectors=("selector1", "selector1-own"),
        bounces_to="{own}",
    ),
    Service(
        weight=16,
        hosts=600,
        ipv6=True,
        signs_as=("{own}", "{own}.workspace.example"),
        selectors=("google", "20230601"),
        bounces_to="{own}",
    ),
    Service(
        weight=18,
        hosts=900,
        ipv6=False,
        signs_as=("{own}", "newsletter.example"),
        selectors=("k2", "mta-2024"),
        bounces_to="bounce.newsletter.example",
    ),
    Service(
        weight=6,
        hosts=150,
        ipv6=False,
        signs_as=("{own}", "crm.example"),
        selectors=("200608", "crm1"),
        bounces_to="reply.{own}",
    ),
    Service(
        weight=5,
        hosts=300,
        ipv6=True,
        signs_as=("{own}", "forwarder.example"),
        selectors=("selector1", "fwd"),
        bounces_to="forwarder.example",
        breaks=0.5,
    ),
    Service(
        weight=16,
        hosts=120,
        ipv6=False,
        signs_as=("{own}",),
        selectors=("gateway20240216",),
        bounces_to="{own}",
    ),
    Service(
        weight=9,
        hosts=12,
        ipv6=False,
        signs_as=("{own}",),
        selectors=("relay",),
        bounces_to="{own}",
        breaks=0.2,
    ),
    Service(weight=4, hosts=800, ipv6=False, signs_as=(), selectors=(), bounces_to="spoofer.example"),
)
SERVICE_WEIGHTS = tuple(service.weight for service in SERVICES)


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM result."""

    domain: str
    selector: str
    result: str


@dataclass(frozen=True, slots=True)
class Sending:
    """What one record of a report tells."""

    address: str
    messages: int
    disposition: str
    dkim: str
    spf: str
    overridden: bool
    """By the receiver's own choice the policy was not applied."""
    header_from: str
    envelope_from: str
    signatures: tuple[Signature, ...]
    spf_domain: str
    spf_scope: str
    spf_result: str


@cache
def addresses(service: Service) -> tuple[str, ...]:
    """Give the addresses of a service's hosts, every third an IPv6 one where it has them."""
    number = SERVICES.index(service)
    return tuple(
        str(IPv6Address(IPV6_BASE + (number << 80) + (host << 64) + 0x25))
        if service.ipv6 and host % 3 == 0
        else str(IPv4Address(IPV4_BASE + (number << 14) + host * ADDRESSES_APART + 9))
        for host in range(service.hosts)
    )


def sending(rng: Random, domain: PolicyDomain) -> Sending:
    """Invent one record about a domain."""
    service = rng.choices(SERVICES, SERVICE_WEIGHTS)[0]
    signatures = _signatures(rng, service, domain.name)
    spf_domain = service.bounces_to.replace("{own}", domain.name)
    spf_result = (
        "pass" if rng.random() < (0.94 if signatures else 0.2) else rng.choice(("fail", "softfail", "none"))
    )
    aligned = spf_domain.endswith(domain.name)
    dkim = any(signature.domain == domain.name and signature.result == "pass" for signature in signatures)
    passes = dkim or (aligned and spf_result == "pass")
    overridden = not passes and domain.policy != "none" and rng.random() < OVERRIDDEN
    null_path = rng.random() < NULL_PATH
    return Sending(
        address=_skewed(rng, addresses(service)),
        messages=min(int(rng.paretovariate(1.1)), 50_000),
        disposition="none" if passes or overridden else domain.policy,
        dkim="pass" if dkim else "fail",
        spf="pass" if aligned and spf_result == "pass" else "fail",
        overridden=overridden,
        header_from=f"shop.{domain.name}" if rng.random() < SUBDOMAIN else domain.name,
        envelope_from="" if null_path else spf_domain,
        signatures=signatures,
        spf_domain=spf_domain,
        spf_scope="helo" if null_path else "mfrom",
        spf_result=spf_result,
    )


def _signatures(rng: Random, service: Service, own: str) -> tuple[Signature, ...]:
    """Sign as the service does; what breaks one signature on the way breaks the other too."""
    result = (
        "pass" if rng.random() >= service.breaks else rng.choice(("fail", "fail", "neutral", "temperror"))
    )
    return tuple(
        Signature(name.replace("{own}", own), selector, result)
        for name, selector in zip(service.signs_as, service.selectors, strict=True)
    )


def _skewed(rng: Random, pool: tuple[str, ...]) -> str:
    """Choose so that a few hosts send most of the mail and most hosts send little."""
    return pool[int(len(pool) * rng.random() ** 2.5)]
