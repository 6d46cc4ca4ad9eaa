"""What a registry says about a network (RFC 9083 5.4), read by ipwhois, in; who owns it, and where that is so, out."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Any, Final

from enrich.addresses import group
from enrich.values import Address, Network, NotFound, Origin

ADMINISTRATIVE: Final = "administrative"
"""Status of what is registered for the registries' own order (NRO RDAP profile)."""
_PARENT: Final = re.compile(
    # RIPE; IANA's blocks in any registry; addresses given out before there were registries: "APNIC-ERX-144", "EU-ZZ-…"
    r"NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK|IANA-(BLK|BLOCK|NETBLOCK|RESERVED)|EU-ZZ-|(.+-)?ERX(-|$)",
    re.IGNORECASE,
)
_REGISTRIES: Final = re.compile(
    r"Internet Assigned Numbers Authority|American Registry for Internet Numbers|RIPE (Network Coordination Centre|NCC)"
    r"|Asia Pacific Network Information Centre|African Network Information Cent|AFRINIC"
    r"|Latin American and Caribbean IP address Regional Registry|LACNIC",
    re.IGNORECASE,
)
_NO_OWNER: Final = re.compile(r"[\W_]|abuse|geofeed|please|for |this |.*(://|@)", re.IGNORECASE)
"""How lines begin that name nobody: RIPE lays remarks behind the description, and what it thinks of the abuse contact
before it."""
_DESCRIPTION: Final = 3
"""Rank of the network's description: it names the owner where RIPE and APNIC have no organisation, and a contact is
but a person who works there."""
_WIDEST: Final = {4: 1 << 24, 6: 1 << 112}
"""No owner has more than a /8 or a /16: what is wider is a block that registries share out."""
_WIDEST_OF_A_REGISTRY: Final = {4: 1 << 16, 6: 1 << 104}
"""A registry's own machines lie in less than a /16 or a /24; more is what it has yet to give out."""


def registered(
    found: dict[str, Any], address: Address, origin: Origin | None, registry: str
) -> Network | NotFound:
    """Read what `RDAP.lookup` gives for an address. Raises ValueError where the answer is about other addresses."""
    network = found["network"]
    first, last = ip_address(network["start_address"]), ip_address(network["end_address"])
    if first.version != address.version or not int(first) <= int(address) <= int(last):
        raise ValueError(f"the answer is about {first} - {last}")
    around = group(address)
    owner = next(_owners(found), None)
    if _is_parent(network, owner, int(last) - int(first) + 1, address.version):
        return NotFound(around[0], around[-1], registry)
    return Network(
        first=max(first, around[0], key=int),
        last=min(last, around[-1], key=int),
        registered=f"{first} - {last}",
        handle=network["handle"] or None,
        name=network["name"],
        owner=owner,
        country=_country(network["country"]) or (origin.country if origin else None),
        registry=registry,
        asn=origin.asn if origin else None,
    )


def _is_parent(network: dict[str, Any], owner: str | None, size: int, version: int) -> bool:
    """Tell a block that a registry answers with where it knows nothing: its range is not one owner's."""
    if ADMINISTRATIVE in network["status"] or size > _WIDEST[version] or _PARENT.match(network["name"] or ""):
        return True
    return size > _WIDEST_OF_A_REGISTRY[version] and bool(owner and _REGISTRIES.match(owner))


def _owners(found: dict[str, Any]) -> Iterator[str]:
    """Name who may be the owner, the best first."""
    contacts = sorted(found["objects"].values(), key=_rank)
    named = [(_rank(contact), name) for contact in contacts if (name := _name(contact))]
    yield from (name for rank, name in named if rank < _DESCRIPTION)
    yield from _description(found["network"]["remarks"] or ())
    yield from (name for rank, name in named if rank > _DESCRIPTION)


def _rank(contact: dict[str, Any]) -> int:
    roles, organisation = set(contact["roles"]), _kind(contact) == "org"
    if "registrant" in roles:
        return 0 if organisation else 1
    if roles == {"abuse"}:
        return 5
    return 2 if organisation else 4


def _kind(contact: dict[str, Any]) -> str | None:
    kind: str | None = contact["contact"]["kind"]
    return kind


def _name(contact: dict[str, Any]) -> str | None:
    name: str | None = contact["contact"]["name"]
    # RIPE gives the maintainers of an entry as registrants, with their handle for a name.
    maintainer = name == contact["handle"] and _kind(contact) != "org"
    return None if maintainer else name


def _description(remarks: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Give the lines of a description that may name the owner; other remarks have a title of their own."""
    for remark in remarks:
        if (remark["title"] or "description").casefold() == "description":
            yield from (line for line in remark["description"].splitlines() if not _NO_OWNER.match(line))


def _country(text: str | None) -> str | None:
    return text.upper() if text and re.fullmatch("[A-Za-z]{2}", text) else None
