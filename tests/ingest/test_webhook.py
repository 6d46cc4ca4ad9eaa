"""Alerts by HTTP: the bodies, their signature, and what each answer of a real server means."""

import hmac
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ingest.letters.errors import DeliveryError
from ingest.letters.webhook import body, names, post
from ingest.settings import WebhookSettings
from summary.alerts import Alert, Cause
from tests.servers.ports import free_port
from tests.servers.receiver import UNSPOKEN, Answer, Receiver, answering

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/alerts.md").read_text(encoding="utf-8")
KEY = "a key of our own"
NOW = datetime(2026, 11, 15, 10, 30, tzinfo=UTC)
ALERT = Alert(
    cause=Cause.OWN_SOURCE_FAILS,
    topic="own_source_fails example.org Mimecast",
    domains=("example.org",),
    who="Mimecast",
    subject="DMARC example.org: Mimecast is failing DKIM",
    sentences=("1,204 messages failed <!channel> & [more](https://evil.example).",),
    next_step="Check the DKIM definition.",
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


def settings(url: str, **changes: Any) -> WebhookSettings:
    return WebhookSettings.model_validate({"url": url, "timeout": 5, **changes})


def refusal(receiver: Receiver, answer: Answer | None = None, **changes: Any) -> DeliveryError:
    receiver.answer = answer or receiver.answer
    with pytest.raises(DeliveryError) as caught:
        post(b"{}", settings(receiver.url, **changes))
    assert UNSPOKEN not in str(caught.value)
    return caught.value


# -- bodies


def written(shape: str, alert: Alert = ALERT) -> Any:
    content = body(alert, settings("https://hooks.example.org/", shape=shape), "0f1e", NOW)
    return json.loads(content)


def test_json_has_every_field() -> None:
    assert written("json") == {
        "version": 1,
        "id": "0f1e",
        "at": "2026-11-15T10:30:00+00:00",
        "cause": "own_source_fails",
        "domains": ["example.org"],
        "who": "Mimecast",
        "subject": "DMARC example.org: Mimecast is failing DKIM",
        "sentences": ["1,204 messages failed <!channel> & [more](https://evil.example)."],
        "next_step": "Check the DKIM definition.",
    }


def test_every_field_is_documented() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    named = re.findall(
        r"^\| `(\w+)` \|", DOCUMENT.partition("| field |")[2].partition("\n\n")[0], re.MULTILINE
    )
    assert list(json.loads(example)) == named == list(written("json"))


def test_slack_gets_blocks_of_plain_text() -> None:
    def plain(text: str) -> dict[str, Any]:
        return {"type": "plain_text", "text": text, "emoji": False}

    escaped = "1,204 messages failed &lt;!channel&gt; &amp; [more](https://evil.example)."
    assert written("slack") == {
        "text": ALERT.subject,
        "blocks": [
            {"type": "header", "text": plain(ALERT.subject)},
            {"type": "section", "text": plain(escaped)},
            {"type": "section", "text": plain("What to do: Check the DKIM definition.")},
        ],
    }


def test_teams_gets_a_card_without_markdown() -> None:
    message = written("teams")
    (attachment,) = message["attachments"]
    assert (message["type"], attachment["contentType"]) == (
        "message",
        "application/vnd.microsoft.card.adaptive",
    )
    blocks = attachment["content"]["body"]
    assert {it["type"] for it in blocks} == {"RichTextBlock"}
    runs = [run for it in blocks for run in it["inlines"]]
    assert {it["type"] for it in runs} == {"TextRun"}
    assert [it["text"] for it in runs] == [
        ALERT.subject,
        *ALERT.sentences,
        "What to do: Check the DKIM definition.",
    ]


LARGE = Alert(
    Cause.NO_REPORTS, "no_reports", ("example.org",), None, "&" * 600, ("\u20ac<" * 300,) * 11, "x" * 600
)
"""As large as one becomes."""


def test_slack_takes_the_largest() -> None:
    header, *sections = written("slack", LARGE)["blocks"]
    assert len(header["text"]["text"].replace("&amp;", "&")) == 150
    assert all(len(it["text"]["text"]) <= 3000 for it in sections)
    assert len(sections) < 50


def test_teams_takes_the_largest() -> None:
    content = body(LARGE, settings("https://hooks.example.org/", shape="teams"), "0f1e", NOW)
    assert len(content) < 28_000


# -- names


def test_a_name_tells_webhooks_apart_and_no_secret() -> None:
    one, other = settings("https://hooks.example.org/services/1"), settings("https://hooks.example.org/2")
    found = names([one, other])
    assert list(found.values()) == [one, other]
    assert all(it.startswith("hooks.example.org ") and "/" not in it for it in found)


# -- the request


def test_what_is_sent_arrives(receiver: Receiver) -> None:
    post(b'{"a": "\xc3\xa4"}', settings(receiver.url))
    (request,) = receiver.requests
    assert (request.path, request.content) == (f"/services/{UNSPOKEN}", b'{"a": "\xc3\xa4"}')
    assert request.headers["Content-Type"] == "application/json"
    assert not [name for name in request.headers if name.startswith("X-Ruamill")]


def test_it_is_signed_with_the_moment(receiver: Receiver) -> None:
    post(b"{}", settings(receiver.url, secret=KEY))
    headers = receiver.requests[0].headers
    moment = headers["X-Ruamill-Timestamp"]
    assert abs(int(moment) - time.time()) < 300
    expected = hmac.new(KEY.encode(), f"{moment}.{{}}".encode(), sha256).hexdigest()
    assert headers["X-Ruamill-Signature"] == f"sha256={expected}"


def test_the_documented_check_tells_ours_from_others(receiver: Receiver) -> None:
    post(b"{}", settings(receiver.url, secret=KEY))
    headers = receiver.requests[0].headers
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    scope: dict[str, Any] = {}
    exec(code, scope)  # noqa: S102 (our own page: it must do what it says)
    is_genuine = scope["is_genuine"]
    assert is_genuine(b"{}", headers, KEY)
    assert not is_genuine(b"{ }", headers, KEY)
    assert not is_genuine(b"{}", headers, "another key")
    assert not is_genuine(b"{}", headers | {"X-Ruamill-Timestamp": "1"}, KEY)


def test_tls_is_checked(tmp_path: Path) -> None:
    with Receiver(tmp_path) as receiver:
        post(b"{}", settings(receiver.url, ca_file=receiver.ca_file))
        assert len(receiver.requests) == 1
        error = refusal(receiver)
    assert error.temporary
    assert "certificate is not trusted" in error.reason
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_what_time_mends_is_temporary(receiver: Receiver, status: int) -> None:
    error = refusal(receiver, answering(status, b"later,\r\nplease"))
    assert error.temporary
    assert error.reason == f"localhost answers with HTTP status {status} (later, please): it may work later"


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_is_not(receiver: Receiver, status: int) -> None:
    error = refusal(receiver, answering(status, f"no {receiver.url}, /services/{UNSPOKEN}".encode()))
    assert not error.temporary
    assert (
        error.reason
        == f"localhost answers with HTTP status {status} (no ***, ***): check url and shape of the webhook"
    )


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nothing_goes_to_another_address(receiver: Receiver, status: int) -> None:
    with Receiver() as elsewhere:
        error = refusal(receiver, answering(status, Location=elsewhere.url))
        assert elsewhere.requests == []
    assert not error.temporary
    assert "set that one as url" in error.reason


def test_nobody_there(receiver: Receiver) -> None:
    with pytest.raises(DeliveryError, match=r"^localhost: the connection failed \(.*refused\)") as caught:
        post(b"{}", settings(f"http://localhost:{free_port()}/{UNSPOKEN}"))
    assert caught.value.temporary
    assert receiver.requests == []


def test_a_name_without_an_address() -> None:
    with pytest.raises(DeliveryError, match="the name has no address") as caught:
        post(b"{}", settings(f"https://hooks.invalid/{UNSPOKEN}"))
    assert caught.value.temporary


def test_an_address_that_is_none() -> None:
    with pytest.raises(DeliveryError) as caught:
        post(b"{}", settings(f"http://a b/{UNSPOKEN}"))
    assert UNSPOKEN not in str(caught.value)


def test_no_answer_in_time(receiver: Receiver) -> None:
    error = refusal(receiver, lambda _: time.sleep(2), timeout=0.2)
    assert error.temporary
    assert "no answer in time" in error.reason


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(receiver: Receiver) -> None:
    begun = time.monotonic()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 ")
        while time.monotonic() - begun < 60:
            handler.wfile.write(b"O")
            time.sleep(0.05)

    assert "no answer in time" in refusal(receiver, answer, timeout=0.3).reason


def test_it_hangs_up(receiver: Receiver) -> None:
    error = refusal(receiver, lambda handler: handler.connection.close())
    assert error.temporary
    assert error.reason == "localhost: the connection broke off"


def without_end(status: int) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65_536)

    return answer


def test_a_yes_without_end_is_a_yes(receiver: Receiver) -> None:
    """Else the same alert would be posted again and again."""
    receiver.answer = without_end(200)
    post(b"{}", settings(receiver.url))
    assert len(receiver.requests) == 1


def test_of_a_refusal_without_end_the_beginning_is_read(receiver: Receiver) -> None:
    assert refusal(receiver, without_end(503)).reason.startswith(
        "localhost answers with HTTP status 503 (xxx"
    )


def test_a_ca_file_that_is_none(receiver: Receiver, tmp_path: Path) -> None:
    error = refusal(receiver, ca_file=tmp_path / "nowhere.pem")
    assert "cannot be used (No such file or directory)" in error.reason
    assert receiver.requests == []
