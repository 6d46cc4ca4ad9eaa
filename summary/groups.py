"""Pieces of evidence that were found to be the same thing in; their sums, and what they have in common most, out."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TypeVar

from summary.hosts import Host
from summary.reading import Dkim, Reading, Spf
from summary.verdicts import Cause, Finding, Verdict

T = TypeVar("T", bound=Hashable)

IDENTIFIERS = 12
"""Identifiers that are named, those of most messages first."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of evidence, judged."""

    reading: Reading
    host: Host
    finding: Finding

    @property
    def messages(self) -> int:
        """How many messages it is about."""
        return self.reading.evidence.messages


class Group:
    """Pieces with one verdict."""

    def __init__(self, domain: str, verdict: Verdict, pieces: Sequence[Piece]) -> None:
        self.domain = domain
        self.verdict = verdict
        self.pieces = pieces
        self.messages = _sum(pieces)
        self.failing = _sum(it for it in pieces if not it.reading.passes)
        self.quarantined = _sum(it for it in pieces if it.reading.evidence.disposition == "quarantine")
        self.rejected = _sum(it for it in pieces if it.reading.evidence.disposition == "reject")
        self.dkim_failing = _sum(it for it in pieces if it.reading.dkim is not Dkim.PASSES)
        self.spf_failing = _sum(it for it in pieces if it.reading.spf is not Spf.PASSES)

    @property
    def passing(self) -> int:
        """Messages that pass DMARC."""
        return self.messages - self.failing

    @cached_property
    def remainder(self) -> int:
        """Messages that are here though they fail, because nearly all of the sender's mail passes."""
        return _sum(it for it in self.pieces if it.finding.cause is Cause.REMAINDER)

    @cached_property
    def main(self) -> Sequence[Piece]:
        """The pieces whose cause most messages share: what the reason speaks of."""
        causes = self._count((it.finding.cause, it.messages) for it in self.pieces)
        return [it for it in self.pieces if it.finding.cause is causes[0]]

    @property
    def cause(self) -> Cause:
        """Which rule most messages came under."""
        return self.main[0].finding.cause

    @cached_property
    def certain(self) -> bool:
        """Whether no other reading is possible for what the reason speaks of: one that a receiver got wrong is another."""
        is_mistaken = self.cause is Cause.UNALIGNED and self.is_disputed
        return self.main[0].finding.certain and not is_mistaken

    @cached_property
    def host(self) -> Host:
        """The host of most messages."""
        return max(self.main, key=lambda it: it.messages).host

    @cached_property
    def owner(self) -> str | None:
        """Whose machines most messages came from."""
        return self._count((it.host.owner, it.messages) for it in self.main)[0]

    @cached_property
    def dkim(self) -> Dkim:
        """How DKIM stands for most messages."""
        return self._count((it.reading.dkim, it.messages) for it in self.main)[0]

    @cached_property
    def spf(self) -> Spf:
        """How SPF stands for most messages."""
        return self._count((it.reading.spf, it.messages) for it in self.main)[0]

    @cached_property
    def keys(self) -> list[tuple[str, str]]:
        """Domain and selector of the signatures in the domain's name, where DKIM stands as for most."""
        results = {"pass"} if self.dkim in (Dkim.PASSES, Dkim.UNALIGNED) else None
        return self._count(
            (key, it.messages)
            for it in self._so(self.dkim)
            for key, signature in zip(it.reading.keys, it.reading.own, strict=True)
            if results is None or signature.result in results
        )

    @cached_property
    def signers(self) -> list[str]:
        """Other domains whose signatures verify."""
        return self._count((name, it.messages) for it in self.main for name in it.reading.signers)

    @cached_property
    def paths(self) -> list[str]:
        """Other domains for which SPF passes."""
        return self._count((name, it.messages) for it in self.main for name in it.reading.paths)

    @cached_property
    def checked(self) -> list[tuple[str, str]]:
        """Names of the domain that SPF was checked for, and what came of it."""
        return self._count(
            (((check.domain or ""), (check.result or "")), it.messages)
            for it in self.main
            if it.reading.spf is self.spf
            for check in it.reading.checks
        )

    @cached_property
    def reasons(self) -> list[str]:
        """Why receivers did not apply the policy."""
        return self._count(
            (reason, it.messages) for it in self.main for reason in it.reading.evidence.reasons
        )

    @cached_property
    def authors(self) -> list[str]:
        """The author domains."""
        return self._count((it.reading.author, it.messages) for it in self.main)

    @property
    def is_disputed(self) -> bool:
        """Whether the author's very domain passes, and the receiver says that it does not."""
        names = [name for name, _ in (self.keys if self.dkim is Dkim.UNALIGNED else self.checked)]
        return not set(names).isdisjoint(self.authors)

    @cached_property
    def reporters(self) -> list[str]:
        """Who reported it, in order."""
        return sorted(frozenset().union(*(it.reading.evidence.reporters for it in self.pieces)))

    @cached_property
    def identifiers(self) -> tuple[str, ...]:
        """What was signed and checked, as evidence."""
        return tuple(
            self._count((line, it.messages) for it in self.pieces for line in _lines(it))[:IDENTIFIERS]
        )

    @cached_property
    def stopped(self) -> str | None:
        """What receivers did with what failed, where they did it to all of it."""
        done = {it.reading.evidence.disposition for it in self.pieces}
        return done.pop() if len(done) == 1 and done <= {"reject", "quarantine"} else None

    @property
    def first_day(self) -> date:
        """The first day on which it was seen."""
        return min(it.reading.evidence.first_day for it in self.pieces)

    @property
    def last_day(self) -> date:
        """The last day on which it was seen."""
        return max(it.reading.evidence.last_day for it in self.pieces)

    def _so(self, state: Dkim) -> Iterable[Piece]:
        return (it for it in self.main if it.reading.dkim is state)

    @staticmethod
    def _count(weighed: Iterable[tuple[T, int]]) -> list[T]:
        """Put what was seen in order, that of most messages first."""
        counts: Counter[T] = Counter()
        for one, weight in weighed:
            counts[one] += weight
        return [one for one, _ in counts.most_common()]


def _sum(pieces: Iterable[Piece]) -> int:
    return sum(it.messages for it in pieces)


def _lines(piece: Piece) -> Iterable[str]:
    evidence = piece.reading.evidence
    for it in evidence.signatures:
        yield f"DKIM d={it.domain or '-'} s={it.selector or '-'} {it.result or '-'}"
    for check in evidence.checks:
        scope = " (HELO)" if check.scope == "helo" else ""
        yield f"SPF {check.domain or '-'}{scope} {check.result or '-'}"
