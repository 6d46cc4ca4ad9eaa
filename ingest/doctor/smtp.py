"""The mail server for the nightly letter: its settings in, findings out. No mail is sent, no recipient named."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from ingest.doctor.findings import DeadEndError, Finding, ok, wrong
from ingest.doctor.imap import TOKEN_SECONDS
from ingest.doctor.network import TALK_SECONDS, Network, certificate, no_tls, unencrypted, within
from ingest.letters.errors import DeliveryError
from ingest.letters.smtp import connect, log_in, quoted
from ingest.mailboxes import MailboxUnavailableError
from ingest.oauth.tokens import Tokens, tokens_for
from ingest.settings import SmtpSettings

OPEN = {
    "microsoft365": "grant the application SMTP.SendAsApp, register it in Exchange Online with Add-MailboxPermission for"
    " this user, and switch authenticated SMTP on for it (docs/microsoft365.md)",
    "google": "the token must have the scope https://mail.google.com/ and be of this user (docs/google.md)",
    "generic": "look into the log of the mail server, which says why (docs/oauth.md)",
}
"""Provider -> what opens the way for a token that is refused."""


def findings(settings: SmtpSettings, network: Network) -> Iterator[Finding]:
    """Try the way in, the login and the sender's address. Raises DeadEndError."""
    yield from network.reach(settings.host, settings.effective_port)
    settings = settings.model_copy(update={"timeout": TALK_SECONDS})
    tokens = tokens_for(settings)
    if tokens:
        yield _token(tokens)
    with _told("greeting", settings):
        client = connect(settings)
    with client:
        with _told("TLS", settings):
            yield _encrypted(client, settings)
        if settings.user:
            with _told("login", settings, tokens):
                log_in(client, settings, tokens)
            yield ok("login", f"as {settings.user}")
        with _told("sender", settings):
            yield _sender(client, settings)


def _token(tokens: Tokens) -> Finding:
    try:
        within(TOKEN_SECONDS, tokens.current)
    except TimeoutError:
        text = f"the token endpoint gave no answer within {TOKEN_SECONDS:.0f} s"
        advice = "let this machine through to it (HTTPS); a proxy is named in the environment: https_proxy"
        raise DeadEndError(wrong("token", text, advice)) from None
    except MailboxUnavailableError as error:
        advice = "see the guide of your provider: docs/microsoft365.md, docs/google.md, docs/oauth.md"
        raise DeadEndError(wrong("token", str(error), advice)) from None
    return ok("token", f"granted, good for {tokens.seconds_left() / 60:.0f} minutes")


def _encrypted(client: smtplib.SMTP, settings: SmtpSettings) -> Finding:
    if client.sock is None:
        raise smtplib.SMTPServerDisconnected("the server hung up")
    if isinstance(client.sock, ssl.SSLSocket):
        return certificate(client.sock.getpeercert() or {})
    what = "the password and every letter" if settings.user else "every letter"
    return unencrypted(str(client.sock.getpeername()[0]), what)


def _sender(client: smtplib.SMTP, settings: SmtpSettings) -> Finding:
    """Offer a letter from the sender's address, and take the offer back before a recipient is named (RFC 5321 4.1.1.5)."""
    client.ehlo_or_helo_if_needed()
    code, answer = client.mail(settings.sender)
    if code >= 400:  # noqa: PLR2004 (RFC 5321 4.2.1: a refusal)
        raise smtplib.SMTPSenderRefused(code, answer, settings.sender)
    client.rset()
    size = int(client.esmtp_features.get("size") or 0)
    limit = f", letters of at most {size >> 20:,} MiB" if size else ""
    return ok("sender", f"{settings.sender} is accepted{limit}")


@contextmanager
def _told(check: str, settings: SmtpSettings, tokens: Tokens | None = None) -> Iterator[None]:
    """Turn what goes wrong into the finding that ends it all."""
    try:
        yield
    except DeliveryError as error:
        what, _, advice = error.reason.partition(": ")
        raise DeadEndError(wrong("certificate", what, advice)) from None
    except ssl.SSLError as error:
        raise DeadEndError(no_tls(check, error, settings.effective_port)) from None
    except (OSError, ValueError) as error:  # smtplib's own are OSErrors
        raise DeadEndError(
            wrong(check, _said(error, settings, tokens), _advice(check, error, settings))
        ) from None


def _said(error: Exception, settings: SmtpSettings, tokens: Tokens | None) -> str:
    """Give the server's words."""
    if not isinstance(error, smtplib.SMTPResponseException):
        return str(error) or type(error).__name__
    return f"refused: {quoted(error.smtp_code, error.smtp_error, settings, tokens)}"


def _advice(check: str, error: Exception, settings: SmtpSettings) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError) and settings.oauth:
        return OPEN[settings.oauth.provider]
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "check user and password; Microsoft 365 and Google refuse plain passwords: set [smtp.oauth], or name a relay"
    if isinstance(error, smtplib.SMTPSenderRefused):
        return "set sender to an address that this user may send from, or set user and password"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        if check == "login":
            return "it offers no login here: leave user and password out, or check port and tls"
        return 'it offers no STARTTLS: set tls = "implicit" and port = 465, or tls = "none" where the way is safe'
    return "check port and tls; then look into the log of the server"
