"""A token endpoint on loopback (RFC 6749 3.2): it looks closely at who asks, and signs tokens that Dovecot validates."""

import hashlib
import hmac
import json
import ssl
import tempfile
import time
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate

from tests.servers.certificates import make_certificate

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SIGNATURES = {
    "RS256": padding.PKCS1v15(),
    "PS256": padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH),
}


@dataclass(frozen=True)
class Issuer:
    """Who signs tokens (RFC 7518 3.2, HS256), and what a mail server must know to validate them."""

    name: str = "https://issuer.example/"
    key: bytes = b"0123456789abcdef0123456789abcdef"

    def token(self, user: str, seconds: float, **claims: object) -> str:
        """Sign a token for a user that ends in so many seconds; negative ones make one that has ended."""
        now = int(time.time())
        times = {"iat": now - 60, "nbf": now - 60, "exp": now + int(seconds)}
        body = {"iss": self.name, "sub": user, **times, **claims}
        signed = f"{_written({'alg': 'HS256', 'typ': 'JWT'})}.{_written(body)}"
        return f"{signed}.{_text(hmac.digest(self.key, signed.encode(), hashlib.sha256))}"


FORGER = Issuer(key=b"another key, of the same length..")
"""Says that he is the issuer, and has not his key."""


@dataclass
class Client:
    """Who may ask, how he must show who he is, what for, and as whom."""

    method: str
    """client_secret_basic, client_secret_post, private_key_jwt, none; service_account for the grant of RFC 7523 2.1."""
    grant: str
    subject: str
    scope: str = ""
    secret: str = ""
    certificate: Certificate | None = None
    public_key: RSAPublicKey | None = None
    key_id: str = ""
    refresh_token: str = ""
    rotates: bool = False
    claims: Mapping[str, object] = field(default_factory=dict)


class RefusedError(Exception):
    """The question is answered with an error (RFC 6749 5.2)."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.answer = {"error": error, "error_description": description}
        self.status = status


@dataclass(frozen=True)
class Question:
    """What somebody asks."""

    url: str
    headers: Mapping[str, str]
    """Names in lower case."""
    form: Mapping[str, str]

    @classmethod
    def of(cls, handler: BaseHTTPRequestHandler, base: str, body: str) -> Self:
        """Read a question (RFC 6749 3.2: no parameter more than once)."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        assert headers["content-type"].startswith("application/x-www-form-urlencoded")
        form = parse_qs(body, strict_parsing=True)
        assert all(len(values) == 1 for values in form.values())
        return cls(base + handler.path, headers, {name: values[0] for name, values in form.items()})


Instead = Callable[[BaseHTTPRequestHandler], None]
"""What is done in the place of an answer."""


