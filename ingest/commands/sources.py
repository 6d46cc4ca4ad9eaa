"""`ruamill sources`: who sends as a domain."""

from dataclasses import asdict

import typer

from ingest import logs, show
from ingest.database import open_database
from ingest.settings import Settings
from ingest.status import DONE
from store.sources import SourceTotal, source_totals

COLUMNS = ("domain", "address", "messages", "passing", "failing", "pass rate", "first day", "last day")


def run(settings: Settings, domain: str | None, *, days: int | None, limit: int, json: bool) -> int:
    """Print each address with its messages, most first."""
    logs.set_up(settings.log, quiet=True)
    with open_database(settings).reading() as connection:
        totals = source_totals(connection, domain and domain.lower().rstrip("."), days)
    if json:
        show.as_json(
            [
                asdict(total) | {"first_day": str(total.first_day), "last_day": str(total.last_day)}
                for total in totals
            ]
        )
        return DONE
    if not totals:
        about = f" about {domain}" if domain else ""
        typer.echo(f"No reports{about} yet: store some with `ruamill ingest` or `ruamill poll`.", err=True)
        return DONE
    show.table(COLUMNS, [_row(total) for total in totals[:limit]])
    if len(totals) > limit:
        typer.echo(f"{len(totals) - limit} more addresses; show them with --limit {len(totals)}", err=True)
    return DONE


def _row(total: SourceTotal) -> list[str | int]:
    rate = f"{total.passing / total.messages:.1%}" if total.messages else "-"
    return [
        total.policy_domain,
        total.source_ip,
        total.messages,
        total.passing,
        total.failing,
        rate,
        str(total.first_day),
        str(total.last_day),
    ]
