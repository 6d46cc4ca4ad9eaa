"""What became of each report and each attachment in, the outcome of the message out: a pure decision."""

from collections.abc import Sequence
from enum import StrEnum

from parsers.unpack import Refusal

MAX_ATTEMPTS = 5
"""Readings that may fail for a temporary reason before the message is given up."""
NAMED = 5
"""Attachments that the reason names."""
NAME_LENGTH = 200


class Outcome(StrEnum):
    """What became of a message."""

    STORED = "stored"
    PARTIAL = "partial"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    NOT_A_REPORT = "not_a_report"
    UNSUPPORTED = "unsupported"
    CORRUPT = "corrupt"
    REFUSED = "refused"
    RETRY = "retry"


class Verdict(StrEnum):
    """What became of a report."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


KEPT = frozenset({Outcome.PARTIAL, Outcome.UNSUPPORTED, Outcome.CORRUPT, Outcome.REFUSED, Outcome.RETRY})
"""Outcomes of messages whose bytes are kept, for a person or for another try."""

_WORST_FIRST = (Outcome.REFUSED, Outcome.CORRUPT, Outcome.UNSUPPORTED, Outcome.NOT_A_REPORT)


def decide(
    verdicts: Sequence[Verdict], refusals: Sequence[Refusal], foreign: Sequence[str] = ()
) -> tuple[Outcome, str | None]:
    """Give the outcome of a message and the reason for it, if a person should know one.

    `foreign` are the domains of its reports that are none of ours.
    """
    reason = _reason(refusals)
    if not verdicts:
        outcomes = {Outcome(refusal.error.outcome) for refusal in refusals}
        return next(outcome for outcome in _WORST_FIRST if outcome in outcomes), reason
    if refusals:
        return Outcome.PARTIAL, reason
    for verdict, outcome in ((Verdict.STORED, Outcome.STORED), (Verdict.CONFLICT, Outcome.CONFLICT)):
        if verdict in verdicts:
            return outcome, _conflicts(verdicts) or _foreign(foreign)
    return Outcome.DUPLICATE, "every report in it is known already"


def _reason(refusals: Sequence[Refusal]) -> str | None:
    """Name what was not taken; a stranger can attach more than anybody wants to read."""
    named = [f"{refusal.name[:NAME_LENGTH]}: {refusal.error}" for refusal in refusals[:NAMED]]
    more = len(refusals) - len(named)
    return "; ".join([*named, f"and {more} more"] if more else named) or None


def _conflicts(verdicts: Sequence[Verdict]) -> str | None:
    number = verdicts.count(Verdict.CONFLICT)
    return (
        f"{number} with the identity of a stored report and other content: kept, not counted"
        if number
        else None
    )


def _foreign(domains: Sequence[str]) -> str | None:
    named = ", ".join(domain[:NAME_LENGTH] for domain in domains[:NAMED])
    return f"about {named}, none of our domains: kept, not counted" if domains else None


def decide_failed(attempts: int, problem: str) -> tuple[Outcome, str]:
    """Give the outcome of a message that could not be read or stored for a reason that may pass."""
    if attempts < MAX_ATTEMPTS:
        return Outcome.RETRY, f"{problem} (try {attempts} of {MAX_ATTEMPTS})"
    return Outcome.CORRUPT, f"{problem} (given up after {attempts} tries)"
