"""A record's authentication results in, DMARC alignment computed anew out, to stand beside the reporter's own word.

Nothing is asked of the DNS: the organisational domain is that of the Public Suffix List (RFC 7489 3.2), which is near to
what the tree walk of RFC 9989 4.10 finds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, Literal

from publicsuffixlist import PublicSuffixList

from parsers.values import DkimResult, PolicyPublished, Record, SpfResult

Mechanism = Literal["pass", "fail"]
Agreement = Literal["agrees", "differs", "not_computable"]

LONGEST_NAME: Final = 253
"""Characters of a domain name (RFC 1035 2.3.4 in text form)."""
_COMPARABLE: Final = frozenset({"pass", "fail"})


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What the authentication results of a record come to."""

    dkim: Mechanism | None
    spf: Mechanism | None
    """Each None where the report does not hold what it follows from."""
    agreement: Agreement
    """With the reporter's own evaluation, as far as there is something to compare."""


def recompute(record: Record, policy: PolicyPublished) -> Recomputed:
    """Compute whether DKIM and SPF pass for the author's domain (RFC 7489 3.1, RFC 9989 4.4). Raises nothing."""
    dkim = _dkim(record, strict=policy.adkim == "s")
    spf = _spf(record, strict=policy.aspf == "s")
    return _compared(dkim, spf, record.dkim, record.spf)


def organizational_domain(name: str) -> str:
    """Give the public suffix of a domain name and one label more (RFC 7489 3.2).

    `name` is in lower case without a trailing dot. It is its own organisational domain if it is a public suffix, an IP
    address, or no domain name at all.
    """
    return _organizational_domain(name) if len(name) <= LONGEST_NAME else name


@lru_cache(maxsize=1 << 14)
def _organizational_domain(name: str) -> str:
    if name.rpartition(".")[2].isdigit() or name.endswith("]"):
        return name  # 192.0.2.1, [192.0.2.1]
    return _suffixes().privatesuffix(name) or name


@cache
def _suffixes() -> PublicSuffixList:
    """Read the list when it is first asked for: that takes a tenth of a second."""
    return PublicSuffixList(accept_unknown=True)


def _dkim(record: Record, *, strict: bool) -> Mechanism | None:
    """Give pass if any signature that verifies is by the author's domain (RFC 7489 3.1.1, RFC 9989 4.4.1).

    A message without a signature has no DKIM result, so it is a fail; a record without any result at all tells nothing.
    """
    if record.dkim_results or record.spf_results:
        return _evaluate(record.dkim_results, record.header_from, strict=strict)
    return None


def _spf(record: Record, *, strict: bool) -> Mechanism | None:
    """Give pass if the check of MAIL FROM passes for a domain aligned with the author's (RFC 7489 3.1.2).

    HELO counts only where MAIL FROM is empty (RFC 7208 2.4). A record with another check alone tells nothing.
    """
    results = [result for result in record.spf_results if result.scope != "helo"]
    if record.null_path:
        results = results or list(record.spf_results)
    return _evaluate(results, record.header_from, strict=strict) if results else None


def _evaluate(
    results: Iterable[DkimResult | SpfResult], author: str | None, *, strict: bool
) -> Mechanism | None:
    """Give pass if a result passes for a domain aligned with the author's; a pass that names no domain tells nothing."""
    if author is None:
        return None
    nameless = False
    for result in results:
        if result.result == "pass":
            if result.domain is None:
                nameless = True
            elif _aligned(result.domain, author, strict=strict):
                return "pass"
    return None if nameless else "fail"


def _aligned(name: str, author: str, *, strict: bool) -> bool:
    if name == author:
        return True
    return not strict and organizational_domain(name) == organizational_domain(author)


@cache
def _compared(
    dkim: Mechanism | None, spf: Mechanism | None, dkim_said: str | None, spf_said: str | None
) -> Recomputed:
    """Compare what was computed with what the reporter says: so few combinations that each is made once."""
    pairs = [
        (ours, said) for ours, said in ((dkim, dkim_said), (spf, spf_said)) if ours and said in _COMPARABLE
    ]
    if not pairs:
        return Recomputed(dkim, spf, "not_computable")
    return Recomputed(dkim, spf, "agrees" if all(ours == said for ours, said in pairs) else "differs")
