"""What was judged of a domain in three periods in; whether it is ready for the next policy, and who stands in the way, out.

The rules of thumb: 14 days and 100 messages for each step; own mail that fails at most 2 % before quarantine, 0.5 % before
reject. A policy's ramp is t=y (RFC 9989): it has no pct.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from store.database import Database
from store.policies import Published, published, reported_days
from summary.hosts import Known
from summary.sources import SourceLine, look_at
from summary.verdicts import Cause, Verdict
from summary.words import counted

PERIODS: Final = (7, 30, 90)
"""Days back from the last one that was reported."""
DECIDING: Final = 30
"""The period on which the answer rests."""
DAYS_A_STEP: Final = 14
MESSAGES_A_STEP: Final = 100
TOLERATED: Final = {"quarantine": 0.02, "reject": 0.005}
"""Share of the domain's own mail that may still fail before that policy."""
NEXT: Final = {"none": "quarantine", "quarantine": "reject"}

OWN: Final = frozenset({Verdict.PASSING, Verdict.FRAGILE, Verdict.FAILING_OWN, Verdict.BOUNCES})
_ON_ONE_LEG: Final = frozenset({Verdict.FRAGILE, Verdict.BOUNCES})
_TO_DECIDE: Final = frozenset({Cause.SENDER, Cause.MEMBER, Cause.NEW_KEY, Cause.SCANNED_UNSURE})
"""Causes of which only a person knows whether they are the domain's own."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What a stricter policy would have touched in a period, of one verdict."""

    verdict: Verdict
    messages: int
    failing: int
    """Messages that fail: these it would have touched."""


@dataclass(frozen=True, slots=True)
class Period:
    """One period."""

    days: int
    reported_days: int
    messages: int
    verdicts: tuple[Touched, ...]

    @property
    def failing(self) -> int:
        """Messages that a stricter policy would have touched."""
        return sum(it.failing for it in self.verdicts)

    def failing_of(self, verdict: Verdict) -> int:
        """Count those of one verdict."""
        return sum(it.failing for it in self.verdicts if it.verdict is verdict)


@dataclass(frozen=True, slots=True)
class Named:
    """A source that stands in the way, or is to be looked at."""

    who: str
    verdict: Verdict
    messages: int
    failing: int
    failing_lately: int
    """In the last 7 days."""
    reason: str
    next_step: str | None


@dataclass(frozen=True, slots=True)
class Subdomain:
    """A subdomain in whose name mail was sent in the longest period."""

    name: str
    messages: int
    failing: int


@dataclass(frozen=True, slots=True)
class SubdomainStep:
    """The next policy for subdomains, in the deciding period."""

    next_policy: str
    ready: bool
    messages: int
    failing: int
    """Messages that it would have touched."""
    failing_own: int
    """Of them, those of the domain's own sources."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a domain is ready for the next policy."""

    domain: str
    answer: str
    """One sentence."""
    ready: bool
    published: Published
    next_policy: str | None
    """quarantine or reject; None: there is none."""
    record: str | None
    """What to publish, and how to try it first."""
    covers_subdomains: bool
    """Whether p holds for subdomains too: sp says nothing else."""
    periods: tuple[Period, ...]
    blockers: tuple[Named, ...]
    to_mend: tuple[Named, ...]
    to_decide: tuple[Named, ...]
    sp: SubdomainStep | None
    """None: p holds for subdomains, or there is nothing stricter, or they send nothing."""
    sending: tuple[Subdomain, ...]
    """Subdomains of whose mail some passed."""
    never_passed: tuple[Subdomain, ...]


def look(database: Database, domain: str, today: date, known: Known) -> Readiness | None:
    """Read what was reported of a domain; None without reports. Raises DatabaseUnavailableError."""
    with database.reading() as connection:
        policy = published(connection, domain, today)
        if policy is None:
            return None
        firsts = [policy.day - timedelta(days=days - 1) for days in PERIODS]
        reported = [reported_days(connection, domain, first, policy.day) for first in firsts]
    judgements = look_at(database, domain, firsts, policy.day, known)
    lines = {days: judgement.lines for days, judgement in zip(PERIODS, judgements, strict=True)}
    return readiness(domain, policy, lines, dict(zip(PERIODS, reported, strict=True)))


