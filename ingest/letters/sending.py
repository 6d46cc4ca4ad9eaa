"""What waits in the outbox in; handed to the mail server or the webhook, each noted as sent, put off, or given up, out.

A try is written down, with a moment before which nobody makes the next one, and then made: two daemons send each once, and
what a daemon was sending when it died is sent once more, with the same Message-ID.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Event

import structlog

from ingest.letters import smtp, webhook
from ingest.letters.addressing import everybody
from ingest.letters.errors import DeliveryError
from ingest.letters.writing import write_now
from ingest.oauth.tokens import Tokens, tokens_for
from ingest.settings import Settings
from store import outbox
from store.database import Database
from store.outbox import Waiting
from summary.bulletin import Bulletin

WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""After the first try that failed, the second …; the last from then on."""

PATIENCE = timedelta(days=5)
"""For so long a letter is tried, as mail servers do (RFC 5321 4.5.4.1)."""

RUN_SECONDS = 60.0
"""A run that has lasted so long begins no other try: who waits for a server that hangs must not hold up what is new."""

LEAST_LEASE = timedelta(minutes=10)

log = structlog.get_logger()


class Sending:
    """One process's way to the mail server and the webhooks; used by one thread."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._smtp = settings.smtp
        self._tokens: Tokens | None = tokens_for(settings.smtp) if settings.smtp else None
        self._readers = everybody(settings)
        self._webhooks = webhook.names(settings.alerts.webhook)
        self._database = database
        self._clock = clock
        self._unnoted: list[int] = []
        """Keys of what was sent, and could not be noted because the database went away."""

    def run(self, stop: Event) -> None:
        """Try what is due, until `stop` is set or the time of a run is over. Raises DatabaseUnavailableError."""
        until = time.monotonic() + RUN_SECONDS
        self._note()
        for waiting in self._due():
            if stop.is_set() or time.monotonic() > until:
                return
            self._try(waiting)

    def _due(self) -> Iterator[Waiting]:
        with self._database.reading() as connection:
            waiting = outbox.due(connection, self._clock())
        # What nothing is configured for any more waits for its settings, and `status` tells of it.
        return (it for it in waiting if it.channel == "webhook" or self._smtp)

    def _try(self, waiting: Waiting) -> None:
        now = self._clock()
        if not outbox.take(self._database, waiting.key, now, now + self._lease()):
            return
        try:
            self._hand_over(waiting)
        except DeliveryError as error:
            self._failed(waiting, error)
        except Exception as error:
            log.exception("defect")
            self._failed(waiting, DeliveryError(f"defect: {type(error).__name__}: {error}", temporary=True))
        else:
            log.info("letter_sent", **_told(waiting))
            self._unnoted.append(waiting.key)
            self._note()

    def _lease(self) -> timedelta:
        """Give the time in which a try is certainly over, one way or the other."""
        return max(LEAST_LEASE, timedelta(seconds=2 * smtp.WHOLE * self._smtp.timeout if self._smtp else 0))

    def _hand_over(self, waiting: Waiting) -> None:
        if waiting.channel == "webhook":
            self._post(waiting)
        elif waiting.recipient not in self._readers:
            raise DeliveryError("no longer among the recipients", temporary=False)
        elif self._smtp:
            smtp.send(waiting.content, self._smtp.sender, waiting.recipient, self._smtp, self._tokens)

    def _post(self, waiting: Waiting) -> None:
        hook = self._webhooks.get(waiting.recipient)
        if hook is None:
            raise DeliveryError("this webhook is not configured any more", temporary=False)
        webhook.post(waiting.content, hook)

    def _note(self) -> None:
        """Note what was sent, before anything else is: it must not be sent again."""
        while self._unnoted:
            outbox.sent(self._database, self._unnoted[0], self._clock())
            del self._unnoted[0]

    def _failed(self, waiting: Waiting, error: DeliveryError) -> None:
        now, told = self._clock(), _told(waiting)
        if error.temporary and now - waiting.claimed_at < PATIENCE:
            wait = WAITS[min(waiting.attempts, len(WAITS) - 1)]
            outbox.failed(self._database, waiting.key, error.reason, now + wait)
            log.warning("letter_failed", **told, error=error.reason, next_try_seconds=wait.total_seconds())
        else:
            outbox.failed(self._database, waiting.key, error.reason, None)
            log.error("letter_given_up", **told, error=error.reason)


def send_now(settings: Settings, whole: Bulletin) -> Iterator[tuple[str, DeliveryError | None]]:
    """Send everybody who gets the letter their part of a bulletin, at once, and by hand: nothing is claimed or tried again.

    Give each recipient, and why it did not go; nobody without [smtp], or recipients.
    """
    if settings.smtp is None:
        return
    tokens = tokens_for(settings.smtp)
    for parcel in write_now(settings, whole):
        try:
            smtp.send(parcel.content, settings.smtp.sender, parcel.recipient, settings.smtp, tokens)
        except DeliveryError as error:
            yield parcel.recipient, error
        else:
            yield parcel.recipient, None


def _told(waiting: Waiting) -> dict[str, object]:
    return {
        "kind": waiting.kind,
        "channel": waiting.channel,
        "recipient": waiting.recipient,
        "message_id": waiting.message_id,
        "attempt": waiting.attempts + 1,
    }