class TokenEndpoint:
    """One endpoint with its own certificate; any path will do. Everything may be changed while it runs."""

    def __init__(self, *, tls: bool = True) -> None:
        self.clients: dict[str, Client] = {}
        self.issuer = Issuer()
        self.seconds = 3600.0
        """Life of the tokens."""
        self.says: dict[str, Any] = {}
        """What is said in an answer beside the token, or instead of what is true."""
        self.instead: Instead | None = None
        self.issued: list[str] = []
        """The tokens so far."""
        self.questions = 0
        self._tls = tls
        self._assertions: set[str] = set()

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="ruamill-tokens-")
        self.ca_file, key = Path(self._folder.name) / "cert.pem", Path(self._folder.name) / "key.pem"
        make_certificate(self.ca_file, key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if self._tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.ca_file, key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{'https' if self._tls else 'http'}://localhost:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with suppress(OSError):  # nobody waits for it any more
                    endpoint.questions += 1
                    if endpoint.instead:
                        endpoint.instead(self)
                    else:
                        answer(self, *endpoint._answered(Question.of(self, endpoint.url, body)))

            def log_message(self, *args: object) -> None:
                """Keep quiet."""

        return Handler

    def _answered(self, question: Question) -> tuple[int, object]:
        try:
            return 200, self._granted(question)
        except RefusedError as refusal:
            return refusal.status, refusal.answer
        except Exception as error:  # noqa: BLE001 (whoever asks is told what the question lacks)
            return 400, {"error": "invalid_request", "error_description": repr(error)}

    def _granted(self, question: Question) -> dict[str, Any]:
        client, subject = self._authenticated(question)
        if question.form["grant_type"] != client.grant:
            raise RefusedError("unauthorized_client", f"not by {question.form['grant_type']}")
        if question.form.get("scope", "") != ("" if client.method == "service_account" else client.scope):
            raise RefusedError("invalid_scope", "AADSTS70011: The provided value for 'scope' is not valid.")
        granted = {"token_type": "Bearer", "expires_in": int(self.seconds)}
        if client.grant == "refresh_token":
            granted |= self._refreshed(client, question.form["refresh_token"])
        self.issued.append(self.issuer.token(subject, self.seconds, n=len(self.issued), **client.claims))
        return {**granted, "access_token": self.issued[-1], **self.says}

    def _refreshed(self, client: Client, token: str) -> dict[str, str]:
        if token != client.refresh_token:
            raise RefusedError("invalid_grant", "Token has been expired or revoked.")
        if not client.rotates:
            return {}
        client.refresh_token = f"refresh-{len(self.issued)}"
        return {"refresh_token": client.refresh_token}

    def _authenticated(self, question: Question) -> tuple[Client, str]:
        """Find out who asks, by one means alone (RFC 6749 2.3), and for whom. Raises RefusedError."""
        ways = {
            "client_secret": self._by_form,
            "client_assertion": self._by_certificate,
            "assertion": self._by_service_account,
            "authorization": self._by_header,
        }
        means = [name for name in ways if name in question.form or name in question.headers]
        if len(means) > 1:
            raise RefusedError("invalid_request", f"more than one means: {means}")
        return ways[means[0]](question) if means else self._by_name(question)

    def _client(self, name: str, method: str) -> Client:
        client = self.clients.get(name)
        if client is None:
            raise RefusedError("unauthorized_client", f"AADSTS700016: Application '{name}' was not found.")
        if client.method != method:
            raise RefusedError("invalid_client", f"not by {method}", 401)
        return client

    def _by_name(self, question: Question) -> tuple[Client, str]:
        client = self._client(question.form["client_id"], "none")
        return client, client.subject

    def _by_form(self, question: Question) -> tuple[Client, str]:
        client = self._client(question.form["client_id"], "client_secret_post")
        return self._with_secret(client, question.form["client_secret"])

    def _by_header(self, question: Question) -> tuple[Client, str]:
        kind, credentials = question.headers["authorization"].split()
        name, secret = b64decode(credentials).decode().split(":", 1)
        assert (kind, "client_id" in question.form) == ("Basic", False)
        return self._with_secret(self._client(name, "client_secret_basic"), secret)

    def _with_secret(self, client: Client, secret: str) -> tuple[Client, str]:
        if secret != client.secret:
            raise RefusedError(
                "invalid_client", f"AADSTS7000215: Invalid client secret {secret}.\r\nTrace ID: 1", 401
            )
        return client, client.subject

    def _by_certificate(self, question: Question) -> tuple[Client, str]:
        """Check what learn.microsoft.com/entra/identity-platform/certificate-credentials asks for."""
        assert question.form["client_assertion_type"] == CLIENT_ASSERTION
        name = question.form["client_id"]
        client = self._client(name, "private_key_jwt")
        assert client.certificate
        key = client.certificate.public_key()
        assert isinstance(key, RSAPublicKey)
        header, claims = self._verified(question.form["client_assertion"], "PS256", key, question.url)
        if header["x5t#S256"] != _text(client.certificate.fingerprint(SHA256())):
            raise RefusedError("invalid_client", "AADSTS700027: The certificate is not registered.", 401)
        assert (claims["iss"], claims["sub"]) == (name, name)
        assert claims["nbf"] <= time.time() < claims["exp"] <= claims["nbf"] + 600
        assert claims["jti"] not in self._assertions, "RFC 7523 3: an assertion is used once"
        self._assertions.add(claims["jti"])
        return client, client.subject

    def _by_service_account(self, question: Question) -> tuple[Client, str]:
        """Check what developers.google.com/identity/protocols/oauth2/service-account asks for."""
        assert set(question.form) == {"grant_type", "assertion"}
        claimed = json.loads(_bytes(question.form["assertion"].split(".")[1]))
        client = self._client(claimed["iss"], "service_account")
        assert client.public_key
        header, claims = self._verified(question.form["assertion"], "RS256", client.public_key, question.url)
        assert header["kid"] == client.key_id
        assert time.time() < claims["exp"] <= claims["iat"] + 3600
        if claims["scope"] != client.scope:
            raise RefusedError(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, "
                "or client not authorized for any of the scopes requested.",
                401,
            )
        if claims["sub"] != client.subject:
            raise RefusedError("invalid_grant", "Invalid email or User ID")
        return client, claims["sub"]

    def _verified(
        self, assertion: str, algorithm: str, key: RSAPublicKey, audience: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Check a signature without the library that made it, and that the assertion is for us (RFC 7523 3)."""
        signed, _, signature = assertion.rpartition(".")
        header, claims = (json.loads(_bytes(part)) for part in signed.split("."))
        assert header["alg"] == algorithm
        try:
            key.verify(_bytes(signature), signed.encode(), SIGNATURES[algorithm], SHA256())
        except InvalidSignature:
            raise RefusedError("invalid_grant", "Invalid JWT Signature.") from None
        assert claims["aud"] == audience
        return header, claims


def answer(handler: BaseHTTPRequestHandler, status: int, content: object) -> None:
    """Send JSON."""
    body = json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _written(value: Mapping[str, object]) -> str:
    return _text(json.dumps(value).encode())


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")
