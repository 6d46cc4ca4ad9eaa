"""What is worth an alert in; a parcel for each who is to be told, by mail and by webhook, out. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from functools import partial
from hashlib import sha256
from itertools import chain
from zoneinfo import ZoneInfo

from ingest.letters import webhook
from ingest.letters.due import readers
from ingest.settings import Settings, SmtpSettings, WebhookSettings
from store.outbox import Parcel
from summary.alerts import Alert, alerts, mail
from summary.bulletin import Finding
from summary.letter import Envelope


def everybody(settings: Settings) -> frozenset[str]:
    """Name all who get letters or alerts of any kind."""
    own = (it.recipients for it in settings.domains.values())
    return frozenset(chain(settings.summary.recipients, settings.alerts.recipients, *own))


def recipients(settings: Settings, domain: str | None) -> tuple[str, ...]:
    """Say who gets an alert about a domain, or about none, by mail.

    Those of [alerts], and the domain's own; where there are neither, those of the letter.
    """
    own = settings.of_domain(domain).recipients if domain else ()
    named = tuple(dict.fromkeys([*settings.alerts.recipients, *own]))
    return named or settings.summary.recipients or tuple(readers(settings))


def parcels(
    settings: Settings, findings: Sequence[Finding], outages: Sequence[Alert], now: datetime
) -> Iterator[Parcel]:
    """Address what is worth an alert by the settings to whom it is about, and to every webhook."""
    causes = settings.alerts.causes
    wanted = [it for it in outages if it.cause in causes]
    if settings.smtp:
        for recipient in _readers(settings, findings):
            mine = [it for it in findings if recipient in recipients(settings, it.domain)]
            general = wanted if recipient in recipients(settings, None) else []
            for alert in [*alerts(mine, causes), *general]:
                yield _mail(settings.smtp, recipient, alert, now)
    for name, hook in webhook.names(settings.alerts.webhook).items():
        for alert in [*alerts(findings, causes), *wanted]:
            yield _request(hook, name, alert, now)


def _readers(settings: Settings, findings: Sequence[Finding]) -> dict[str, None]:
    """Name all who read mail about any of it, in order and once."""
    domains = dict.fromkeys([None, *(it.domain for it in findings)])
    return dict.fromkeys(reader for domain in domains for reader in recipients(settings, domain))


def _mail(settings: SmtpSettings, recipient: str, alert: Alert, now: datetime) -> Parcel:
    below = settings.sender.rpartition("@")[2]
    message_id = f"<{_identity(alert, recipient, now)}@{below}>"
    envelope = Envelope(
        sender=settings.sender,
        recipient=recipient,
        reply_to=settings.reply_to,
        message_id=message_id,
        date=now,
        timezone=ZoneInfo("UTC"),
        list_id=f"ruamill.{below}",
    )
    content = mail(alert, envelope).as_bytes()
    return _parcel(alert, now)(channel="mail", recipient=recipient, message_id=message_id, content=content)


def _request(hook: WebhookSettings, name: str, alert: Alert, now: datetime) -> Parcel:
    identity = _identity(alert, name, now)
    content = webhook.body(alert, hook, identity, now)
    return _parcel(alert, now)(channel="webhook", recipient=name, message_id=identity, content=content)


def _parcel(alert: Alert, now: datetime) -> partial[Parcel]:
    """Fill in what does not depend on the way."""
    day = _day(now)
    return partial(Parcel, kind="alert", topic=alert.topic, begins_at=day, ends_at=now, subject=alert.subject)


def _identity(alert: Alert, recipient: str, now: datetime) -> str:
    """Name the alert to somebody of this cause on this day; whoever says it twice says it under one name."""
    return sha256(f"{alert.topic}\n{recipient}\n{_day(now)}".encode()).hexdigest()[:32]


def _day(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(UTC), time(), UTC)
