"""Whether a domain is ready for the next policy, as it was judged, in; what its page says of it out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ingest.web.pages.view import Cell, Column, Table
from summary.readiness import DECIDING, Named, Period, Readiness, Subdomain, SubdomainStep
from summary.verdicts import Verdict
from summary.words import TOUCHED

NAMED: Final = 10
"""Subdomains that are named."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A source that stands in the way, or is to be looked at."""

    title: str
    who: str
    verdict: Verdict
    figures: str
    reason: str
    step: str | None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Something else there is to say."""

    title: str
    text: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class ReadinessPart:
    """What there is to say."""

    answer: str
    ready: bool
    obstacles: tuple[Obstacle, ...]
    paragraphs: tuple[Paragraph, ...]
    touched: Table


def part(found: Readiness) -> ReadinessPart:
    """Say it all."""
    return ReadinessPart(
        answer=found.answer,
        ready=found.ready,
        obstacles=tuple(_obstacles(found)),
        paragraphs=tuple(_paragraphs(found)),
        touched=_table(found),
    )


def short(found: Readiness) -> str:
    """Say it in a few words."""
    if found.next_policy is None:
        return "the strictest there is"
    return f"{'ready' if found.ready else 'not yet ready'} for {found.next_policy}"


def _obstacles(found: Readiness) -> Iterator[Obstacle]:
    """Name the sources; what to do is said once."""
    told: dict[str, str] = {}
    groups = (
        ("In the way", found.blockers),
        ("To mend first", found.to_mend),
        ("To decide", found.to_decide),
    )
    for title, every in groups:
        for it in every:
            above = told.get(it.next_step or "")
            step = f"As for {above} above." if above else it.next_step
            yield Obstacle(title, it.who, it.verdict, _figures(it), it.reason, step)
            if it.next_step:
                told.setdefault(it.next_step, it.who)


def _figures(it: Named) -> str:
    if not it.failing:
        return f"{it.messages:,} messages"
    lately = "" if it.failing_lately else ", none in the last 7 days"
    return f"{it.failing:,} of {it.messages:,} messages fail{lately}"


def _paragraphs(found: Readiness) -> Iterator[Paragraph]:
    if found.record:
        yield Paragraph("Next" if found.ready else "Once it is ready", f"Publish {found.record}")
    policy = found.published
    if found.sending:
        rule = f"sp={policy.sp}" if policy.sp else "no sp: p holds for them"
        yield Paragraph(f"Subdomains that send ({rule})", _list(found.sending), _subdomain_step(found.sp))
    if found.never_passed:
        rule = f"np={policy.np}" if policy.np else "no np"
        advice = "np=reject stops those that are not in the DNS (RFC 9989); for others sp does."
        step = None if policy.np == "reject" else advice
        yield Paragraph(f"Subdomains that never passed ({rule})", _list(found.never_passed), step)


def _subdomain_step(step: SubdomainStep | None) -> str | None:
    if step is None:
        return None
    ready = "Ready for" if step.ready else "Not yet ready for"
    return (
        f"{ready} sp={step.next_policy}: in {DECIDING} days it would have touched {step.failing:,} of {step.messages:,} messages, "
        f"{step.failing_own:,} of them your own."
    )


def _list(subdomains: tuple[Subdomain, ...]) -> str:
    shown = ", ".join(f"{it.name} ({it.failing:,} of {it.messages:,} fail)" for it in subdomains[:NAMED])
    more = len(subdomains) - NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown


def _table(found: Readiness) -> Table:
    periods = found.periods
    counts = {name: [_failing(it, verdict) for it in periods] for verdict, name in TOUCHED.items()}
    rows = [(Cell(name), *map(_cell, numbers, periods)) for name, numbers in counts.items() if any(numbers)]
    rows.append((Cell("in all"), *(_cell(it.failing, it) for it in periods)))
    rows.append((Cell("of messages"), *(Cell(it.messages) for it in periods)))
    rows.append((Cell("days that were reported"), *(Cell(it.reported_days) for it in periods)))
    return Table(
        name="readiness",
        caption="Messages that a stricter policy would have touched",
        columns=(
            Column("what", "Of them"),
            *(Column(f"days_{it.days}", f"{it.days} days", "number") for it in periods),
        ),
        rows=tuple(rows),
    )


def _cell(number: int, period: Period) -> Cell:
    return Cell(number, notes=(f"{number / period.messages:.1%}",) if number else ())


def _failing(period: Period, verdict: Verdict) -> int:
    return next(it.failing for it in period.verdicts if it.verdict is verdict)
