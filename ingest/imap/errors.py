"""What an IMAP server's refusals and silences mean: any error of imapclient in, MailboxUnavailableError out."""

import json
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from socket import gaierror

from imapclient.exceptions import (
    CapabilityError,
    IMAPClientAbortError,
    IMAPClientError,
    IMAPClientReadOnlyError,
    LoginError,
)

from ingest.mailboxes import MailboxUnavailableError
from ingest.oauth.diagnosis import diagnose
from ingest.settings import ImapSettings

PERSON_MENDS = ("NOPERM", "CANNOT", "OVERQUOTA", "PRIVACYREQUIRED", "CONTACTADMIN", "EXPIRED")
"""Response codes of a command that waiting does not help (RFC 5530 3)."""

TIME_MENDS = ("UNAVAILABLE", "INUSE", "LIMIT")
"""Response codes of a login that was refused though user and password may be right (RFC 5530 3)."""

NOT_CONNECTED = "authenticated but not connected"
"""What Exchange says to SELECT where the login was right and the mailbox may not be opened."""

NO_TLS_HERE = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNSUPPORTED_PROTOCOL",
    "ALERT_PROTOCOL_VERSION",
    "NO_SHARED_CIPHER",
)
"""Parts of the reasons for which TLS cannot begin; any other failure of it is a connection that was spoilt on the way."""

ADVICE: tuple[tuple[type[Exception], bool, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        False,
        "the certificate is not trusted ({0.verify_message}): put its name in host, or its authority in ca_file",
    ),
    (ssl.SSLEOFError, True, "the connection was lost ({0})"),
    (
        ssl.SSLError,
        True,
        "TLS failed ({0.reason}): if it does so again, check that port and tls belong together",
    ),
    (gaierror, True, "the name has no address ({0.strerror}): check host"),
    (
        ConnectionRefusedError,
        True,
        "the connection was refused: check host and port, and that the server runs",
    ),
    (TimeoutError, True, "no answer in time: check host, port and tls, or raise the timeouts"),
    (OSError, True, "the connection failed ({0}): check the network"),
    (CapabilityError, False, '{0}: tls = "implicit" (port 993) may work'),
    (
        IMAPClientReadOnlyError,
        False,
        'the folder is read-only: ask for the right to write, or set after = "leave"',
    ),
    (IMAPClientAbortError, True, "the connection was lost ({0})"),
    (IMAPClientError, True, "the server refused: {0}"),
    (ValueError, True, "an answer of the server was not understood ({0})"),
)
"""Kind of error, whether time may mend it, and what to say; the first that fits counts."""


@contextmanager
def explained(settings: ImapSettings) -> Iterator[None]:
    """Around all that talks to the server: its three families of errors leave as MailboxUnavailableError."""
    try:
        yield
    except (IMAPClientError, OSError, ValueError) as error:
        temporary, advice = next((time, text) for kind, time, text in ADVICE if isinstance(error, kind))
        temporary = temporary and not (_says(error, PERSON_MENDS) or _cannot_begin(error))
        if NOT_CONNECTED in str(error):
            temporary, advice = False, "{0}: the mailbox is not open to this login, or IMAP is off for it"
        raise unavailable(settings, advice.format(error), temporary=temporary) from error


def _cannot_begin(error: Exception) -> bool:
    reason = error.reason or "" if isinstance(error, ssl.SSLError) else ""
    return any(part in reason for part in NO_TLS_HERE)


def unavailable(settings: ImapSettings, message: str, *, temporary: bool = False) -> MailboxUnavailableError:
    """Say which server it is."""
    return MailboxUnavailableError(
        f"{settings.host}:{settings.effective_port}: {message}", temporary=temporary
    )


class LoginRefusedError(MailboxUnavailableError):
    """The server said no to the user, with a password or a token; `said` is what it said."""

    def __init__(self, settings: ImapSettings, said: str, advice: str, *, temporary: bool) -> None:
        message = f"login refused for {settings.user} ({said}): {advice}"
        super().__init__(str(unavailable(settings, message)), temporary=temporary)
        self.said = said


def login_refused(settings: ImapSettings, error: LoginError) -> LoginRefusedError:
    """Pass on what the server said to a password."""
    return _refused(settings, _said(error, settings.password_text), error, "check user and password")


def token_refused(settings: ImapSettings, error: LoginError, reason: bytes, token: str) -> LoginRefusedError:
    """Pass on what the server said to a token, in its challenge (RFC 7628 3.2.2) and after it, and what it means."""
    said = ", ".join(filter(None, [_said(error, token), _readable(reason).replace(token, "***")]))
    return _refused(settings, said, error, " ".join(diagnose(settings, token, said)))


def _refused(settings: ImapSettings, said: str, error: LoginError, advice: str) -> LoginRefusedError:
    temporary = _says(error, TIME_MENDS)
    return LoginRefusedError(
        settings, said, "it may work later" if temporary else advice, temporary=temporary
    )


def _said(error: LoginError, secret: str) -> str:
    """Quote the server, without the secret should it have repeated its input."""
    said = str(error).removeprefix("b'").removesuffix("'")  # imaplib shows some answers as bytes
    return said.replace(secret, "***") if secret else said


def _readable(reason: bytes) -> str:
    """Write {"status":"401","schemes":"bearer"} as a person would."""
    try:
        pairs = json.loads(reason)
    except ValueError:
        return reason.decode(errors="replace")
    if not isinstance(pairs, dict):
        return str(pairs)
    return ", ".join(f"{key} {value}" for key, value in pairs.items())


def no_folder(
    settings: ImapSettings, folder: str, error: IMAPClientError, existing: Sequence[str]
) -> MailboxUnavailableError:
    """Name the folders there that come close, or the first few."""
    near = get_close_matches(folder, existing, n=5) or sorted(existing)[:10]
    advice = f"create it, or name another one in the settings; there are: {', '.join(near)}"
    return unavailable(settings, f'no folder "{folder}" for {settings.user} ({error}): {advice}')


def _says(error: Exception, codes: Sequence[str]) -> bool:
    """Tell whether the server gave one of these response codes."""
    return any(f"[{code}]" in str(error) for code in codes)
