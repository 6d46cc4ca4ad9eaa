"""One letter to the mail server: its bytes and the settings in, nothing out; or why it was not taken.

smtplib waits for each answer as long as it is told, and would wait for a server for ever that gives a letter a minute: here
the whole has an end too.
"""

import re
import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

from ingest.letters.errors import DeliveryError
from ingest.mailboxes import MailboxUnavailableError
from ingest.oauth.sasl import MECHANISMS, Conversation, choose
from ingest.oauth.tokens import Tokens
from ingest.settings import SmtpSettings

WHOLE = 20
"""How many times as long as for one answer it may take in all: ten minutes, which is also what RFC 5321 4.5.3.2.6 wants
a server to have for taking a letter over. Who gives up sooner sends it twice."""

SHOWN = 400
"""Characters of what the server says that are passed on."""

TOO_LARGE = 552
"""Said of the size that goes with the sender, before a byte of the letter (RFC 1870 6.1)."""

REFUSED = 500
"""From here on a reply is a refusal for good (RFC 5321 4.2.1)."""


def send(content: bytes, sender: str, recipient: str, settings: SmtpSettings, tokens: Tokens | None) -> None:
    """Hand a letter over. Raises DeliveryError.

    It is temporary where another try may do, or a person can mend it before: the server is away, it puts us off, or it
    refuses TLS, the login or the sender. It is not where the server refuses this recipient or this letter.
    """
    with _explained(settings, recipient, tokens):
        client = connect(settings)
        try:
            log_in(client, settings, tokens)
            _hand_over(client, content, sender, recipient)
        finally:
            client.close()


class _Timed:
    """Before smtplib's own in the order of bases: hangs up when the time for the whole is over."""

    sock: socket.socket | None

    def __init__(self, host: str, port: int, *, timeout: float, **more: Any) -> None:  # noqa: ANN401 (smtplib's)
        self._timer = Timer(WHOLE * timeout, self._hang_up)
        self._timer.daemon = True
        self._timer.start()
        try:
            super().__init__(host, port, timeout=timeout, **more)  # type: ignore[call-arg]  # smtplib's
        except BaseException:
            self.close()
            raise

    def _hang_up(self) -> None:
        """Wake whoever waits for the server. Below TLS: its state is not ours to touch from another thread."""
        with suppress(OSError):
            if sock := self.sock:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        self._timer.cancel()
        super().close()  # type: ignore[misc]  # smtplib's


class _Client(_Timed, smtplib.SMTP):
    """A connection that begins in the clear."""


class _ClientTls(_Timed, smtplib.SMTP_SSL):
    """A connection in TLS from the start (RFC 8314 3.3)."""


def connect(settings: SmtpSettings) -> smtplib.SMTP:
    """Connect, with TLS from the start or by STARTTLS as the settings say, or not at all.

    Raises OSError, which smtplib's own errors are, and DeliveryError for a `ca_file` that is no use.
    """
    host, port, timeout = settings.host, settings.effective_port, settings.timeout
    if settings.tls == "implicit":
        return _ClientTls(host, port, timeout=timeout, context=_context(settings))
    client = _Client(host, port, timeout=timeout)
    if settings.tls == "starttls":
        try:
            client.starttls(context=_context(settings))
        except BaseException:
            client.close()
            raise
    return client


