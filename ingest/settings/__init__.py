"""What can be set, as values that are valid by construction; `ingest.configuration` reads them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, TypeAdapter, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ingest.settings.base import ONE_OR_SEVERAL, Days, Seconds, Section, TimeOfDay, nearest
from ingest.settings.enrichment import DomainSettings, EnrichSettings, enrichment
from ingest.settings.letters import AlertSettings, SmtpSettings, SummarySettings, WebhookSettings
from ingest.settings.mailboxes import AnyMailbox, ImapSettings, MailboxSettings, MaildirSettings
from ingest.settings.web import WebSettings
from parsers.limits import Limits
from parsers.text import read_domain

__all__ = [
    "AcceptSettings",
    "AlertSettings",
    "AnyMailbox",
    "DomainSettings",
    "EnrichSettings",
    "ImapSettings",
    "LogSettings",
    "MailboxSettings",
    "MaildirSettings",
    "MonitorSettings",
    "RetentionSettings",
    "ScheduleSettings",
    "Settings",
    "SmtpSettings",
    "SummarySettings",
    "WebSettings",
    "WebhookSettings",
    "nearest",
]


def _domain(text: str) -> str:
    """Bring a domain to the form in which those of reports are compared."""
    name, departures = read_domain(text.strip())
    if name is None or set(departures) - {"letter-case", "trailing-dot", "u-label"}:
        raise ValueError("must be a domain name such as example.org; those below it are included")
    return name


_ITS_NAME = (
    'the word before the first semicolon of your server\'s Authentication-Results fields, or "microsoft365"'
)


def _authserv_id(text: str) -> str:
    name = text.strip().lower()
    if not name or ";" in name or len(name.split()) > 1:
        raise ValueError(f"must be {_ITS_NAME}")
    return name


Name = Annotated[str, AfterValidator(_domain)]
_NAMES: TypeAdapter[tuple[str, ...]] = TypeAdapter(Annotated[tuple[Name, ...], ONE_OR_SEVERAL])


def _domains(value: object) -> object:
    """Take a list of names for tables with nothing in them."""
    return (
        value if isinstance(value, dict) else dict.fromkeys(_NAMES.validate_python(value), DomainSettings())
    )


Domains = Annotated[dict[Name, DomainSettings], BeforeValidator(_domains)]
AuthservIds = Annotated[tuple[Annotated[str, AfterValidator(_authserv_id)], ...], ONE_OR_SEVERAL]


class AcceptSettings(Section):
    """Which reports are believed, and what becomes of the others."""

    trusted_authserv_id: AuthservIds = ()
    """The receiving servers whose Authentication-Results fields are believed (RFC 8601 2.5), in lower case;
    "microsoft365" for its field, which names no server."""
    unauthenticated: Literal["store", "refuse"] = "store"
    """Reports in a mail that has no DMARC pass from a trusted server."""
    foreign: Literal["store", "refuse"] = "store"
    """Reports about domains that are none of ours; stored, they are not counted."""
    failure_headers: Literal["redacted", "none", "full"] = "redacted"
    """What is kept of the headers of the mail that a failure report is about."""

    @model_validator(mode="after")
    def _somebody_is_trusted(self) -> "AcceptSettings":
        if self.unauthenticated == "refuse" and not self.trusted_authserv_id:
            message = f'needs trusted_authserv_id for unauthenticated = "refuse": name {_ITS_NAME}'
            raise ValueError(message)
        return self


class ScheduleSettings(Section):
    """When the daemon works."""

    poll_seconds: Seconds = 300
    """From the start of one poll of a mailbox to the start of the next."""
    enrich_seconds: Seconds = 600
    """From the start of one run of look-ups to the start of the next."""


class RetentionSettings(Section):
    """How long what was stored is kept; the sums by day stay for ever."""

    keep: Days | None = None
    """Days that reports, their records and XML, and the ledger are kept after they came in; for ever without."""
    at: TimeOfDay = "03:30"
    """UTC time of day at which the daemon removes what is older."""


class MonitorSettings(Section):
    """Where the daemon tells how it is: /healthz and /metrics, by HTTP without a password."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 9797
    """0: any that is free; the log says which."""


class LogSettings(Section):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"
    """auto: console on a terminal, JSON otherwise."""


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database: SecretStr = SecretStr("sqlite:///ruamill.db")
    """SQLAlchemy URL: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME; secret for the password in it."""
    workers: Annotated[int, Field(ge=1, le=64)] | None = None
    """Processes that read messages while this one writes; 1: it reads them itself. Without it one a core for commands,
    at most 4, and 1 for the daemon, whose polls are small."""
    domains: Domains = {}
    """Our own policy domains, in lower case, those below them included; without any, every domain is ours."""
    accept: AcceptSettings = AcceptSettings()
    mailbox: tuple[AnyMailbox, ...] = ()
    enrich: Annotated[EnrichSettings, BeforeValidator(enrichment)] = EnrichSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    retention: RetentionSettings = RetentionSettings()
    monitor: MonitorSettings = MonitorSettings()
    smtp: SmtpSettings | None = None
    summary: SummarySettings = SummarySettings()
    alerts: AlertSettings = AlertSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _mailboxes_differ(self) -> "Settings":
        names = [box.name for box in self.mailbox]
        if twice := next((name for name in names if names.count(name) > 1), None):
            message = f'two mailboxes are called "{twice}": give each a name of its own'
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _something_is_ours(self) -> "Settings":
        if self.accept.foreign == "refuse" and not self.domains:
            message = (
                'accept.foreign = "refuse" needs domains: name your own, such as domains = ["example.org"]'
            )
            raise ValueError(message)
        return self

    def of_domain(self, name: str) -> DomainSettings:
        """Give what is known about a policy domain, or about the nearest one above it."""
        ours = nearest(name, self.domains)
        return self.domains[ours] if ours else DomainSettings()

    def with_database(self, url: str) -> "Settings":
        """Give the same settings with another database."""
        return self.model_copy(update={"database": SecretStr(url)})

    def with_workers(self, number: int) -> "Settings":
        """Give the same settings with so many workers."""
        return self.model_copy(update={"workers": number})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over: pydantic's own environment source cannot reach into a list of tables."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)
