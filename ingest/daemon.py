"""The schedule: each mailbox polled again and again, side by side, until told to stop.

A job never raises: an outage is logged and tried again at the next poll, a defect is logged with its trace.
"""

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Timer
from types import FrameType

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from ingest.database import open_database
from ingest.mailboxes import MailboxUnavailableError
from ingest.settings import AnyMailbox, Settings
from ingest.tally import Tally
from ingest.visit import visit
from parsers.feedback import is_exhausted
from store.database import Database, DatabaseUnavailableError

STOP_SECONDS = 9.0
"""How long the batch in hand may take once we are told to stop, and a server may hang. What is cut off then is not
committed, or committed and not moved: the next start finds it either way."""

WATCH_SECONDS = 1.0
"""Between two looks whether this process is worn out."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds between tries while the database is away at the start, doubling."""

log = structlog.get_logger()


def run(settings: Settings, stop: Event) -> bool:
    """Work until `stop` is set; tell whether this process is worn out instead, and another should go on.

    Raises DatabaseUrlError and SchemaTooNewError at the start.
    """
    database = _wait_for_database(settings, stop)
    if database is None:
        return False
    worn_out = Event()
    scheduler = _schedule(settings, database, stop, worn_out)
    scheduler.start()
    log.info("started", mailboxes=[box.name for box in settings.mailbox], database=database.name)
    while not stop.wait(WATCH_SECONDS) and not worn_out.is_set():
        pass
    go_on = not stop.is_set()
    log.info("stopping", worn_out=go_on)
    stop.set()
    scheduler.shutdown(wait=True)
    database.close()
    log.info("stopped")
    return go_on


def stop_on_signals(stop: Event) -> None:
    """Let SIGTERM and SIGINT ask for the end, which comes within STOP_SECONDS; a second one ends the process at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_DFL)
        stop.set()
        patience = Timer(STOP_SECONDS, _cut_off)
        patience.daemon = True
        patience.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)


def _cut_off() -> None:
    """End whatever hangs: no server may keep the daemon."""
    log.warning("stopped_in_mid_poll", after_seconds=STOP_SECONDS)
    os._exit(0)


def _wait_for_database(settings: Settings, stop: Event) -> Database | None:
    wait = FIRST_WAIT
    while not stop.is_set():
        try:
            return open_database(settings)
        except DatabaseUnavailableError as error:
            log.warning("database_unavailable", error=str(error), next_try_seconds=wait)
            stop.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT)
    return None


def _schedule(settings: Settings, database: Database, stop: Event, worn_out: Event) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(max(1, len(settings.mailbox)))},
        # a late run is still wanted, and several late ones are one
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    for box in settings.mailbox:
        scheduler.add_job(
            _poller(box, settings, database, stop, worn_out),
            "interval",
            seconds=settings.schedule.poll_seconds,
            next_run_time=datetime.now(UTC),
            id=box.name,
        )
    return scheduler


def _poller(
    box: AnyMailbox, settings: Settings, database: Database, stop: Event, worn_out: Event
) -> Callable[[], None]:
    def poll() -> None:
        tally = Tally()
        try:
            visit(box, settings, database, tally, stop)
        except (MailboxUnavailableError, DatabaseUnavailableError) as error:
            log.warning("poll_failed", source=box.name, error=str(error))
        except Exception:
            log.exception("poll_failed", source=box.name)
        log.info("poll", source=box.name, **tally.as_json())
        if is_exhausted():  # asked in the thread that reads
            worn_out.set()

    return poll
