"""A mailbox on an IMAP server: its settings in, findings out. No message is read, none is changed."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from imapclient import IMAPClient

from ingest.doctor import folders
from ingest.doctor.findings import DeadEndError, Finding, note, ok, warning, wrong
from ingest.doctor.network import (
    CONNECT_SECONDS,
    TALK_SECONDS,
    Network,
    certificate,
    no_tls,
    unencrypted,
    within,
)
from ingest.imap.connection import connect, tls_context
from ingest.imap.errors import NOT_CONNECTED, LoginRefusedError, explained
from ingest.imap.login import log_in
from ingest.mailboxes import MailboxUnavailableError
from ingest.oauth.diagnosis import diagnose
from ingest.oauth.tokens import Tokens, tokens_for
from ingest.settings import ImapSettings

TOKEN_SECONDS = 15.0

PASSWORDS = {
    "outlook.office365.com": "Microsoft 365 takes no passwords: set [mailbox.oauth] (docs/microsoft365.md)",
    "imap.gmail.com": "Google takes no passwords but app passwords: set [mailbox.oauth] (docs/google.md)",
}
"""Host -> why a password is refused there."""


def findings(settings: ImapSettings, network: Network) -> Iterator[Finding]:
    """Try the way in, step by step, then the folders. Raises DeadEndError."""
    hurried = {"connect_timeout": CONNECT_SECONDS, "read_timeout": TALK_SECONDS}
    settings = settings.model_copy(update=hurried)
    if settings.tls != "none":
        _check_authority(settings)
    yield from network.reach(settings.host, settings.effective_port)
    yield _greeting(settings, network)
    tokens = tokens_for(settings)
    if tokens:
        yield from _token(settings, tokens)
    with _told("login", settings, tokens), connect(settings) as client:
        log_in(client, settings, tokens)
        yield ok("login", f"as {settings.user}")
        with _told("folders", settings, tokens):
            yield from _extensions(client, settings)
            yield from folders.findings(client, settings)


def _check_authority(settings: ImapSettings) -> None:
    try:
        tls_context(settings)
    except MailboxUnavailableError as error:
        raise DeadEndError(wrong("certificate", *_parted(str(error)))) from None


def _greeting(settings: ImapSettings, network: Network) -> Finding:
    """Let the server greet, and look at its certificate."""
    try:
        with _told("greeting", settings), connect(settings) as client:
            if settings.tls == "starttls":
                client.starttls(tls_context(settings))
            if settings.tls != "none":
                return certificate(client.socket().getpeercert())
            return unencrypted(client.socket().getpeername()[0], "the password and every report")
    except DeadEndError as end:
        if end.finding.check != "certificate":  # which another mailbox may trust
            network.give_up(settings.host, settings.effective_port)
        raise


@contextmanager
def _told(check: str, settings: ImapSettings, tokens: Tokens | None = None) -> Iterator[None]:
    """Turn what the server refuses into the finding that ends it all."""
    try:
        with explained(settings):
            yield
    except MailboxUnavailableError as error:
        if isinstance(error.__cause__, ssl.SSLError):
            raise DeadEndError(no_tls(check, error.__cause__, settings.effective_port)) from None
        raise DeadEndError(wrong(check, *_refusal(settings, tokens, error))) from None


def _refusal(
    settings: ImapSettings, tokens: Tokens | None, error: MailboxUnavailableError
) -> tuple[str, str]:
    """Say what the server refused, and the next step."""
    if isinstance(error, LoginRefusedError):
        text = f"refused for {settings.user} ({error.said})"
        return text, "try again later" if error.temporary else _after(settings, tokens, error.said)
    if NOT_CONNECTED in str(error):
        return str(error), _after(settings, tokens, str(error))
    return str(error), "look into the log of the server, or ask its administrator"


def _after(settings: ImapSettings, tokens: Tokens | None, said: str) -> str:
    """Give the next step after a login that was refused; of a token by what it says about itself."""
    if tokens is None:
        return PASSWORDS.get(settings.host, "try user and password in a mail program; then mend them here")
    token = tokens.current()
    if diagnose(settings, token, None):
        return "mend the token first, as said above"
    return " ".join(diagnose(settings, token, said))


def _token(settings: ImapSettings, tokens: Tokens) -> Iterator[Finding]:
    """Have a token fetched, and say what it tells about itself."""
    try:
        token = within(TOKEN_SECONDS, tokens.current)
    except TimeoutError:
        text = f"the token endpoint gave no answer within {TOKEN_SECONDS:.0f} s"
        advice = "let this machine through to it (HTTPS); a proxy is named in the environment: https_proxy"
        raise DeadEndError(wrong("token", text, advice)) from None
    except MailboxUnavailableError as error:
        advice = "see the guide of your provider: docs/microsoft365.md, docs/google.md, docs/oauth.md"
        raise DeadEndError(wrong("token", str(error), advice)) from None
    yield ok("token", f"granted, good for {tokens.seconds_left() / 60:.0f} minutes")
    for sentence in diagnose(settings, token, None):
        yield wrong("token", *_parted(sentence))


def _parted(sentence: str) -> tuple[str, str]:
    """Part what is wrong from what to do."""
    what, _, advice = sentence.partition(": ")
    return what, advice


def _extensions(client: IMAPClient, settings: ImapSettings) -> Iterator[Finding]:
    """Say what the server does not have, and what that means for these settings."""
    if settings.after == "move" and not client.has_capability("MOVE"):
        if client.has_capability("UIDPLUS"):
            text = "no MOVE: messages are copied and then removed, two commands more for each batch"
            yield note("extensions", text)
        else:
            text = (
                "neither MOVE nor UIDPLUS: messages are copied, and stay in their folder flagged as deleted"
            )
            yield warning("extensions", text, "let a mail program expunge the folder now and then")
    if settings.idle and not client.has_capability("IDLE"):
        text = "no IDLE: new mail is seen at the next poll"
        yield note("extensions", text, "for reports that is soon enough; else lower [schedule] poll_seconds")
