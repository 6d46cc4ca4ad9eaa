"""Clients of each provider, registered at a token endpoint, and the settings that an operator would write for them."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from ingest.settings import ImapSettings
from tests.servers.dovecot import DovecotServer
from tests.servers.token_endpoint import JWT_BEARER, Client, TokenEndpoint

USER = "dmarc@example.org"
SECRET = "s3cret~/+ value"  # noqa: S105 (opens nothing)
REFRESH = "refresh-given"
EXCHANGE = "https://outlook.office365.com/.default"
MAIL = "https://mail.google.com/"
ROLES = {
    "aud": "https://outlook.office365.com",
    "appid": "app",
    "tid": "tenant",
    "roles": ["IMAP.AccessAsApp"],
}

OAuth = Mapping[str, object]
"""A table [mailbox.oauth]."""


def microsoft_by_secret(endpoint: TokenEndpoint) -> OAuth:
    """Register an application with a secret."""
    endpoint.clients["app"] = Client(
        "client_secret_post", "client_credentials", USER, EXCHANGE, secret=SECRET, claims=ROLES
    )
    return _microsoft(endpoint, client_secret=SECRET)


def microsoft_by_certificate(endpoint: TokenEndpoint, folder: Path) -> OAuth:
    """Register an application with a certificate, made as docs/microsoft365.md says."""
    file = folder / "ruamill.pem"
    make_key(file)
    certificate = load_pem_x509_certificate(file.read_bytes())
    endpoint.clients["app"] = Client(
        "private_key_jwt", "client_credentials", USER, EXCHANGE, certificate=certificate, claims=ROLES
    )
    return _microsoft(endpoint, certificate_file=file)


def _microsoft(endpoint: TokenEndpoint, **credential: object) -> OAuth:
    usual = {"tenant": "tenant", "client_id": "app", "authority": endpoint.url}
    return {"provider": "microsoft365", "ca_file": endpoint.ca_file, **usual, **credential}


def make_key(file: Path) -> None:
    """Make a certificate and its key in one file."""
    key, certificate = file.with_suffix(".key"), file.with_suffix(".crt")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-days", "730", "-nodes"),
            *("-subj", "/CN=ruamill", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    file.write_bytes(certificate.read_bytes() + key.read_bytes())


def google_by_service_account(endpoint: TokenEndpoint, folder: Path) -> OAuth:
    """Register a service account with delegation, and write its key as Google's console does."""
    name = "ruamill@project.iam.gserviceaccount.com"
    make_key(folder / "google.pem")
    pem = (folder / "google.key").read_text()
    key = load_pem_private_key(pem.encode(), None).public_key()
    assert isinstance(key, RSAPublicKey)
    endpoint.clients[name] = Client("service_account", JWT_BEARER, USER, MAIL, public_key=key, key_id="key-1")
    account = {"type": "service_account", "client_email": name, "private_key_id": "key-1", "private_key": pem}
    file = folder / "google.json"
    file.write_text(json.dumps(account))
    return {**_google(endpoint), "service_account_file": file}


def google_by_refresh_token(endpoint: TokenEndpoint) -> OAuth:
    """Register a client that a person has consented to."""
    endpoint.clients["app"] = Client(
        "client_secret_post", "refresh_token", USER, secret=SECRET, refresh_token=REFRESH
    )
    credentials = {"client_id": "app", "client_secret": SECRET, "refresh_token": REFRESH}
    return {**_google(endpoint), **credentials}


def _google(endpoint: TokenEndpoint) -> OAuth:
    return {"provider": "google", "token_url": f"{endpoint.url}/token", "ca_file": endpoint.ca_file}


def generic(endpoint: TokenEndpoint, **changes: object) -> OAuth:
    """Register a client of the kind that Keycloak makes."""
    endpoint.clients["app"] = Client("client_secret_basic", "client_credentials", USER, secret=SECRET)
    return {**_generic(endpoint), "client_secret": SECRET, **changes}


def generic_by_refresh_token(endpoint: TokenEndpoint, **changes: object) -> OAuth:
    """Register a client without a secret, whose refresh tokens are good for one use."""
    endpoint.clients["app"] = Client(
        "none", "refresh_token", USER, "mail offline_access", refresh_token=REFRESH, rotates=True
    )
    usual = {"refresh_token": REFRESH, "scope": "mail offline_access"}
    return {**_generic(endpoint), **(changes or usual)}


def _generic(endpoint: TokenEndpoint) -> OAuth:
    url = f"{endpoint.url}/realms/mail/token/"
    return {"provider": "generic", "token_url": url, "client_id": "app", "ca_file": endpoint.ca_file}


PROVIDERS: dict[str, Callable[[TokenEndpoint, Path], OAuth]] = {
    "microsoft365 by secret": lambda endpoint, _: microsoft_by_secret(endpoint),
    "microsoft365 by certificate": microsoft_by_certificate,
    "google by service account": google_by_service_account,
    "google by refresh token": lambda endpoint, _: google_by_refresh_token(endpoint),
    "generic by client credentials": lambda endpoint, _: generic(endpoint),
    "generic by refresh token": lambda endpoint, _: generic_by_refresh_token(endpoint),
}
"""Every way to a token."""


def mailbox(oauth: OAuth, server: DovecotServer | None = None, **changes: Any) -> ImapSettings:
    """Give the settings of a mailbox; without a server of one that is nowhere."""
    place = {"port": server.imaps_port, "ca_file": server.ca_file} if server else {}
    return ImapSettings.model_validate(
        {"host": "127.0.0.1", "user": USER, **place, "oauth": oauth, **changes}
    )
