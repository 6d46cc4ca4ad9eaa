"""Two reports that contradict each other and how they differ in, which decision that speaks for out."""

from collections.abc import Iterator
from dataclasses import dataclass

from store.conflicts import Conflict, Copy
from store.decisions import Decision
from store.differences import Differences


@dataclass(frozen=True, slots=True)
class Advice:
    """What a person who knows no better may decide."""

    decision: Decision
    reason: str
    """One sentence."""


def advise(found: Conflict, how: Differences | None) -> Advice:
    """Give the first that speaks for something; `how` the counted one (first) and this one (second) differ."""
    return next(_reasons(found, how))


def _reasons(found: Conflict, how: Differences | None) -> Iterator[Advice]:
    this, other = found.this, found.other
    if other is None or how is None:
        yield Advice(
            Decision.LEAVE, "The other one was removed for its age, and the sums by day still have it."
        )
        return
    yield from _by_mail(this, other)
    yield from _by_damage(this, other)
    yield from _by_content(how)
    if this.ingested_at >= other.ingested_at:
        yield Advice(
            Decision.REPLACE,
            "They count the same senders differently: the later one is a correction, as a rule.",
        )
    yield Advice(
        Decision.LEAVE,
        "They count the same senders differently: the other, which came later, is a correction, as a rule.",
    )


def _by_mail(this: Copy, other: Copy) -> Iterator[Advice]:
    """Whoever knows a report's name can write another one under it."""
    if _is_doubtful(this) and not _is_doubtful(other):
        yield Advice(
            Decision.LEAVE,
            "The mail that brought it does not look like the reporter's own; the other's does not look wrong.",
        )
    if _is_doubtful(other) and not _is_doubtful(this):
        yield Advice(
            Decision.REPLACE, "The mail that brought the other does not look like the reporter's own."
        )


def _is_doubtful(copy: Copy) -> bool:
    return copy.dmarc == "fail" or copy.sender_fits is False


def _by_damage(this: Copy, other: Copy) -> Iterator[Advice]:
    if other.whole and not this.whole:
        yield Advice(Decision.LEAVE, "It is a damaged copy, and the other is whole.")
    if this.whole and not other.whole:
        yield Advice(Decision.REPLACE, "The other is a damaged copy, and this one is whole.")


def _by_content(how: Differences) -> Iterator[Advice]:
    if not how.differing:
        yield Advice(
            Decision.LEAVE, "Both count the same messages of every sender: nothing in the sums would change."
        )
    elif not how.same and not how.changed:
        yield Advice(
            Decision.ADD,
            "They have no line in common: some reporters send one period in several reports under one name (rspamd does).",
        )
    elif not how.changed and not how.only_first:
        yield Advice(Decision.REPLACE, "It has every line of the other as it is, and more.")
    elif not how.changed and not how.only_second:
        yield Advice(Decision.LEAVE, "The other has every line of it as it is, and more.")
