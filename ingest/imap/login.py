"""The login: a connection in, the same connection with its user logged in out."""

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, LoginError

from ingest.imap.connection import tls_context
from ingest.imap.errors import login_refused, unavailable
from ingest.settings import ImapSettings


def log_in(client: IMAPClient, settings: ImapSettings) -> None:
    """Secure the connection, then LOGIN, or AUTHENTICATE PLAIN where LOGIN is forbidden or not in ASCII (RFC 4616)."""
    if settings.tls == "starttls":
        client.starttls(tls_context(settings))
    plain = client.has_capability("LOGINDISABLED") or not _ascii(settings)
    if plain and not client.has_capability("AUTH=PLAIN"):
        offers = " ".join(name.decode() for name in client.capabilities())
        advice = "use TLS, and a password of ASCII letters"
        raise unavailable(settings, f"no such login by password here, it offers {offers}: {advice}")
    login = client.plain_login if plain else client.login
    try:
        login(settings.user, settings.password_text)
    except LoginError as error:
        if isinstance(error.__context__, IMAPClientAbortError):
            raise error.__context__ from None  # a connection lost while it logged in
        raise login_refused(settings, error) from None  # the text before it may hold the password


def _ascii(settings: ImapSettings) -> bool:
    return settings.user.isascii() and settings.password_text.isascii()
