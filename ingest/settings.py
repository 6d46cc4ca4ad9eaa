"""The configuration: one TOML file, overlaid by the environment, into values that are valid by construction.

`RUAMILL_DATABASE` overrides `database`, `RUAMILL_MAILBOX__0__PASSWORD` the password of the first mailbox, and any
name with `_FILE` behind it reads the value from a file (a container's secret).
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from parsers.limits import Limits

PREFIX = "RUAMILL_"
PLACES = (Path("ruamill.toml"), Path("/etc/ruamill/ruamill.toml"))
"""Where the configuration is looked for when neither --config nor RUAMILL_CONFIG names it."""

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names the key and what to write instead."""


class Section(BaseModel):
    """One table of the configuration: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    database: SecretStr = SecretStr("sqlite:///ruamill.db")
    """SQLAlchemy URL: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME; secret for the password in it."""
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


def find_file(named: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Choose the configuration file: --config, RUAMILL_CONFIG, or the first of PLACES that exists."""
    if chosen := named or environment.get(PREFIX + "CONFIG"):
        if not Path(chosen).is_file():
            raise ConfigurationError(f"{chosen}: there is no such configuration file")
        return Path(chosen)
    return next((place for place in PLACES if place.is_file()), None)


def load(named: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration. Raises ConfigurationError with one line for each thing to mend."""
    environment = os.environ if environment is None else environment
    file = find_file(named, environment)
    values: dict[str, Any] = {}
    try:
        if file:
            values = TomlConfigSettingsSource(Settings, toml_file=file)()
        overlay(values, environment)
        return Settings(**values)
    except ValidationError as error:
        where = f" (in {file} or the environment)" if file else " (in the environment)"
        lines = [_explain(detail) + where for detail in error.errors()]
        raise ConfigurationError("\n".join(lines)) from error
    except (OSError, ValueError) as error:  # tomllib's TOMLDecodeError is a ValueError
        raise ConfigurationError(f"{file or 'environment'}: {error}") from error


def overlay(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Lay RUAMILL_… variables over the file's values, in place; `__` separates the levels, digits count tables."""
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable == PREFIX + "CONFIG":
            continue
        path = variable.removeprefix(PREFIX).lower().split("__")
        if path[-1].endswith("_file") and path[-1] != "ca_file":
            path[-1] = path[-1].removesuffix("_file")
            text = Path(text).read_text(encoding="utf-8").rstrip("\r\n")  # noqa: PLW2901 (the value it stands for)
        _put(values, path, text)


def _put(values: dict[str, Any], path: list[str], text: str) -> None:
    """Set one value by its path, making tables on the way."""
    here: Any = values
    for key, following in zip(path, [*path[1:], ""], strict=True):
        empty: Any = text if following == "" else [] if following.isdigit() else {}
        if isinstance(here, list):
            position = int(key) if key.isdigit() else len(here)
            if position > len(here):
                message = f"{PREFIX}{'__'.join(path).upper()}: there are only {len(here)} tables before number {key}"
                raise ValueError(message)
            here[position : position + 1] = [here[position] if position < len(here) and following else empty]
            here = here[position]
        else:
            here[key] = here.get(key, empty) if following else empty
            here = here[key]


def _explain(detail: ErrorDetails) -> str:
    """Say in one line what is wrong and what to write instead."""
    location = [part for part in detail["loc"] if part not in ("imap", "maildir")]
    key = ".".join(str(part) for part in location)
    if detail["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        near = get_close_matches(str(location[-1]), _known_keys(location[:-1], detail), n=1, cutoff=0.4)
        return f"{key}: unknown key" + (f'; did you mean "{near[0]}"?' if near else "")
    return f"{key}: {detail['msg']}" if key else str(detail["msg"]).removeprefix("Value error, ")


def _known_keys(location: list[int | str], detail: ErrorDetails) -> list[str]:
    """List the keys that may stand at this place of the configuration."""
    sections: dict[str, Any] = {"schedule": ScheduleSettings, "log": LogSettings}
    if not location:
        return list(Settings.model_fields)
    if location[0] == "limits":
        return list(Limits.__dataclass_fields__)
    if location[0] == "mailbox":
        return list((MaildirSettings if "maildir" in detail["loc"] else ImapSettings).model_fields)
    return list(cast("type[BaseModel]", sections[str(location[0])]).model_fields)
