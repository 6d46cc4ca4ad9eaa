"""A registry's answer as it came in, the part of it that is of use out, in a form that ipwhois reads without stumbling.

Registries leave out what RFC 9083 asks for, or write null; ipwhois then raises whatever comes of it, or drops the
whole answer. So the answer is not patched but written anew out of the fields that are used. Telephone numbers, mail
addresses and everything else about persons are dropped here.
"""

import json
import unicodedata
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import count
from typing import Any, Final, TypeAlias

from ipwhois.utils import ipv4_lstrip_zeros

from enrich.values import Address

Json: TypeAlias = dict[str, Any]

LONGEST_TEXT: Final = 200
"""Characters of a name."""
MOST_OBJECTS: Final = 100
"""Entities, remarks or notices of one answer that are looked at."""
RATE_LIMIT: Final = "Rate Limit Notice"
"""Title by which LACNIC says in an answer of status 200 that it was asked too often; ipwhois compares it as it is."""


class UnreadableError(Exception):
    """The answer says nothing about a network; the message says why."""


def mended(body: bytes) -> bytes:
    """Write an answer anew. Raises UnreadableError."""
    answer = _parsed(body)
    notices = [_text(notice.get("title")) for notice in _objects(answer.get("notices"))]
    if any(title and title.casefold() == RATE_LIMIT.casefold() for title in notices):
        return json.dumps({"notices": [{"title": RATE_LIMIT}]}).encode()
    return json.dumps(_network(answer)).encode()


def cleaned(text: str) -> str:
    """Drop what cannot be seen, and bound the length: registered names end up in terminals and letters."""
    visible = "".join(
        " " if unicodedata.category(char)[0] in "CZ" else char for char in text[: 4 * LONGEST_TEXT]
    )
    return " ".join(visible.split())[:LONGEST_TEXT].rstrip()


def _parsed(body: bytes) -> Json:
    text = body.decode("utf-8-sig", "replace")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableError("an HTML page" if text.lstrip().startswith("<") else "no JSON") from None
    if not isinstance(answer, dict):
        raise UnreadableError("JSON, but no object")
    return answer


def _network(answer: Json) -> Json:
    """Keep of an IP network what is used (RFC 9083 5.4)."""
    first, last = _address(answer, "startAddress"), _address(answer, "endAddress")
    if first.version != last.version or int(first) > int(last):
        raise UnreadableError(f"a network from {first} to {last}")
    kept = {name: _text(answer.get(name)) for name in ("name", "type", "country")}
    return {
        "handle": _text(answer.get("handle")) or "",
        "startAddress": str(first),
        "endAddress": str(last),
        "ipVersion": f"v{first.version}",
        "status": [status for each in _list(answer.get("status")) if (status := _text(each))],
        "entities": list(_entities(answer)),
        "remarks": list(_remarks(answer)),
        **{name: value for name, value in kept.items() if value},
    }


def _address(answer: Json, name: str) -> Address:
    text = (_text(answer.get(name)) or "").partition("/")[0]
    try:
        # 008.008.008.000: RFC 7483's examples pad
        return ip_address(text if ":" in text else ipv4_lstrip_zeros(text))
    except ValueError:
        raise UnreadableError(f"JSON without a {name}") from None


def _entities(answer: Json) -> Iterator[Json]:
    """Keep who has what role (RFC 9083 5.1), each under a handle of its own: ipwhois keys them by it."""
    seen: set[str] = set()
    for entity in _objects(answer.get("entities")):
        handle = _text(entity.get("handle")) or "unnamed"
        unique = next(each for each in _numbered(handle) if each not in seen)
        seen.add(unique)
        roles = [role.lower() for role in _list(entity.get("roles")) if isinstance(role, str)]
        yield {"handle": unique, "roles": roles, "vcardArray": ["vcard", _card(entity)]}


def _numbered(handle: str) -> Iterator[str]:
    yield handle
    yield from (f"{handle} ({number})" for number in count(2))


def _card(entity: Json) -> list[list[Any]]:
    """Keep the name and the kind of a jCard; an organisation's name where there is no other."""
    array = _list(entity.get("vcardArray"))
    properties = _list(array[1]) if len(array) > 1 else []
    values: dict[str, str] = {}
    for each in properties:
        match each:  # name, parameters, type, value (RFC 7095 3.3)
            case [str(name), _, _, value, *_] if text := _first(value):
                values.setdefault(name.lower(), text)
    fields = {"fn": values.get("fn") or values.get("org"), "kind": values.get("kind", "").lower()}
    return [[name, {}, "text", value] for name, value in fields.items() if value]


def _remarks(answer: Json) -> Iterator[Json]:
    """Keep remarks line by line (RFC 9083 4.3)."""
    for remark in _objects(answer.get("remarks")):
        lines = [line for each in _list(remark.get("description")) if (line := _text(each))]
        if lines:
            yield {"title": _text(remark.get("title")), "description": lines}


def _first(value: object) -> str | None:
    """Give a text, or the first of several parts: the organisation of its units (RFC 6350 6.6.4)."""
    return _text(value[0] if isinstance(value, list) and value else value)


def _text(value: object) -> str | None:
    return (cleaned(value) or None) if isinstance(value, str) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[Json]:
    return [each for each in _list(value)[:MOST_OBJECTS] if isinstance(each, dict)]
