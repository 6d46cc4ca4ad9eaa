"""Alerts that the database is away in; each at its recipient, past the outbox that is away with it, out.

What was sent is remembered as long as this process lives: of two daemons both tell, and after a restart once more.
"""

import math
import time
from collections.abc import Callable, Iterable

import structlog

from ingest.letters import smtp, webhook
from ingest.letters.errors import DeliveryError
from ingest.oauth.tokens import tokens_for
from ingest.settings import Settings
from store.outbox import Parcel

DAY_SECONDS = 86_400.0

log = structlog.get_logger()


class Direct:
    """One process's way past the database; used by one thread."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._smtp = settings.smtp
        self._tokens = tokens_for(settings.smtp) if settings.smtp else None
        self._webhooks = webhook.names(settings.alerts.webhook)
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}
        """Recipient and topic -> when it was told."""

    def send(self, parcels: Iterable[Parcel]) -> None:
        """Send what its recipient was not told within a day. What fails and may pass is left for the next call."""
        for parcel in parcels:
            about = (parcel.recipient, parcel.topic)
            if self._clock() - self._told.get(about, -math.inf) >= DAY_SECONDS and self._is_settled(parcel):
                self._told[about] = self._clock()

    def _is_settled(self, parcel: Parcel) -> bool:
        """Send it; tell whether to leave it at that: it is sent, or never will be."""
        try:
            self._hand_over(parcel)
        except DeliveryError as error:
            log.warning("alert_failed", topic=parcel.topic, recipient=parcel.recipient, error=error.reason)
            return not error.temporary
        log.info("alert_sent", topic=parcel.topic, recipient=parcel.recipient)
        return True

    def _hand_over(self, parcel: Parcel) -> None:
        if parcel.channel == "webhook":
            webhook.post(parcel.content, self._webhooks[parcel.recipient])
        elif self._smtp:
            smtp.send(parcel.content, self._smtp.sender, parcel.recipient, self._smtp, self._tokens)
