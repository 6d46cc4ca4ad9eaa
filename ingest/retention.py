"""The nightly job: what came in longer ago than the settings keep it is removed, while reports go on coming in."""

import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from threading import Event

import structlog

from ingest.settings import Settings
from store.database import Database, DatabaseUnavailableError
from store.locks import lock
from store.retention import LOCK, horizon, newest_arrival, prune

QUIET = timedelta(days=7)
"""By which the newest mail may be behind our clock. A clock that is years ahead would make everything old."""

log = structlog.get_logger()


def prune_nightly(settings: Settings, database: Database, stop: Event) -> None:
    """Remove what is old, unless another process is at it; leave off within a moment once `stop` is set. Raises nothing.

    What is left, by `stop` or by an outage, goes the next night.
    """
    if settings.retention.keep is None:
        return
    try:
        with lock(database, LOCK) as held:
            if held is not None:
                _prune(database, timedelta(days=settings.retention.keep), stop)
    except DatabaseUnavailableError as error:
        log.warning("prune_failed", error=str(error))
    except Exception:
        log.exception("prune_failed")


def _prune(database: Database, keep: timedelta, stop: Event) -> None:
    now, started = datetime.now(UTC), time.monotonic()
    arrived = newest_arrival(database, now)
    if arrived is not None and now - arrived > QUIET:
        log.warning(
            "prune_put_off",
            newest_mail=arrived.isoformat(),
            advice="check this machine's clock, and the mail",
        )
        return
    removed = prune(database, keep, now, pause=stop.wait)
    before, seconds = horizon(keep, now).date().isoformat(), round(time.monotonic() - started, 3)
    log.info("pruned", before=before, **asdict(removed), seconds=seconds, finished=not stop.is_set())
