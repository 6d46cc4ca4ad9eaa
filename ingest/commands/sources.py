"""`ruamill sources`: who sends as a domain."""

from dataclasses import asdict

import typer

from ingest import logs, show
from ingest.database import open_database
from ingest.settings import Settings
from ingest.status import DONE
from store.sources import SourceTotal, source_totals

COLUMNS = ("domain", "address", "messages", "passing", "failing", "pass rate", "first day", "last day")
SPARE = ("first day", "pass rate", "last day")
"""What a narrow terminal does without, the first of them first."""
SHOWN = 50
"""Addresses in a table where nobody says how many."""


def run(settings: Settings, domain: str | None, *, days: int | None, limit: int | None, json: bool) -> int:
    """Print each address with its messages, most first."""
    logs.set_up(settings.log, quiet=True)
    with open_database(settings).reading() as connection:
        totals = source_totals(connection, domain and domain.lower().rstrip("."), days)
        known = {each.policy_domain for each in source_totals(connection)} if not totals else set()
    if json:
        show.as_json([asdict(total) for total in totals[:limit]])
        return DONE
    if not totals:
        typer.echo(_nothing(domain, known), err=True)
        return DONE
    shown = totals[: limit or SHOWN]
    show.table(COLUMNS, [_row(total) for total in shown], spare=SPARE)
    if len(totals) > len(shown):
        typer.echo(
            f"{len(shown):,} of {len(totals):,} addresses; show all with --limit {len(totals)}", err=True
        )
    return DONE


def _nothing(domain: str | None, known: set[str]) -> str:
    if domain and known:
        return show.printable(
            f"No reports about {domain}; there are reports about {', '.join(sorted(known))}"
        )
    return "No reports yet: store some with `ruamill ingest` or `ruamill poll`."


def _row(total: SourceTotal) -> list[show.Value]:
    return [
        total.policy_domain,
        total.source_ip,
        total.messages,
        total.passing,
        total.failing,
        total.passing / total.messages if total.messages else None,
        total.first_day,
        total.last_day,
    ]
