"""A bulletin in; everything that its letter says, in the letter's order and in words, out. Both layouts show this."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from store.figures import REJECTED, DomainFigures, Intake, Rejected
from store.outcomes import Outcome
from summary.bulletin import Bulletin, DomainNews, Kind, Level
from summary.letter.domain import Note, Part, note, part
from summary.letter.words import cleaned, clipped, moment, named, period, share
from summary.words import counted

FEW: Final = 3
"""A letter of so many domains shows those that are all well too."""
SUBJECT: Final = 200
"""Characters of the subject."""
AWAY: Final = timedelta(days=1)
"""Mailboxes that nobody looked at for longer are worth a word."""
NAMED: Final = 5
"""Domains that a line names."""
NONE: Final = "-"
HEADS: Final = ("Domain", "Messages", "Passing", "Change", "Policy", "Verdict")
TABLE: Final = (
    "Change: points of the pass rate against the 7 days before. Policy: what receivers found published."
)
READING: Final = (
    "Receivers such as Google and Microsoft report daily which machines sent mail with your domain in its From line. A message "
    "passes DMARC if a DKIM signature of your domain verifies, or if SPF allows the machine for your domain; what fails is "
    "let through, quarantined or rejected, as your policy asks."
)
"""What a reader needs to know who never saw such a letter."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a bulletin a letter shows; the rest is counted."""

    rows: int
    """Domains in the table."""
    parts: int
    """Domains with a part of their own."""
    notes: int
    """Findings and mails by name, in each place."""
    cards: int
    """Sources of a domain."""
    longest: int
    """Characters of a sentence."""


