"""`ruamill readiness`: whether a domain is ready for the next policy."""

from dataclasses import asdict
from datetime import UTC, date, datetime

import typer

from enrich import catalogue
from ingest import logs, prose, show
from ingest.database import open_database
from ingest.known import known
from ingest.settings import Settings
from ingest.status import DONE
from store.policies import policy_domains
from summary.readiness import DECIDING, Named, Period, Readiness, Subdomain, SubdomainStep, look
from summary.verdicts import Verdict
from summary.words import TOUCHED

SHOWN = 10
"""Subdomains that are named."""


def run(settings: Settings, domain: str, *, json: bool, today: date | None = None) -> int:
    """Print the answer, then the figures, then who stands in the way."""
    logs.set_up(settings.log, quiet=True)
    domain = domain.lower().rstrip(".")
    services = catalogue.load(settings.enrich.services)
    database = open_database(settings)
    with show.progress(f"Judging {domain}"):
        found = look(database, domain, today or datetime.now(UTC).date(), known(settings, domain, services))
    if found is None:
        with database.reading() as connection:
            typer.echo(show.nothing(domain, policy_domains(connection)), err=True)
    if json:
        show.as_json(found and asdict(found))
    elif found:
        _tell(found)
    return DONE


def _tell(found: Readiness) -> None:
    prose.heading(f"{found.domain}: {found.answer}")
    typer.echo(_policy(found))
    typer.echo()
    show.table(
        ["a stricter policy touches", *(f"{it.days} days" for it in found.periods)], _rows(found.periods)
    )
    told: dict[str, str] = {}
    for title, named in (
        ("In the way", found.blockers),
        ("To mend first", found.to_mend),
        ("To decide", found.to_decide),
    ):
        _tell_named(title, named, told)
    if found.record:
        _paragraph("Next" if found.ready else "Once it is ready", f"Publish {found.record}")
    _tell_subdomains(found)


def _policy(found: Readiness) -> str:
    policy = found.published
    tags = [("p", policy.p), ("sp", policy.sp), ("np", policy.np), ("t", policy.testing == "y" and "y")]
    said = "; ".join(f"{tag}={value}" for tag, value in tags if value)
    pct = f"; pct={policy.pct}, which RFC 9989 no longer knows" if policy.pct not in (None, 100) else ""
    return f"{said}{pct}: reported so from {policy.since} to {policy.day}"


def _rows(periods: tuple[Period, ...]) -> list[list[show.Value]]:
    counts = {name: [_failing(period, verdict) for period in periods] for verdict, name in TOUCHED.items()}
    rows: list[list[show.Value]] = [
        [name, *map(_cell, numbers, periods)] for name, numbers in counts.items() if any(numbers)
    ]
    rows.append(["in all", *(_cell(period.failing, period) for period in periods)])
    rows.append(["of messages", *(period.messages for period in periods)])
    rows.append(["days that were reported", *(period.reported_days for period in periods)])
    return rows


def _failing(period: Period, verdict: Verdict) -> int:
    return next(it.failing for it in period.verdicts if it.verdict is verdict)


def _cell(number: int, period: Period) -> str:
    return f"{number:,} ({number / period.messages:.1%})" if number else "-"


def _tell_named(title: str, named: tuple[Named, ...], told: dict[str, str]) -> None:
    """Tell of sources; `told` holds who was told each step, so that none is told twice."""
    for it in named:
        lately = "" if it.failing_lately or not it.failing else ", none in the last 7 days"
        count = (
            f"{it.failing:,} of {it.messages:,} messages fail{lately}"
            if it.failing
            else f"{it.messages:,} messages"
        )
        above = told.get(it.next_step or "")
        _paragraph(
            f"{title}: {it.who}", f"{count}. {it.reason}", f"As for {above} above." if above else it.next_step
        )
        if it.next_step:
            told.setdefault(it.next_step, it.who)


def _paragraph(title: str, text: str, step: str | None = None) -> None:
    typer.echo()
    prose.paragraph(title, text, step)


def _tell_subdomains(found: Readiness) -> None:
    sp = found.published.sp
    rule = f"sp={sp}" if sp else "no sp: p holds for them"
    if found.sending:
        _paragraph(f"Subdomains that send ({rule})", _list(found.sending), _subdomain_step(found.sp))
    if found.never_passed:
        np = found.published.np
        advice = "np=reject stops those that are not in the DNS (RFC 9989); for others sp does."
        _paragraph(
            f"Subdomains that never passed ({f'np={np}' if np else 'no np'})",
            _list(found.never_passed),
            None if np == "reject" else advice,
        )


def _subdomain_step(step: SubdomainStep | None) -> str | None:
    if step is None:
        return None
    ready = "Ready for" if step.ready else "Not yet ready for"
    return (
        f"{ready} sp={step.next_policy}: in {DECIDING} days it would have touched {step.failing:,} of {step.messages:,} messages, "
        f"{step.failing_own:,} of them your own."
    )


def _list(subdomains: tuple[Subdomain, ...]) -> str:
    shown = ", ".join(f"{it.name} ({it.failing:,} of {it.messages:,} fail)" for it in subdomains[:SHOWN])
    more = len(subdomains) - SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
