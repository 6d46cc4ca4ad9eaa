"""The letter as a mail: its headers, its two bodies, and that nothing in a bulletin can add to them."""

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from summary.bulletin import Bulletin
from summary.letter import Envelope, compose, html, text
from tests.summary import letters

BERLIN = ZoneInfo("Europe/Berlin")
ENVELOPE = Envelope(
    sender="dmarc@example.org",
    recipient="postmaster@example.org",
    reply_to="mail-team@example.org",
    message_id="<20261115.1@ruamill.example.org>",
    date=letters.NOW.astimezone(BERLIN),
    timezone=BERLIN,
    list_id="ruamill.example.org",
)


def sent(bulletin: Bulletin, envelope: Envelope = ENVELOPE) -> EmailMessage:
    """Read the mail as its recipient does."""
    return message_from_bytes(compose(bulletin, envelope).as_bytes(), policy=policy.default)


def test_the_headers() -> None:
    assert sent(letters.WELL).items()[:10] == [
        ("From", "ruamill <dmarc@example.org>"),
        ("To", "postmaster@example.org"),
        ("Reply-To", "mail-team@example.org"),
        ("Subject", "DMARC example.com: all well"),
        ("Date", "Sun, 15 Nov 2026 06:30:00 +0100"),
        ("Message-ID", "<20261115.1@ruamill.example.org>"),
        ("List-Id", "ruamill <ruamill.example.org>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("MIME-Version", "1.0"),
    ]


def test_answers_go_where_nobody_said_otherwise() -> None:
    assert "Reply-To" not in sent(letters.WELL, replace(ENVELOPE, reply_to=None))


def test_both_bodies_arrive_as_they_were_made() -> None:
    mail = sent(letters.TELLING)
    assert mail.get_content_type() == "multipart/alternative"
    plain, page = mail.iter_parts()
    assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().replace("\r\n", "\n") == text(letters.TELLING, BERLIN)
    assert page.get_content().replace("\r\n", "\n").strip() == html(letters.TELLING, BERLIN).strip()


def test_the_same_letter_is_the_same_but_for_the_boundary() -> None:
    one, other = (compose(letters.TELLING, ENVELOPE) for _ in range(2))
    one.set_boundary("=")
    other.set_boundary("=")
    assert one.as_bytes() == other.as_bytes()


@pytest.mark.parametrize("name", ["telling", "strangers"])
def test_any_server_takes_it(name: str) -> None:
    bulletin = letters.TELLING if name == "telling" else letters.strangers("é\u202e\r\n" * 500)
    written = compose(bulletin, ENVELOPE).as_bytes()
    assert written.isascii()
    lines = written.split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert not any(b"\n" in line or b"\r" in line for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        "x\r\nBcc: all@example.org",
        "x\nBcc: all@example.org",
        "=?utf-8?q?x=0D=0ABcc:_all@example.org?=",
        "\u2028Bcc: all@example.org\x85\x0b\x0c",
        "\ud800\x00",
        "é" * 3000,
    ],
)
def test_a_strangers_words_add_no_header(words: str) -> None:
    mail = sent(replace(letters.WELL, subject=f"DMARC {words}: act"))
    assert mail.keys() == sent(letters.WELL).keys()
    assert len(mail["Subject"]) <= 202
    assert mail["Subject"].isprintable()


def test_letters_of_any_alphabet_stand_in_the_subject() -> None:
    subject = "DMARC пример.рф: act, Jörgs Maildienst is failing DKIM"
    assert sent(replace(letters.WELL, subject=subject))["Subject"] == subject


def test_an_address_may_have_letters_of_any_alphabet() -> None:
    written = compose(letters.WELL, replace(ENVELOPE, recipient="jörg@example.org")).as_bytes()
    assert "\r\nTo: jörg@example.org\r\n".encode() in written
