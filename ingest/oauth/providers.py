"""How each provider is asked for an access token: the settings of a mailbox in, what its token endpoint grants out."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import JWTBearerGrant, PrivateKeyJWT
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate
from joserfc import jwt
from joserfc.jwk import RSAKey

from ingest.oauth.endpoint import ask
from ingest.oauth.files import reading
from ingest.oauth.grants import Grant
from ingest.oauth.refresh import RefreshToken
from ingest.settings.oauth import (
    AnyOAuth,
    GenericSettings,
    GoogleSettings,
    Microsoft365Settings,
)

ASSUMED_SECONDS = 3600.0
"""Life of a token where its endpoint does not tell (RFC 6749 5.1: it should)."""

ASSERTION_SECONDS = 300
"""Life of what we sign: Microsoft advises 5 to 10 minutes, Google takes up to 60."""


def asking(oauth: AnyOAuth, user: str) -> Callable[[], Grant]:
    """Choose how tokens are asked for; whoever asks must expect MailboxUnavailableError."""
    if isinstance(oauth, Microsoft365Settings):
        if oauth.certificate_file:
            return partial(_by_certificate, oauth, oauth.certificate_file)
        return partial(_by_secret, oauth)
    if isinstance(oauth, GoogleSettings) and oauth.service_account_file:
        return partial(_by_service_account, oauth, oauth.service_account_file, user)
    if isinstance(oauth, GenericSettings) and not oauth.refreshes:
        return partial(_by_secret, oauth)
    return partial(_by_refresh_token, oauth, RefreshToken(oauth))


def _by_secret(oauth: Microsoft365Settings | GenericSettings) -> Grant:
    """Ask in our own name (RFC 6749 4.4)."""
    form = {"grant_type": "client_credentials", "scope": oauth.scope}
    return _grant(ask(_session(oauth), oauth.token_url, oauth.ca_file, form))


def _by_certificate(oauth: Microsoft365Settings, file: Path) -> Grant:
    """Ask in our own name, signed with the key of a certificate (RFC 7523 2.2).

    learn.microsoft.com/entra/identity-platform/certificate-credentials says how.
    """
    key, thumbprint = _certificate(file)
    now = int(time.time())
    claims = {"nbf": now, "exp": now + ASSERTION_SECONDS}
    header = {"typ": "JWT", "x5t#S256": thumbprint}
    session = OAuth2Session(oauth.client_id, key, PrivateKeyJWT.name)
    session.register_client_auth_method(PrivateKeyJWT(oauth.token_url, claims, header, "PS256"))
    form = {"grant_type": "client_credentials", "client_id": oauth.client_id, "scope": oauth.scope}
    return _grant(ask(session, oauth.token_url, oauth.ca_file, form))


def _by_service_account(oauth: GoogleSettings, file: Path, user: str) -> Grant:
    """Ask in the name of a user of the domain (RFC 7523 2.1), as Google reads it.

    developers.google.com/identity/protocols/oauth2/service-account says how.
    """
    account, key = _service_account(file)
    now = int(time.time())
    claims = {
        "iss": account["client_email"],
        "sub": user,
        "aud": oauth.token_url,
        "scope": oauth.scope,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    assertion = jwt.encode({"alg": "RS256", "typ": "JWT", "kid": account["private_key_id"]}, claims, key)
    session = OAuth2Session(token_endpoint_auth_method="assertion")  # noqa: S106 (the name of a method)
    session.register_client_auth_method(("assertion", _said_already))
    form = {"grant_type": JWTBearerGrant.GRANT_TYPE, "assertion": assertion}
    return _grant(ask(session, oauth.token_url, oauth.ca_file, form))


def _said_already(
    client: object, method: str, url: str, headers: object, body: str
) -> tuple[str, object, str]:
    """Add nothing to the question: the assertion says who we are."""
    del client, method
    return url, headers, body


def _by_refresh_token(oauth: GoogleSettings | GenericSettings, kept: RefreshToken) -> Grant:
    """Ask in the name of who has consented (RFC 6749 6)."""
    form = {"grant_type": "refresh_token", "refresh_token": kept.current()}
    if isinstance(oauth, GenericSettings):  # else all that was consented to
        form["scope"] = oauth.scope
    answer = ask(_session(oauth), oauth.token_url, oauth.ca_file, form)
    rotated = answer.get("refresh_token")
    if isinstance(rotated, str) and rotated not in ("", form["refresh_token"]):
        kept.replace(rotated)
    return _grant(answer)


def _session(oauth: AnyOAuth) -> OAuth2Session:
    """Prepare to show the secret, if there is one, in the form, or as RFC 6749 2.3.1 prefers."""
    secret = oauth.client_secret.get_secret_value() if oauth.client_secret else None
    basic = isinstance(oauth, GenericSettings) and oauth.client_authentication == "basic"
    method = "client_secret_basic" if basic else "client_secret_post"
    return OAuth2Session(oauth.client_id, secret, method if secret else "none")


def _grant(answer: dict[str, Any]) -> Grant:
    """Read what RFC 6749 5.1 describes; some send the seconds as text."""
    try:
        seconds = float(answer["expires_in"])
    except (KeyError, TypeError, ValueError):
        seconds = ASSUMED_SECONDS
    return Grant(answer["access_token"], max(0.0, seconds))


def _certificate(file: Path) -> tuple[RSAKey, str]:
    """Give the private key, and the certificate's thumbprint (RFC 7515 4.1.8)."""
    with reading(
        "certificate_file", file, "a PEM file with the certificate and its RSA key without a passphrase"
    ):
        pem = file.read_bytes()
        digest = load_pem_x509_certificate(pem).fingerprint(SHA256())
        return RSAKey.import_key(pem), urlsafe_b64encode(digest).rstrip(b"=").decode()


def _service_account(file: Path) -> tuple[dict[str, str], RSAKey]:
    """Give what Google's console wrote, and the private key in it."""
    with reading("service_account_file", file, "the JSON key of a service account, not of an OAuth client"):
        account = json.loads(file.read_bytes())
        wanted = {name: str(account[name]) for name in ("client_email", "private_key_id", "private_key")}
        return wanted, RSAKey.import_key(wanted["private_key"])
