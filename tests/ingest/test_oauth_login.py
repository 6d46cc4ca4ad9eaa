"""Mailboxes opened by token, on a real Dovecot that validates each, and on a server that speaks as Google and Exchange."""

import json
import socketserver
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ingest.imap.connection import connect
from ingest.imap.errors import LoginRefusedError
from ingest.imap.login import log_in
from ingest.imap.mailbox import ImapMailbox
from ingest.mailboxes import MailboxUnavailableError
from ingest.oauth.tokens import Tokens, tokens_for
from ingest.settings import ImapSettings
from tests.ingest.mailbox_kit import check_database, report_mail
from tests.ingest.oauth_kit import PROVIDERS, SECRET, USER, OAuth, generic, mailbox, microsoft_by_secret
from tests.ingest.program import Daemon, Program, wait_until
from tests.servers.dovecot import DovecotServer
from tests.servers.token_endpoint import FORGER, Issuer, TokenEndpoint, answer

numbers = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[DovecotServer]:
    with DovecotServer(issuer=Issuer()) as server:
        yield server


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with TokenEndpoint() as server:
        yield server


@pytest.fixture(params=["XOAUTH2", "OAUTHBEARER"])
def mechanism(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def tokens_of(settings: ImapSettings) -> Tokens:
    tokens = tokens_for(settings)
    assert tokens
    return tokens


def enter(settings: ImapSettings, tokens: Tokens | None = None) -> None:
    """Log in, and look around to see that it is so."""
    with connect(settings) as client:
        log_in(client, settings, tokens or tokens_of(settings))
        assert client.folder_exists("INBOX")


def refusal(settings: ImapSettings, tokens: Tokens | None = None) -> LoginRefusedError:
    with pytest.raises(LoginRefusedError) as caught:
        enter(settings, tokens)
    assert "eyJ" not in str(caught.value)
    assert f"login refused for {settings.user}" in str(caught.value)
    return caught.value


# -- on Dovecot


@pytest.mark.dovecot
@pytest.mark.parametrize("provider", PROVIDERS)
def test_tokens_of_every_provider_open_the_mailbox(
    server: DovecotServer, endpoint: TokenEndpoint, mechanism: str, provider: str, tmp_path: Path
) -> None:
    oauth = PROVIDERS[provider](endpoint, tmp_path)
    enter(mailbox({**oauth, "mechanism": mechanism}, server))
    assert endpoint.questions == 1
    assert f"method={mechanism}" in _last_login(server)


@pytest.mark.dovecot
def test_a_token_goes_behind_starttls(server: DovecotServer, endpoint: TokenEndpoint) -> None:
    enter(mailbox(generic(endpoint), server, tls="starttls", port=server.imap_port))


@pytest.mark.dovecot
def test_the_mechanism_of_the_standard_comes_first(server: DovecotServer, endpoint: TokenEndpoint) -> None:
    enter(mailbox(generic(endpoint), server))
    assert "method=OAUTHBEARER" in _last_login(server)


@pytest.mark.dovecot
def test_the_other_mechanism_is_taken_where_there_is_no_choice(endpoint: TokenEndpoint) -> None:
    with DovecotServer(issuer=Issuer(), mechanisms="xoauth2") as server:
        enter(mailbox(generic(endpoint), server))
        assert "method=XOAUTH2" in _last_login(server)


def test_a_server_without_oauth_is_told(dovecot_server: DovecotServer, endpoint: TokenEndpoint) -> None:
    with pytest.raises(
        MailboxUnavailableError, match=r"no login by OAuth here, it offers .*AUTH=PLAIN"
    ) as caught:
        enter(mailbox(generic(endpoint), dovecot_server))
    assert not caught.value.temporary
    assert endpoint.questions == 0


def _last_login(server: DovecotServer) -> str:
    logins = [
        line for line in (server.directory / "dovecot.log").read_text().splitlines() if ": Login:" in line
    ]
    return logins[-1]


@pytest.mark.dovecot
def test_a_forged_token_is_refused(server: DovecotServer, endpoint: TokenEndpoint, mechanism: str) -> None:
    endpoint.issuer = FORGER
    error = refusal(mailbox({**generic(endpoint), "mechanism": mechanism}, server))
    assert not error.temporary
    assert ("status 401" if mechanism == "XOAUTH2" else "status invalid_token") in error.said
    assert "issuer (https://issuer.example/)" in str(error)
    assert endpoint.questions == 1  # another would be no better


@pytest.mark.dovecot
def test_a_token_for_another_user_is_refused(
    server: DovecotServer, endpoint: TokenEndpoint, mechanism: str
) -> None:
    oauth = generic(endpoint)
    endpoint.clients["app"].subject = "somebody@example.org"
    error = refusal(mailbox({**oauth, "mechanism": mechanism}, server))
    assert not error.temporary
    assert f"speaks for somebody@example.org, not for {USER}" in str(error)


@pytest.mark.dovecot
def test_a_token_that_ended_is_renewed_once(
    server: DovecotServer, endpoint: TokenEndpoint, mechanism: str
) -> None:
    endpoint.seconds, endpoint.says = -5, {"expires_in": 3600}
    settings = mailbox({**generic(endpoint), "mechanism": mechanism}, server)
    tokens = tokens_of(settings)
    assert "The token ended" in str(refusal(settings, tokens))
    assert endpoint.questions == 1
    refusal(settings, tokens)
    assert endpoint.questions == 2
    endpoint.seconds = 3600
    enter(settings, tokens)  # the kept one is refused, the new one is good: by the same connection
    assert endpoint.questions == 3


@pytest.mark.dovecot
def test_a_session_outlives_its_token_and_the_next_has_a_new_one(
    server: DovecotServer, endpoint: TokenEndpoint
) -> None:
    endpoint.seconds = 2
    settings = mailbox(generic(endpoint), server)
    tokens = tokens_of(settings)
    with connect(settings) as client:
        log_in(client, settings, tokens)
        first = tokens.current()
        wait_until(lambda: not tokens.seconds_left())
        client.select_folder("INBOX")
        assert client.noop()
        enter(settings, tokens)
        assert endpoint.issued[-1] != first
        assert client.noop()


@pytest.mark.dovecot
def test_an_endpoint_that_is_away_keeps_nobody_out_for_good(
    server: DovecotServer, endpoint: TokenEndpoint
) -> None:
    settings = mailbox(generic(endpoint), server)
    tokens = tokens_of(settings)
    endpoint.instead = lambda question: answer(question, 503, {})
    with pytest.raises(MailboxUnavailableError, match="HTTP status 503: it may work later") as caught:
        enter(settings, tokens)
    assert caught.value.temporary
    endpoint.instead = None
    enter(settings, tokens)


@pytest.mark.dovecot
def test_messages_are_read_by_token(server: DovecotServer, endpoint: TokenEndpoint) -> None:
    user = f"reader-{next(numbers)}@example.org"
    server.deliver(user, [report_mail(1).content])
    oauth = generic(endpoint)
    endpoint.clients["app"].subject = user
    settings = mailbox(oauth, server, user=user)
    with ImapMailbox(settings, tokens_of(settings)) as box:
        box.open("INBOX")
        assert [uid for window in box.waiting(0) for uid in window] == ["1"]


def wait_for_question(endpoint: TokenEndpoint) -> None:
    asked = endpoint.questions
    wait_until(lambda: endpoint.questions > asked)


@pytest.mark.dovecot
def test_the_daemon_goes_on_from_token_to_token(
    server: DovecotServer, endpoint: TokenEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = f"daemon-{next(numbers)}@example.org"
    database = f"sqlite:///{tmp_path}/ruamill.db"
    endpoint.seconds = 3
    oauth = {**generic(endpoint), "client_secret": SECRET}
    endpoint.clients["app"].subject = user
    for key, value in oauth.items():
        monkeypatch.setenv(f"RUAMILL_MAILBOX__0__OAUTH__{key.upper()}", str(value))
    account = {"host": server.host, "port": server.imaps_port, "ca_file": str(server.ca_file), "user": user}
    posts = [report_mail(number) for number in range(3)]
    with Daemon(Program(tmp_path, database, account)) as daemon:
        for number, post in enumerate(posts, 1):
            server.deliver(user, [post.content])
            daemon.wait_for("message", number)
            wait_for_question(endpoint)
        daemon.stop()
    check_database(database, posts)
    assert not daemon.events("poll_failed")
    log = "".join(daemon.lines)
    assert not [secret for secret in (SECRET, *endpoint.issued) if secret in log]


# -- as Google and Exchange speak


@contextmanager
def imitation(challenge: object, verdict: str) -> Iterator[tuple[int, list[bytes]]]:
    """Give the port of a server that asks for a token, and refuses it by a challenge if there is one; and what it heard."""
    heard: list[bytes] = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            for line in self.rfile:
                tag, command = line.split()[:2]
                if command == b"AUTHENTICATE":
                    self._ask(b"")
                    if challenge:
                        self._ask(b64encode(json.dumps(challenge).encode()))
                    if not verdict:
                        return
                    self._say(tag, verdict.encode())
                elif command == b"CAPABILITY":
                    self.wfile.write(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED\r\n")
                    self._say(tag, b"OK done")
                else:
                    self._say(tag, b"BAD User is authenticated but not connected.")

        def _ask(self, question: bytes) -> None:
            self.wfile.write(b"+ " + question + b"\r\n")
            heard.append(b64decode(self.rfile.readline()))

        def _say(self, tag: bytes, answer: bytes) -> None:
            self.wfile.write(tag + b" " + answer + b"\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1], heard
        finally:
            server.shutdown()
            thread.join()


def imitated(oauth: OAuth, port: int, **changes: Any) -> ImapSettings:
    return mailbox(oauth, tls="none", port=port, **changes)


GOOGLE = {"status": "400", "schemes": "Bearer", "scope": "https://mail.google.com/"}


def test_the_reason_of_a_refusal_is_shown_and_answered(endpoint: TokenEndpoint, mechanism: str) -> None:
    oauth = {**PROVIDERS["google by refresh token"](endpoint, Path()), "mechanism": mechanism}
    with imitation(GOOGLE, "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)") as (port, heard):
        error = refusal(imitated(oauth, port))
    assert error.said == (
        "[AUTHENTICATIONFAILED] Invalid credentials (Failure), "
        "status 400, schemes Bearer, scope https://mail.google.com/"
    )
    assert "Google's tokens tell nothing about themselves" in str(error)
    token = endpoint.issued[0].encode()
    expected = {
        "XOAUTH2": [b"user=dmarc@example.org\1auth=Bearer " + token + b"\1\1", b""],
        "OAUTHBEARER": [b"n,a=dmarc@example.org,\1auth=Bearer " + token + b"\1\1", b"\1"],
    }
    assert heard == expected[mechanism]


def test_a_name_with_signs_of_the_protocol_is_escaped(endpoint: TokenEndpoint) -> None:
    oauth = {**generic(endpoint), "mechanism": "OAUTHBEARER"}
    with imitation(None, "NO no") as (port, heard):
        refusal(imitated(oauth, port, user="a=b,ü@example.org"))
    assert heard[0].startswith("n,a=a=3Db=2Cü@example.org,\1".encode())


def test_a_service_principal_that_exchange_does_not_know_is_named(endpoint: TokenEndpoint) -> None:
    oauth = microsoft_by_secret(endpoint)
    endpoint.clients["app"].claims = {**endpoint.clients["app"].claims, "oid": "the-object-id"}
    with imitation(None, "NO AUTHENTICATE failed.") as (port, _):
        error = refusal(imitated(oauth, port))
    assert "New-ServicePrincipal -AppId app -ObjectId the-object-id" in str(error)
    assert "Add-MailboxPermission -Identity dmarc@example.org -User the-object-id" in str(error)


def test_a_mailbox_that_is_not_open_to_the_application_is_told(endpoint: TokenEndpoint) -> None:
    with imitation(None, "OK AUTHENTICATE completed.") as (port, _):
        settings = imitated(microsoft_by_secret(endpoint), port)
        with (
            pytest.raises(MailboxUnavailableError, match="the mailbox is not open to this login") as caught,
            ImapMailbox(settings, tokens_of(settings)) as box,
        ):
            box.open("INBOX")
    assert not caught.value.temporary


def test_a_login_that_may_work_later_is_temporary(endpoint: TokenEndpoint) -> None:
    with imitation(None, "NO [UNAVAILABLE] try again") as (port, _):
        error = refusal(imitated(generic(endpoint), port))
    assert error.temporary
    assert "it may work later" in str(error)


def test_a_connection_lost_at_the_login_is_temporary(endpoint: TokenEndpoint) -> None:
    with imitation(None, "") as (port, _):
        settings = imitated(generic(endpoint), port)
        with (
            pytest.raises(MailboxUnavailableError, match="connection") as caught,
            ImapMailbox(settings, tokens_of(settings)),
        ):
            pass
    assert caught.value.temporary


def test_a_server_that_repeats_the_token_is_not_quoted(endpoint: TokenEndpoint) -> None:
    oauth = generic(endpoint)
    token = endpoint.issuer.token(USER, 3600)
    endpoint.says = {"access_token": token}
    with imitation({"status": token}, f"NO {token}") as (port, _):
        assert refusal(imitated(oauth, port)).said == "***, status ***"
