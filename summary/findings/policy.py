"""A domain's published policy in; whom it stops, and what became of it since an earlier one, out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from store.policies import Published
from summary.findings.values import Finding, Kind, Level
from summary.sources import SourceLine

_RANKS: Final = {"none": 0, "quarantine": 1, "reject": 2}
_TAGS: Final = {
    "p": "p",
    "sp": "sp",
    "np": "np",
    "testing": "t",
    "pct": "pct",
    "adkim": "adkim",
    "aspf": "aspf",
}
"""Field of the record as reported -> its tag."""


def stops(policy: Published | None, line: SourceLine) -> bool:
    """Tell whether receivers are asked to stop what fails of a source, whichever of the domain's names it used."""
    if policy is None or policy.pct == 0:
        return False
    asked = {policy.p if it.key == line.domain else policy.sp or policy.p for it in line.authors}
    softened = policy.testing == "y"  # one step less (RFC 9989)
    return all(_rank(it) > softened for it in asked)


def policy_change(domain: str, policy: Published | None, before: Published | None) -> Finding | None:
    """Say what became of a policy. Parts of which one of both times does not tell are left out."""
    changes = list(_changes(policy, before)) if policy and before else []
    if policy is None or not changes:
        return None
    told = ", ".join(f"{it.now} (before: {it.before})" for it in changes)
    weaker, stricter = ([it for it in changes if it.sign * way > 0] for way in (-1, 1))
    level, kind, became, step = _WEAKENED if weaker else _TIGHTENED if stricter else _ALTERED
    return Finding(
        level=level,
        kind=kind,
        what=f"policy {became} {(weaker or stricter or changes)[0].now}",
        sentence=f"Receivers report {told}, since {policy.since}.",
        next_step=step and step.format(domain=domain),
        domain=domain,
    )


_WEAKENED: Final = (
    Level.ACT,
    Kind.POLICY_WEAKENED,
    "weakened to",
    "If nobody of you meant it, put the TXT record _dmarc.{domain} right, and find out who can change your DNS.",
)
_TIGHTENED: Final = (Level.WELL, Kind.POLICY_CHANGED, "tightened to", None)
_ALTERED: Final = (
    Level.LOOK,
    Kind.POLICY_CHANGED,
    "changed to",
    "If nobody of you meant it, put the TXT record _dmarc.{domain} right; if it was meant, nothing.",
)


@dataclass(frozen=True, slots=True)
class _Change:
    before: str
    now: str
    sign: int
    """Below 0: weaker; above: stricter."""


def _changes(policy: Published, before: Published) -> Iterator[_Change]:
    for name, tag in _TAGS.items():
        old, new = getattr(before, name), getattr(policy, name)
        if None not in (old, new) and old != new:
            sign = _rank(new) - _rank(old) if name in {"p", "sp", "np"} else _soft(policy, before, name)
            yield _Change(f"{tag}={old}", f"{tag}={new}", sign)


def _soft(policy: Published, before: Published, name: str) -> int:
    """Tell where what softens a policy goes; beside a new p it is how that one is tried, and with none it is nothing."""
    if policy.p != before.p or not _rank(policy.p):
        return 0
    old, new = getattr(before, name), getattr(policy, name)
    if name == "pct":
        return int(new) - int(old)
    return {"y": -1, "n": 1}.get(new, 0) if name == "testing" else 0


def _rank(policy: Any) -> int:  # noqa: ANN401 (whatever a report says; what no receiver knows is none to it, RFC 7489 6.6.3)
    return _RANKS.get(policy, 0)