def readiness(
    domain: str,
    policy: Published,
    periods: Mapping[int, Sequence[SourceLine]],
    reported: Mapping[int, int],
) -> Readiness:
    """Tell whether a domain is ready for the next policy. Pure; `periods` and `reported` by the days of each."""
    covers_subdomains = policy.sp in (None, policy.p)
    scope = _Scope(domain, own=True, subdomains=covers_subdomains)
    shown = tuple(_period(scope, days, reported[days], lines) for days, lines in periods.items())
    decided = next(it for it in shown if it.days == DECIDING)
    named = _Naming(scope, periods[DECIDING], periods[min(periods)])
    blockers = named.all(lambda line: line.verdict is Verdict.FAILING_OWN)
    to_mend = named.all(lambda line: line.verdict in _ON_ONE_LEG)
    to_decide = named.all(lambda line: line.cause in _TO_DECIDE)
    parked = not any(it.verdict in OWN and it.messages for it in shown[-1].verdicts)
    next_policy = _next(policy, parked=parked)
    obstacles = _obstacles(policy, next_policy, decided, blockers) if next_policy and not parked else []
    sending, never = _subdomains(domain, periods[max(periods)])
    return Readiness(
        domain=domain,
        answer=_answer(policy, next_policy, obstacles, blockers, (*to_mend, *to_decide), parked=parked),
        ready=not obstacles,
        published=policy,
        next_policy=next_policy,
        record=_record(policy, next_policy, parked=parked),
        covers_subdomains=covers_subdomains,
        periods=shown,
        blockers=blockers,
        to_mend=to_mend,
        to_decide=to_decide,
        sp=None if covers_subdomains else _subdomain_step(policy, domain, periods[DECIDING]),
        sending=sending,
        never_passed=never,
    )


def _next(policy: Published, *, parked: bool) -> str | None:
    """Name the next policy: the same without t=y, else one stricter; a domain that sends nothing can go all the way.

    One that no receiver knows is none to them (RFC 7489 6.6.3).
    """
    if _is_tried(policy):
        return policy.p
    if policy.p == "reject":
        return None
    return "reject" if parked else NEXT.get(policy.p or "none", "quarantine")


def _is_tried(policy: Published) -> bool:
    """Tell whether t=y softens the policy; there is nothing softer than none."""
    return policy.testing == "y" and policy.p in TOLERATED


# --- figures


@dataclass(frozen=True, slots=True)
class _Scope:
    """Whose mail a policy is applied to."""

    domain: str
    own: bool
    """The domain itself."""
    subdomains: bool

    def share(self, line: SourceLine) -> tuple[int, int]:
        """Count a source's messages in the scope, and those of them that fail."""
        within = [it for it in line.authors if (self.own if it.key == self.domain else self.subdomains)]
        return sum(it.messages for it in within), sum(it.failing for it in within)


def _period(scope: _Scope, days: int, reported: int, lines: Iterable[SourceLine]) -> Period:
    sums: dict[Verdict, list[int]] = {verdict: [0, 0] for verdict in Verdict}
    for line in lines:
        for place, number in enumerate(scope.share(line)):
            sums[line.verdict][place] += number
    verdicts = tuple(Touched(verdict, *counts) for verdict, counts in sums.items())
    return Period(days, reported, sum(it.messages for it in verdicts), verdicts)


@dataclass(frozen=True, slots=True)
class _Naming:
    """Names sources of a period."""

    scope: _Scope
    lines: Sequence[SourceLine]
    lately: Sequence[SourceLine]

    def all(self, wanted: Callable[[SourceLine], bool]) -> tuple[Named, ...]:
        """Name the sources that are wanted and send within the scope."""
        return tuple(self._named(line) for line in self.lines if wanted(line) and self.scope.share(line)[0])

    def _named(self, line: SourceLine) -> Named:
        messages, failing = self.scope.share(line)
        recent = [it for it in self.lately if (it.who, it.verdict) == (line.who, line.verdict)]
        failing_lately = sum(self.scope.share(it)[1] for it in recent)
        return Named(line.who, line.verdict, messages, failing, failing_lately, line.reason, line.next_step)


