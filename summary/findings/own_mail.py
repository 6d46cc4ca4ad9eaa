"""A domain's sources in; which of its own fail, or began to, out."""

from collections.abc import Iterator

from summary.findings.comparison import SENDS, Comparison
from summary.findings.values import Finding, Kind, Level
from summary.findings.words import first_up, share, short, source_is
from summary.sources import SourceLine
from summary.verdicts import Cause, Verdict
from summary.words import counted, stopped_by_receivers


def own_mail(sources: Comparison) -> Iterator[Finding]:
    """Tell of the domain's own mail that fails, and of what lost one of its two legs; what fails most first."""
    for line in sources.lines:
        if line.verdict is Verdict.FAILING_OWN and sources.is_failing(line):
            yield _failing(sources, line)
        elif line.verdict is Verdict.BOUNCES and sources.is_failing(line):
            yield _bounces(line)
        elif _lost_a_leg(sources, line):
            yield _on_one_leg(sources, line)


def _failing(sources: Comparison, line: SourceLine) -> Finding:
    began = sources.was(line.who, SENDS) and not sources.was(line.who, {Verdict.FAILING_OWN})
    failing = share(line.failing, sources.own_messages(line.who), "message")
    if began:
        sentence = f"{first_up(short(line.who))} passed in the 7 days before; now {failing} {_fails(line)}"
    elif sources.is_new(line):
        sentence = f"{first_up(source_is(line.who))} new, and {failing} {_fails(line)}"
    else:
        sentence = f"{first_up(failing)} from {short(line.who)} {_fails(line)}"
    return Finding(
        level=Level.ACT if line.certain else Level.LOOK,
        kind=Kind.NOW_FAILS if began else Kind.OWN_SOURCE_FAILS,
        what=f"{source_is(line.who)} failing {_mechanism(line)}",
        sentence=sentence,
        next_step=line.next_step,
        domain=line.domain,
        who=line.who,
    )


def _fails(line: SourceLine) -> str:
    """End a sentence about messages that fail; what was lost by it is what a postmaster must know first."""
    stopped = stopped_by_receivers(line)
    return f"{'fails' if line.failing == 1 else 'fail'} DMARC{f': receivers {stopped}' if stopped else ''}."


def _mechanism(line: SourceLine) -> str:
    """Name what is to be mended: a signature in the domain's name that does not verify, else the whole."""
    if line.cause is Cause.UNALIGNED:
        return "alignment"
    signed = tuple(f"DKIM d={name} " for name in {line.domain, *(it.key for it in line.authors)})
    return "DKIM" if any(it.startswith(signed) for it in line.identifiers) else "DMARC"


def _bounces(line: SourceLine) -> Finding:
    return Finding(
        level=Level.ACT,
        kind=Kind.OWN_SOURCE_FAILS,
        what=f"bounces of {short(line.who)} are failing DMARC",
        sentence=f"{counted(line.failing, 'bounce or automatic reply', 'bounces and automatic replies')} "
        f"from {short(line.who)} {_fails(line)}",
        next_step=line.next_step,
        domain=line.domain,
        who=line.who,
    )


def _lost_a_leg(sources: Comparison, line: SourceLine) -> bool:
    """Tell whether most of a source passes by one mechanism alone where it was in order before."""
    return (
        line.verdict is Verdict.FRAGILE
        and line.certain
        and sources.is_many(line.messages)
        and 2 * line.messages > sources.own_messages(line.who)
        and sources.was(line.who, {Verdict.PASSING})
        and not sources.was(line.who, {Verdict.FRAGILE})
    )


def _on_one_leg(sources: Comparison, line: SourceLine) -> Finding:
    broken, left = ("DKIM", "SPF") if line.cause is Cause.SPF_ALONE else ("SPF", "DKIM")
    passing = share(line.passing, sources.own_messages(line.who), "message")
    return Finding(
        level=Level.LOOK,
        kind=Kind.NOW_FAILS,
        what=f"{source_is(line.who)} failing {broken}",
        sentence=f"{first_up(short(line.who))} passed without a flaw in the 7 days before; now {passing} pass by {left} alone.",
        next_step=line.next_step,
        domain=line.domain,
        who=line.who,
    )
