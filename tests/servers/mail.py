"""A mail server on loopback that takes letters, with every fault on demand."""

from asyncio import Transport
from base64 import b64decode
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.servers.smtp import SmtpServer

DROP, TAKE_AND_DROP = "drop", "take and drop"
"""Instead of a reply: hang up; after DATA, hang up with the letter taken."""

LONGEST_AUTH = 12_288
"""Octets (RFC 4954 4)."""


class MailServer(SmtpServer):
    """A mail server that does as it is told: what is played at a command is done there, each once and in order.

    It opens to a password, and to `tokens`. Before it says that it took a letter, it does something `meanwhile`.
    """

    def __init__(
        self,
        tls: Literal["implicit", "starttls", "none"] = "starttls",
        *,
        login: bool = True,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(tls, login=login)
        self._meanwhile = meanwhile
        self.tokens: list[str] = []
        self.mechanisms: list[str] = []
        """Of each login by token."""
        self._played: dict[str, deque[str]] = defaultdict(deque)

    def play(self, command: Literal["MAIL", "RCPT", "DATA", "QUIT"], *replies: str) -> None:
        """Do so at the next such commands: give a reply, DROP or TAKE_AND_DROP."""
        self._played[command].extend(replies)

    @property
    def message_ids(self) -> list[str]:
        """Of the letters that were taken, in order."""
        return [str(letter["Message-ID"]) for _, letter in self.letters]

    def _next(self, command: str, server: SMTP) -> str | None:
        reply = self._played[command].popleft() if self._played[command] else None
        if reply in {DROP, TAKE_AND_DROP}:
            assert isinstance(server.transport, Transport)
            server.transport.abort()
        return reply

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Greet."""
        del envelope
        session.host_name = hostname
        server.command_size_limits["AUTH"] = LONGEST_AUTH
        return responses

    async def handle_MAIL(  # noqa: N802 (the same)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender."""
        usual = await super().handle_MAIL(server, session, envelope, address, options)
        return self._next("MAIL", server) or usual

    async def handle_RCPT(  # noqa: N802 (the same)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        del session, options
        reply = self._next("RCPT", server)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (the same)
        """Take a letter."""
        reply = self._next("DATA", server)
        if reply in {None, TAKE_AND_DROP}:
            self._meanwhile()
            return await super().handle_DATA(server, session, envelope)
        return str(reply)

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (the same)
        """Say goodbye."""
        del session, envelope
        return self._next("QUIT", server) or "221 Bye"

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 (the same)
        """Look at a token (developers.google.com/gmail/imap/xoauth2-protocol)."""
        return await self._by_token(server, args)

    async def auth_OAUTHBEARER(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 (the same)
        """Look at a token (RFC 7628 3)."""
        return await self._by_token(server, args)

    async def _by_token(self, server: SMTP, args: list[str]) -> AuthResult:
        """Let a token in, or repeat all that was said, as a server should not."""
        mechanism, response = args
        self.mechanisms.append(mechanism)
        first, *parts = b64decode(response).decode().split("\1")
        token = next(part.removeprefix("auth=Bearer ") for part in parts if part.startswith("auth="))
        if first == (f"user={self.user}" if mechanism == "XOAUTH2" else f"n,a={self.user},"):
            if token in self.tokens:
                return AuthResult(success=True, auth_data=self.user)
            await server.challenge_auth('{"status": "400", "schemes": "Bearer"}')
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 no: {response} {token}")
