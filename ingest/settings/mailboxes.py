"""What can be set for a mailbox, of each kind."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, SecretStr, Tag, model_validator

from ingest.mailboxes import Destination
from ingest.settings.base import ONE_OR_SEVERAL, Port, Seconds, Section
from ingest.settings.oauth import AnyOAuth

HOSTS = {"microsoft365": "outlook.office365.com", "google": "imap.gmail.com"}
"""Provider -> the host that need not be named."""


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
    order: Literal["oldest", "newest"] = "oldest"
    """Which of the waiting messages come first."""

    def folder_for(self, destination: Destination) -> str:
        """Name the folder of a message that does not stay."""
        folders = {Destination.PROCESSED: self.processed, Destination.IGNORED: self.ignored}
        return folders.get(destination, self.failed)


def _named(values: Any, key: str) -> Any:  # noqa: ANN401 (pydantic hands over what it was given)
    """Name a mailbox after `key` where the configuration gave no name."""
    if isinstance(values, dict) and not values.get("name") and values.get(key):
        return {**values, "name": str(values[key])}
    return values


def _with_host(values: Any) -> Any:  # noqa: ANN401 (pydantic hands over what it was given)
    """Name the provider's host where the configuration names none."""
    oauth = values.get("oauth") if isinstance(values, dict) else None
    host = HOSTS.get(oauth.get("provider", "")) if isinstance(oauth, dict) else None
    return {**values, "host": values.get("host", host)} if host else values


def _some(folders: tuple[str, ...]) -> tuple[str, ...]:
    if not folders:
        raise ValueError("must name a folder at least")
    return tuple(dict.fromkeys(folders))


Folders = Annotated[tuple[str, ...], ONE_OR_SEVERAL, AfterValidator(_some)]


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
    password: SecretStr | None = None
    oauth: AnyOAuth | None = None
    """Instead of the password."""
    folders: Folders = ("INBOX",)
    """Read in this order."""
    subfolders: bool = False
    """Folders below those are read too, but for the ones that messages are moved to."""
    idle: bool = True
    """Be told of new mail by the server (RFC 2177), where it can, between two polls."""
    connect_timeout: Seconds = 15
    read_timeout: Seconds = 120

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, values: Any) -> Any:  # noqa: ANN401 (pydantic hands over what it was given)
        return _with_host(_named(values, "user"))

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if bool(self.password) == bool(self.oauth):
            raise ValueError("needs a password or a table [mailbox.oauth], one of the two")
        return self

    @property
    def password_text(self) -> str:
        """The password; empty where OAuth takes its place."""
        return self.password.get_secret_value() if self.password else ""

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
