"""Findings in, what is worth saying at once out: in words, and as the mail that says it. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from enum import StrEnum
from textwrap import fill
from typing import Final

from summary.bulletin import Finding, Kind, Level
from summary.letter import Envelope
from summary.letter.words import cleaned, clipped, counted

ALONE: Final = 3
"""More domains than so many with one cause are one alert: a lost mailbox silences two hundred domains at once."""
TOLD: Final = 10
"""Domains of such an alert that are told of, the rest is counted."""
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
    """Say what is worth an alert, by cause and sender; of all domains together where they are many."""
    alike: dict[tuple[Cause, str | None], list[Finding]] = defaultdict(list)
    for finding in findings:
        cause = CAUSES.get(finding.kind)
        if cause in causes and cause is not None and finding.level is Level.ACT:
            alike[cause, finding.who].append(cleaned(finding, LONGEST))
    for (cause, _), found in alike.items():
        parts = [found] if len(found) > ALONE else [[one] for one in found]
        yield from (_alert(cause, part) for part in parts)


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
    first, more = found[0], len(found) - 1
    of = f" {first.domain}" if first.domain else ""
    others = f" (and {counted(more, 'more domain')})" if more else ""
    return Alert(
        cause=cause,
        topic=_topic(cause, None if more else first.domain, first.who),
        domains=tuple(it.domain for it in found if it.domain),
        who=first.who,
        subject=f"DMARC{of}: {first.what}{others}",
        sentences=tuple(_sentences(found)),
        next_step=first.next_step,
    )


def _topic(*parts: str | None) -> str:
    return clipped(" ".join(part for part in parts if part), LONGEST_TOPIC)


def _sentences(found: Sequence[Finding]) -> Iterator[str]:
    for it in found[:TOLD]:
        yield f"{it.domain}: {it.sentence}" if it.domain and len(found) > 1 else it.sentence
    if len(found) > TOLD:
        yield f"The same of {counted(len(found) - TOLD, 'more domain')}."


# --- mail


def mail(alert: Alert, envelope: Envelope) -> EmailMessage:
    """Write the mail that says it, in plain text."""
    plain = (envelope.sender + envelope.recipient + (envelope.reply_to or "")).isascii()
    message = EmailMessage(SMTP if plain else SMTPUTF8)
    message["From"] = envelope.sender
    message["To"] = envelope.recipient
    message["Subject"] = alert.subject
    message["Date"] = envelope.date
    message["Message-ID"] = envelope.message_id
    if envelope.reply_to:
        message["Reply-To"] = envelope.reply_to
    message["List-Id"] = f"<{envelope.list_id}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 5
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(text(alert), cte="quoted-printable")
    return message


def text(alert: Alert) -> str:
    """Lay it out as plain text of 72 columns."""
    step = [f"What to do: {alert.next_step}"] if alert.next_step else []
    closing = "ruamill says this at most once a day for each cause; docs/alerts.md explains it."
    return "\n\n".join(_filled(part) for part in [*alert.sentences, *step, closing]) + "\n"


def _filled(paragraph: str) -> str:
    return fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)
