"""What can be set, as values that are valid by construction; `ingest.configuration` reads them."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from ingest.mailboxes import Destination
from parsers.limits import Limits
from parsers.text import read_domain

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """One table of the configuration: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class MailboxSettings(Section):
    """What every kind of mailbox has."""

    name: str = ""
    """How the ledger and the log call it."""
    processed: str = "Processed"
    """Folder for what was stored, or is stored already."""
    failed: str = "Failed"
    """Folder for what is corrupt or refused."""
    ignored: str = "Ignored"
    """Folder for reports of another kind."""
    after: Literal["move", "flag", "leave"] = "move"
    """What becomes of a message once its outcome is committed: moved; flagged in place; left as it is."""
    not_a_report: Literal["leave", "ignore"] = "leave"
    """Ordinary mail: left alone, or treated like reports of another kind."""

    def folder_for(self, destination: Destination) -> str:
        """Name the folder of a message that does not stay."""
        folders = {Destination.PROCESSED: self.processed, Destination.IGNORED: self.ignored}
        return folders.get(destination, self.failed)


def _named(values: Any, key: str) -> Any:  # noqa: ANN401 (pydantic hands over what it was given)
    """Name a mailbox after `key` where the configuration gave no name."""
    if isinstance(values, dict) and not values.get("name") and values.get(key):
        return {**values, "name": str(values[key])}
    return values


class ImapSettings(MailboxSettings):
    """A mailbox on an IMAP server."""

    kind: Literal["imap"] = "imap"
    host: str
    port: Port | None = None
    """993 for implicit TLS, else 143."""
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    ca_file: Path | None = None
    """PEM file with the authority that signed the server's certificate."""
    user: str
    password: SecretStr
    folder: str = "INBOX"
    connect_timeout: Seconds = 15
    read_timeout: Seconds = 120

    @model_validator(mode="before")
    @classmethod
    def _default_name(cls, values: Any) -> Any:  # noqa: ANN401 (pydantic hands over what it was given)
        return _named(values, "user")

    @property
    def effective_port(self) -> int:
        """The port in use (RFC 8314 3.2 for implicit TLS)."""
        return self.port or (993 if self.tls == "implicit" else 143)


class MaildirSettings(MailboxSettings):
    """A Maildir on this machine's disk; its folders are Maildir++ subfolders."""

    kind: Literal["maildir"]
    path: Path

    @model_validator(mode="before")
    @classmethod
    def _default_name(cls, values: Any) -> Any:  # noqa: ANN401 (pydantic hands over what it was given)
        return _named(values, "path")


def _kind(values: Any) -> str:  # noqa: ANN401 (pydantic hands over what it was given)
    """Tell the kind of mailbox; IMAP where nothing is said."""
    kind = values.get("kind", "imap") if isinstance(values, dict) else getattr(values, "kind", "imap")
    return str(kind)


AnyMailbox = Annotated[
    Annotated[ImapSettings, Tag("imap")] | Annotated[MaildirSettings, Tag("maildir")], Discriminator(_kind)
]


def _several(values: Any) -> Any:  # noqa: ANN401 (pydantic hands over what it was given)
    """Take one text for a list of one."""
    if isinstance(values, str):
        return (values,)
    if isinstance(values, list | tuple):
        return values
    raise ValueError("must be text in quotes, or a list of such")


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


Domains = Annotated[tuple[Annotated[str, AfterValidator(_domain)], ...], BeforeValidator(_several)]
AuthservIds = Annotated[tuple[Annotated[str, AfterValidator(_authserv_id)], ...], BeforeValidator(_several)]


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
    domains: Domains = ()
    """Our own policy domains, in lower case, those below them included; without any, every domain is ours."""
    accept: AcceptSettings = AcceptSettings()
    mailbox: tuple[AnyMailbox, ...] = ()
    schedule: ScheduleSettings = ScheduleSettings()
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

    def with_database(self, url: str) -> "Settings":
        """Give the same settings with another database."""
        return self.model_copy(update={"database": SecretStr(url)})

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
