"""What came in, and how the mailboxes and the database do, in; alerts between letters, claimed to be sent, out.

They are claimed as letters are, by recipient, cause and day; only what tells that the database is away cannot be.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog

from enrich.catalogue import CatalogueError
from ingest.letters.addressing import parcels
from ingest.letters.direct import Direct
from ingest.letters.outages import Outages
from ingest.letters.writing import judge
from ingest.monitoring.watch import Watch
from ingest.settings import Settings
from store import outbox
from store.database import Database, DatabaseUnavailableError
from store.figures import Window
from store.health import newest_reports
from store.locks import lock
from store.outbox import Parcel
from summary.alerts import CAUSES
from summary.bulletin import Finding

LOCK = "alerts"
"""The name that is held while what came in is looked at."""

DAY = timedelta(days=1)
"""What is looked at, and between two alerts about the same: so no two tell of the same reports."""

UNASKED_SECONDS = 3600.0
"""After which it is looked even if nothing came in: silence is no event."""

REST = 20
"""Times as long as a look took is not looked again: it keeps the processor from reading reports."""

LOOKED_FOR = frozenset(CAUSES.values())
"""The causes that are found in reports, or in that there are none."""

log = structlog.get_logger()


def look(settings: Settings, database: Database, now: datetime) -> list[Finding]:
    """Find what the reports of the last 24 hours tell, and of what they are silent.

    A day of them, as in a letter: one report alone is below every threshold. Before the first report, silence tells nothing.
    Raises DatabaseUnavailableError, CatalogueError.
    """
    summary = settings.summary.model_copy(update={"silent_days": settings.alerts.no_reports_days})
    made = judge(settings.model_copy(update={"summary": summary}), database, Window(now - DAY, now), now)
    general = made.findings if made.domains else ()
    return [*general, *(it for news in made.domains for it in news.findings)]


class AlertJob:
    """What the daemon does every minute, where there are causes for alerts."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        watch: Watch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._database = database
        self._outages = Outages(watch, settings.alerts.unreachable_minutes, clock)
        self._direct = Direct(settings, clock)
        self._clock = clock
        self._newest = 0
        """Key of the newest report that was looked at."""
        self._looked = self._rested = -math.inf
        """When the last look began, and from when on the next one may."""

    def run(self, now: datetime | None = None) -> None:
        """Claim an alert for whatever is worth one now. Raises nothing."""
        now = now or datetime.now(UTC)
        with _failures_logged():
            try:
                self._look(now)
            except DatabaseUnavailableError as error:
                self._tell_without_database(str(error), now)

    def _look(self, now: datetime) -> None:
        with self._database.reading() as connection:
            newest = newest_reports(connection, self._newest).upto
        self._outages.answered()
        findings = self._findings(newest, now) if self._is_due(newest) else []
        self._claim(list(parcels(self._settings, findings, list(self._outages.mailboxes()), now)), now)

    def _is_due(self, newest: int) -> bool:
        """Tell whether to look at what came in: if something did, and else now and then."""
        now = self._clock()
        news = newest != self._newest or now - self._looked >= UNASKED_SECONDS
        return news and now >= self._rested and not LOOKED_FOR.isdisjoint(self._settings.alerts.causes)

    def _findings(self, newest: int, now: datetime) -> list[Finding]:
        started = self._clock()
        with lock(self._database, LOCK) as held:
            found = list(look(self._settings, self._database, now)) if held else []
        self._newest, self._looked = newest, started
        self._rested = started + REST * (self._clock() - started)
        return found

    def _claim(self, made: Sequence[Parcel], now: datetime) -> None:
        """Leave those that are new to be sent with the letters."""
        with self._database.reading() as connection:
            ends = [outbox.last_end(connection, "alert", it.recipient, it.topic) for it in made]
        new = [it for it, end in zip(made, ends, strict=True) if end is None or not now - DAY < end <= now]
        if new and outbox.claim(self._database, new, now):
            for topic in dict.fromkeys(it.topic for it in new):
                log.info("alert", topic=topic, recipients=[it.recipient for it in new if it.topic == topic])

    def _tell_without_database(self, error: str, now: datetime) -> None:
        if alert := self._outages.failed(error):
            self._direct.send(parcels(self._settings, [], [alert], now))


@contextmanager
def _failures_logged() -> Iterator[None]:
    try:
        yield
    except (DatabaseUnavailableError, CatalogueError) as error:
        log.warning("alerts_failed", error=str(error))
    except Exception:
        log.exception("alerts_failed")
