"""The text of one element in, a value out; None where it says nothing or nothing readable."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_LONGEST_ADDRESS = 45
"""Characters: INET6_ADDRSTRLEN without its closing zero."""
_EPOCH = re.compile(r"([0-9]{1,12})(\.[0-9]*)?")


def domain(text: str | None) -> str | None:
    """Bring a domain name to the form in which it is compared: lower case, no trailing dot (RFC 4343, RFC 1034 3.1)."""
    return (text.lower().rstrip(".") or None) if text else None


def address(text: str) -> str | None:
    """Bring an IP address to canonical text (RFC 5952); an IPv4-mapped one to the IPv4 address it stands for."""
    return _address(text) if len(text) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=1 << 14)
def _address(text: str) -> str | None:
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.scope_id:  # RFC 4007 11: a zone is of the reporter's machine alone, and no database takes it
        return None
    return str(parsed.ipv4_mapped or parsed)


def integer(text: str | None) -> int | None:
    """Read a whole number in decimal digits."""
    return int(text) if text and _NUMBER.fullmatch(text) else None


def epoch(text: str | None) -> tuple[datetime | None, bool]:
    """Read seconds since 1970 as UTC, and tell whether a fraction was cut off (126.com sends 1337270400.0)."""
    found = _EPOCH.fullmatch(text) if text else None
    if not found:
        return None, False
    try:
        return datetime.fromtimestamp(int(found[1]), UTC), found[2] is not None
    except (OverflowError, ValueError, OSError):
        return None, False


def report_id(text: str | None) -> str | None:
    """Strip the angle brackets and blanks that some reporters put around it (RFC 9990 3.5.2 allows `<>`)."""
    return (text and text.strip().removeprefix("<").removesuffix(">").strip()) or None
