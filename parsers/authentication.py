"""Authentication-Results fields in (RFC 8601), the receiving server's DMARC verdict on the mail out.

Anyone can write such a field into a mail, so only the server that is trusted by name is believed. The text is a
stranger's all the same (addresses stand in it): it is read once, from left to right, in time linear to its length.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from parsers.text import domain

MICROSOFT_365: Final = "microsoft365"
"""Stands, among the trusted, for the field of Microsoft 365, which has no authserv-id."""
UNKNOWN: Final = "unknown"
"""The verdict where there is a result that cannot be relied on."""

_VERDICTS: Final = frozenset({"pass", "fail", "none", "policy", "temperror", "permerror"})
"""RFC 7489 11.2, RFC 8601 2.7; not Microsoft's `bestguesspass`, which is a guess."""

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|["();=]|[^\s"();=]+', re.DOTALL)
_IN_COMMENT: Final = re.compile(r"[()]|\\.", re.DOTALL)
_NEVER_ENDS: Final = '"'
"""The last token of a field with a comment or a quoted string that is never closed."""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What one method found: `dkim=pass header.d=example.org`."""

    method: str
    result: str
    """Both in lower case."""
    properties: tuple[tuple[str, str], ...]
    """Names in lower case, with their values in order; `reason` is one of them. A value ends before an equals sign."""


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """One field."""

    authserv_id: str | None
    """Lower case; None where the field starts with a result; empty where it starts with what is no name."""
    results: tuple[MethodResult, ...]
    closed: bool
    """Whether every comment and quoted string in it ends: what is never closed may hide a result."""

    @property
    def server(self) -> str | None:
        """Name the server as the trusted ones are named; None for one that nobody can name."""
        if self.authserv_id is None:
            return MICROSOFT_365
        return None if self.authserv_id == MICROSOFT_365 else self.authserv_id or None


def verdict(fields: Sequence[str], trusted: Sequence[str], from_domain: str | None) -> str | None:
    """Give the DMARC result of the topmost field that a trusted server wrote and that has one.

    `fields` stand topmost first, `from_domain` is the domain of the mail's one author. A pass for another author is
    none: that, and a result outside the vocabulary, is `unknown`. None where no trusted server tells.
    """
    servers = frozenset(name.lower() for name in trusted)
    for field in map(parse, fields if servers else ()):
        if field.server in servers:
            found = [result for result in field.results if result.method == "dmarc"]
            if found:
                return _verdict(field, found, from_domain)
    return None


def parse(field: str) -> AuthenticationResults:
    """Read one field's body, unfolded or not (RFC 8601 2.2). Raises nothing: what is no result is passed over."""
    tokens = list(_tokens(field))
    first, *others = _split(tokens, ";")
    nameless = "=" in first
    return AuthenticationResults(
        authserv_id=None if nameless else _authserv_id(first),
        results=tuple(filter(None, map(_result, [first, *others] if nameless else others))),
        closed=tokens[-1:] != [_NEVER_ENDS],
    )


def _verdict(field: AuthenticationResults, found: list[MethodResult], from_domain: str | None) -> str:
    results = {each.result for each in found}
    if len(results) > 1:  # somebody's address smuggled one in
        return UNKNOWN
    (result,) = results
    if result == "pass" and not (field.closed and _about(found, from_domain)):
        return UNKNOWN
    return result if result in _VERDICTS else UNKNOWN


def _about(found: list[MethodResult], from_domain: str | None) -> bool:
    """Tell whether results are about the author; Cisco's name none (`dmarc=pass (p=reject dis=none) d=example.org`)."""
    values = [value for each in found for name, value in each.properties if name == "header.from"]
    return from_domain is not None and {domain(value.rpartition("@")[2]) for value in values} <= {from_domain}


def _tokens(field: str) -> Iterator[str]:
    """Give words, quoted strings with their quotes, and `;` and `=`, without comments, which nest (RFC 5322 3.2.2)."""
    position = depth = 0
    while found := (_IN_COMMENT if depth else _TOKEN).search(field, position):
        position = found.end()
        text = found[0]
        if text == "(":
            depth += 1
        elif text == ")":
            depth = max(depth - 1, 0)
        elif not depth:
            yield text
            if text == _NEVER_ENDS:
                return
    if depth:
        yield _NEVER_ENDS


def _split(tokens: list[str], separator: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _authserv_id(tokens: list[str]) -> str:
    """Give the name, which a version may follow; anything else is no field of a server's."""
    match tokens:
        case [name]:
            return _unquoted(name).lower()
        case [name, version] if version.isdigit():
            return _unquoted(name).lower()
    return ""


def _result(tokens: list[str]) -> MethodResult | None:
    """Read `method/version = result name = value …`: a value and the next name stand between equals signs."""
    if "=" not in tokens:
        return None
    head, *parts = _split(tokens, "=")
    method = "".join(head).lower().partition("/")[0]
    properties = ((here[-1].lower(), _first(after)) for here, after in pairwise(parts) if len(here) > 1)
    return MethodResult(method, _first(parts[0]).lower(), tuple(properties))


def _first(tokens: list[str]) -> str:
    return _unquoted(tokens[0]) if tokens else ""


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL) if token[0] == '"' else token
