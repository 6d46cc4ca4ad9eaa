"""What was reported of a domain's mail in; who sends as it, what each of them is to it, and what to do, out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Final

from store import evidence as store
from store.database import Database
from store.evidence import Evidence, Machine
from store.verdicts import SourceVerdict
from summary.folding import fold
from summary.groups import Group, Piece
from summary.hosts import Host, Known, hosts
from summary.reading import Reading
from summary.ties import Ties, learn
from summary.verdicts import Case, Cause, Verdict, classify
from summary.wording import next_step, reason

NOBODY_KNOWN: Final = "addresses without a known owner"
"""Who strangers are whose owner was not looked up, or is in no register."""
LEARNING: Final = timedelta(days=29)
"""What a domain uses is learnt from as many days before the last one, however short the period that is judged."""
BY_URGENCY: Final = (
    Verdict.FAILING_OWN,
    Verdict.FRAGILE,
    Verdict.BOUNCES,
    Verdict.UNKNOWN,
    Verdict.PASSING,
    Verdict.FORWARDED,
    Verdict.RECIPIENT_GATEWAY,
)
"""What needs a person first."""


@dataclass(frozen=True, slots=True)
class Share:
    """Some of a source's messages: those of one address, or in one author domain's name."""

    key: str
    """The address, or the author domain."""
    name: str | None
    """Of the address."""
    messages: int
    failing: int


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One sender and what it is to the domain."""

    domain: str
    who: str
    service: str | None
    """Key in the catalogue."""
    owner: str | None
    verdict: Verdict
    cause: Cause
    """Which rule gave the verdict to most of it."""
    certain: bool
    """False: the reports allow another reading, and the reason names it."""
    messages: int
    passing: int
    failing: int
    quarantined: int
    """By the disposition that receivers report."""
    rejected: int
    dkim_failing: int
    """Messages without an aligned DKIM pass."""
    spf_failing: int
    reason: str
    next_step: str | None
    identifiers: tuple[str, ...]
    authors: tuple[Share, ...]
    addresses: tuple[Share, ...]
    reporters: tuple[str, ...]
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Judgement:
    """What was judged of a domain's sources in a period."""

    domain: str
    pieces: Sequence[Piece] = field(repr=False)
    lines: tuple[SourceLine, ...]
    """What needs a person first, then most messages first."""
    services: Mapping[str, tuple[str, str] | None]
    """Address -> the service whose machine it is, and what shows it."""
    waiting: frozenset[str]
    """Addresses that were not looked up yet."""

    @cached_property
    def addresses(self) -> tuple[SourceVerdict, ...]:
        """The same address by address, for the database."""
        return tuple(_addresses(self.domain, self.pieces))


def judge(
    domain: str,
    evidence: Sequence[Evidence],
    machines: Mapping[str, Machine],
    known: Known,
    *,
    learnt_from: Sequence[Evidence] | None = None,
) -> Judgement:
    """Judge all that was reported of a domain in a period. Pure. `ingest.known.known` gives what is configured.

    What the domain uses is learnt from the evidence itself, or from that of a longer period.
    """
    context = evidence if learnt_from is None else learnt_from
    (judgement,) = judge_each(domain, [evidence], context, machines, known)
    return judgement


