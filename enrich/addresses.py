"""Text in, an address out; whether anybody can be asked about it, and which addresses belong together."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from enrich.values import Address

_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that was given out for hosts (RFC 4291 2.4, IANA's registry of 2000::/3)."""
_NOT_REGISTERED = (
    IPv4Network("100.64.0.0/10"),  # shared behind carriers' NAT (RFC 6598)
    IPv4Network("192.0.0.0/24"),  # protocol assignments (RFC 6890); parts of it count as global
    IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    IPv6Network("2002::/16"),  # 6to4: the address of somebody's IPv4 gateway (RFC 3056)
)
"""Global for `ipaddress`, or not, by Python's version; no network of anybody's, here."""


def parse(text: str) -> Address:
    """Read an address; one that is IPv4 in IPv6's clothes (::ffff:192.0.2.1) is IPv4. Raises ValueError."""
    address = ip_address(text.strip())
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def is_public(address: Address) -> bool:
    """Tell whether a registry can have given it out: only then is it looked up."""
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    registered = not any(address in network for network in _NOT_REGISTERED)
    return address.is_global and not address.is_multicast and registered


def group(address: Address) -> IPv4Network | IPv6Network:
    """Give the /24 or the /48 around an address: nobody announces less, so one answer may serve for it."""
    if isinstance(address, IPv4Address):
        return IPv4Network((address, 24), strict=False)
    return IPv6Network((int(address), 48), strict=False)


def key(address: Address) -> bytes:
    """Give the 16 bytes by which addresses are compared, IPv4 as ::ffff:0:0/96 (RFC 4291 2.5.5.2)."""
    if isinstance(address, IPv4Address):
        return bytes(10) + b"\xff\xff" + address.packed
    return address.packed
