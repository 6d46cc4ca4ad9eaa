"""Looks after one mailbox for years: polls it, is told of new mail in between, and comes back after every outage.

All times are of the monotonic clock: it does not matter to a poll if somebody sets the date.
"""

import time
from threading import Event

import structlog

from ingest.backoff import Backoff
from ingest.mailboxes import Mailbox, MailboxUnavailableError
from ingest.monitoring import metrics
from ingest.monitoring.watch import State, Watch
from ingest.settings import AnyMailbox, Settings
from ingest.tally import Tally
from ingest.visit import opened, poll_folders, tokens_of
from parsers.feedback import is_exhausted
from store.database import Database, DatabaseUnavailableError
from store.locks import Lock, lock
from store.migrate import SchemaTooNewError

STANDBY_SECONDS = 10.0
"""Between two looks whether the mailbox is free, while another daemon works on it."""

WATCHED_SECONDS = 540.0
"""How long one wait for new mail lasts: an IDLE is renewed every nine minutes (RFC 2177: before the 29th)."""

SIGN_SECONDS = 60.0
"""How often a thread that waits shows that it is alive."""

log = structlog.get_logger()


class Attendant:
    """One mailbox's thread in the daemon: `run` is all it does."""

    def __init__(
        self,
        mailbox: AnyMailbox,
        settings: Settings,
        database: Database,
        watch: Watch,
        stop: Event,
    ) -> None:
        self._mailbox = mailbox
        self._name = mailbox.name
        self._settings = settings
        self._database = database
        self._watch = watch
        self._stop = stop
        self._tokens = tokens_of(mailbox)
        self._backoff = Backoff(settings.schedule.poll_seconds)
        self._due = 0.0
        self._stands_by = False
        self.worn_out = False
        """Whether this process can read no more, and another should go on."""
        self.outdated: SchemaTooNewError | None = None
        """Why this program can go on no more: a newer one migrated the database meanwhile."""

    def run(self) -> None:
        """Work until told to stop. Never raises: an outage is logged and tried again, a defect with its trace."""
        while not self._stop.is_set():
            self._rest(self._attend())

    def _attend(self) -> float:
        """Work as long as nothing is wrong; give the seconds to rest before the next try."""
        try:
            with lock(self._database, self._name) as held:
                if held is None:
                    return self._stand_by()
                self._stands_by = False
                self._work(held)
        except MailboxUnavailableError as error:
            return self._failed(error, temporary=error.temporary)
        except DatabaseUnavailableError as error:
            return self._failed(error, temporary=True)
        except SchemaTooNewError as error:
            self.outdated = error
            return self._failed(error, temporary=False)
        except Exception as error:
            log.exception("defect", source=self._name)
            return self._failed(error, temporary=True)
        return 0

    def _stand_by(self) -> float:
        """Leave the mailbox to the daemon that holds it, ready to take over."""
        if not self._stands_by:
            log.info("standing_by", source=self._name)
        self._stands_by = True
        self._watch.enter(self._name, State.STANDING_BY)
        return STANDBY_SECONDS

    def _failed(self, error: Exception, *, temporary: bool) -> float:
        self._tell(error, temporary=temporary)
        self._watch.enter(self._name, State.AWAY)
        return self._backoff.failed(temporary=temporary)

    def _tell(self, error: Exception, *, temporary: bool) -> None:
        text = str(error) or type(error).__name__
        log.warning("poll_failed", source=self._name, error=text)
        self._watch.failed(self._name, text, refused=not temporary)

    def _work(self, held: Lock) -> None:
        """Visit the mailbox again and again while it is ours."""
        while held.held() and not self._stop.is_set():
            self._visit(held)
            if not self._stop.is_set():
                self._watch.enter(self._name, State.WAITING)
                self._rest(self._due - time.monotonic())

    def _visit(self, held: Lock) -> None:
        """Poll, and poll again at each news, over one connection."""
        with opened(self._mailbox, self._tokens, self._database) as box:
            again = True
            while again:
                self._poll(box)
                again = box.can_watch and self._is_wanted(box) and held.held()
            if box.can_watch:  # who waits for news waits over a new connection, or for the lock
                self._due = 0.0

    def _is_wanted(self, box: Mailbox) -> bool:
        """Wait for new mail; tell whether to poll over the same connection once more."""
        self._watch.enter(self._name, State.WATCHING)
        news = False
        while not (news or self._stop.is_set()):
            left = min(self._due, box.good_until) - time.monotonic()
            if left <= 0:
                break
            news = box.watch(min(left, WATCHED_SECONDS), self._stop)
            self._watch.beat(self._name)
        return not self._stop.is_set() and time.monotonic() < box.good_until

    def _poll(self, box: Mailbox) -> None:
        started = time.monotonic()
        self._due = started + self._settings.schedule.poll_seconds
        self._watch.enter(self._name, State.POLLING)
        tally = Tally(advance=lambda messages: self._watch.beat(self._name))  # noqa: ARG005 (that it lives is enough)
        try:
            refusal = poll_folders(box, self._mailbox, self._settings, self._database, tally, self._stop)
        finally:
            metrics.POLL_SECONDS.labels(self._name).observe(time.monotonic() - started)
            self.worn_out = is_exhausted()  # asked in the thread that reads
        self._backoff.reset()
        log.info("poll", source=self._name, **tally.as_json())
        if refusal is None:
            self._watch.polled(self._name, tally)
        else:
            self._tell(refusal, temporary=refusal.temporary)

    def _rest(self, seconds: float) -> None:
        """Wait, and show now and then that this thread is alive."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stop.wait(min(left, SIGN_SECONDS)):
            self._watch.beat(self._name)
