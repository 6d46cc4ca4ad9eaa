"""The way into an IMAP server: settings in, a connection with its TLS checked and its user logged in out."""

import ssl

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, LoginError

from ingest.imap_errors import login_refused, unavailable
from ingest.mailboxes import MailboxUnavailableError
from ingest.settings import ImapSettings


def connect(settings: ImapSettings) -> IMAPClient:
    """Open the connection, for IMAPClient's own `with` to close; STARTTLS comes with the login."""
    implicit = settings.tls == "implicit"
    client = IMAPClient(
        settings.host,
        settings.effective_port,
        ssl=implicit,
        ssl_context=_tls(settings) if implicit else None,
        timeout=SocketTimeout(settings.connect_timeout, settings.read_timeout),
    )
    client.normalise_times = False
    client._imap.debug = 0  # noqa: SLF001 (else imaplib spells out every message for a log, in three times its memory)
    return client


def _tls(settings: ImapSettings) -> ssl.SSLContext:
    """Trust the configured authority, or those of the system."""
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        message = f"ca_file {settings.ca_file} cannot be used ({error}): name a PEM file with a certificate"
        raise MailboxUnavailableError(message, temporary=False) from error


def log_in(client: IMAPClient, settings: ImapSettings) -> None:
    """Secure the connection, then LOGIN, or AUTHENTICATE PLAIN where LOGIN is forbidden or not in ASCII (RFC 4616)."""
    if settings.tls == "starttls":
        client.starttls(_tls(settings))
    plain = client.has_capability("LOGINDISABLED") or not _ascii(settings)
    if plain and not client.has_capability("AUTH=PLAIN"):
        offers = " ".join(name.decode() for name in client.capabilities())
        advice = "use TLS, and a password of ASCII letters"
        raise unavailable(settings, f"no such login by password here, it offers {offers}: {advice}")
    login = client.plain_login if plain else client.login
    try:
        login(settings.user, settings.password.get_secret_value())
    except LoginError as error:
        if isinstance(error.__context__, IMAPClientAbortError):
            raise error.__context__ from None  # a connection lost while it logged in
        raise login_refused(settings, error) from None  # the text before it may hold the password


def _ascii(settings: ImapSettings) -> bool:
    return settings.user.isascii() and settings.password.get_secret_value().isascii()
