"""What is read from the database for /healthz and /metrics: a look every 15 seconds, in a thread of its own.

So a question over HTTP is answered at once, with what the last look saw, even while the database hangs.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

import structlog

from ingest.monitoring.figures import (
    MailboxFigures,
    lost_letters,
    newest_by_domain,
    of_mailboxes,
    of_registries,
)
from ingest.settings import Settings
from store import conflicts, health, migrate, outbox
from store.database import Database, DatabaseUnavailableError, DatabaseUrlError
from store.lookups import RegistryState, registry_states

LOOK_SECONDS = 15.0
FIRST_LOOK_SECONDS = 1.0
"""Between two looks until the first that saw something: the database may just be brought to this version's schema."""

GRACE_SECONDS = 60.0
"""How long the database may keep us waiting: at the start, and for the answers of one look."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the database saw."""

    revision: str | None = None
    bytes: int = 0
    conflicts: int = 0
    """Reports that wait for a person's decision."""
    mailboxes: dict[str, MailboxFigures] = field(default_factory=dict)
    newest: dict[str, datetime | None] = field(default_factory=dict)
    """Domain -> when its last report was stored; None: there is none."""
    lookups: dict[str, int] = field(default_factory=dict)
    registries: dict[str, RegistryState] = field(default_factory=dict)
    letters: dict[str, int] = field(default_factory=dict)
    """Letters and alerts that were not delivered, by state."""
    last_letter_at: datetime | None = None


class Gauges:
    """Looks at the database again and again, and keeps what it saw last."""

    def __init__(
        self, settings: Settings, database: Database, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._started = self._looked_at = clock()
        self._seen_at: float | None = None
        self._error: str | None = None
        self._upto = 0
        self._newest: dict[str, datetime] = {}
        self.seen = Seen()
        """By the last look that went through; empty before the first."""

    def run(self, stop: Event, every: float = LOOK_SECONDS) -> None:
        """Look until `stop` is set."""
        while True:
            self.look()
            if stop.wait(min(every, FIRST_LOOK_SECONDS) if self._seen_at is None else every):
                return

    def look(self) -> None:
        """Look once. Never raises: what is wrong is kept, to be told."""
        try:
            self._error = self._look()
        except (DatabaseUnavailableError, DatabaseUrlError) as error:
            self._error = str(error)
        except Exception as error:
            log.exception("defect")
            self._error = f"defect: {type(error).__name__}: {error}"
        self._looked_at = self._clock()
        if self._error is None:
            self._seen_at = self._looked_at

    def _look(self) -> str | None:
        """Look at a database of this version's schema; else say what it is."""
        with self._database.reading() as connection:
            revision = migrate.revision(connection)
            if revision != migrate.HEAD:
                return f"{self._database.name}: not at schema {migrate.HEAD} yet, but at {revision or 'none'}"
            states = health.folder_states(connection)
            found = health.newest_reports(connection, self._upto)
            lookups = health.lookups(connection)
            registries = registry_states(connection)
            size = health.size(connection)
            waiting = conflicts.waiting(connection)
            letters = outbox.undelivered(connection)
            last_letter = outbox.last_sent(connection)
        own = self._settings.domains
        self._upto, self._newest = found.upto, newest_by_domain(tuple(own), self._newest, found.moments)
        self.seen = Seen(
            revision=revision,
            bytes=size,
            conflicts=waiting,
            mailboxes={it.name: it for it in of_mailboxes(self._settings.mailbox, states)},
            newest={name: self._newest.get(name) for name in own or self._newest},
            lookups=lookups,
            registries=of_registries(self._settings.enrich, registries),
            letters={
                "waiting": sum(it.next_try_at is not None for it in letters),
                "given_up": len(lost_letters(letters, datetime.now(UTC))),
            },
            last_letter_at=last_letter.sent_at if last_letter else None,
        )
        return None

    @property
    def name(self) -> str:
        """The database, for people."""
        return self._database.name

    @property
    def is_up(self) -> bool:
        """Whether the last look went through."""
        return self._seen_at is not None and self._late() is None and self._error is None

    @property
    def problem(self) -> str | None:
        """What a person should look into; the start is given its time."""
        starting = self._seen_at is None and self._clock() - self._started < GRACE_SECONDS
        return None if starting else self._late() or self._error

    def _late(self) -> str | None:
        silent = self._clock() - self._looked_at
        return (
            f"{self._database.name}: no answer for {int(silent)} seconds" if silent > GRACE_SECONDS else None
        )
