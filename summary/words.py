"""The words of a verdict, and how numbers are written: the same on a terminal, in the letter and on the pages."""

from typing import TYPE_CHECKING, Final

from summary.verdicts import Verdict

if TYPE_CHECKING:
    from summary.sources import SourceLine

VERDICTS: Final = {
    Verdict.FAILING_OWN: "yours, failing",
    Verdict.FRAGILE: "yours, fragile",
    Verdict.BOUNCES: "yours, bounces",
    Verdict.UNKNOWN: "unknown",
    Verdict.PASSING: "passing",
    Verdict.FORWARDED: "forwarded",
    Verdict.RECIPIENT_GATEWAY: "recipients'",
}
"""What a verdict is called."""
COLLAPSED: Final = {
    Verdict.FORWARDED: (
        "forwarder",
        "Others pass your mail on. Nothing to do; keep DKIM healthy: it is what survives",
    ),
    Verdict.RECIPIENT_GATEWAY: (
        "gateway",
        "Gateways that scan for recipients put mail back, which breaks DKIM and SPF. Nothing to do",
    ),
}
"""Verdicts with which nobody has anything to do: what one of their sources is called, and what is to be known of all."""
TOUCHED: Final = {
    Verdict.FAILING_OWN: "your own, failing",
    Verdict.BOUNCES: "bounces, automatic replies",
    Verdict.FORWARDED: "forwarded",
    Verdict.RECIPIENT_GATEWAY: "recipients' gateways",
    Verdict.UNKNOWN: "unknown",
    Verdict.PASSING: "your own, beside what passes",
}
"""What a stricter policy would touch."""


def counted(number: int, one: str, more: str = "") -> str:
    """Write a number of things; their plural ends in s unless it is given."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def stopped_by_receivers(line: "SourceLine") -> str:
    """Say what receivers did to a source's mail by the policy; nothing where they let it all through."""
    done = [
        f"{word} {number:,}"
        for word, number in (("quarantined", line.quarantined), ("rejected", line.rejected))
        if number
    ]
    return " and ".join(done)
