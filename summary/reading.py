"""One piece of evidence in; what it says of DKIM and SPF, in the terms in which a source is judged, out."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

from parsers.alignment import organizational_domain
from store.evidence import Evidence, Signature, SpfCheck


class Dkim(StrEnum):
    """How DKIM stands for the author's domain."""

    PASSES = "passes"
    UNALIGNED = "unaligned"
    """A signature in the domain's name verifies, and does not count: strict alignment asks for the very domain."""
    TEMPORARY = "temporary"
    """The key of a signature in the domain's name could not be fetched."""
    BROKEN = "broken"
    """A signature in the domain's name is there and does not verify."""
    OTHERS = "others"
    """Only other domains signed."""
    NONE = "none"


class Spf(StrEnum):
    """How SPF stands for the author's domain."""

    PASSES = "passes"
    UNALIGNED = "unaligned"
    """The return path is the domain's own and passes, and does not count: strict alignment."""
    TEMPORARY = "temporary"
    REFUSED = "refused"
    """The return path is the domain's own, and its SPF record does not list the machine."""
    OTHERS = "others"
    """The return path is another domain's, and passes."""
    NONE = "none"
    """Nothing passes, or nothing was checked."""


@dataclass(frozen=True)
class Reading:
    """What a piece of evidence says about mail in the name of a domain."""

    domain: str
    """The policy domain."""
    evidence: Evidence
    automatic: bool = False
    """A bounce or an automatic reply: SPF was checked for the machine's own name (RFC 7208 2.4)."""

    @cached_property
    def author(self) -> str:
        """The author domain."""
        return self.evidence.header_from or self.domain

    @property
    def passes(self) -> bool:
        """Whether DMARC passes (RFC 7489 4.2, RFC 9989 5.3.4)."""
        return self.dkim is Dkim.PASSES or self.spf is Spf.PASSES

    @cached_property
    def own(self) -> tuple[Signature, ...]:
        """The signatures in the domain's name, whatever became of them."""
        return tuple(it for it in self.evidence.signatures if self._is_ours(it.domain))

    @cached_property
    def signers(self) -> tuple[str, ...]:
        """Other domains whose signatures verify."""
        return tuple(self._others(self.evidence.signatures))

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Other domains for which SPF passes."""
        return tuple(self._others(self.evidence.checks))

    @cached_property
    def dkim(self) -> Dkim:
        """How DKIM stands."""
        if self.evidence.dkim == "pass":
            return Dkim.PASSES
        results = {it.result for it in self.own}
        for result, state in (("pass", Dkim.UNALIGNED), ("temperror", Dkim.TEMPORARY)):
            if result in results:
                return state
        if results - {"none"}:
            return Dkim.BROKEN
        return Dkim.OTHERS if self.signers else Dkim.NONE

    @cached_property
    def spf(self) -> Spf:
        """How SPF stands."""
        if self.evidence.spf == "pass":
            return Spf.PASSES
        results = {it.result for it in self.checks}
        for result, state in (("pass", Spf.UNALIGNED), ("temperror", Spf.TEMPORARY)):
            if result in results:
                return state
        if results:
            return Spf.REFUSED
        return Spf.OTHERS if self.paths else Spf.NONE

    @cached_property
    def checks(self) -> tuple[SpfCheck, ...]:
        """The SPF checks of names of the domain; of the return path, where that one was checked."""
        checks = self.evidence.checks
        mailfrom = [it for it in checks if it.scope != "helo"]
        return tuple(it for it in mailfrom or checks if self._is_ours(it.domain))

    @cached_property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Domain and selector of each signature in the domain's name; empty where no selector is reported."""
        return tuple((it.domain or "", it.selector or "") for it in self.own)

    def _is_ours(self, name: str | None) -> bool:
        return name is not None and _are_related(name, self.domain)

    def _others(self, results: Iterable[Signature | SpfCheck]) -> Iterable[str]:
        return (
            it.domain for it in results if it.result == "pass" and it.domain and not self._is_ours(it.domain)
        )


@lru_cache(maxsize=1 << 14)
def _are_related(name: str, domain: str) -> bool:
    return organizational_domain(name) == organizational_domain(domain)
