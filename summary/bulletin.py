"""Figures, judged sources and thresholds in; what a postmaster should know, the worst first, out. Pure.

docs/letter.md says from where on something is worth a look.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from store.figures import DomainFigures, Figures, Intake, Window
from summary.findings.arrivals import intake_findings, silence, silence_everywhere, silent_reporters
from summary.findings.comparison import Comparison
from summary.findings.newcomers import newcomers
from summary.findings.own_mail import own_mail
from summary.findings.pass_rate import drop, nothing_passes
from summary.findings.policy import policy_change
from summary.findings.values import Finding, Judged, Kind, Level, Thresholds, severity, urgency
from summary.findings.words import first_up, percent
from summary.readiness import OWN, Readiness
from summary.sources import SourceLine
from summary.words import counted

__all__ = [
    "Bulletin",
    "DomainNews",
    "Finding",
    "Judged",
    "Kind",
    "Level",
    "Thresholds",
    "bulletin",
    "for_domains",
]

TOLD: Final = 3
"""Findings in a domain's sentence; the others are counted."""
_UNJUDGED: Final = Judged((), (), None)


@dataclass(frozen=True, slots=True)
class DomainNews:
    """One domain of a letter."""

    figures: DomainFigures
    level: Level
    sentence: str
    """The verdict in one sentence."""
    findings: tuple[Finding, ...]
    """Worst first."""
    lines: tuple[SourceLine, ...]
    readiness: Readiness | None


@dataclass(frozen=True, slots=True)
class Bulletin:
    """What one letter tells."""

    window: Window
    subject: str
    level: Level
    domains: tuple[DomainNews, ...]
    """Worst first."""
    intake: Intake
    findings: tuple[Finding, ...]
    """What is about no single domain."""
    written_at: datetime


def bulletin(
    figures: Figures, judged: Mapping[str, Judged], thresholds: Thresholds, now: datetime
) -> Bulletin:
    """Judge what came in; `judged` by domain, for those with reports in the window. `now` is the letter's date."""
    asked = min(now, figures.intake.looked_at or now)
    nowhere = silence_everywhere(figures, thresholds, asked)
    general = [*([nowhere] if nowhere else []), *intake_findings(figures.intake, now, polls=not nowhere)]
    news = [
        news_of(Comparison(it, judged.get(it.domain, _UNJUDGED), thresholds), asked, alone=not nowhere)
        for it in figures.domains
    ]
    return _bulletin(figures.window, sorted(news, key=_worst_first), figures.intake, general, now)


def for_domains(whole: Bulletin, domains: Collection[str]) -> Bulletin:
    """Give the part of a letter that is about some domains, for a recipient or for a letter of its own.

    The names of mails that could not be read tell of other people's domains: they are left to the letter about all.
    """
    part = [it for it in whole.domains if it.figures.domain in domains]
    is_all = len(part) == len(whole.domains)
    intake = whole.intake if is_all else replace(whole.intake, rejected=())
    return _bulletin(whole.window, part, intake, whole.findings, whole.written_at)


def _bulletin(
    window: Window,
    domains: Sequence[DomainNews],
    intake: Intake,
    findings: Sequence[Finding],
    written_at: datetime,
) -> Bulletin:
    levels = [*(it.level for it in domains), *(it.level for it in findings), Level.WELL]
    return Bulletin(
        window=window,
        subject=_subject(domains, findings),
        level=min(levels, key=severity),
        domains=tuple(domains),
        intake=intake,
        findings=tuple(findings),
        written_at=written_at,
    )


# --- a domain


def news_of(sources: Comparison, asked: datetime, *, alone: bool) -> DomainNews:
    """Judge a domain; that it is silent is its own finding only if it is `alone` with it."""
    figures = sources.figures
    silent = silence(figures, sources.thresholds, asked)
    others = _one_step_each(sorted(_findings(sources, silent=silent is not None), key=urgency))
    findings = sorted([*([silent] if silent else []), *others], key=urgency)
    return DomainNews(
        figures=figures,
        level=findings[0].level if findings else Level.WELL,
        sentence=_verdict(sources, findings),
        findings=tuple(findings if alone else others),
        lines=sources.judged.lines,
        readiness=sources.judged.readiness,
    )


def _findings(sources: Comparison, *, silent: bool) -> Iterator[Finding]:
    figures = sources.figures
    yield from own_mail(sources)
    yield from newcomers(sources)
    single = (
        policy_change(figures.domain, figures.policy, figures.policy_before),
        drop(sources),
        nothing_passes(sources),
        None if silent else silent_reporters(figures),
    )
    yield from (it for it in single if it)


def _one_step_each(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Leave the next step to the worst finding about a source that has it: there is one cause."""
    said: set[tuple[str | None, str | None]] = set()
    for it in findings:
        step = it.who, it.next_step
        yield replace(it, next_step=None) if step in said else it
        said.add(step)


def _verdict(sources: Comparison, findings: Sequence[Finding]) -> str:
    told, figures = _headlines(findings), sources.figures
    if told:
        rest = [f"{len(told) - TOLD:,} more"] if len(told) > TOLD else []
        return f"{first_up('; '.join([*told[:TOLD], *rest]))}."
    if not figures.messages:
        return "Nothing was reported."
    messages, own = counted(figures.messages, "message"), [it for it in sources.lines if it.verdict in OWN]
    if not own:
        return f"All well: none of {messages} was yours."
    failing = sum(it.failing for it in own)
    yours = f"{failing:,} of your own fail" if failing else "and none of your own mail fails"
    more = "" if figures.passing == figures.messages else f", {yours}"
    return f"All well: {percent(figures.passing, figures.messages)} of {messages} pass{more}."


def _worst_first(news: DomainNews) -> tuple[int, int, int, int, str]:
    figures = news.figures
    kind = urgency(news.findings[0])[1] if news.findings else 0
    failing = figures.messages - figures.passing
    return severity(news.level), kind, -failing, -figures.messages, figures.domain


# --- the subject


def _subject(domains: Sequence[DomainNews], findings: Sequence[Finding]) -> str:
    """Say the verdict, the worst domain first; what is about all of them comes after an equally bad domain."""
    general = next(iter(findings), None)
    if general and general.kind is Kind.NO_REPORTS:
        return f"DMARC: {general.what}"
    wanting = [it for it in domains if it.level is not Level.WELL]
    if wanting and not (general and severity(general.level) < severity(wanting[0].level)):
        return f"DMARC {_about(wanting[0])}{_more(len(wanting) - 1)}"
    if general:
        return f"DMARC: {general.level}, {general.what}"
    whom = domains[0].figures.domain if len(domains) == 1 else f"{len(domains):,} domains"
    reported = any(it.figures.reports for it in domains)
    return f"DMARC {whom}: {'all well' if reported else 'nothing reported'}"


def _about(news: DomainNews) -> str:
    return f"{news.figures.domain}: {news.level}, {_headlines(news.findings)[0]}"


def _more(domains: int) -> str:
    return f" (and {counted(domains, 'more domain')})" if domains else ""


def _headlines(findings: Sequence[Finding]) -> list[str]:
    """Say in a few words each what wants a look; new sources that fail are counted."""
    wanting = [it for it in findings if it.level is not Level.WELL]
    new = sum(it.number for it in wanting if it.kind is Kind.NEW_FAILING_SOURCE)
    told = (
        counted(new, "new failing source") if it.kind is Kind.NEW_FAILING_SOURCE else it.what
        for it in wanting
    )
    return list(dict.fromkeys(told))
