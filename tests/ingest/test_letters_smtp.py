"""One letter to a real mail server, which refuses, puts off, drops, hangs, and sees what it is shown."""

import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from ingest.doctor import smtp as doctor
from ingest.doctor.findings import Finding, Level, to_the_end
from ingest.doctor.network import Network
from ingest.letters import smtp
from ingest.letters.errors import DeliveryError
from ingest.oauth.tokens import tokens_for
from ingest.settings import SmtpSettings
from tests.ingest.oauth_kit import OAuth, generic, google_by_refresh_token, microsoft_by_secret
from tests.servers.mail import DROP, TAKE_AND_DROP, MailServer
from tests.servers.postfix import PostfixServer
from tests.servers.relay import Relay, Way
from tests.servers.token_endpoint import TokenEndpoint

SENDER, READER = "dmarc@example.org", "postmaster@example.org"
LETTER = (
    b"From: dmarc@example.org\r\nTo: postmaster@example.org\r\nSubject: DMARC example.org: all well\r\n"
    b"Message-ID: <1.2.3@example.org>\r\n\r\nAll well.\r\n.\r\n.. of dots\r\n"
)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with TokenEndpoint() as endpoint:
        yield endpoint


def settings(server: MailServer, **changes: object) -> SmtpSettings:
    place = {"host": server.host, "port": server.port, "ca_file": server.ca_file}
    login = {"user": server.user, "password": server.password, "sender": SENDER, "timeout": 10}
    return SmtpSettings.model_validate({**place, **login, **changes})


def send(to: SmtpSettings, content: bytes = LETTER, recipient: str = READER) -> None:
    smtp.send(content, to.sender, recipient, to, tokens_for(to))


def refusal(to: SmtpSettings, content: bytes = LETTER, recipient: str = READER) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(to, content, recipient)
    assert "\n" not in caught.value.reason
    assert to.host in caught.value.reason
    return caught.value


# --- taken


@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
def test_a_letter_is_taken_as_it_is(tls: Literal["implicit", "starttls", "none"]) -> None:
    with MailServer(tls) as server:
        send(settings(server, tls=tls))
        [(envelope, letter)] = server.letters
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, [READER])
    assert letter.as_bytes() == LETTER


def test_a_relay_that_wants_no_login() -> None:
    with MailServer("none", login=False) as server:
        send(settings(server, tls="none", user=None, password=None))
        assert len(server.letters) == 1


def test_addresses_and_headers_beyond_ascii(server: MailServer) -> None:
    letter = "Subject: Grüße\r\nMessage-ID: <1@example.org>\r\n\r\nGrüße\r\n".encode()
    send(settings(server), letter, "jürgen@example.org")
    [(envelope, _)] = server.letters
    assert envelope.rcpt_tos == ["jürgen@example.org"]
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(envelope.mail_options)


def test_once_it_is_taken_nothing_makes_it_untaken(server: MailServer) -> None:
    server.play("QUIT", "500 never heard of it", DROP)
    send(settings(server))
    send(settings(server))
    assert len(server.letters) == 2


@pytest.mark.postfix
def test_postfix_takes_a_letter_and_delivers_it() -> None:
    with PostfixServer() as server:
        to = SmtpSettings(host=server.host, port=server.port, ca_file=server.ca_file, sender=SENDER)
        send(to)
        [letter] = server.letters(1)
        assert letter["Message-ID"] == "<1.2.3@example.org>"
        assert letter["Return-Path"] == f"<{SENDER}>"
        assert "ESMTPS" in letter["Received"]
        assert letter.get_content() == "All well.\n.\n.. of dots\n"
        refused = refusal(to, recipient="somebody@elsewhere.example")
        assert not refused.temporary
        assert "Relay access denied" in refused.reason


# --- refused


