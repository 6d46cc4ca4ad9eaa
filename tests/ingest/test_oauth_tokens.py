"""Tokens are asked for as each provider wants it, kept while they are good, and never told to anybody."""

import re
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog

from ingest.mailboxes import MailboxUnavailableError
from ingest.oauth import endpoint as asking
from ingest.oauth import transport
from ingest.oauth.tokens import Tokens, tokens_for
from tests.ingest.oauth_kit import (
    PROVIDERS,
    REFRESH,
    SECRET,
    OAuth,
    generic,
    generic_by_refresh_token,
    mailbox,
    make_key,
    microsoft_by_certificate,
)
from tests.ingest.program import wait_until
from tests.servers.ports import free_port
from tests.servers.token_endpoint import TokenEndpoint, answer


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with TokenEndpoint() as server:
        yield server


def tokens(oauth: OAuth, **changes: Any) -> Tokens:
    made = tokens_for(mailbox(oauth, **changes))
    assert made
    return made


def refusal(oauth: OAuth, **changes: Any) -> MailboxUnavailableError:
    with pytest.raises(MailboxUnavailableError) as caught:
        tokens(oauth, **changes).current()
    assert SECRET not in str(caught.value)
    assert "eyJ" not in str(caught.value)
    return caught.value


providers = pytest.mark.parametrize("provider", PROVIDERS)


# -- asked


@providers
def test_every_provider_is_asked_as_it_wants(endpoint: TokenEndpoint, provider: str, tmp_path: Path) -> None:
    made = tokens(PROVIDERS[provider](endpoint, tmp_path))
    assert endpoint.questions == 0
    assert made.seconds_left() == 0
    assert [made.current(), made.renew()] == endpoint.issued
    assert 3590 < made.seconds_left() <= 3600


def test_a_password_needs_no_tokens() -> None:
    settings = mailbox(
        {"provider": "generic", "client_id": "1", "client_secret": "1", "token_url": "https://x"}
    )
    assert tokens_for(settings.model_copy(update={"oauth": None})) is None


def test_a_secret_can_go_in_the_form(endpoint: TokenEndpoint) -> None:
    oauth = generic(endpoint, client_authentication="post", scope="mail")
    endpoint.clients["app"].method = "client_secret_post"
    endpoint.clients["app"].scope = "mail"
    assert tokens(oauth).current() == endpoint.issued[0]


def test_loopback_needs_no_tls() -> None:
    with TokenEndpoint(tls=False) as endpoint:
        assert tokens({**generic(endpoint), "ca_file": None}).current() == endpoint.issued[0]


# -- kept


