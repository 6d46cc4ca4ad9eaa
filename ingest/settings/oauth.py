"""How a mailbox is opened by OAuth 2.0 instead of a password: one kind of section for each provider."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from ingest.settings.base import Section


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
    authority: str = "https://login.microsoftonline.com"
    """Of the cloud that the tenant is in."""
    scope: str = "https://outlook.office365.com/.default"

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if bool(self.client_secret) == bool(self.certificate_file):
            raise ValueError("needs client_secret or certificate_file, one of the two")
        return self


class GoogleSettings(OAuthSettings):
    """A service account with domain-wide delegation, or a refresh token that a person has consented to."""

    provider: Literal["google"]
    service_account_file: Path | None = None
    """JSON key of the service account, as Google's console writes it."""
    client_id: str | None = None
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address, no password)
    scope: str = "https://mail.google.com/"

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        by_token = (self.client_id, self.client_secret, self.refresh_token)
        if self.service_account_file and not any(by_token):
            return self
        if self.service_account_file or not all(by_token):
            raise ValueError(
                "needs service_account_file, or else client_id, client_secret and refresh_token together"
            )
        return self


class GenericSettings(OAuthSettings):
    """Any authorization server (RFC 6749): by refresh token where there is one, else by client credentials."""

    provider: Literal["generic"]
    token_url: str
    client_id: str
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    scope: str = ""


AnyOAuth = Annotated[Microsoft365Settings | GoogleSettings | GenericSettings, Field(discriminator="provider")]
