"""Judged pieces in; the same out, where the little that fails of a sender's mail belongs to what passes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from summary.groups import Piece
from summary.reading import Dkim
from summary.verdicts import Cause, Finding, Verdict

NEARLY_ALL: Final = 0.02
"""Less than this share of what passes does not make a sender a failing one."""
FEW: Final = 10
"""Fewer messages than these are no set-up that went wrong."""

_FOLDED = frozenset({Verdict.FAILING_OWN, Verdict.FRAGILE})


def fold(pieces: Sequence[Piece]) -> list[Piece]:
    """Take for passing what is left over of a sender whose mail nearly all passes.

    Mail that carries the sender's signature, broken on the way, is noise in any number; mail that lacks one is a set-up
    that was forgotten, unless it is a handful.
    """
    folded = {id(piece) for members in _by_sender(pieces) for piece in _remainder(members)}
    remainder = Finding(Verdict.PASSING, Cause.REMAINDER)
    return [replace(piece, finding=remainder) if id(piece) in folded else piece for piece in pieces]


def _by_sender(pieces: Iterable[Piece]) -> Iterable[list[Piece]]:
    senders: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        senders[piece.host.who].append(piece)
    return senders.values()


def _remainder(pieces: Sequence[Piece]) -> Sequence[Piece]:
    passing = [it for it in pieces if it.finding.verdict is Verdict.PASSING]
    rest = [it for it in pieces if it.finding.verdict in _FOLDED]
    bound = NEARLY_ALL * _sum(passing)
    if _sum(rest) < min(FEW, bound):
        return rest
    keys = {key for it in passing for key in it.reading.keys if it.reading.dkim is Dkim.PASSES}
    noise = [it for it in rest if not keys.isdisjoint(it.reading.keys)]
    return noise if _sum(noise) < bound else []


def _sum(pieces: Iterable[Piece]) -> int:
    return sum(it.messages for it in pieces)