@dataclass(frozen=True, slots=True)
class Row:
    """One domain in the table."""

    domain: str
    level: Level
    messages: str
    rate: str
    change: str | None
    """Points, against the 7 days before; None where there is nothing to compare."""
    policy: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What a letter says."""

    subject: str
    level: Level
    notes: tuple[Note, ...]
    """What is about no single domain."""
    rows: tuple[Row, ...]
    more_rows: str | None
    parts: tuple[Part, ...]
    more_parts: str | None
    intake_notes: tuple[Note, ...]
    intake: tuple[str, ...]
    rejected: tuple[str, ...]
    more_rejected: str | None
    period: tuple[str, ...]


def letter(bulletin: Bulletin, timezone: ZoneInfo, limits: Limits) -> Letter:
    """Say it all, within limits. Pure."""
    every = bulletin.domains
    apart = [it for it in every if it.level is not Level.WELL or len(every) <= FEW]
    named_mails = bulletin.intake.rejected[: limits.notes]
    return cleaned(
        Letter(
            subject=clipped(bulletin.subject, SUBJECT),
            level=bulletin.level,
            notes=_notes(bulletin, limits, intake=False),
            rows=tuple(_row(it) for it in every[: limits.rows]),
            more_rows=_more(every[limits.rows :], "in this table"),
            parts=tuple(part(it, limits.cards, limits.notes) for it in apart[: limits.parts]),
            more_parts=_more(apart[limits.parts :], "in detail: `ruamill sources DOMAIN` shows one"),
            intake_notes=_notes(bulletin, limits, intake=True),
            intake=tuple(_intake(bulletin, timezone)),
            rejected=tuple(map(_refusal, named_mails)),
            more_rejected=_more_rejected(bulletin.intake, len(named_mails)),
            period=tuple(_period(bulletin, timezone)),
        ),
        limits.longest,
    )


def _notes(bulletin: Bulletin, limits: Limits, *, intake: bool) -> tuple[Note, ...]:
    """Tell what was found about no single domain; what is about ingestion has its place further down."""
    found = [it for it in bulletin.findings if (it.kind is Kind.INTAKE) is intake]
    return tuple(note(it, ()) for it in found[: limits.notes])


# --- the table over all domains


def _row(news: DomainNews) -> Row:
    figures = news.figures
    return Row(
        clipped(figures.domain, 100),
        news.level,
        f"{figures.messages:,}",
        share(figures.passing, figures.messages),
        _change(figures),
        _policy(figures),
    )


def _change(figures: DomainFigures) -> str | None:
    if not (figures.messages and figures.earlier_messages):
        return None
    points = 100 * (figures.passing / figures.messages - figures.earlier_passing / figures.earlier_messages)
    return f"{round(points, 1) + 0:+.1f}"  # + 0: what rounds to nothing is no minus


def _policy(figures: DomainFigures) -> str:
    if figures.policy is None:
        return NONE
    return clipped(figures.policy.p or NONE, 10) + (" (t=y)" if figures.policy.testing == "y" else "")


def _more(left: Sequence[DomainNews], where: str) -> str | None:
    """Count what does not fit, by how it stands, and name the first."""
    if not left:
        return None
    counts = [(level, sum(it.level is level for it in left)) for level in Level]
    stand = ", ".join(f"{number:,} {called(level)}" for level, number in counts if number)
    names = named((it.figures.domain for it in left), NAMED)
    return f"{counted(len(left), 'more domain')} not shown {where} ({stand}): {names}."


def called(level: Level) -> str:
    """Name a level as the subject does."""
    return "all well" if level is Level.WELL else level.value


# --- how ingestion went


def _intake(bulletin: Bulletin, timezone: ZoneInfo) -> Iterator[str]:
    intake = bulletin.intake
    if intake.looked_at and bulletin.written_at - intake.looked_at > AWAY:
        yield f"No mailbox was looked at since {moment(intake.looked_at, timezone)}: ruamill did not run."
    counts = [f"{intake.outcomes[it]:,} {_said(it)}" for it in Outcome if intake.outcomes.get(it)]
    total = sum(intake.outcomes.values())
    yield f"{counted(total, 'mail')} read{': ' if counts else ''}{', '.join(counts)}."
    if intake.waiting:
        oldest = (
            f", the oldest since {moment(intake.oldest_waiting_at, timezone)}"
            if intake.oldest_waiting_at
            else ""
        )
        yield f"{counted(intake.waiting, 'mail')} waiting in the mailboxes{oldest}."
    for name, reason in intake.failing_mailboxes.items():
        yield f"Mailbox {clipped(name)} cannot be read: {reason}."
    if intake.conflicts:
        yield f"{_contradict(intake.conflicts)} not counted: `ruamill conflicts` shows them and advises."
    if intake.lookups_waiting:
        yield f"{counted(intake.lookups_waiting, 'address', 'addresses')} waiting for the look-up of the owner."


def _contradict(reports: int) -> str:
    return (
        "1 report contradicts a stored one and is"
        if reports == 1
        else f"{reports:,} reports contradict stored ones and are"
    )


def _said(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")


def _refusal(mail: Rejected) -> str:
    sender = f" from {clipped(mail.sender)}" if mail.sender else ""
    why = mail.reason or "no reason known"
    return f"{_said(mail.outcome)}: {clipped(mail.name)}{sender} ({clipped(mail.source)}): {why}"


def _more_rejected(intake: Intake, shown: int) -> str | None:
    """Count the others: the figures name the newest alone."""
    more = sum(intake.outcomes.get(it, 0) for it in REJECTED) - shown
    if more <= 0:
        return None
    mails = f"and {more:,} more" if shown else f"{counted(more, 'mail')} could not be read, or only in part"
    return f"{mails}: `ruamill status` counts them."


# --- the period


def _period(bulletin: Bulletin, timezone: ZoneInfo) -> Iterator[str]:
    window, figures = bulletin.window, [it.figures for it in bulletin.domains]
    began, ended = moment(window.after, timezone), moment(window.until, timezone)
    yield f"This letter is about the reports that came in from {began} to {ended} ({timezone.key}), whatever days they are about."
    days = [day for it in figures if it.reports for day in (it.first_day, it.last_day) if day]
    if days:
        reports, late = sum(it.reports for it in figures), sum(it.late_reports for it in figures)
        yield f"{'This is' if reports == 1 else 'These are'} {counted(reports, 'report')} about {period(days)} (UTC days); {_late(late, reports)}."
    yield f"Written {moment(bulletin.written_at, timezone)} by ruamill."


def _late(number: int, reports: int) -> str:
    if not number:
        return "it is not late" if reports == 1 else "none of them is late"
    which = "it is" if reports == 1 else f"{number:,} of them {'is' if number == 1 else 'are'}"
    return f"{which} late, about days that an earlier letter told of, and counted here once"
