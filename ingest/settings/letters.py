"""What can be set about the letter, the alerts between letters, and the way they go."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, model_validator

from ingest.settings.base import MailAddress, MailAddresses, Port, Seconds, Section, TimeOfDay
from ingest.settings.oauth import AnyOAuth

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Cause = Literal["own_source_fails", "policy_weakened", "no_reports", "unreachable"]
"""What is worth an alert at once."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('must be a time zone such as "Europe/Berlin", or "UTC"') from None
    return name


def _webhook(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    try:
        host = urlsplit(text).hostname if text.startswith(("https://", "http://")) else None
    except ValueError:
        host = None
    if not host:
        raise ValueError('must be a URL such as "https://hooks.example.org/…"')
    return url


class SmtpSettings(Section):
    """The mail server that takes letters and alerts."""

    host: str
    port: Port | None = None
    """465 for implicit TLS, 587 with a user, else 25."""
    tls: Literal["implicit", "starttls", "none"] = "starttls"
    ca_file: Path | None = None
    """PEM file with the authority that signed the server's certificate."""
    user: str | None = None
    password: SecretStr | None = None
    oauth: AnyOAuth | None = None
    """Instead of the password, as for a mailbox."""
    sender: MailAddress
    """Mail address that letters come from."""
    reply_to: MailAddress | None = None
    timeout: Seconds = 30

    @property
    def effective_port(self) -> int:
        """The port in use (RFC 8314 3.3, RFC 6409 3.1)."""
        return self.port or (465 if self.tls == "implicit" else 587 if self.user else 25)

    @model_validator(mode="after")
    def _one_way_in(self) -> "SmtpSettings":
        if self.oauth and (self.password or not self.user):
            raise ValueError("oauth goes with user, and without password")
        return self


class SummarySettings(Section):
    """The nightly letter: to whom, when, and what is worth a look."""

    recipients: MailAddresses = ()
    """Who gets what no domain's own recipients get; without any, and none at a domain, there is no letter."""
    at: TimeOfDay = "06:30"
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Of `at`, and of the days in the letter's text; the days of reports are UTC days."""
    quiet: bool = False
    """Only when something wants a look, and once a week."""
    letters: Literal["together", "each"] = "together"
    """A recipient's domains in one letter, or a letter for each."""
    weekly: Weekday | None = None
    """A roll-up of the seven days before, on that day."""
    drop_points: Annotated[float, Field(gt=0, le=100)] = 15
    """A pass rate that is lower by so many points than that of the 7 days before is worth a look …"""
    drop_messages: Annotated[int, Field(ge=1)] = 100
    """… where there are at least so many messages."""
    silent_days: Annotated[int, Field(ge=1)] = 2
    """Days without a report about a domain that had one daily."""
    new_source_messages: Annotated[int, Field(ge=1)] = 10
    """A new source that fails is worth a look from so many messages on."""


class WebhookSettings(Section):
    """Where alerts are sent by HTTP."""

    url: Annotated[SecretStr, AfterValidator(_webhook)]
    shape: Literal["json", "slack", "teams"] = "json"
    secret: SecretStr | None = None
    """Key of the HMAC-SHA256 in the header X-Ruamill-Signature."""
    ca_file: Path | None = None
    timeout: Seconds = 10


class AlertSettings(Section):
    """What is said at once, between letters: one alert for each cause and day at most."""

    causes: tuple[Cause, ...] = ()
    recipients: MailAddresses = ()
    """Who gets them by mail, beside a domain's own recipients; those of the letter without it."""
    webhook: tuple[WebhookSettings, ...] = ()
    no_reports_days: Annotated[int, Field(ge=1)] = 3
    unreachable_minutes: Annotated[int, Field(ge=1)] = 60
