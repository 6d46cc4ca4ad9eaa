"""A throw-away mail server on loopback, with TLS and a login: what it was handed comes out."""

import ssl
import tempfile
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.certificates import make_certificate
from tests.servers.ports import free_port


class SmtpServer:
    """One server; with a password, whoever names a sender must have logged in.

    Senders in `refused` are told so. What came in is in `letters`, each with its envelope.
    """

    host = "127.0.0.1"
    user = "letters@example.org"
    password = "secret"  # noqa: S105 (a password for nobody's mail)

    def __init__(
        self,
        tls: Literal["implicit", "starttls", "none"] = "starttls",
        *,
        login: bool = True,
        refused: tuple[str, ...] = (),
    ) -> None:
        self._tls = tls
        self._login = login
        self._refused = refused
        self.port = free_port()
        self.letters: list[tuple[Envelope, EmailMessage]] = []
        self.senders: list[str] = []
        """Every address that a letter was offered from, sent or not."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="ruamill-smtp-")
        self.ca_file = Path(self._folder.name) / "cert.pem"
        key = Path(self._folder.name) / "key.pem"
        make_certificate(self.ca_file, key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.ca_file, key)
        self._controller = Controller(
            self,
            self.host,
            self.port,
            ssl_context=context if self._tls == "implicit" else None,
            tls_context=context if self._tls == "starttls" else None,
            require_starttls=self._tls == "starttls",
            authenticator=self._authenticate if self._login else None,
            # It does not see TLS from the start, and offers a login wherever it does not wait for TLS.
            auth_require_tls=self._tls == "starttls" or not self._login,
            data_size_limit=20 << 20,
        )
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()
        self._folder.cleanup()

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        del server, session, envelope, mechanism
        right = (self.user.encode(), self.password.encode())
        return AuthResult(success=(data.login, data.password) == right, handled=False)

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Note who offers a letter."""
        del server
        self.senders.append(address)
        if self._login and not session.authenticated:
            return "530 5.7.0 log in first"
        if address in self._refused:
            return "550 5.7.1 not from that address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (the same)
        """Take a letter."""
        del server, session
        content = envelope.content
        assert isinstance(content, bytes)
        self.letters.append((envelope, message_from_bytes(content, EmailMessage, policy=policy.SMTP)))
        return "250 OK"