def _context(settings: SmtpSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        text = f"ca_file {settings.ca_file} cannot be used ({error.strerror or error})"
        raise DeliveryError(f"{text}: name a PEM file with a certificate", temporary=True) from None


def log_in(client: smtplib.SMTP, settings: SmtpSettings, tokens: Tokens | None) -> None:
    """Log in where there is a user: by token where there are tokens, else by password.

    Raises OSError, ValueError for a password that is not ASCII, MailboxUnavailableError without a token.
    """
    if tokens:
        _by_token(client, settings, tokens)
    elif settings.user:
        client.login(settings.user, _password(settings))


def _password(settings: SmtpSettings) -> str:
    return settings.password.get_secret_value() if settings.password else ""


def _by_token(client: smtplib.SMTP, settings: SmtpSettings, tokens: Tokens) -> None:
    """Log in by the token at hand; by a new one if that is refused, which may have been revoked."""
    client.ehlo_or_helo_if_needed()
    offered = set(client.esmtp_features.get("auth", "").upper().split())
    mechanism = choose(settings.oauth, offered) if settings.oauth else None
    if mechanism is None:
        offers = " ".join(sorted(offered)) or "none at all"
        raise smtplib.SMTPNotSupportedError(f"no login by OAuth here, but {offers}")
    try:
        _show(client, mechanism, settings, tokens.current())
    except smtplib.SMTPAuthenticationError as error:
        if tokens.new or error.smtp_code < REFUSED:
            raise
        _show(client, mechanism, settings, tokens.renew())


def _show(client: smtplib.SMTP, mechanism: str, settings: SmtpSettings, token: str) -> None:
    client.auth(mechanism, Conversation(mechanism, settings.user or "", token))


def _hand_over(client: smtplib.SMTP, content: bytes, sender: str, recipient: str) -> None:
    """Send it, and say goodbye: once the letter is taken, nothing that goes wrong makes it untaken."""
    client.ehlo_or_helo_if_needed()
    patience = client.sock.gettimeout()  # type: ignore[union-attr]  # it is connected
    client.sock.settimeout(WHOLE * (patience or 1))  # type: ignore[union-attr]  # the same
    client.sendmail(sender, [recipient], content, _options(client, content, sender + recipient))
    with suppress(OSError):
        client.sock.settimeout(patience)  # type: ignore[union-attr]  # the same
        client.quit()


def _options(client: smtplib.SMTP, content: bytes, addresses: str) -> list[str]:
    """Say what the letter needs: RFC 6531 3.4 for addresses or headers beyond ASCII, RFC 6152 for a body beyond it."""
    headers = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
    options = [] if addresses.isascii() and headers.isascii() else ["SMTPUTF8"]
    if not content.isascii() and client.has_extn("8bitmime"):
        options.append("BODY=8BITMIME")
    return options


@contextmanager
def _explained(settings: SmtpSettings, recipient: str, tokens: Tokens | None) -> Iterator[None]:
    """Turn whatever fails into one line that says what it was, and what to do, without a secret."""
    place = f"{settings.host}:{settings.effective_port}"
    try:
        yield
    except MailboxUnavailableError as error:
        raise DeliveryError(str(error), temporary=True) from None
    except smtplib.SMTPRecipientsRefused as error:
        (code, words), *_ = error.recipients.values()
        said = quoted(code, words, settings, tokens)
        raise DeliveryError(f"{place} refuses {recipient}: {said}", temporary=code < REFUSED) from None
    except smtplib.SMTPResponseException as error:
        said = quoted(error.smtp_code, error.smtp_error, settings, tokens)
        of_letter = isinstance(error, smtplib.SMTPDataError) or error.smtp_code == TOO_LARGE
        what = "refuses the letter" if of_letter else _what(error, settings)
        temporary = not of_letter or error.smtp_code < REFUSED
        raise DeliveryError(f"{place} {what}: {said}", temporary=temporary) from None
    except (OSError, ValueError) as error:  # smtplib's own are OSErrors
        raise DeliveryError(f"{place}: {_broke(error)}", temporary=True) from None


def _what(error: smtplib.SMTPResponseException, settings: SmtpSettings) -> str:
    """Say what was refused that is not about one letter, and where a person looks."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"refuses the login of {settings.user} (see `ruamill doctor`)"
    if isinstance(error, smtplib.SMTPSenderRefused):
        return f"refuses the sender {settings.sender} (see `ruamill doctor`)"
    return "turns us away"


def quoted(code: int, words: bytes | str, settings: SmtpSettings, tokens: Tokens | None) -> str:
    """Quote the server in one line; should it repeat a secret, plain or as it was sent, without it."""
    said = words.decode(errors="replace") if isinstance(words, bytes) else words
    for secret in _secrets(settings, tokens):
        said = said.replace(secret, "***")
    printable = "".join(char if char.isprintable() else " " for char in said)
    return f"{code} {' '.join(printable.split())}"[:SHOWN]


def _secrets(settings: SmtpSettings, tokens: Tokens | None) -> list[str]:
    """Give the password and the token in every form in which they are sent, the longest first."""
    user, password, token = settings.user or "", _password(settings), tokens.given if tokens else ""
    sent = [password, f"\0{user}\0{password}"] if password else []
    sent += [token, *(Conversation(name, user, token)() for name in MECHANISMS)] if token else []
    forms = [form for text in sent for form in (text, b64encode(text.encode()).decode())]
    return sorted(forms, key=len, reverse=True)


def _broke(error: Exception) -> str:
    """Say how the connection, or what it needs, failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}): name its authority in ca_file"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason}): check port and tls"
    if isinstance(error, UnicodeError):
        return "the password has letters that this login cannot carry: use ASCII alone"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"{error} (see `ruamill doctor`)"
    return f"{error.strerror or error}" if isinstance(error, OSError) else str(error)