@pytest.mark.parametrize(
    ("command", "reply", "temporary"),
    [
        ("RCPT", "451 4.7.1 greylisted, come back later", True),
        ("RCPT", "550 5.1.1 no such user", False),
        ("DATA", "452 4.3.1 no room", True),
        ("DATA", "554 5.7.1 this is spam", False),
        ("MAIL", "421 4.3.2 going down", True),
        ("MAIL", "550 5.7.1 not from you", True),
        ("MAIL", "552 5.3.4 larger than we take", False),
    ],
)
def test_a_server_that_says_no(server: MailServer, command: Any, reply: str, temporary: bool) -> None:
    server.play(command, reply)
    error = refusal(settings(server))
    assert reply in error.reason
    assert error.temporary is temporary
    assert server.letters == []
    send(settings(server))
    assert server.message_ids == ["<1.2.3@example.org>"]


def test_a_login_that_is_refused_is_worth_another_try(server: MailServer) -> None:
    error = refusal(settings(server, password="wrong-one"))  # noqa: S106 (nobody's)
    assert error.temporary
    assert f"refuses the login of {server.user}" in error.reason


def test_no_secret_is_repeated(server: MailServer) -> None:
    plain = b64encode(f"\0{server.user}\0{server.password}".encode()).decode()
    server.play(
        "RCPT", f"550 you said {server.password}, {plain}, {b64encode(server.password.encode()).decode()}"
    )
    assert refusal(settings(server)).reason.endswith("550 you said ***, ***, ***")


def test_what_a_server_says_is_one_short_line(server: MailServer) -> None:
    server.play("RCPT", "550-no\r\n550-\x1b[31mred\x07\r\n550 " + "very " * 200)
    reason = refusal(settings(server)).reason
    assert "550 no [31mred very very" in reason
    assert len(reason) < 500


def test_a_letter_never_goes_in_the_clear_unless_that_is_set() -> None:
    with MailServer("none", login=False) as server:
        error = refusal(settings(server, user=None, password=None))
        assert error.temporary
        assert "STARTTLS" in error.reason
        assert server.senders == []


def test_a_certificate_that_is_not_trusted(server: MailServer, tmp_path: Any) -> None:
    error = refusal(settings(server, ca_file=None))
    assert "name its authority in ca_file" in error.reason
    with pytest.raises(DeliveryError, match="name a PEM file with a certificate"):
        send(settings(server, ca_file=tmp_path / "none.pem"))
    assert server.senders == []


def test_a_password_that_this_login_cannot_carry(server: MailServer) -> None:
    assert "ASCII" in refusal(settings(server, password="grüße")).reason  # noqa: S106 (nobody's)


# --- away


def test_a_server_that_is_not_there(server: MailServer) -> None:
    with Relay(server.host, server.port) as relay:
        relay.refuse()
        error = refusal(settings(server, port=relay.port))
    assert error.temporary
    assert "Connection refused" in error.reason


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_hangs_up(server: MailServer, command: Any) -> None:
    server.play(command, DROP)
    assert refusal(settings(server)).temporary
    assert server.letters == []


def test_a_server_that_takes_a_letter_and_does_not_say_so(server: MailServer) -> None:
    server.play("DATA", TAKE_AND_DROP)
    assert refusal(settings(server)).temporary
    send(settings(server))
    assert server.message_ids == ["<1.2.3@example.org>"] * 2, "two, which whoever gets them knows for one"


def test_a_server_that_says_nothing(server: MailServer) -> None:
    with Relay(server.host, server.port) as relay:
        relay.stall()
        error = refusal(settings(server, port=relay.port, timeout=0.2))
    assert error.temporary


def test_a_server_that_says_a_byte_now_and_then(server: MailServer) -> None:
    """Each byte comes in time, and all of them never would."""
    with Relay(server.host, server.port) as relay:
        relay.throttle(20, Way.DOWN)
        started = time.monotonic()
        error = refusal(settings(server, port=relay.port, timeout=0.1))
        assert time.monotonic() - started >= smtp.WHOLE * 0.1
    assert error.temporary


def test_a_server_that_dies_at_any_byte(server: MailServer) -> None:
    """Whatever was said until then: the letter is taken, or it may be sent again."""
    with Relay(server.host, server.port) as relay:
        send(settings(server, port=relay.port))
        whole = relay.passed(Way.DOWN)
        for number in range(0, whole, 37):
            relay.after(number, Way.DOWN, lambda: False)
            before = len(server.letters)
            if _went(settings(server, port=relay.port)):
                assert len(server.letters) == before + 1


