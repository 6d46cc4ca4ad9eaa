"""The daemon: a thread for each mailbox, a schedule for what goes by the clock, and an eye on them all.

Polls are no jobs of the schedule: a connection that waits for new mail stays, and a clock that jumps must not matter.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from ingest.attendant import Attendant
from ingest.enrichment import EnrichmentJob
from ingest.letters.alerting import AlertJob
from ingest.letters.due import readers
from ingest.letters.job import WritingJob, keep_sending
from ingest.monitoring import notify, server
from ingest.monitoring.watch import Watch
from ingest.retention import prune_nightly
from ingest.settings import Settings
from store.database import Database, DatabaseUnavailableError
from store.migrate import upgrade

LOOK_SECONDS = 1.0
"""Between two looks at the threads."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds between tries while the database is away at the start, doubling."""

FIRST_LOOK_UP = 30.0
"""Seconds after the start: by then the first poll has found something to look up."""

LETTERS_SECONDS = 60
"""Between two looks whether a letter, or an alert, is to be written."""

JOBS = 4
"""That may be at work at the same time: look-ups, which take their time, retention, letters and alerts."""

log = structlog.get_logger()


def run(settings: Settings, stop: Event) -> bool:
    """Work until `stop` is set; tell whether this process is worn out instead, and another should go on.

    Raises DatabaseUrlError at the start, SchemaTooNewError also later: a newer ruamill migrated the database.
    """
    names = [box.name for box in settings.mailbox]
    watch = Watch(names, settings.schedule.poll_seconds)
    with (
        closing(Database(settings.database.get_secret_value())) as database,
        server.serve(settings, watch, database),
    ):
        notify.ready()
        with _living(watch, names):
            ready = _wait_for_database(database, stop)
        worn_out = ready and _attend(settings, database, watch, stop)
    log.info("stopped")
    return worn_out


def _attend(settings: Settings, database: Database, watch: Watch, stop: Event) -> bool:
    end = Event()
    attendants = [Attendant(box, settings, database, watch, end) for box in settings.mailbox]
    threads = [Thread(target=attendant.run) for attendant in attendants]
    if settings.smtp or settings.alerts.webhook:
        threads.append(Thread(target=keep_sending, args=(settings, database, end)))
    schedule = _schedule(settings, database, watch, end)
    schedule.start()
    for thread in threads:
        thread.start()
    log.info("started", mailboxes=[box.name for box in settings.mailbox], database=database.name)
    worn_out, outdated = False, None
    while not (worn_out or outdated) and not stop.wait(LOOK_SECONDS):
        worn_out = any(attendant.worn_out for attendant in attendants)
        outdated = next((it.outdated for it in attendants if it.outdated), None)
        if not watch.stuck():
            notify.watchdog()
    log.info("stopping", worn_out=worn_out)
    if not worn_out:  # systemd would take the program that comes next for one that should have ended
        notify.stopping()
    end.set()
    schedule.shutdown(wait=True)
    for thread in threads:
        thread.join()
    if outdated:
        raise outdated
    return worn_out


def _schedule(settings: Settings, database: Database, watch: Watch, end: Event) -> BackgroundScheduler:
    schedule = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(JOBS)},
        # a late run is still wanted, and several late ones are one
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    enrichment = EnrichmentJob(settings, database, end)
    seconds = settings.schedule.enrich_seconds
    first = datetime.now(UTC) + timedelta(seconds=min(seconds, FIRST_LOOK_UP))
    often = IntervalTrigger(seconds=seconds, timezone="UTC")
    schedule.add_job(enrichment.run, often, id="enrichment", next_run_time=first)
    if settings.retention.keep is not None:
        hour, minute = settings.retention.at.split(":")
        nightly = CronTrigger(hour=hour, minute=minute, timezone="UTC")
        schedule.add_job(prune_nightly, nightly, args=(settings, database, end), id="retention")
    minutely, now = IntervalTrigger(seconds=LETTERS_SECONDS, timezone="UTC"), datetime.now(UTC)
    if settings.smtp and readers(settings):
        letters = WritingJob(settings, database, now)
        schedule.add_job(letters.run, minutely, id="letters", next_run_time=now)
    if settings.alerts.causes:
        schedule.add_job(AlertJob(settings, database, watch).run, minutely, id="alerts", next_run_time=now)
    return schedule


def _wait_for_database(database: Database, stop: Event) -> bool:
    """Bring the database to this version's schema, however long it is away; tell whether that was done."""
    wait = FIRST_WAIT
    while not stop.is_set():
        try:
            upgrade(database)
        except DatabaseUnavailableError as error:
            log.warning("database_unavailable", error=str(error), next_try_seconds=wait)
            notify.status(f"waiting for the database: {error}")
            stop.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT)
        else:
            notify.status("at work")
            return True
    return False


@contextmanager
def _living(watch: Watch, names: Sequence[str]) -> Iterator[None]:
    """Show signs of life for the mailboxes, whose threads are not there yet: a migration may take its time."""
    end = Event()

    def live() -> None:
        while not end.wait(LOOK_SECONDS):
            for name in names:
                watch.beat(name)
            notify.watchdog()

    thread = Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
