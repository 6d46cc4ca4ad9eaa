"""One question to a token endpoint: a prepared session and a form in, the answer's JSON or an error to act upon out."""

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from socket import gaierror
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from requests import HTTPError, RequestException, TooManyRedirects
from urllib3.exceptions import HTTPError as TransportError

from ingest.mailboxes import MailboxUnavailableError
from ingest.oauth.files import reading
from ingest.oauth.meanings import TIME_MENDS, meaning
from ingest.oauth.transport import SECONDS, Adapter, TooLongError

SHOWN = 400
"""Characters of what the endpoint says that are passed on."""

LATER = "it may work later"

JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
"""A token or an assertion (RFC 7515 3.1)."""

BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
"""With those from 500 on, the HTTP statuses that time mends."""

UNREACHABLE: tuple[tuple[type[BaseException], bool, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        False,
        "its certificate is not trusted ({0.verify_message}): name its authority in the ca_file of the oauth table",
    ),
    (ssl.SSLError, True, "TLS failed ({0.reason}): check its address"),
    (
        gaierror,
        True,
        "the name has no address ({0.strerror}): check its address, and the DNS of this machine",
    ),
    (
        TimeoutError,
        True,
        f"no answer within {SECONDS:g} seconds: check its address, and that a firewall lets us out",
    ),
    (
        OSError,
        True,
        "the connection failed ({0.strerror}): check its address, and that a firewall lets us out",
    ),
    (Exception, True, "the connection broke off"),
)
"""What the network said, whether time may mend it, and what to say; the first that fits counts."""


class _NoTokenError(Exception):
    """The answer is JSON, and holds no token."""


def ask(session: OAuth2Session, url: str, ca_file: Path | None, form: Mapping[str, str]) -> dict[str, Any]:
    """Send the form, and the client's credentials as the session says; give the JSON object that comes back.

    Raises MailboxUnavailableError: temporary where the endpoint is away or busy, not where it refuses.
    """
    session.default_timeout = SECONDS
    session.max_redirects = 0  # credentials go where the settings say, and nowhere else
    session.headers["Accept-Encoding"] = "identity"
    with reading("ca_file", ca_file, "a PEM file with a certificate"):
        session.mount(url, Adapter(ssl.create_default_context(cafile=ca_file)))
    with session, _explained(url, [session.client_secret, form.get("refresh_token")]):
        answer: dict[str, Any] = session.fetch_token(url, **form)
        if not isinstance(answer.get("access_token"), str):
            raise _NoTokenError
    return answer


@contextmanager
def _explained(url: str, sent: Sequence[object]) -> Iterator[None]:
    """Around the question: whatever fails leaves as MailboxUnavailableError, without what was sent and may be secret."""
    try:
        yield
    except OAuthError as error:
        temporary, said = error.error in TIME_MENDS, _quoted(error, sent)
        text = f"it refuses ({said}): {LATER if temporary else meaning(said)}"
    except HTTPError as error:
        status = error.response.status_code
        temporary = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in BUSY
        text = f"it answers with HTTP status {status}: {LATER if temporary else 'check its address'}"
    except TooManyRedirects:
        temporary, text = False, "it sends us on to another address, where no secret is sent: set that one"
    except (TooLongError, _NoTokenError, ValueError, TypeError):
        temporary, text = False, "its answer holds no token: check that it is the address of a token endpoint"
    except (RequestException, TransportError, OSError) as error:
        temporary, text = _unreachable(error)
    else:
        return
    raise MailboxUnavailableError(f"no token from {url}: {text}", temporary=temporary) from None


def _quoted(error: OAuthError, sent: Sequence[object]) -> str:
    """Quote the endpoint in one line (RFC 6749 5.2); should it repeat a secret, without it."""
    said = f"{error.error}: {error.description}" if error.description else str(error.error)
    for secret in sent:
        if secret and isinstance(secret, str):
            said = said.replace(secret, "***")
    return " ".join(JWT.sub("***", said).split())[:SHOWN]


def _unreachable(error: BaseException) -> tuple[bool, str]:
    while cause := error.__cause__ or error.__context__:
        error = cause
    return next(
        (time_mends, text.format(error)) for kind, time_mends, text in UNREACHABLE if isinstance(error, kind)
    )
