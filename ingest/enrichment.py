"""Look-ups: addresses that are due in; whose networks they are in, and what their names are, in the database.

Each answer is written as soon as it is there: whatever ends a run, no registry is asked twice. What is left waits in the
database.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Event

import structlog

from enrich import addresses
from enrich.catalogue import CatalogueError
from enrich.names import Names
from enrich.offline import Offline, OfflineError
from enrich.pace import Pace
from enrich.registries import Registries
from enrich.values import NAMES, ORIGIN
from ingest.judging import Judging
from ingest.lookups.asking import Asking, Question, Reply
from ingest.lookups.files import look_into_files
from ingest.lookups.looked import Looked
from ingest.lookups.lookup import Lookup, Origins
from ingest.settings import EnrichSettings, Settings
from store import lookups
from store.database import Database, DatabaseUnavailableError
from store.locks import lock

LOCK = "enrichment"
"""The name that is held while a run goes on."""
SHARE = 0.8
"""Of the time from one run of the daemon to the next: what is left is for answers under way, and for judging."""

REST = 20
"""Times as long as judging took is not judged again: it keeps the processor from reading reports."""

log = structlog.get_logger()


class Enrichment:
    """The look-ups of one process: the pace, and what was found out on the way, outlive a run."""

    def __init__(self, settings: EnrichSettings, database: Database, pace: Pace | None = None) -> None:
        self._settings = settings
        self._database = database
        self._pace = pace or Pace(dict(settings.per_minute.items()))
        self._origins: Origins = {}

    def run(
        self, looked: Looked, stop: Event, *, budget: int | None = None, deadline: float = math.inf
    ) -> bool:
        """Look up what is due, within so many registry queries and until a moment of the monotonic clock; count it.

        False where another process is at it. Ends within two seconds once `stop` is set. Raises DatabaseUnavailableError,
        and OfflineError for an MMDB file that cannot be read.
        """
        with closing(Offline(self._settings.mmdb)) as offline, lock(self._database, LOCK) as held:
            if held is None:
                return False
            with self._database.writing() as connection:
                lookups.take_new(connection, _is_public)
            if self._settings.queries == "on":
                self._look_up(offline, looked, stop, budget or self._settings.budget, deadline)
            elif self._settings.mmdb:
                look_into_files(self._database, offline, looked, stop)
            with self._database.reading() as connection:
                looked.waiting = lookups.waiting(connection)
        return True

    def _look_up(self, offline: Offline, looked: Looked, stop: Event, budget: int, deadline: float) -> None:
        with self._database.reading() as connection:
            states = lookups.registry_states(connection)
        with closing(Asking(_asker(self._settings), self._pace, budget, states)) as asking:
            Lookup(self._database, asking, offline, looked, self._origins).run(stop, deadline)
            looked.queries, looked.closed = asking.queries, asking.closed


def _is_public(source_ip: str) -> bool:
    return addresses.is_public(addresses.parse(source_ip))


def _asker(settings: EnrichSettings) -> Callable[[Question], Reply]:
    """Give what asks a question of whoever it is for."""
    registries = Registries(
        base_urls=dict(settings.rdap_base_urls.items()),
        proxy=settings.proxy_url,
        name_servers=settings.name_servers,
        timeout=settings.timeout,
        contact=settings.contact,
    )
    names = Names(name_servers=settings.name_servers, timeout=settings.timeout)

    def ask(question: Question) -> Reply:
        if question.asked == NAMES:
            return names.name(question.address)
        if question.asked == ORIGIN:
            return registries.origin(question.address)
        return registries.network(question.address, question.origin)

    return ask


@contextmanager
def _failures_logged() -> Iterator[None]:
    try:
        yield
    except (DatabaseUnavailableError, OfflineError, CatalogueError) as error:
        log.warning("enrichment_failed", error=str(error))
    except Exception:
        log.exception("enrichment_failed")


class EnrichmentJob:
    """What the daemon does every `schedule.enrich_seconds`."""

    def __init__(self, settings: Settings, database: Database, stop: Event) -> None:
        self._settings = settings
        self._database = database
        self._enrichment = Enrichment(settings.enrich, database)
        self._judging: Judging | None = None
        self._judge_anew = False
        self._judge_at = 0.0
        self._stop = stop

    def run(self) -> None:
        """Look up what is due and judge what is new, unless another process is at it; log it. Raises nothing.

        What is left, by `stop`, by the end of its time or by an outage, goes the next time.
        """
        looked, seconds = Looked(), SHARE * self._settings.schedule.enrich_seconds
        with _failures_logged():
            if not self._enrichment.run(looked, self._stop, deadline=time.monotonic() + seconds):
                return
            log.info("enriched", **looked.as_json())
        with _failures_logged():
            self._judge(looked)

    def _judge(self, looked: Looked) -> None:
        """Judge what is new, and rest: with 100,000 addresses in a month it takes half a minute each time."""
        started = time.monotonic()
        self._judge_anew |= looked.is_news
        if started < self._judge_at:
            return
        self._judging = self._judging or Judging(self._settings, self._database)
        if domains := self._judging.run(self._stop, anew=self._judge_anew):
            log.info("judged", domains=domains, seconds=round(time.monotonic() - started, 3))
        self._judge_anew = False
        self._judge_at = time.monotonic() + REST * (time.monotonic() - started)
