"""How a mailbox is opened by OAuth 2.0 instead of a password: one kind of section for each provider."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from ingest.settings.base import Section


def _secure(url: str) -> str:
    """Refuse to send a secret in the clear (RFC 6749 3.2), but to this very machine."""
    parts = urlsplit(url)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname))):
        return url
    raise ValueError("must be an address that begins with https://")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


SecureUrl = Annotated[str, AfterValidator(_secure)]


class OAuthSettings(Section):
    """What every provider has."""

    mechanism: Literal["auto", "XOAUTH2", "OAUTHBEARER"] = "auto"
    """How the token is handed to the server; auto: OAUTHBEARER (RFC 7628) where it is offered, else XOAUTH2."""
    ca_file: Path | None = None
    """PEM file with the authority that signed the token endpoint's certificate."""


class Microsoft365Settings(OAuthSettings):
    """An application of Microsoft Entra with IMAP.AccessAsApp, by secret or by certificate."""

    provider: Literal["microsoft365"]
    tenant: str
    """Directory (tenant) ID, or one of its domains."""
    client_id: str
    """Application (client) ID."""
    client_secret: SecretStr | None = None
    certificate_file: Path | None = None
    """PEM file with the certificate and its private key."""
    authority: SecureUrl = "https://login.microsoftonline.com"
    """Of the cloud that the tenant is in."""
    scope: str = "https://outlook.office365.com/.default"

    @property
    def token_url(self) -> str:
        """The tenant's token endpoint."""
        return f"{self.authority.rstrip('/')}/{self.tenant}/oauth2/v2.0/token"

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if bool(self.client_secret) == bool(self.certificate_file):
            raise ValueError("needs client_secret or certificate_file, one of the two")
        return self


class RefreshTokenSettings(OAuthSettings):
    """A refresh token (RFC 6749 6), as its text or in a file of its own."""

    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    refresh_token_file: Path | None = None
    """The token that the server gives in exchange for it is written there, where servers do so."""

    @property
    def refreshes(self) -> bool:
        """Whether there is a refresh token."""
        return bool(self.refresh_token or self.refresh_token_file)

    @model_validator(mode="after")
    def _one_refresh_token(self) -> Self:
        if self.refresh_token and self.refresh_token_file:
            raise ValueError("needs refresh_token or refresh_token_file, one of the two")
        return self


class GoogleSettings(RefreshTokenSettings):
    """A service account with domain-wide delegation, or a refresh token that a person has consented to."""

    provider: Literal["google"]
    service_account_file: Path | None = None
    """JSON key of the service account, as Google's console writes it."""
    client_id: str = ""
    token_url: SecureUrl = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address, no password)
    scope: str = "https://mail.google.com/"

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        by_token = (self.client_id, self.client_secret, self.refreshes)
        if any(by_token) if self.service_account_file else not all(by_token):
            raise ValueError(
                "needs service_account_file, or else client_id, client_secret and refresh_token together"
            )
        return self


class GenericSettings(RefreshTokenSettings):
    """Any authorization server (RFC 6749): by refresh token where there is one, else by client credentials."""

    provider: Literal["generic"]
    token_url: SecureUrl
    client_id: str
    client_authentication: Literal["basic", "post"] = "basic"
    """How the secret is sent: as every server must take it, or in the form (RFC 6749 2.3.1)."""
    scope: str = ""

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if not (self.client_secret or self.refreshes):
            raise ValueError("needs client_secret, refresh_token, or both")
        return self


AnyOAuth = Annotated[Microsoft365Settings | GoogleSettings | GenericSettings, Field(discriminator="provider")]
