"""Findings in, what is worth saying at once out: in words, and as the mail that says it. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum
from operator import attrgetter
from textwrap import fill
from typing import Final

from summary.bulletin import Finding, Kind, Level
from summary.letter import Envelope, addressed
from summary.letter.words import cleaned, clipped
from summary.words import counted

ALONE: Final = 3
"""More domains than so many with one cause are one alert: a lost mailbox silences two hundred domains at once.
So are more senders of one domain: a zone that is gone takes every signature with it."""
MOST: Final = 10
"""More alerts than so many of one cause at once are one alert, whatever they are about."""
TOLD: Final = 10
"""Findings of such an alert that are told of, the rest is counted."""
EACH: Final = "Run `ruamill sources DOMAIN`: it says of each sender what to do."
LONGEST: Final = 600
"""Characters of one sentence: Slack takes 3,000 of a section once they are escaped, Teams 28 KB of all."""
LONGEST_TOPIC: Final = 300
WIDTH: Final = 72


class Cause(StrEnum):
    """Why an alert is sent; the words of [alerts] causes."""

    OWN_SOURCE_FAILS = "own_source_fails"
    POLICY_WEAKENED = "policy_weakened"
    NO_REPORTS = "no_reports"
    UNREACHABLE = "unreachable"


CAUSES: Final = {
    Kind.NOW_FAILS: Cause.OWN_SOURCE_FAILS,
    Kind.POLICY_WEAKENED: Cause.POLICY_WEAKENED,
    Kind.NO_REPORTS: Cause.NO_REPORTS,
}
"""What of a bulletin cannot wait for the letter, where something must be done: what still passes by one leg can."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that cannot wait for the letter. Its texts are single lines, without invisible characters."""

    cause: Cause
    topic: str
    """What there is one alert a day about."""
    domains: tuple[str, ...]
    who: str | None
    subject: str
    sentences: tuple[str, ...]
    """What happened, a sentence for each domain."""
    next_step: str | None


def alerts(findings: Iterable[Finding], causes: Collection[str]) -> Iterator[Alert]:
    """Say what is worth an alert, by cause, domain and sender; together where they are many."""
    found: dict[Cause, list[Finding]] = defaultdict(list)
    for finding in findings:
        cause = CAUSES.get(finding.kind)
        if cause in causes and cause is not None and finding.level is Level.ACT:
            found[cause].append(cleaned(finding, LONGEST))
    for cause, every in found.items():
        parts = list(_parts(every))
        yield from (_alert(cause, part) for part in (parts if len(parts) <= MOST else [every]))


def _parts(found: Sequence[Finding]) -> Iterator[Sequence[Finding]]:
    """Put together many domains with one sender, else many senders of one domain."""
    left = found
    for key in (attrgetter("who"), attrgetter("domain")):
        alike: dict[str | None, list[Finding]] = defaultdict(list)
        for it in left:
            alike[key(it)].append(it)
        yield from (them for them in alike.values() if len(them) > ALONE)
        left = [it for it in left if len(alike[key(it)]) <= ALONE]
    yield from ([it] for it in left)


def unreachable(what: str, error: str, minutes: int) -> Alert:
    """Say that a mailbox or the database cannot be reached; `what` names it: `mailbox dmarc`, `database`."""
    alert = Alert(
        cause=Cause.UNREACHABLE,
        topic=_topic(Cause.UNREACHABLE, what),
        domains=(),
        who=None,
        subject=f"DMARC: {what} unreachable for {counted(minutes, 'minute')}",
        sentences=(f"The {what} has not been reached for {counted(minutes, 'minute')}: {error}",),
        next_step="Run `ruamill doctor` where ruamill runs: it names what is wrong. Mail that waits there is read later.",
    )
    return cleaned(alert, LONGEST)


def _alert(cause: Cause, found: Sequence[Finding]) -> Alert:
    """Tell of findings that have something in common; what they have not is counted."""
    first, domains = found[0], tuple(dict.fromkeys(it.domain for it in found if it.domain))
    who, *others = dict.fromkeys(it.who for it in found)
    of = f" {first.domain}" if first.domain else ""
    return Alert(
        cause=cause,
        topic=_topic(cause, None if len(domains) > 1 else first.domain, None if others else who),
        domains=domains,
        who=None if others else who,
        subject=f"DMARC{of}: {first.what}{_more(len(domains) - 1, len(others))}",
        sentences=tuple(_sentences(found)),
        next_step=EACH if others else first.next_step,
    )


def _more(domains: int, senders: int) -> str:
    if domains > 0:
        return f" (and {counted(domains, 'more domain')})"
    return f" (and {counted(senders, 'more sender')})" if senders else ""


def _topic(*parts: str | None) -> str:
    return clipped(" ".join(part for part in parts if part), LONGEST_TOPIC)


def _sentences(found: Sequence[Finding]) -> Iterator[str]:
    several = len({it.domain for it in found}) > 1
    for it in found[:TOLD]:
        yield f"{it.domain}: {it.sentence}" if several else it.sentence
    if len(found) > TOLD:
        senders = len({it.who for it in found}) > 1
        yield f"The same of {counted(len(found) - TOLD, 'more sender' if senders else 'more domain')}."


# --- mail


def mail(alert: Alert, envelope: Envelope) -> EmailMessage:
    """Write the mail that says it, in plain text."""
    message = addressed(envelope, alert.subject)
    message.set_content(text(alert), cte="quoted-printable")
    return message


def text(alert: Alert) -> str:
    """Lay it out as plain text of 72 columns."""
    step = [f"What to do: {alert.next_step}"] if alert.next_step else []
    closing = "ruamill says this at most once a day for each cause; docs/alerts.md explains it."
    return "\n\n".join(_filled(part) for part in [*alert.sentences, *step, closing]) + "\n"


def _filled(paragraph: str) -> str:
    return fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)