def judge_each(
    domain: str,
    periods: Iterable[Sequence[Evidence]],
    learnt_from: Sequence[Evidence],
    machines: Mapping[str, Machine],
    known: Known,
) -> Iterator[Judgement]:
    """Judge several periods, one after the other, by what is learnt once. Pure."""
    learnt = _learn(domain, learnt_from, machines, known)
    return (_judge(domain, evidence, learnt) for evidence in periods)


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What is known once a longer period was looked at."""

    hosts: Mapping[str | None, Host]
    ties: Ties


def _learn(
    domain: str, context: Sequence[Evidence], machines: Mapping[str, Machine], known: Known
) -> _Learnt:
    found = hosts(domain, context, machines, known)
    return _Learnt(found, learn(domain, _read(domain, context, found), known))


def _judge(domain: str, evidence: Sequence[Evidence], learnt: _Learnt) -> Judgement:
    read = _read(domain, evidence, learnt.hosts)
    pieces = fold(
        [Piece(reading, host, classify(Case(reading, host, learnt.ties))) for reading, host in read]
    )
    return Judgement(
        domain,
        pieces,
        tuple(sorted(_lines(domain, pieces), key=_urgency)),
        {it.host.address: _service(it.host) for it in pieces if it.host.address},
        frozenset(it.host.address for it in pieces if it.host.address and _waits(it.host)),
    )


def look(database: Database, domain: str, first_day: date, last_day: date, known: Known) -> Judgement:
    """Read what was reported of a domain from one day to another, and judge it. Raises DatabaseUnavailableError."""
    (judgement,) = look_at(database, domain, [first_day], last_day, known)
    return judgement


def look_at(
    database: Database, domain: str, first_days: Sequence[date], last_day: date, known: Known
) -> list[Judgement]:
    """Judge several periods that end on one day, knowing what was learnt in the longest, of at least 30 days."""
    learning = min(*first_days, last_day - LEARNING)
    with database.reading() as connection:
        machines = store.machines(connection, domain, learning)
        context = store.evidence(connection, domain, learning, last_day)
        periods = [
            context if first == learning else store.evidence(connection, domain, first, last_day)
            for first in first_days
        ]
    return list(judge_each(domain, periods, context, machines, known))


def _read(
    domain: str, evidence: Iterable[Evidence], found: Mapping[str | None, Host]
) -> Iterator[tuple[Reading, Host]]:
    for piece in evidence:
        host = found[piece.source_ip]
        yield Reading(domain, piece, automatic=_is_automatic(piece, host)), host


def _is_automatic(evidence: Evidence, host: Host) -> bool:
    """Tell a bounce or an automatic reply: SPF was checked for the machine's own name (RFC 7208 2.4).

    google.com and yahoo.com report neither the return path nor the scope: there the name that was checked tells, at
    services that use no such names for anything else.
    """
    if evidence.null_path is not None:
        return evidence.null_path
    if host.service is None or host.kind not in {"mailbox", "gateway"}:
        return False
    below = tuple(
        f".{name}" for name in host.service.names
    )  # the name itself is what members have behind the @
    return any(it.domain and it.domain.endswith(below) for it in evidence.checks)


def _waits(host: Host) -> bool:
    return host.machine is None or host.machine.state == "waiting"


def _service(host: Host) -> tuple[str, str] | None:
    return (host.match.service, f"{host.match.kind}: {host.match.evidence}") if host.match else None


# --- lines


def _lines(domain: str, pieces: Sequence[Piece]) -> Iterator[SourceLine]:
    by_source: dict[tuple[str, Verdict], list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_source[_who(piece), piece.finding.verdict].append(piece)
    for (who, verdict), members in by_source.items():
        yield _line(who, Group(domain, verdict, members))


def _who(piece: Piece) -> str:
    """Name the source; strangers of whom nothing is known yet are one."""
    nameless = piece.host.who == piece.host.address and piece.finding.cause is Cause.STRANGER
    return NOBODY_KNOWN if nameless else piece.host.who


def _line(who: str, group: Group) -> SourceLine:
    return SourceLine(
        domain=group.domain,
        who=who,
        service=group.host.key,
        owner=group.owner,
        verdict=group.verdict,
        cause=group.cause,
        certain=group.certain,
        messages=group.messages,
        passing=group.passing,
        failing=group.failing,
        quarantined=group.quarantined,
        rejected=group.rejected,
        dkim_failing=group.dkim_failing,
        spf_failing=group.spf_failing,
        reason=reason(group),
        next_step=next_step(group),
        identifiers=group.identifiers,
        authors=_shares(group.pieces, lambda piece: (piece.reading.author, None)),
        addresses=_shares(group.pieces, lambda piece: (piece.host.address or "-", piece.host.name)),
        reporters=tuple(group.reporters),
        first_day=group.first_day,
        last_day=group.last_day,
    )


def _shares(pieces: Sequence[Piece], key: Callable[[Piece], tuple[str, str | None]]) -> tuple[Share, ...]:
    """Divide messages, those with most of them first."""
    sums: dict[tuple[str, str | None], list[int]] = defaultdict(lambda: [0, 0])
    for piece in pieces:
        counts = sums[key(piece)]
        counts[0] += piece.messages
        counts[1] += 0 if piece.reading.passes else piece.messages
    shares = (Share(*names, messages, failing) for names, (messages, failing) in sums.items())
    return tuple(sorted(shares, key=lambda it: (-it.messages, it.key)))


_ORDER = {verdict: place for place, verdict in enumerate(BY_URGENCY)}


def _urgency(line: SourceLine) -> tuple[int, bool, int, str]:
    return _ORDER[line.verdict], line.cause is Cause.STRANGER, -line.messages, line.who


def _addresses(domain: str, pieces: Sequence[Piece]) -> Iterator[SourceVerdict]:
    by_address: dict[tuple[str, Verdict], list[Piece]] = defaultdict(list)
    for piece in pieces:
        if piece.host.address:
            by_address[piece.host.address, piece.finding.verdict].append(piece)
    for (address, verdict), members in by_address.items():
        group = Group(domain, verdict, members)
        yield SourceVerdict(
            source_ip=address,
            verdict=verdict.value,
            service=group.host.key,
            who=group.host.who,
            messages=group.messages,
            failing=group.failing,
            reason=reason(group),
            next_step=next_step(group),
            evidence="\n".join(group.identifiers),
            first_day=group.first_day,
            last_day=group.last_day,
        )
