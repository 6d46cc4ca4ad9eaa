"""The text of one element in, a value out; None where it says nothing or nothing readable.

Where the text is not as it should be, the code of its departure comes with the value (parsers.deviations.ACTIONS).
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from unicodedata import category

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")

_LONGEST_ADDRESS = 80
"""Characters: an IPv6 address has 39 at most; the rest is room for what reporters put around it."""
_BRACKETED = re.compile(r"\[(?:IPv6:)?([^\]]*)\](?::[0-9]{1,5})?", re.IGNORECASE)
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}")
_BLANKS_AT_SEPARATOR = re.compile(r"\s*([.:])\s*")
"""Only there: taking the blank out of `192.0.2.1 5` would make another address of it."""

LONGEST_DOMAIN = 255
"""Characters; RFC 1035 2.3.4 allows 253 of them in a name."""
_PLAIN = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_ADDRESS_LIKE = re.compile(r"[0-9.]+")
_DOTS = "\u3002\uff0e\uff61"
"""Full stops that are one to IDNA (RFC 3490 3.1)."""
_PLACEHOLDERS = frozenset({"null", "(null)"})
"""What programs write for nothing (OpenDMARC's samples of AOL have NULL)."""
_BETWEEN_DOMAINS = re.compile(r"[\s,;]+")

_EPOCH = re.compile(r"([0-9]{1,11})(\.[0-9]*)?")
_MILLISECONDS = re.compile(r"[0-9]{13}")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}[0-9:.+Z-]{0,20})?")

_MAILBOX = re.compile(r"[^\s<>\"(),:;@]+@[^\s<>\"(),:;@]+")
_LONGEST_MAILBOX = 320
"""Characters: 254 for an address (RFC 5321 4.5.3.1.3 with erratum 1690), the rest for a name."""


def domain(text: str | None) -> str | None:
    """Bring a domain name to the form in which it is compared: lower case, A-labels, no trailing dot."""
    if not text:
        return None
    return read_domain(text)[0] if len(text) <= LONGEST_DOMAIN else text.lower()[:LONGEST_DOMAIN]


@lru_cache(maxsize=1 << 14)
def read_domain(text: str) -> tuple[str | None, tuple[str, ...]]:
    """Bring a name of at most LONGEST_DOMAIN characters to the form in which it is compared, and tell what departed."""
    if _PLAIN.fullmatch(text) and text not in _PLACEHOLDERS and not _ADDRESS_LIKE.fullmatch(text):
        return text, ()
    codes = []
    name = text.lower()
    if name != text:
        codes.append("letter-case")
    name, code = _one_domain(name)
    if code:
        codes.append(code)
    if name.endswith("."):
        codes.append("trailing-dot")
        name = name.rstrip(".")
    if name in _PLACEHOLDERS:
        return None, ("placeholder",)
    if not name.isascii():
        name = _a_labels(name)
        codes.append("u-label" if name.isascii() else "unreadable-domain")
    elif read_address(name)[0]:
        codes.append("ip-for-domain")
    elif name and not _PLAIN.fullmatch(name):
        codes.append("unreadable-domain")
    return name or None, tuple(codes)


def _one_domain(name: str) -> tuple[str, str | None]:
    """Take the domain out of a mail address, or the first of several (126.com lists those of two From fields)."""
    if "@" in name:
        return name.rpartition("@")[2].strip("<>() \t"), "mailbox-for-domain"
    names = _BETWEEN_DOMAINS.split(name)
    if len(names) > 1 and all("." in each and _PLAIN.fullmatch(each) for each in names):
        return names[0], "several-domains"
    return name, None


def _a_labels(name: str) -> str:
    """Write a name in A-labels (RFC 3490 4.1); as it is where it has none."""
    if not all(each.isascii() or each in _DOTS or category(each)[0] in "LMN" for each in name):
        return name
    try:
        encoded = name.encode("idna").decode("ascii")
    except UnicodeError:
        return name
    return encoded if _PLAIN.fullmatch(encoded) else name


def address(text: str) -> str | None:
    """Bring an IP address to canonical text (RFC 5952); an IPv4-mapped one to the IPv4 address it stands for."""
    return read_address(text)[0]


def read_address(text: str) -> tuple[str | None, str | None]:
    """Bring an IP address to canonical text, and tell what departed: None for no address."""
    return _address(text) if len(text) <= _LONGEST_ADDRESS else (None, "unreadable-address")


@lru_cache(maxsize=1 << 14)
def _address(text: str) -> tuple[str | None, str | None]:
    parsed, code = _parsed(text), None
    if parsed is None or "%" in text:
        parsed, code = _parsed(_undecorated(text)), "decorated-address"
    if parsed is None:
        return None, "unreadable-address"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped), code or "ipv4-mapped"
    return str(parsed), code


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _undecorated(text: str) -> str:
    """Take off brackets (RFC 5321 4.1.3), a port, a zone (RFC 4007 11, of the reporter's machine alone) and blanks."""
    found = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    bare = (found[1] if found else text).strip()
    return _BLANKS_AT_SEPARATOR.sub(r"\1", bare).partition("%")[0]


def integer(text: str | None) -> int | None:
    """Read a whole number in decimal digits."""
    return int(text) if text and _NUMBER.fullmatch(text) else None


def moment(text: str) -> tuple[datetime | None, str | None]:
    """Read seconds since 1970, milliseconds or an ISO 8601 date as UTC, and tell what departed: None for no moment."""
    if seconds := _EPOCH.fullmatch(text):
        return _since_1970(int(seconds[1])), "date-fraction" if seconds[2] else None
    if _MILLISECONDS.fullmatch(text):
        return _since_1970(int(text) // 1000), "date-milliseconds"
    return (_iso(text), "date-iso") if _ISO_DATE.fullmatch(text) else (None, None)


def _since_1970(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _iso(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        utc = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return utc.replace(microsecond=0)


def report_id(text: str | None) -> str | None:
    """Strip the angle brackets and blanks that some reporters put around it (RFC 9990 3.5.2 allows `<>`)."""
    return (text and text.strip().removeprefix("<").removesuffix(">").strip()) or None


def mailbox(text: str) -> tuple[str, str | None]:
    """Take the address out of `Name <a@b>` or `mailto:a@b`, and tell what departed."""
    found = _MAILBOX.findall(text) if len(text) <= _LONGEST_MAILBOX else ()
    if len(found) != 1:
        return text, "unreadable-mailbox"
    return found[0], None if found[0] == text else "decorated-address"
