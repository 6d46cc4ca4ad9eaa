"""The daemon's letters: the settings in; each letter written when it is due, and sent until it is taken, out."""

from datetime import UTC, datetime
from threading import Event

import structlog

from enrich.catalogue import CatalogueError
from ingest.backoff import Backoff
from ingest.letters.due import Letter, Subscription, due
from ingest.letters.sending import Sending
from ingest.letters.writing import write
from ingest.settings import Settings
from store import outbox
from store.database import Database, DatabaseUnavailableError
from store.outbox import Parcel

SEND_SECONDS = 5.0
"""Between two looks at what waits to be sent."""

LONGEST_WAIT = 300.0
"""Seconds between two looks while the database is away."""

log = structlog.get_logger()


class WritingJob:
    """What the daemon does every minute where somebody gets letters."""

    def __init__(self, settings: Settings, database: Database, started: datetime) -> None:
        self._settings = settings
        self._database = database
        self._started = started
        self._done: dict[Subscription, datetime] = {}
        """The moments that this process has seen to, be it that no letter was wanted."""

    def run(self, now: datetime | None = None) -> None:
        """Write what is due, each letter claimed so that nobody else does. Raises nothing: the next run tries again."""
        try:
            self._write(now or datetime.now(UTC))
        except (DatabaseUnavailableError, CatalogueError) as error:
            log.warning("letters_not_written", error=str(error))
        except Exception:
            log.exception("letters_not_written")

    def _write(self, now: datetime) -> None:
        letters = self._due(now)
        if letters:
            self._database.catch_up()
        for parcel in write(self._settings, self._database, letters, now):
            self._claim(parcel, now)
        self._done.update({it.subscription: it.window.until for it in letters})

    def _due(self, now: datetime) -> list[Letter]:
        with self._database.reading() as connection:

            def told(it: Subscription) -> datetime | None:
                return outbox.last_end(connection, it.kind, it.recipient, it.topic)

            return list(due(self._settings, now, self._started, self._done, told))

    def _claim(self, parcel: Parcel, now: datetime) -> None:
        if outbox.claim(self._database, [parcel], now):
            names = ("kind", "recipient", "topic", "message_id", "subject")
            log.info("letter_claimed", **{name: getattr(parcel, name) for name in names})


def keep_sending(settings: Settings, database: Database, stop: Event) -> None:
    """Send what waits, letters and alerts, until `stop` is set. Raises nothing: what fails is tried again."""
    sending, backoff, wait = Sending(settings, database), Backoff(LONGEST_WAIT), 0.0
    while not stop.wait(wait):
        try:
            sending.run(stop)
        except DatabaseUnavailableError as error:
            wait = backoff.failed(temporary=True)
            log.warning("letters_not_sent", error=str(error), next_try_seconds=round(wait, 1))
        except Exception:
            log.exception("letters_not_sent")
            wait = backoff.failed(temporary=False)
        else:
            backoff.reset()
            wait = SEND_SECONDS
