"""A domain's sources of the window beside those of the 7 days before it: what is asked of both."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from store.figures import DomainFigures
from summary.findings.policy import stops
from summary.findings.values import Judged, Thresholds
from summary.sources import SourceLine
from summary.verdicts import Cause, Verdict

SENDS: Final = frozenset({Verdict.PASSING, Verdict.FRAGILE})
_OWN: Final = SENDS | {Verdict.FAILING_OWN}
_STRANGERS: Final = frozenset({Cause.STRANGER, Cause.ALTERED})


@dataclass(frozen=True)
class Comparison:
    """A domain's sources now and before."""

    figures: DomainFigures
    judged: Judged
    thresholds: Thresholds

    @cached_property
    def lines(self) -> Sequence[SourceLine]:
        """The sources of the window: what fails most first, and bounces after all other mail."""
        return sorted(
            self.judged.lines,
            key=lambda it: (it.verdict is Verdict.BOUNCES, -it.failing, -it.messages, it.who),
        )

    def is_many(self, messages: int) -> bool:
        """Tell whether so many messages are worth a word about a source."""
        return messages >= self.thresholds.new_source_messages

    def own_messages(self, who: str) -> int:
        """Count what a source sends for the domain, bounces apart."""
        return sum(it.messages for it in self.judged.lines if it.who == who and it.verdict in _OWN)

    def was(self, who: str, verdicts: Collection[Verdict]) -> bool:
        """Tell whether a source had one of the verdicts before, with messages enough to say so."""
        return self.is_many(sum(it.messages for it in self._earlier(who, verdicts)))

    def is_failing(self, line: SourceLine) -> bool:
        """Tell whether a source fails, with messages enough; a few are, where more failed before: Sundays mend nothing."""
        earlier = sum(it.failing for it in self._earlier(line.who, {line.verdict}))
        return line.failing > 0 and self.is_many(line.failing + earlier)

    def _earlier(self, who: str, verdicts: Collection[Verdict]) -> Sequence[SourceLine]:
        return [it for it in self.judged.earlier if it.who == who and it.verdict in verdicts]

    @cached_property
    def new_addresses(self) -> frozenset[str]:
        """Addresses that no earlier report names; none while there is no earlier report: all of them would be."""
        new = self.figures.new_sources if self.figures.policy_before else ()
        return frozenset(it.source_ip for it in new)

    def is_new(self, line: SourceLine) -> bool:
        """Tell a new sender from a new machine of a known one."""
        return line.who not in self._seen and self.new_addresses.issuperset(it.key for it in line.addresses)

    @cached_property
    def _seen(self) -> frozenset[str]:
        return frozenset(it.who for it in self.judged.earlier)

    def is_stopped(self, line: SourceLine) -> bool:
        """Tell whether a source is a stranger that the policy takes care of."""
        return line.cause in _STRANGERS and stops(self.figures.policy, line)
