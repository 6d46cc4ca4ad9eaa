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
from summary.readiness import Period, Readiness, look
from summary.telling import obstacles, paragraphs
from summary.words import TOUCHED


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
    for obstacle in obstacles(found):
        who, why = f"{obstacle.title}: {obstacle.who}", f"{obstacle.figures}. {obstacle.reason}"
        _paragraph(who, why, obstacle.step)
    for it in paragraphs(found):
        _paragraph(it.title, it.text, it.step)


def _policy(found: Readiness) -> str:
    policy = found.published
    tags = [("p", policy.p), ("sp", policy.sp), ("np", policy.np), ("t", policy.testing == "y" and "y")]
    said = "; ".join(f"{tag}={value}" for tag, value in tags if value)
    pct = f"; pct={policy.pct}, which RFC 9989 no longer knows" if policy.pct not in (None, 100) else ""
    return f"{said}{pct}: reported so from {policy.since} to {policy.day}"


def _rows(periods: tuple[Period, ...]) -> list[list[show.Value]]:
    counts = {name: [period.failing_of(verdict) for period in periods] for verdict, name in TOUCHED.items()}
    rows: list[list[show.Value]] = [
        [name, *map(_cell, numbers, periods)] for name, numbers in counts.items() if any(numbers)
    ]
    rows.append(["in all", *(_cell(period.failing, period) for period in periods)])
    rows.append(["of messages", *(period.messages for period in periods)])
    rows.append(["days that were reported", *(period.reported_days for period in periods)])
    return rows


def _cell(number: int, period: Period) -> str:
    return f"{number:,} ({number / period.messages:.1%})" if number else "-"


def _paragraph(title: str, text: str, step: str | None = None) -> None:
    typer.echo()
    prose.paragraph(title, text, step)
