"""What an IMAP server's refusals and silences mean: any error of imapclient in, MailboxUnavailableError out."""

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
from ingest.settings import ImapSettings

PERSON_MENDS = ("NOPERM", "CANNOT", "OVERQUOTA", "PRIVACYREQUIRED", "CONTACTADMIN", "EXPIRED")
"""Response codes of a command that waiting does not help (RFC 5530 3)."""

TIME_MENDS = ("UNAVAILABLE", "INUSE", "LIMIT")
"""Response codes of a login that was refused though user and password may be right (RFC 5530 3)."""

ADVICE: tuple[tuple[type[Exception], bool, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        False,
        "the certificate is not trusted ({0.verify_message}): put its name in host, or its authority in ca_file",
    ),
    (ssl.SSLEOFError, True, "the connection was lost ({0})"),
    (ssl.SSLError, False, "TLS failed ({0.reason}): check that port and tls belong together"),
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
        temporary = temporary and not _says(error, PERSON_MENDS)
        raise unavailable(settings, advice.format(error), temporary=temporary) from error


def unavailable(settings: ImapSettings, message: str, *, temporary: bool = False) -> MailboxUnavailableError:
    """Say which server it is."""
    return MailboxUnavailableError(
        f"{settings.host}:{settings.effective_port}: {message}", temporary=temporary
    )


def login_refused(settings: ImapSettings, error: LoginError) -> MailboxUnavailableError:
    """Pass on what the server said, without the password should it have repeated its input."""
    said = str(error).removeprefix("b'").removesuffix("'")  # imaplib shows some answers as bytes
    if password := settings.password_text:
        said = said.replace(password, "***")
    temporary = _says(error, TIME_MENDS)
    advice = "it may work later" if temporary else "check user and password"
    return unavailable(settings, f"login refused for {settings.user} ({said}): {advice}", temporary=temporary)


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
