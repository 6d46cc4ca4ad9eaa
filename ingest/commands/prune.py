"""`ruamill db prune`: what came in long ago is removed, while reports go on coming in."""

import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import typer

from ingest import logs, show
from ingest.configuration import ConfigurationError
from ingest.database import open_database
from ingest.settings import Settings
from ingest.settings.base import days
from ingest.status import DONE, TEMPORARY
from store.database import Database
from store.locks import lock
from store.retention import LOCK, Pruned, due, horizon, prune
from summary.words import counted

NAMES = (
    ("tls_reports", "TLS report", "TLS reports"),
    ("failure_reports", "failure report", "failure reports"),
    ("kept_mails", "kept mail", "kept mails"),
    ("messages", "ledger entry", "ledger entries"),
)


def run(settings: Settings, keep: str | None, *, dry_run: bool, json: bool) -> int:
    """Remove what came in longer ago than `keep` days, or only count it; print what it was."""
    logs.set_up(settings.log, quiet=True)
    to_keep = timedelta(days=_days(settings, keep))
    database = open_database(settings)
    now, started = datetime.now(UTC), time.monotonic()
    found = due(database, to_keep, now)
    if not dry_run:
        with lock(database, LOCK) as held:
            if held is None:
                typer.echo("ruamill: another process is removing old reports; let it finish", err=True)
                return TEMPORARY
            found = _prune(database, to_keep, now, found.rows)
    before, seconds = horizon(to_keep, now).date().isoformat(), round(time.monotonic() - started, 3)
    if json:
        show.as_json({"before": before, "dry_run": dry_run, **asdict(found), "seconds": seconds})
    else:
        typer.echo(_told(found, before, dry_run=dry_run))
    return DONE


def _days(settings: Settings, keep: str | None) -> int:
    if keep is None and settings.retention.keep is None:
        raise ConfigurationError(
            "nothing says how long to keep: give --keep 400d, or set keep in [retention] of ruamill.toml"
        )
    try:
        return days(settings.retention.keep if keep is None else keep)
    except ValueError as error:
        raise ConfigurationError(f"--keep {error}") from None


def _prune(database: Database, keep: timedelta, now: datetime, rows: int) -> Pruned:
    with show.progress("Removing", rows) as bar:
        return prune(database, keep, now, pause=time.sleep, advance=bar.advance)


def _told(found: Pruned, before: str, *, dry_run: bool) -> str:
    if found == Pruned():
        return f"nothing came in before {before}: nothing to remove"
    reports = f"{counted(found.reports, 'report')} with {counted(found.records, 'record')}"
    others = [counted(getattr(found, name), *nouns) for name, *nouns in NAMES if getattr(found, name)]
    verb = "would remove" if dry_run else "removed"
    return f"{verb} {', '.join([reports, *others])} that came in before {before}; the sums by day stay"
