"""An alert in, an HTTP request with it out: as JSON of our own, or as Slack or Teams take it."""

import hmac
import json
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from hashlib import sha256
from html import escape
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from socket import gaierror
from threading import Thread
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from requests import RequestException, Session
from urllib3.exceptions import HTTPError as TransportError

from ingest.letters.errors import DeliveryError
from ingest.oauth.transport import Trusting
from ingest.settings import WebhookSettings
from parsers.printable import one_line
from summary.alerts import Alert

T = TypeVar("T")

VERSION: Final = 1
"""Of the JSON; another when a field changes its meaning or goes."""
LONGEST: Final = 600
"""Characters of one text in a chat. Slack takes 3,000 once they are escaped, Teams 28 KB in all."""
LONGEST_HEADER: Final = 150
"""Characters of a header block in Slack."""
WHOLE: Final = 4
"""How many times as long as for one piece of an answer it may take in all."""
SAID: Final = 200
"""Bytes of what the other side says that are passed on."""
BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
"""With those from 500 on, the HTTP statuses that time mends."""


def names(webhooks: Iterable[WebhookSettings]) -> dict[str, WebhookSettings]:
    """Name each webhook without its secret: its host, and a few digits that tell two at one host apart."""
    return {_name(it.url.get_secret_value()): it for it in webhooks}


def _name(url: str) -> str:
    return f"{urlsplit(url).hostname} {sha256(url.encode()).hexdigest()[:8]}"


# --- bodies


def body(alert: Alert, settings: WebhookSettings, alert_id: str, now: datetime) -> bytes:
    """Write the body of the request, in the shape that is set; `alert_id` is the same at every try."""
    return json.dumps(_SHAPES[settings.shape](alert, alert_id, now), ensure_ascii=False).encode()


def _json(alert: Alert, alert_id: str, now: datetime) -> dict[str, Any]:
    return {
        "version": VERSION,
        "id": alert_id,
        "at": now.isoformat(timespec="seconds"),
        "cause": alert.cause.value,
        "domains": alert.domains,
        "who": alert.who,
        "subject": alert.subject,
        "sentences": alert.sentences,
        "next_step": alert.next_step,
    }


def _slack(alert: Alert, *_: object) -> dict[str, Any]:
    """Plain text throughout: nothing in it is a mention or a link (docs.slack.dev/messaging/formatting-message-text)."""
    sections = [{"type": "section", "text": _slack_text(it, LONGEST)} for it in _paragraphs(alert)]
    header = {"type": "header", "text": _slack_text(alert.subject, LONGEST_HEADER)}
    return {"text": escape(_cut(alert.subject), quote=False), "blocks": [header, *sections]}


def _slack_text(text: str, longest: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escape(_cut(text, longest), quote=False), "emoji": False}


def _teams(alert: Alert, *_: object) -> dict[str, Any]:
    """Text runs, which know no Markdown, in an Adaptive Card (learn.microsoft.com/adaptive-cards, from 1.2 on)."""
    title = {"type": "TextRun", "text": _cut(alert.subject), "weight": "bolder", "size": "medium"}
    runs = [title, *({"type": "TextRun", "text": it} for it in map(_cut, _paragraphs(alert)))]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [{"type": "RichTextBlock", "inlines": [run]} for run in runs],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": kind, "contentUrl": None, "content": card}],
    }


_SHAPES: Final[Mapping[str, Callable[[Alert, str, datetime], dict[str, Any]]]] = {
    "json": _json,
    "slack": _slack,
    "teams": _teams,
}


def _paragraphs(alert: Alert) -> list[str]:
    return [*alert.sentences, *([f"What to do: {alert.next_step}"] if alert.next_step else [])]


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


# --- the request