def _went(to: SmtpSettings) -> bool:
    """Send a letter, which may fail for now alone."""
    try:
        send(to)
    except DeliveryError as error:
        return not error.temporary
    return True


# --- by token


def by_token(server: MailServer, oauth: OAuth, **changes: object) -> SmtpSettings:
    return settings(server, user="dmarc@example.org", password=None, oauth=dict(oauth) | changes)


@pytest.fixture
def opened(server: MailServer, endpoint: TokenEndpoint) -> MailServer:
    """Give a server that takes every token of the endpoint."""
    server.user, server.tokens = "dmarc@example.org", endpoint.issued
    return server


@pytest.mark.parametrize("provider", [generic, google_by_refresh_token, microsoft_by_secret])
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_tokens_open_the_server(
    opened: MailServer, endpoint: TokenEndpoint, provider: Any, mechanism: str
) -> None:
    send(by_token(opened, provider(endpoint), mechanism=mechanism))
    assert opened.mechanisms == [mechanism]
    assert len(opened.letters) == 1


def test_the_mechanism_of_the_standard_comes_first(opened: MailServer, endpoint: TokenEndpoint) -> None:
    send(by_token(opened, generic(endpoint)))
    assert opened.mechanisms == ["OAUTHBEARER"]


def test_a_token_serves_for_many_letters_and_a_revoked_one_is_renewed(
    opened: MailServer, endpoint: TokenEndpoint
) -> None:
    to = by_token(opened, generic(endpoint))
    tokens = tokens_for(to)
    for _ in range(3):
        smtp.send(LETTER, SENDER, READER, to, tokens)
    assert endpoint.questions == 1
    endpoint.issued.clear()
    smtp.send(LETTER, SENDER, READER, to, tokens)
    assert (endpoint.questions, len(opened.letters)) == (2, 4)


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_token_that_is_refused_is_not_repeated(
    server: MailServer, endpoint: TokenEndpoint, mechanism: str
) -> None:
    server.user = "dmarc@example.org"
    error = refusal(by_token(server, generic(endpoint), mechanism=mechanism))
    assert error.temporary
    assert error.reason.endswith("535 5.7.8 no: *** ***")
    assert not any(one in error.reason for one in endpoint.issued)


def test_a_token_endpoint_that_is_away(server: MailServer, endpoint: TokenEndpoint) -> None:
    to = by_token(server, generic(endpoint, token_url="https://127.0.0.1:9/token"))  # noqa: S106 (an address)
    with pytest.raises(DeliveryError, match="no token from"):
        send(to)


def test_a_server_without_oauth() -> None:
    with MailServer("none", login=False) as server, TokenEndpoint() as endpoint:
        to = by_token(server, generic(endpoint)).model_copy(update={"tls": "none"})
        assert "no login by OAuth here" in refusal(to).reason
        assert endpoint.questions == 0


# --- as the doctor tries it


def tried(to: SmtpSettings) -> dict[str, Finding]:
    return {it.check: it for it in to_the_end(doctor.findings(to, Network()))}


def test_the_doctor_tries_a_token(opened: MailServer, endpoint: TokenEndpoint) -> None:
    found = tried(by_token(opened, generic(endpoint)))
    assert {it.level for it in found.values()} == {Level.OK}
    assert {"token", "login", "sender"} <= set(found)


@pytest.mark.parametrize(
    ("provider", "advice"), [(generic, "docs/oauth.md"), (microsoft_by_secret, "SMTP.SendAsApp")]
)
def test_the_doctor_says_what_opens_the_way(
    server: MailServer, endpoint: TokenEndpoint, provider: Any, advice: str
) -> None:
    found = tried(by_token(server, provider(endpoint)))
    assert advice in found["login"].advice
    assert not any(token in str(found) for token in endpoint.issued)


def test_the_doctor_tells_of_a_token_that_is_not_given(server: MailServer, endpoint: TokenEndpoint) -> None:
    oauth = generic(endpoint)
    endpoint.clients.clear()
    assert tried(by_token(server, oauth))["token"].level is Level.WRONG
