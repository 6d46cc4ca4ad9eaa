"""A domain's sources in; which of them nobody saw before, out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from summary.findings.comparison import SENDS, Comparison
from summary.findings.values import Finding, Kind, Level
from summary.findings.words import first_up, named, source_is
from summary.sources import NOBODY_KNOWN, SourceLine
from summary.verdicts import Cause, Verdict
from summary.words import counted


def newcomers(sources: Comparison) -> Iterator[Finding]:
    """Tell of new sources: of strangers together, and not of those that the policy stops; of others one by one."""
    new = [it for it in sources.lines if sources.is_new(it)]
    yield from (_failing(it) for it in new if _may_be_known(it) and _counts(sources, it.failing, it))
    strangers = [it for it in _strangers(sources) if _counts(sources, it.failing, it.line)]
    if strangers:
        yield _told(strangers)
    yield from (_sender(it) for it in new if _sends(it) and sources.is_many(it.messages))


def _counts(sources: Comparison, failing: int, line: SourceLine) -> bool:
    return sources.is_many(failing) and not sources.is_stopped(line)


def _may_be_known(line: SourceLine) -> bool:
    """Tell what fails and could be the domain's own; only a person knows."""
    unknown = line.verdict is Verdict.UNKNOWN and line.cause is not Cause.STRANGER
    return unknown or line.cause is Cause.SCANNED_UNSURE


def _failing(line: SourceLine, more: str = "") -> Finding:
    return Finding(
        level=Level.LOOK,
        kind=Kind.NEW_FAILING_SOURCE,
        what=f"{source_is(line.who)} new, and failing",
        sentence=f"{first_up(source_is(line.who))} new, and {counted(line.failing, 'message')} fail DMARC{more}.",
        next_step=line.next_step,
        domain=line.domain,
        who=line.who,
    )


# --- strangers


@dataclass(frozen=True, slots=True)
class _Stranger:
    line: SourceLine
    name: str
    failing: int
    number: int = 1


def _strangers(sources: Comparison) -> Iterator[_Stranger]:
    for line in sources.lines:
        if line.who == NOBODY_KNOWN:
            yield _nobody_known(sources, line)
        elif line.cause is Cause.STRANGER and sources.is_new(line):
            yield _Stranger(line, line.who, line.failing)


def _nobody_known(sources: Comparison, line: SourceLine) -> _Stranger:
    """Take the new ones of the strangers that share a line because nothing is known of them."""
    new = [it for it in line.addresses if it.key in sources.new_addresses]
    name = f"{counted(len(new), 'address', 'addresses')} without a known owner"
    return _Stranger(line, name, sum(it.failing for it in new), len(new))


def _told(strangers: Sequence[_Stranger]) -> Finding:
    first = strangers[0].line
    number, failing = sum(it.number for it in strangers), sum(it.failing for it in strangers)
    if number == 1 and first.who != NOBODY_KNOWN:
        return _failing(first, "; nothing ties it to you")
    sources = counted(number, "new failing source")
    return Finding(
        level=Level.LOOK,
        kind=Kind.NEW_FAILING_SOURCE,
        what=sources,
        sentence=f"{counted(failing, 'message')} from {sources} fail DMARC, and nothing ties them to you: "
        f"{named([it.name for it in strangers])}.",
        next_step=first.next_step,
        domain=first.domain,
        number=number,
    )


# --- senders


def _sends(line: SourceLine) -> bool:
    """Tell a sender; what passes on one leg and may not be ours forwards what is known."""
    return line.verdict in SENDS and line.certain


def _sender(line: SourceLine) -> Finding:
    fragile = line.verdict is Verdict.FRAGILE
    leg = " by one mechanism alone" if fragile else ""
    return Finding(
        level=Level.LOOK if fragile else Level.WELL,
        kind=Kind.NEW_SOURCE,
        what=f"{source_is(line.who)} new",
        sentence=f"{first_up(source_is(line.who))} new: {counted(line.passing, 'message')} passed{leg}.",
        next_step=line.next_step,
        domain=line.domain,
        who=line.who,
    )
