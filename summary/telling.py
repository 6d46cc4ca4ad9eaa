"""A domain's readiness in; who stands in the way, and what else there is to say, in words, out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from summary.readiness import DECIDING, Named, Readiness, Subdomain, SubdomainStep
from summary.verdicts import Verdict

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


def obstacles(found: Readiness) -> Iterator[Obstacle]:
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


def paragraphs(found: Readiness) -> Iterator[Paragraph]:
    """Say what to publish, and how it stands with subdomains."""
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