def post(content: bytes, settings: WebhookSettings) -> None:
    """Send a body that `body` wrote. Raises DeliveryError: temporary unless the other side refuses what it gets.

    It goes to the very address that is set: a redirect is refused. Headers as docs/alerts.md has them.
    """
    url = settings.url.get_secret_value()
    with _explained(url):
        status, said = _within(WHOLE * settings.timeout, partial(_ask, url, content, settings))
    _must_be_taken(status, said.decode(errors="replace"), url)


def _ask(url: str, content: bytes, settings: WebhookSettings) -> tuple[int, bytes]:
    """Give the status, and of a refusal its first words. Of a yes nothing is read: it was taken, however long that is."""
    headers = {"Content-Type": "application/json", "User-Agent": "ruamill", "Accept-Encoding": "identity"}
    with Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, Trusting(_context(settings.ca_file)))
        answer = session.post(
            url,
            data=content,
            headers={**headers, **_signed(content, settings, int(time.time()))},
            timeout=settings.timeout,
            allow_redirects=False,
            stream=True,
        )
        return answer.status_code, b"" if _is_yes(answer.status_code) else answer.raw.read(SAID)


def _is_yes(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _within(seconds: float, ask: Callable[[], T]) -> T:
    """Wait no longer: `timeout` is for each piece of an answer, and one that comes byte by byte would hold up all letters.

    Raises TimeoutError, and leaves the thread behind with what hangs.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001 (whatever it is, it is raised where it is waited for)
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    return answer.result(seconds)


def _signed(content: bytes, settings: WebhookSettings, timestamp: int) -> Mapping[str, str]:
    """Sign the body and the moment, so that what is overheard cannot be sent once more much later."""
    if settings.secret is None:
        return {}
    key = settings.secret.get_secret_value().encode()
    signature = hmac.digest(key, f"{timestamp}.".encode() + content, sha256).hex()
    return {"X-Ruamill-Timestamp": str(timestamp), "X-Ruamill-Signature": f"sha256={signature}"}


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        reason = f"ca_file {ca_file} cannot be used ({error.strerror or error}): name a PEM file with a certificate"
        raise DeliveryError(reason, temporary=True) from None


def _must_be_taken(status: int, said: str, url: str) -> None:
    if _is_yes(status):
        return
    host = urlsplit(url).hostname
    if status < HTTPStatus.BAD_REQUEST:
        reason = f"{host} sends us on to another address (HTTP status {status}): set that one as url"
        raise DeliveryError(reason, temporary=False)
    temporary = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in BUSY
    quoted = one_line(_without_secret(said, url))
    advice = "it may work later" if temporary else "check url and shape of the webhook"
    raise DeliveryError(f"{host} answers with HTTP status {status} ({quoted}): {advice}", temporary=temporary)


def _without_secret(said: str, url: str) -> str:
    """Leave out what opens the webhook, should the other side repeat it."""
    parts = urlsplit(url)
    for secret in (url, parts.path, parts.query):
        if len(secret) > 1:
            said = said.replace(secret, "***")
    return said


UNREACHABLE: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not trusted ({0.verify_message}): set ca_file"),
    (ssl.SSLError, "TLS failed ({0.reason}): check url"),
    (gaierror, "the name has no address ({0.strerror}): check url, and the DNS of this machine"),
    (TimeoutError, "no answer in time: check url, and that a firewall lets us out"),
    (RequestException, "the request cannot be made: check url"),
    (HTTPException, "the connection broke off"),
    (OSError, "the connection failed ({0}): check url, and that a firewall lets us out"),
    (Exception, "the connection broke off"),
)
"""What the network said, and what to say; the first that fits counts. The words of requests have the URL in them."""


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except (RequestException, TransportError, OSError, ValueError) as error:
        cause: BaseException = error
        while deeper := cause.__cause__ or cause.__context__:
            cause = deeper
        text = next(text for kind, text in UNREACHABLE if isinstance(cause, kind))
        raise DeliveryError(f"{urlsplit(url).hostname}: {text.format(cause)}", temporary=True) from None