def test_a_token_is_kept_until_five_minutes_before_its_end(
    endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tokens(generic(endpoint))
    began = time.monotonic()
    first = made.current()
    assert made.new
    for later, expected in ((3000, 1), (3299, 1), (3301, 2)):
        monkeypatch.setattr(time, "monotonic", lambda later=later: began + later)
        made.current()
        assert (endpoint.questions, made.new) == (expected, expected == 2)
    assert made.current() != first


def test_a_short_token_is_used_for_half_its_life(
    endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.seconds = 60
    made = tokens(generic(endpoint))
    began = time.monotonic()
    made.current()
    monkeypatch.setattr(time, "monotonic", lambda: began + 29)
    made.current()
    assert endpoint.questions == 1
    monkeypatch.setattr(time, "monotonic", lambda: began + 31)
    made.current()
    assert endpoint.questions == 2


@pytest.mark.parametrize(
    ("says", "seconds"), [({"expires_in": "600"}, 600), ({"expires_in": None}, 3600), ({"expires_in": -5}, 0)]
)
def test_the_life_of_a_token_is_what_the_endpoint_says(
    endpoint: TokenEndpoint, says: dict[str, object], seconds: float
) -> None:
    endpoint.says = says
    made = tokens(generic(endpoint))
    made.current()
    assert seconds - 10 < made.seconds_left() <= seconds


def test_a_token_that_could_not_be_renewed_is_not_used_again(endpoint: TokenEndpoint) -> None:
    made = tokens(generic(endpoint))
    first = made.current()
    endpoint.instead = lambda question: answer(question, 503, {})
    for _ in range(2):
        with pytest.raises(MailboxUnavailableError):
            made.renew()
    assert made.seconds_left() == 0
    endpoint.instead = None
    assert made.current() not in (first, "")


# -- rotated


def test_a_rotated_refresh_token_is_used_from_then_on(endpoint: TokenEndpoint) -> None:
    made = tokens(generic_by_refresh_token(endpoint))
    with structlog.testing.capture_logs() as logged:
        found = [made.renew() for _ in range(3)]
    assert found == endpoint.issued
    assert {event["event"] for event in logged} == {"refresh_token_not_kept"}
    assert endpoint.clients["app"].refresh_token not in str(logged)


def test_a_rotated_refresh_token_outlives_the_process_in_its_file(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{REFRESH}\n")
    file.chmod(0o640)
    oauth = generic_by_refresh_token(endpoint, refresh_token_file=file, scope="mail offline_access")
    daemon, doctor = tokens(oauth), tokens(oauth)
    for process in (daemon, doctor, daemon, tokens(oauth)):
        process.renew()
    assert file.read_text() == endpoint.clients["app"].refresh_token
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_a_rotated_refresh_token_is_used_though_its_file_cannot_be_written(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(REFRESH)
    (tmp_path / "token.new").mkdir()  # rights do not stop root
    made = tokens(generic_by_refresh_token(endpoint, refresh_token_file=file, scope="mail offline_access"))
    with structlog.testing.capture_logs() as logged:
        assert [made.renew(), made.renew()] == endpoint.issued
    assert [event["event"] for event in logged] == ["refresh_token_not_kept"] * 2


def test_a_refresh_token_that_was_used_up_is_told(endpoint: TokenEndpoint) -> None:
    oauth = generic_by_refresh_token(endpoint)
    endpoint.clients["app"].refresh_token = "another"  # noqa: S105 (opens nothing)
    error = refusal(oauth)
    assert not error.temporary
    assert "consent again for a new one" in str(error)


# -- refused


@pytest.mark.parametrize(
    ("refused", "meaning"),
    [
        ({"error": "invalid_client"}, "check client_id and its secret or certificate"),
        ({"error": "invalid_scope", "error_description": "No such scope"}, "check scope"),
        (
            {
                "error": "invalid_client",
                "error_description": "AADSTS7000222: The keys for app 'x' are expired.",
            },
            "the client secret has expired",
        ),
        (
            {"error": "invalid_request", "error_description": "AADSTS90002: Tenant 'x' not found."},
            "there is no such tenant",
        ),
        (
            {"error": "invalid_grant", "error_description": 'Bad Request "quoted"\r\nwith\u2028lines'},
            'it refuses (invalid_grant: Bad Request "quoted" with lines)',
        ),
        ({"error": {"code": 5}}, "check the oauth table of this mailbox"),
    ],
)
def test_an_error_of_the_endpoint_is_shown_with_its_meaning(
    endpoint: TokenEndpoint, refused: object, meaning: str
) -> None:
    endpoint.instead = lambda question: answer(question, 400, refused)
    error = refusal(generic(endpoint))
    assert not error.temporary
    assert meaning in str(error)
    assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (400, {"error": "temporarily_unavailable", "error_description": "AADSTS90033: try again"}),
        (503, {"error": "anything"}),
        (429, "slow down"),
    ],
)
def test_a_busy_endpoint_is_temporary(endpoint: TokenEndpoint, status: int, refused: object) -> None:
    endpoint.instead = lambda question: answer(question, status, refused)
    assert refusal(generic(endpoint)).temporary


@pytest.mark.parametrize(
    ("provider", "change", "meaning"),
    [
        (
            "microsoft365 by secret",
            {"secret": "another"},
            "must be the value of the client secret, not its ID",
        ),
        ("microsoft365 by secret", {"scope": "another"}, "scope must be that of Exchange Online"),
        ("google by service account", {"scope": "another"}, "delegate to the service account's client ID"),
        ("google by service account", {"subject": "another"}, "user must be the address of a user"),
        ("google by refresh token", {"refresh_token": "another"}, "consent again"),
    ],
)
def test_what_a_provider_does_not_take_is_told_with_the_next_step(
    endpoint: TokenEndpoint, provider: str, change: dict[str, str], meaning: str, tmp_path: Path
) -> None:
    oauth = PROVIDERS[provider](endpoint, tmp_path)
    for client in endpoint.clients.values():
        for name, value in change.items():
            setattr(client, name, value)
    error = refusal(oauth)
    assert not error.temporary
    assert meaning in str(error)


def test_another_certificate_is_told_from_that_of_the_application(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    oauth = microsoft_by_certificate(endpoint, tmp_path)
    make_key(tmp_path / "ruamill.pem")
    assert "Invalid JWT Signature" in str(refusal(oauth))


def test_an_endpoint_that_repeats_a_secret_is_not_quoted(endpoint: TokenEndpoint) -> None:
    repeated = f"wrong: {SECRET} eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln"
    endpoint.instead = lambda question: answer(
        question, 400, {"error": "invalid_client", "error_description": repeated}
    )
    assert "(invalid_client: wrong: *** ***)" in str(refusal(generic(endpoint)))


# -- away, or something else


def test_an_endpoint_that_is_down_is_temporary(endpoint: TokenEndpoint) -> None:
    oauth = generic(endpoint)
    made = tokens({**oauth, "token_url": f"https://localhost:{free_port()}/token"})
    with pytest.raises(MailboxUnavailableError, match="Connection refused") as caught:
        made.current()
    assert caught.value.temporary


def test_a_name_without_an_address_is_temporary(endpoint: TokenEndpoint) -> None:
    error = refusal({**generic(endpoint), "token_url": "https://nowhere.invalid/token"})
    assert error.temporary
    assert "the name has no address" in str(error)


def test_a_silent_endpoint_is_given_up(endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SECONDS", 0.2)
    done: list[bool] = []
    endpoint.instead = lambda _: wait_until(lambda: done)
    error = refusal(generic(endpoint))
    done.append(True)
    assert error.temporary
    assert "no answer within" in str(error)


def test_an_endpoint_that_dribbles_is_given_up(
    endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SECONDS", 0.3)

    def dribble(question: BaseHTTPRequestHandler) -> None:
        _send(question, b" ", 0.02)

    endpoint.instead = dribble
    error = refusal(generic(endpoint))
    assert error.temporary
    assert "no answer within" in str(error)


def test_an_endless_answer_is_left(endpoint: TokenEndpoint) -> None:
    sent = 0

    def endless(question: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        sent = _send(question, b" " * 65_536, 0)

    endpoint.instead = endless
    error = refusal(generic(endpoint))
    wait_until(lambda: sent)
    assert sent < 50_000_000
    assert "its answer holds no token" in str(error)


def _send(question: BaseHTTPRequestHandler, piece: bytes, pause: float) -> int:
    """Send until nobody listens any more; the bytes that went out."""
    question.send_response(200)
    question.send_header("Connection", "close")
    question.end_headers()
    for number in count(1):
        try:
            question.wfile.write(piece)
        except OSError:
            return number * len(piece)
        time.sleep(pause)
    return 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_secrets_do_not_follow_a_redirect(endpoint: TokenEndpoint, status: int) -> None:
    def elsewhere(question: BaseHTTPRequestHandler) -> None:
        question.send_response(status)
        question.send_header("Location", f"{other.url}/token")
        question.send_header("Content-Length", "0")
        question.end_headers()

    endpoint.instead = elsewhere
    with TokenEndpoint() as other:
        error = refusal(generic(endpoint))
        assert other.questions == 0
    assert not error.temporary
    assert "sends us on to another address" in str(error)


@pytest.mark.parametrize("content", ["<html>", [], {}, {"access_token": None}, {"access_token": 5}])
def test_what_is_no_token_is_told(endpoint: TokenEndpoint, content: object) -> None:
    endpoint.instead = lambda question: answer(question, 200, content)
    error = refusal(generic(endpoint))
    assert not error.temporary
    assert "its answer holds no token: check that it is the address of a token endpoint" in str(error)


def test_a_page_that_is_not_there_is_told(endpoint: TokenEndpoint) -> None:
    endpoint.instead = lambda question: answer(question, 404, "not here")
    assert "HTTP status 404: check its address" in str(refusal(generic(endpoint)))


def test_an_untrusted_certificate_is_refused(endpoint: TokenEndpoint) -> None:
    error = refusal({**generic(endpoint), "ca_file": None})
    assert not error.temporary
    assert "its certificate is not trusted (self-signed certificate)" in str(error)
    assert endpoint.questions == 0


# -- the files of credentials


FILES = {
    "ca_file": ("generic by client credentials", (None, b"", b"{}", b"\xff")),
    "certificate_file": ("microsoft365 by certificate", (None, b"", b"{}", b"\xff")),
    "service_account_file": ("google by service account", (None, b"", b"{}", b"\xff")),
    "refresh_token_file": ("generic by refresh token", (None, b"\xff")),
}
"""Keys of files -> who has one, and what is of no use in it; None for no file."""


@pytest.mark.parametrize(
    ("key", "provider", "content"),
    [(key, provider, content) for key, (provider, contents) in FILES.items() for content in contents],
)
def test_a_file_that_is_of_no_use_is_named(
    endpoint: TokenEndpoint, key: str, provider: str, content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    oauth = dict(PROVIDERS[provider](endpoint, tmp_path))
    oauth.pop("refresh_token", None)
    error = refusal({**oauth, key: file})
    assert not error.temporary
    assert re.match(f"{key} {file} cannot be (read|used)", str(error))
    assert endpoint.questions == 0


def test_a_new_certificate_is_taken_without_a_restart(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    made = tokens(microsoft_by_certificate(endpoint, tmp_path))
    made.current()
    microsoft_by_certificate(endpoint, tmp_path)
    assert made.renew() == endpoint.issued[1]


@providers
def test_nothing_shows_a_secret(endpoint: TokenEndpoint, provider: str, tmp_path: Path) -> None:
    settings = mailbox(PROVIDERS[provider](endpoint, tmp_path))
    made = tokens_for(settings)
    assert made
    token = made.current()
    shown = f"{settings!r} {settings} {made!r} {vars(made)['_ask']!r}"
    assert not [secret for secret in (SECRET, REFRESH, token) if secret in shown]
