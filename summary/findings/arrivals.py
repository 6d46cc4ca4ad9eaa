"""Figures in; whether reports come in, from whom no more, and what could not be taken, out: findings."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from store.figures import DomainFigures, Figures, Intake
from store.outcomes import Outcome
from summary.findings.values import Finding, Kind, Level, Thresholds
from summary.findings.words import first_up, named, short
from summary.words import counted

LONG: Final = timedelta(days=1)
"""A message that waits longer in a mailbox is worth a look."""
_UNREADABLE: Final = (Outcome.CORRUPT, Outcome.REFUSED)
_DOCTOR: Final = "Run `ruamill doctor`: it says what is wrong with the mailbox, and how to mend it."


# --- nothing comes in


def silence(figures: DomainFigures, thresholds: Thresholds, now: datetime) -> Finding | None:
    """Tell of a domain that had a report on nearly every day, and has none any more."""
    days = _days_since(figures, now)
    if not figures.was_daily or days is None or days < thresholds.silent_days:
        return None
    return Finding(
        level=Level.ACT,
        kind=Kind.NO_REPORTS,
        what=f"no reports for {counted(days, 'day')}",
        sentence=f"No report about {figures.domain} came in for {counted(days, 'day')}; before, there was one on nearly every "
        "day.",
        next_step=f"See that the TXT record _dmarc.{figures.domain} is there, and that its rua= still names your mailbox.",
        domain=figures.domain,
    )


def silence_everywhere(figures: Figures, thresholds: Thresholds, now: datetime) -> Finding | None:
    """Tell of it if nothing comes in about any domain: one cause, and most likely in the mailbox."""
    if not figures.domains:
        return _no_reports(figures.intake, "no reports", "No report came in within the last 60 days")
    silent = any(silence(it, thresholds, now) for it in figures.domains)
    days = min((it for it in (_days_since(it, now) for it in figures.domains) if it is not None), default=0)
    if not silent or days < thresholds.silent_days:
        return None
    what = f"no reports for {counted(days, 'day')}"
    return _no_reports(
        figures.intake, what, f"No report came in for {counted(days, 'day')}, about any domain"
    )


def _no_reports(intake: Intake, what: str, sentence: str) -> Finding:
    failing = intake.failing_mailboxes
    why = f"; {_failing_polls(intake)}" if failing else ""
    otherwise = (
        ""
        if failing
        else " If it finds nothing, see that rua= in your DMARC records still names the mailbox."
    )
    return Finding(Level.ACT, Kind.NO_REPORTS, what, f"{sentence}{why}.", f"{_DOCTOR}{otherwise}")


def _days_since(figures: DomainFigures, now: datetime) -> int | None:
    return (now - figures.newest_report_at).days if figures.newest_report_at else None


def silent_reporters(figures: DomainFigures) -> Finding | None:
    """Tell of reporters that went silent."""
    names = [it.reporter for it in figures.silences]
    if not names:
        return None
    first = figures.silences[0]
    several = len(names) > 1
    told = (
        f"{named(names)} reported regularly, and do no more."
        if several
        else f"{short(first.reporter)} last reported about {first.last_day}, after {counted(first.reports, 'report')} in 30 days."
    )
    return Finding(
        level=Level.LOOK,
        kind=Kind.REPORTER_SILENT,
        what=f"{counted(len(names), 'reporter')} gone silent"
        if several
        else f"{short(names[0])} reports no more",
        sentence=told,
        next_step="Nothing, if you send little mail there; else see whether spam filters hold back its reports to you.",
        domain=figures.domain,
        who=None if several else first.reporter,
    )


# --- what could not be taken


def intake_findings(intake: Intake, now: datetime, *, polls: bool) -> Iterator[Finding]:
    """Tell how ingestion went; of mailboxes only if nothing else tells of them (`polls`)."""
    if polls and intake.failing_mailboxes:
        yield _unreadable_mailboxes(intake)
    elif polls and intake.oldest_waiting_at and now - intake.oldest_waiting_at > LONG:
        yield _waiting(intake, now - intake.oldest_waiting_at)
    if any(intake.outcomes.get(it) for it in _UNREADABLE):
        yield _unreadable_mail(intake)


def _unreadable_mailboxes(intake: Intake) -> Finding:
    names = list(intake.failing_mailboxes)
    what = f"mailbox {short(names[0])}" if len(names) == 1 else counted(len(names), "mailbox", "mailboxes")
    sentence = f"{first_up(_failing_polls(intake))}."
    return Finding(Level.LOOK, Kind.INTAKE, f"{what} cannot be read", sentence, _DOCTOR)


def _failing_polls(intake: Intake) -> str:
    return "; ".join(
        f"the last poll of {short(it)} failed: {why}" for it, why in intake.failing_mailboxes.items()
    )


def _waiting(intake: Intake, age: timedelta) -> Finding:
    mails = counted(intake.waiting, "mail")
    return Finding(
        level=Level.LOOK,
        kind=Kind.INTAKE,
        what=f"{mails} waiting in the mailbox",
        sentence=f"{mails} in the mailbox were not taken yet, the oldest for {counted(age.days, 'day')}.",
        next_step="Run `ruamill status`: it says whether the daemon runs, and why it does not take them.",
    )


def _unreadable_mail(intake: Intake) -> Finding:
    numbers = {it: intake.outcomes.get(it, 0) for it in _UNREADABLE}
    mails = counted(sum(numbers.values()), "mail")
    shares = " and ".join(f"{number:,} {outcome}" for outcome, number in numbers.items() if number)
    return Finding(
        level=Level.LOOK,
        kind=Kind.INTAKE,
        what=f"{mails} could not be read",
        sentence=f"{mails} could not be read ({shares}); the bytes are kept.",
        next_step="See who sent them and why below; after an upgrade `ruamill retry` reads corrupt mail again.",
    )
