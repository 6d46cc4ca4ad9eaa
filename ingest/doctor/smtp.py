"""The mail server for the nightly letter: its settings in, findings out. No mail is sent, no recipient named."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from ingest.doctor.findings import DeadEndError, Finding, ok, wrong
from ingest.doctor.network import TALK_SECONDS, Network, certificate, no_tls, unencrypted
from ingest.settings import SmtpSettings


def findings(settings: SmtpSettings, network: Network) -> Iterator[Finding]:
    """Try the way in, the login and the sender's address. Raises DeadEndError."""
    yield from network.reach(settings.host, settings.effective_port)
    with _told("greeting", settings):
        client = _connected(settings)
    with client:
        with _told("TLS", settings):
            yield _encrypted(client, settings)
        if settings.user:
            with _told("login", settings):
                client.login(settings.user, settings.password.get_secret_value() if settings.password else "")
            yield ok("login", f"as {settings.user}")
        with _told("sender", settings):
            yield _sender(client, settings)


def _connected(settings: SmtpSettings) -> smtplib.SMTP:
    """Connect, with TLS from the start or by STARTTLS as the settings say."""
    host, port = settings.host, settings.effective_port
    if settings.tls == "implicit":
        return smtplib.SMTP_SSL(host, port, timeout=TALK_SECONDS, context=_context(settings))
    client = smtplib.SMTP(host, port, timeout=TALK_SECONDS)
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
        raise DeadEndError(wrong("certificate", text, "name a PEM file with a certificate")) from None


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
def _told(check: str, settings: SmtpSettings) -> Iterator[None]:
    """Turn what goes wrong into the finding that ends it all."""
    try:
        yield
    except ssl.SSLError as error:
        raise DeadEndError(no_tls(check, error, settings.effective_port)) from None
    except (OSError, ValueError) as error:  # smtplib's own are OSErrors
        raise DeadEndError(wrong(check, _said(error, settings), _advice(check, error))) from None


def _said(error: Exception, settings: SmtpSettings) -> str:
    """Give the server's words, without the password should it have repeated its input."""
    if not isinstance(error, smtplib.SMTPResponseException):
        return str(error) or type(error).__name__
    words = error.smtp_error
    said = (
        f"refused: {error.smtp_code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"
    )
    password = settings.password.get_secret_value() if settings.password else ""
    return said.replace(password, "***") if password else said


def _advice(check: str, error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "check user and password; Microsoft 365 and Google refuse plain passwords: name a relay that takes yours"
    if isinstance(error, smtplib.SMTPSenderRefused):
        return "set sender to an address that this user may send from, or set user and password"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        if check == "login":
            return "it offers no login here: leave user and password out, or check port and tls"
        return 'it offers no STARTTLS: set tls = "implicit" and port = 465, or tls = "none" where the way is safe'
    return "check port and tls; then look into the log of the server"
