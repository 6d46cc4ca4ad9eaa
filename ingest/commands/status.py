"""`ruamill status`: how ruamill is doing, for a person. The database and the daemon are asked, nothing is changed."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import typer
from rich.filesize import decimal

from ingest import logs, show
from ingest.letters.due import readers
from ingest.monitoring import overview, probe
from ingest.monitoring.overview import Overview, is_silent, state_of
from ingest.settings import MonitorSettings, Settings
from ingest.status import DONE, OUTAGE
from store.health import Intake
from store.outcomes import Outcome
from summary.words import counted

SHOWN = 50
"""Domains in a table, where none is configured."""

Daemon = Mapping[str, Any] | None
"""What a running daemon says of itself."""


def run(settings: Settings, *, json: bool, now: datetime | None = None) -> int:
    """Print everything; the exit status tells whether something needs a person."""
    logs.set_up(settings.log, quiet=True)
    now = now or datetime.now(UTC)
    seen = overview.look(settings, now)
    daemon = probe.ask(settings.monitor, seen.database) if settings.monitor.enabled else None
    problems = overview.problems(seen, daemon, settings, now)
    if json:
        show.as_json(_as_json(seen, daemon, problems, now))
    else:
        _tell(settings, seen, daemon, now)
        _tell_problems(problems)
    return OUTAGE if problems else DONE


def _as_json(seen: Overview, daemon: Daemon, problems: list[str], now: datetime) -> dict[str, Any]:
    return {
        "version": version("ruamill"),
        "problems": problems,
        "daemon": daemon,
        "database": {
            "name": seen.database,
            "schema": seen.schema,
            "bytes": seen.bytes,
            "reports": seen.reports,
            "records": seen.records,
            "conflicts": seen.conflicts,
            "reparse": seen.reparse and asdict(seen.reparse),
        },
        "mailboxes": [{**asdict(it), "state": state_of(daemon, it.name)} for it in seen.mailboxes],
        "day": seen.day and asdict(seen.day),
        "week": seen.week and asdict(seen.week),
        "domains": [
            {
                "domain": name,
                "newest_report_at": moment,
                "silent": is_silent(moment, now),
            }
            for name, moment in seen.newest.items()
        ],
        "lookups": dict(seen.lookups),
        "oldest_lookup": seen.oldest_lookup,
        "registries": {name: asdict(state) for name, state in seen.registries.items()},
        "last_letter": seen.last_letter and asdict(seen.last_letter),
        "undelivered_letters": [asdict(it) for it in seen.undelivered],
    }


def _tell(settings: Settings, seen: Overview, daemon: Daemon, now: datetime) -> None:
    typer.echo(f"ruamill {version('ruamill')}: {_daemon(settings.monitor, daemon)}")
    size = f", schema {seen.schema}, {decimal(seen.bytes)}" if seen.bytes is not None else ""
    typer.echo(f"database {seen.database}{size}")
    if seen.obstacle:
        return
    _tell_mailboxes(seen, daemon, now)
    if seen.day and seen.week:
        _tell_intake(seen.day, seen.week, seen.reports, seen.records)
    if seen.conflicts:
        conflicts = counted(seen.conflicts, "conflict waits", "conflicts wait")
        typer.echo(f"{conflicts} for a decision: `ruamill conflicts`")
    if seen.reparse:
        reports = counted(seen.reparse.reports, "report")
        begun = f"`ruamill reparse`, begun {age(seen.reparse.started_at, now)} ago"
        typer.echo(f"{begun}, has read {reports}: unless it is at work, start it again")
    _tell_domains(seen, now)
    _tell_lookups(seen, now)
    _tell_letters(settings, seen, now)


def _daemon(monitor: MonitorSettings, daemon: Daemon) -> str:
    if daemon is not None:
        return f"the daemon runs here, version {daemon['version']}, {daemon['status']}"
    if not monitor.enabled or monitor.port == 0:
        return "whether the daemon runs here cannot be told: [monitor] has no port of its own"
    return f"the daemon is not running here: none answers for this database at {monitor.host} port {monitor.port}"


def _tell_mailboxes(seen: Overview, daemon: Daemon, now: datetime) -> None:
    rows: list[list[show.Value]] = [
        [
            it.name,
            (state_of(daemon, it.name) or "-").replace("_", " "),
            age(it.last_poll_at, now),
            it.waiting,
            age(it.oldest_at, now),
        ]
        for it in seen.mailboxes
    ]
    if rows:
        typer.echo()
        show.table(["mailbox", "state", "last poll", "waiting", "oldest"], rows)
    for it in seen.mailboxes:
        if it.error:
            typer.echo(show.printable(f"{it.name}: {age(it.error_at, now)} ago: {it.error}"))


def _tell_intake(day: Intake, week: Intake, reports: int, records: int) -> None:
    rows: list[list[show.Value]] = [
        [outcome.value, day.outcomes.get(outcome, 0), week.outcomes.get(outcome, 0), None]
        for outcome in Outcome
        if outcome in week.outcomes
    ]
    rows.append(["new reports", day.reports, week.reports, reports])
    rows.append(["their records", day.records, week.records, records])
    typer.echo()
    show.table(["messages", "24 hours", "7 days", "in all"], rows)


def _tell_domains(seen: Overview, now: datetime) -> None:
    domains = sorted(
        seen.newest.items(), key=lambda it: it[1] or datetime.min.replace(tzinfo=UTC), reverse=True
    )
    rows: list[list[show.Value]] = [
        [
            name,
            moment and f"{moment:%Y-%m-%d %H:%M}",
            age(moment, now),
            "silent" if is_silent(moment, now) else "",
        ]
        for name, moment in domains[:SHOWN]
    ]
    if rows:
        typer.echo()
        show.table(["domain", "newest report, UTC", "age", "more than 2 days"], rows)
    if len(domains) > len(rows):
        typer.echo(f"and {len(domains) - len(rows):,} more; name your own in `domains`")


def _tell_lookups(seen: Overview, now: datetime) -> None:
    counts = [f"{number:,} {state.replace('_', ' ')}" for state, number in seen.lookups.items() if number]
    oldest = f"; the oldest that waits was seen first on {seen.oldest_lookup}" if seen.oldest_lookup else ""
    typer.echo(f"\nlook-ups of addresses: {', '.join(counts) or 'none'}{oldest}")
    if not seen.registries:
        typer.echo('nobody outside is asked: enrich = "off"')
    for name, state in seen.registries.items():
        if state.closed_until and state.closed_until > now:
            until = f"{state.closed_until:%Y-%m-%d %H:%M} UTC"
            typer.echo(show.printable(f"{name} is not asked until {until}: {state.last_error}"))


def _tell_letters(settings: Settings, seen: Overview, now: datetime) -> None:
    """Tell of the last letter, and of what has not arrived yet; of neither where there never was a letter."""
    if seen.last_letter:
        ago = age(seen.last_letter.sent_at, now)
        last = f"last letter {ago} ago, to {seen.last_letter.recipient}: {seen.last_letter.subject}"
        typer.echo(f"\n{show.printable(last)}")
    elif settings.smtp and readers(settings):
        typer.echo(f"\nno letter yet: the first is due at {settings.summary.at}, {settings.summary.timezone}")
    for it in seen.undelivered:
        if it.next_try_at:
            tried = counted(it.attempts, "time", "times")
            why = f": {it.error}" if it.error else ""
            typer.echo(show.printable(f"{it.subject}, to {it.recipient}: tried {tried}{why}"))


def _tell_problems(problems: list[str]) -> None:
    if not problems:
        typer.echo("\nNothing needs a person.")
        return
    typer.echo("\nThis needs a person:")
    for problem in problems:
        typer.secho(show.printable(f"- {problem}"), fg="red" if sys.stdout.isatty() else None)


def age(moment: datetime | None, now: datetime) -> str | None:
    """Say how long ago it was, as people say it."""
    if moment is None:
        return None
    age = max(now - moment, timedelta())
    for name, unit in (("days", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if age >= 2 * unit:
            return f"{age // unit} {name}"
    return f"{int(age.total_seconds())} s"