def _subdomain_step(policy: Published, domain: str, lines: Sequence[SourceLine]) -> SubdomainStep | None:
    next_policy = NEXT.get(policy.sp or "none")
    period = _period(_Scope(domain, own=False, subdomains=True), DECIDING, 0, lines)
    if next_policy is None or not period.messages:
        return None
    own = round(failing_share(period) * _messages(period, OWN))
    ready = period.messages >= MESSAGES_A_STEP and failing_share(period) <= TOLERATED[next_policy]
    return SubdomainStep(next_policy, ready, period.messages, period.failing, own)


def _subdomains(
    domain: str, lines: Iterable[SourceLine]
) -> tuple[tuple[Subdomain, ...], tuple[Subdomain, ...]]:
    """Tell the subdomains that send from those whose mail never passed."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        for author in line.authors:
            if author.key != domain:
                sums[author.key][0] += author.messages
                sums[author.key][1] += author.failing
    found = [Subdomain(name, *counts) for name, counts in sums.items()]
    found.sort(key=lambda it: (-it.messages, it.name))
    passed = tuple(it for it in found if it.failing < it.messages)
    return passed, tuple(it for it in found if it.failing == it.messages)


# --- the answer


def _obstacles(policy: Published, next_policy: str, period: Period, blockers: Sequence[Named]) -> list[str]:
    """Say what speaks against the next policy."""
    found = []
    share, tolerated = failing_share(period), TOLERATED[next_policy]
    if share > tolerated:
        whose = f" ({_whose(blockers)})" if blockers else ""
        found.append(f"{share:.1%} of your own mail fails{whose}, where {tolerated:.1%} is bearable")
    held = (policy.day - policy.since).days + 1
    if period.reported_days < DAYS_A_STEP:
        found.append(f"{_were(period.reported_days, 'day')} reported, and it takes {DAYS_A_STEP} to tell")
    elif held < DAYS_A_STEP:
        found.append(
            f"p={policy.p} was reported for {counted(held, 'day')}, and it takes {DAYS_A_STEP} to tell"
        )
    if period.messages < MESSAGES_A_STEP:
        found.append(f"{_were(period.messages, 'message')} reported, and it takes {MESSAGES_A_STEP} to tell")
    return found


def _were(number: int, one: str) -> str:
    return f"{counted(number, one)} {'was' if number == 1 else 'were'}"


def failing_share(period: Period) -> float:
    """Give the share of the domain's own mail that fails; bounces are counted apart."""
    own = _messages(period, OWN)
    failing = sum(it.failing for it in period.verdicts if it.verdict in OWN - {Verdict.BOUNCES})
    return failing / own if own else 0.0


def _messages(period: Period, verdicts: Container[Verdict]) -> int:
    return sum(it.messages for it in period.verdicts if it.verdict in verdicts)


def _answer(  # noqa: PLR0913 (all that there is to say)
    policy: Published,
    next_policy: str | None,
    obstacles: Sequence[str],
    blockers: Sequence[Named],
    others: Sequence[Named],
    *,
    parked: bool,
) -> str:
    if next_policy is None:
        lost = (
            f"mail of yours still fails, from {_whose(blockers)}"
            if blockers
            else "none of your own mail fails"
        )
        return f"p={policy.p} is in force, the strictest policy, and {lost}."
    if parked:
        return f"No mail of your own was seen in {max(PERIODS)} days: if none is sent, p=reject can follow at once."
    if obstacles:
        return f"Not yet ready for {_step(policy, next_policy)}: {'; '.join(obstacles)}."
    first = f", but look at {_whose(others)} first" if others else ""
    return f"Ready for {_step(policy, next_policy)}{first}."


def _step(policy: Published, next_policy: str) -> str:
    return f"p={next_policy} without t=y" if _is_tried(policy) else f"p={next_policy}"


def _whose(named: Sequence[Named]) -> str:
    return ", ".join(dict.fromkeys(it.who for it in named))


def _record(policy: Published, next_policy: str | None, *, parked: bool) -> str | None:
    if next_policy is None:
        return None
    if _is_tried(policy):
        return f"p={next_policy}, and remove t=y."
    if parked:
        return "p=reject, and v=spf1 -all as the SPF record."
    before = {"quarantine": "none", "reject": "quarantine"}[next_policy]
    return (
        f"p={next_policy}. To try it first: p={next_policy}; t=y, which receivers that know RFC 9989 apply as {before}; "
        f"others do not know t, and apply {next_policy} at once."
    )
