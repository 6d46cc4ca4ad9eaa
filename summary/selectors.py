"""What was reported of a domain's mail in; the DKIM keys that sign in its name, and how often they verify, out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from store.evidence import Evidence
from summary.reading import Reading

LISTED: Final = 200
"""Keys that are told of: a stranger can claim as many as he likes."""


@dataclass(frozen=True, slots=True)
class Selector:
    """One key, by its place in the DNS: `selector._domainkey.domain`."""

    domain: str
    """d= of the signatures: the domain, or one of the same organisation."""
    selector: str | None
    """s= of the signatures; None: the reports have none."""
    messages: int
    """Signed by it."""
    verified: int
    """Of them, those whose signature verified."""
    first_day: date
    last_day: date


@dataclass(slots=True)
class _Sum:
    messages: int
    verified: int
    first_day: date
    last_day: date


def selectors(domain: str, evidence: Iterable[Evidence]) -> tuple[Selector, ...]:
    """Give the keys of a domain, those with most messages first; not more than LISTED. Pure."""
    sums: dict[tuple[str, str | None], _Sum] = {}
    for piece in evidence:
        results: dict[tuple[str, str | None], bool] = {}
        for it in Reading(domain, piece).own:
            key = (it.domain or "", it.selector)
            results[key] = results.get(key, False) or it.result == "pass"
        for key, verifies in results.items():
            known = sums.setdefault(key, _Sum(0, 0, piece.first_day, piece.last_day))
            known.messages += piece.messages
            known.verified += piece.messages if verifies else 0
            known.first_day = min(known.first_day, piece.first_day)
            known.last_day = max(known.last_day, piece.last_day)
    found = (Selector(*key, it.messages, it.verified, it.first_day, it.last_day) for key, it in sums.items())
    return tuple(sorted(found, key=lambda it: (-it.messages, it.domain, it.selector or "")))[:LISTED]
