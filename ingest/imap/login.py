"""The login: a connection in, the same connection with its user logged in out."""

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, LoginError

from ingest.imap.connection import tls_context
from ingest.imap.errors import LoginRefusedError, login_refused, token_refused, unavailable
from ingest.oauth.sasl import MECHANISMS, Conversation, choose
from ingest.oauth.tokens import Tokens
from ingest.settings import ImapSettings


def log_in(client: IMAPClient, settings: ImapSettings, tokens: Tokens | None = None) -> None:
    """Secure the connection, then log in by token where there are tokens, else by password.

    Raises LoginRefusedError if the server says no, MailboxUnavailableError if there is no token or no way to log in,
    and the errors of imapclient.
    """
    if settings.tls == "starttls":
        client.starttls(tls_context(settings))
    if tokens:
        _by_token(client, settings, tokens)
    else:
        _by_password(client, settings)


def _by_password(client: IMAPClient, settings: ImapSettings) -> None:
    """LOGIN, or AUTHENTICATE PLAIN where LOGIN is forbidden or not in ASCII (RFC 4616)."""
    plain = client.has_capability("LOGINDISABLED") or not _ascii(settings)
    if plain and not client.has_capability("AUTH=PLAIN"):
        advice = "use TLS, and a password of ASCII letters, or OAuth"
        raise unavailable(settings, f"no such login by password here, it offers {_offers(client)}: {advice}")
    login = client.plain_login if plain else client.login
    try:
        login(settings.user, settings.password_text)
    except LoginError as error:
        _unless_lost(error)
        raise login_refused(settings, error) from None  # the text before it may hold the password


def _ascii(settings: ImapSettings) -> bool:
    return settings.user.isascii() and settings.password_text.isascii()


def _by_token(client: IMAPClient, settings: ImapSettings, tokens: Tokens) -> None:
    """Log in by the token at hand; by a new one if that is refused, which may have been revoked, or outlived its key."""
    mechanism = _mechanism(client, settings)
    try:
        _show(client, settings, mechanism, tokens.current())
    except LoginRefusedError as error:
        if tokens.new or error.temporary:
            raise
        _show(client, settings, mechanism, tokens.renew())


def _mechanism(client: IMAPClient, settings: ImapSettings) -> str:
    offered = {name for name in MECHANISMS if client.has_capability(f"AUTH={name}")}
    if settings.oauth and (chosen := choose(settings.oauth, offered)):
        return chosen
    advice = "enable OAuth on the server, use TLS, or set a password"
    raise unavailable(settings, f"no login by OAuth here, it offers {_offers(client)}: {advice}")


def _show(client: IMAPClient, settings: ImapSettings, mechanism: str, token: str) -> None:
    conversation = Conversation(mechanism, settings.user, token)
    try:
        client.sasl_login(mechanism, conversation)
    except LoginError as error:
        _unless_lost(error)
        raise token_refused(settings, error, conversation.refusal, token) from None  # it may hold the token


def _unless_lost(error: LoginError) -> None:
    """Raise what imapclient hides: the connection was lost while it logged in."""
    if isinstance(error.__context__, IMAPClientAbortError):
        raise error.__context__ from None


def _offers(client: IMAPClient) -> str:
    return " ".join(name.decode() for name in client.capabilities())
