"""What is new about one domain in; its part of the letter, in words, out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from store.figures import DomainFigures
from summary.bulletin import DomainNews, Finding, Level
from summary.letter.chart import Chart, chart
from summary.letter.words import clipped, named, period, share
from summary.readiness import DECIDING, Named, Period, Readiness, failing_share
from summary.sources import Share, SourceLine
from summary.verdicts import Cause, Verdict
from summary.words import VERDICTS, counted, stopped_by_receivers

NAMED: Final = 4
"""Sources and addresses that a line names."""
EVIDENCE: Final = 3
"""Signatures and SPF checks of a source."""
REPORTERS: Final = 3
PASSED_ON: Final = "Nothing to do: a sound DKIM signature survives most of it."
STRANGERS: Final = "Nothing ties them to you, and a strict policy stops them."

_A_PERSONS: Final = frozenset({Verdict.FAILING_OWN, Verdict.FRAGILE, Verdict.BOUNCES, Verdict.UNKNOWN})
"""Verdicts that may want a person; of the others nothing is ever wanted."""


@dataclass(frozen=True, slots=True)
class Note:
    """A finding."""

    level: Level
    sentence: str
    step: str | None
    """None: there is nothing to do, or the source below says it."""


@dataclass(frozen=True, slots=True)
class Card:
    """A source that fails, or stands on one leg."""

    who: str
    verdict: str
    fails: bool
    figures: str
    reason: str
    evidence: tuple[str, ...]
    machines: str
    seen: str
    step: str


@dataclass(frozen=True, slots=True)
class Part:
    """What the letter says of one domain."""

    domain: str
    level: Level
    sentence: str
    notes: tuple[Note, ...]
    more_notes: str | None
    cards: tuple[Card, ...]
    others: tuple[str, ...]
    """The sources that are no card, in a line for each kind."""
    chart: Chart | None
    readiness: tuple[str, ...]
    period: str | None
    """None where no report came in: the sentence says it."""


def part(news: DomainNews, cards: int, notes: int) -> Part:
    """Say what there is to say of a domain, within limits."""
    wanted = _wanted(news)
    shown = tuple(_cards(wanted[:cards]))
    steps = {it.next_step for it in wanted[:cards]}
    return Part(
        domain=clipped(news.figures.domain, 100),
        level=news.level,
        sentence=news.sentence,
        notes=tuple(note(it, steps) for it in news.findings[:notes]),
        more_notes=_more_notes(news.findings[notes:]),
        cards=shown,
        others=tuple(_others(news.lines, wanted, wanted[cards:])),
        chart=chart(news.figures.days),
        readiness=tuple(_readiness(news.readiness)) if news.readiness else (),
        period=_period(news.figures),
    )


def note(finding: Finding, told: Collection[str | None]) -> Note:
    """Say what was found; what is told elsewhere to do about it is not told twice."""
    step = None if finding.next_step in told else finding.next_step
    return Note(finding.level, finding.sentence, step)


def _more_notes(findings: Sequence[Finding]) -> str | None:
    return (
        f"{counted(len(findings), 'more finding')}: {named((it.what for it in findings), NAMED)}."
        if findings
        else None
    )


def _wanted(news: DomainNews) -> Sequence[SourceLine]:
    """Choose the sources that are shown at length: those that findings name first, the worst before all."""
    told = list(dict.fromkeys(it.who for it in news.findings))
    wanted = (it for it in news.lines if _wants_a_person(it, told))
    return sorted(wanted, key=lambda it: told.index(it.who) if it.who in told else len(told))


def _wants_a_person(line: SourceLine, who: Collection[str | None]) -> bool:
    """Tell what is shown at length: what a finding names, and what something can be done about."""
    if line.verdict not in _A_PERSONS:
        return False
    return line.who in who or (line.next_step is not None and line.cause is not Cause.STRANGER)


# --- sources


def _cards(lines: Sequence[SourceLine]) -> Iterator[Card]:
    """Show each; the same next step is said once."""
    told: dict[str, str] = {}
    for line in lines:
        step = line.next_step or "Nothing."
        yield _card(line, f"As for {clipped(told[step])} above." if step in told else step)
        told.setdefault(step, line.who)


def _card(line: SourceLine, step: str) -> Card:
    return Card(
        who=clipped(line.who),
        verdict=VERDICTS[line.verdict],
        fails=line.verdict is Verdict.FAILING_OWN,
        figures=_figures(line),
        reason=line.reason,
        evidence=tuple(clipped(it, 160) for it in line.identifiers[:EVIDENCE]),
        machines=_machines(line),
        seen=f"{period((line.first_day, line.last_day))}, reported by {named(line.reporters, REPORTERS)}",
        step=step,
    )


def _figures(line: SourceLine) -> str:
    stopped = stopped_by_receivers(line)
    return (
        f"{counted(line.messages, 'message')}, {_fate(line.failing, line.messages)}: "
        f"DKIM fails for {line.dkim_failing:,}, SPF for {line.spf_failing:,}."
        f"{f' Receivers {stopped}.' if stopped else ''}"
    )


def _fate(failing: int, messages: int) -> str:
    if not failing:
        return "all passing"
    if failing == messages:
        return "all failing"
    return f"{failing:,} of them failing ({share(failing, messages)})"


def _machines(line: SourceLine) -> str:
    """Tell whose machines they are, and which."""
    more = len(line.addresses) - NAMED
    which = ", ".join(map(_address, line.addresses[:NAMED]))
    rest = f" and {counted(more, 'other address', 'other addresses')}" if more > 0 else ""
    return f"{clipped(line.owner) if line.owner else 'owner unknown'}: {which}{rest}"


def _address(it: Share) -> str:
    name = f" {clipped(it.name)}" if it.name else ""
    return f"{clipped(it.key)}{name} ({it.messages:,})"


def _others(
    lines: Sequence[SourceLine], wanted: Sequence[SourceLine], cut: Sequence[SourceLine]
) -> Iterator[str]:
    """Sum up the sources that are shown at no length."""
    strangers = [it for it in lines if it.verdict in _A_PERSONS and it not in wanted]
    passed_on = [it for it in lines if it.verdict in {Verdict.FORWARDED, Verdict.RECIPIENT_GATEWAY}]
    passing = [it for it in lines if it.verdict is Verdict.PASSING]
    kinds = (
        ("More that need you", cut, "`ruamill sources DOMAIN` shows them."),
        ("Passing", passing, ""),
        ("Passed on by forwarders and by recipients' gateways", passed_on, PASSED_ON),
        ("Strangers who use your name", strangers, STRANGERS),
    )
    yield from (f"{title}: {_summed(kind)}. {words}".rstrip() for title, kind, words in kinds if kind)


def _summed(lines: Sequence[SourceLine]) -> str:
    messages, failing = sum(it.messages for it in lines), sum(it.failing for it in lines)
    who = named(dict.fromkeys(it.who for it in lines), NAMED)
    return f"{who}; {counted(messages, 'message')}, {_fate(failing, messages)}"


# --- readiness


def _readiness(found: Readiness) -> Iterator[str]:
    yield found.answer
    if found.next_policy:
        yield from (_touched(found, it) for it in found.periods if it.days == DECIDING and it.messages)
    groups = (("In the way", found.blockers), ("To mend", found.to_mend), ("To decide", found.to_decide))
    yield from (f"{title}: {_who(group)}." for title, group in groups if group)
    if found.ready and found.record:
        yield f"Publish {found.record}"


def _touched(found: Readiness, deciding: Period) -> str:
    whose = "" if found.covers_subdomains else f" of {clipped(found.domain)} itself"
    since = (
        f"The {deciding.days} days to {found.published.day}: {counted(deciding.messages, 'message')}{whose}"
    )
    touched = f"p={found.next_policy} would have touched {deciding.failing:,}"
    return f"{since}, of which {touched}; {failing_share(deciding):.1%} of your own mail fails."


def _who(group: Sequence[Named]) -> str:
    return named((f"{clipped(it.who)} ({_how(it)})" for it in group), NAMED)


def _how(source: Named) -> str:
    if not source.failing:
        return f"{counted(source.messages, 'message')} by one mechanism alone"
    return f"{source.failing:,} of {source.messages:,} failing"


# --- which reports


def _period(figures: DomainFigures) -> str | None:
    if not figures.reports or figures.first_day is None or figures.last_day is None:
        return None
    late = f", {counted(figures.late_reports, 'late one')} among them" if figures.late_reports else ""
    return (
        f"{counted(figures.messages, 'message')} in {counted(figures.reports, 'report')} of "
        f"{counted(figures.reporters, 'reporter')} about {period((figures.first_day, figures.last_day))}{late}."
    )
