"""How ruamill is doing: the settings and a look at the database in; figures, and what needs a person, out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from ingest.monitoring.figures import (
    MailboxFigures,
    newest_by_domain,
    of_mailboxes,
    of_registries,
    troubles_with_letters,
)
from ingest.monitoring.watch import State, patience
from ingest.settings import Settings
from store import conflicts, health, migrate, outbox
from store.database import Database, DatabaseUnavailableError
from store.health import Intake
from store.lookups import RegistryState, registry_states
from store.outbox import Sent, Undelivered
from store.reparse import Run, unfinished

DAY, WEEK = timedelta(days=1), timedelta(days=7)

SILENT_AFTER = timedelta(days=2)
"""Large receivers report daily: a domain without a report for so long may have lost its rua, or its mail."""

HOW_TO_FILL = "`ruamill run`, `ruamill poll` and `ruamill ingest` make it"


@dataclass(frozen=True, slots=True)
class Overview:
    """What the database says; where it cannot be read, only why."""

    database: str
    obstacle: str | None = None
    """Why there is nothing to tell, and the next step."""
    schema: str | None = None
    bytes: int | None = None
    mailboxes: Sequence[MailboxFigures] = ()
    day: Intake | None = None
    """What came in within the last 24 hours."""
    week: Intake | None = None
    reports: int = 0
    records: int = 0
    conflicts: int = 0
    """Reports that contradict a counted one, and wait for a decision."""
    reparse: Run | None = None
    """A run that reads every report again, under way or interrupted."""
    newest: Mapping[str, datetime | None] = field(default_factory=dict)
    lookups: Mapping[str, int] = field(default_factory=dict)
    oldest_lookup: date | None = None
    """First day of an address that waits for its look-up."""
    registries: Mapping[str, RegistryState] = field(default_factory=dict)
    """Who is asked; nobody where look-ups are off."""
    last_letter: Sent | None = None
    undelivered: Sequence[Undelivered] = ()
    """Letters and alerts that wait, or were given up."""


def look(settings: Settings, now: datetime) -> Overview:
    """Look at the configured database. It is never migrated or made. Raises DatabaseUrlError."""
    database = Database(settings.database.get_secret_value())
    try:
        if database.file is not None and not database.file.exists():
            return Overview(database.name, f"{database.name}: there is no database yet; {HOW_TO_FILL}")
        return _look(settings, database, now)
    except DatabaseUnavailableError as error:
        return Overview(database.name, str(error))
    finally:
        database.close()


def _look(settings: Settings, database: Database, now: datetime) -> Overview:
    with database.reading() as connection:
        revision = migrate.revision(connection)
        if revision != migrate.HEAD:
            return Overview(database.name, f"{database.name}: {_wrong_schema(revision)}", revision)
        newest = newest_by_domain(tuple(settings.domains), {}, health.newest_reports(connection).moments)
        reports, records = health.totals(connection)
        return Overview(
            database=database.name,
            schema=revision,
            bytes=health.size(connection),
            mailboxes=of_mailboxes(settings.mailbox, health.folder_states(connection)),
            day=health.intake(connection, now - DAY),
            week=health.intake(connection, now - WEEK),
            reports=reports,
            records=records,
            conflicts=conflicts.waiting(connection),
            reparse=unfinished(connection),
            newest={name: newest.get(name) for name in settings.domains or newest},
            lookups=health.lookups(connection),
            oldest_lookup=health.oldest_waiting(connection),
            registries=of_registries(settings.enrich, registry_states(connection)),
            last_letter=outbox.last_sent(connection),
            undelivered=outbox.undelivered(connection),
        )


def _wrong_schema(revision: str | None) -> str:
    if revision is None:
        return f"it is empty; {HOW_TO_FILL}"
    if revision > migrate.HEAD:
        return f"its schema {revision} is newer than this ruamill's {migrate.HEAD}: install the newer ruamill"
    return f"its schema {revision} is older than this ruamill's {migrate.HEAD}: run `ruamill db upgrade`, or start the daemon"


def problems(
    overview: Overview, daemon: Mapping[str, Any] | None, settings: Settings, now: datetime
) -> list[str]:
    """Name what needs a person; a running daemon knows best about the mailboxes that it works on."""
    found = [overview.obstacle] if overview.obstacle else []
    found += daemon["problems"] if daemon else []
    for figures in overview.mailboxes:
        if state_of(daemon, figures.name) in (None, State.STANDING_BY):
            found += _of_mailbox(figures, timedelta(seconds=patience(settings.schedule.poll_seconds)), now)
    found += troubles_with_letters(overview.undelivered, now)
    return list(dict.fromkeys(found))


def state_of(daemon: Mapping[str, Any] | None, mailbox: str) -> str | None:
    """Tell what a daemon on this machine does about a mailbox; None where there is none."""
    known = daemon["mailboxes"].get(mailbox) if daemon else None
    return known and known["state"]


def _of_mailbox(figures: MailboxFigures, patience: timedelta, now: datetime) -> Iterator[str]:
    if figures.error:
        yield f"{figures.name}: {figures.error}"
    elif figures.last_poll_at is None:
        yield f"{figures.name}: never polled: start `ruamill run`"
    elif now - figures.last_poll_at > patience:
        yield f"{figures.name}: not polled since {figures.last_poll_at:%Y-%m-%d %H:%M} UTC: start `ruamill run`"


def is_silent(moment: datetime | None, now: datetime) -> bool:
    """Tell whether a domain has had no report for too long."""
    return moment is None or now - moment > SILENT_AFTER
