"""What is worth an alert, for whom it is one, and how it reads."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from summary.alerts import CAUSES, Alert, Cause, alerts, mail, text, unreachable
from summary.bulletin import Finding, Kind, Level
from summary.letter import Envelope

EVERY = frozenset(Cause)
HOSTILE = "Evil\r\nBcc: all@example.org\u202e\x00<b>"


def finding(domain: str | None = "example.org", **changes: Any) -> Finding:
    usual: dict[str, Any] = {
        "level": Level.ACT,
        "kind": Kind.NOW_FAILS,
        "what": "Mimecast is failing DKIM",
        "sentence": f"Mimecast passed before, and 1,204 messages of {domain} fail now.",
        "next_step": "Check the DKIM definition, and the policy that applies it to outbound mail.",
        "who": "Mimecast",
    }
    return Finding(**{**usual, "domain": domain, **changes})


def made(*findings: Finding, causes: frozenset[str] = EVERY) -> list[Alert]:
    return list(alerts(findings, causes))


def envelope(**changes: Any) -> Envelope:
    usual: dict[str, Any] = {
        "sender": "ruamill@example.org",
        "recipient": "postmaster@example.org",
        "reply_to": None,
        "message_id": "<1@example.org>",
        "date": datetime(2026, 11, 15, 10, 30, tzinfo=UTC),
        "timezone": ZoneInfo("UTC"),
        "list_id": "ruamill.example.org",
    }
    return Envelope(**{**usual, **changes})


def test_a_source_that_began_to_fail_is_one() -> None:
    (alert,) = made(finding())
    assert alert == Alert(
        cause=Cause.OWN_SOURCE_FAILS,
        topic="own_source_fails example.org Mimecast",
        domains=("example.org",),
        who="Mimecast",
        subject="DMARC example.org: Mimecast is failing DKIM",
        sentences=("Mimecast passed before, and 1,204 messages of example.org fail now.",),
        next_step="Check the DKIM definition, and the policy that applies it to outbound mail.",
    )


def test_what_can_wait_for_the_letter_is_none() -> None:
    assert made(*(finding(kind=kind) for kind in Kind if kind not in CAUSES)) == []


def test_nor_is_what_only_wants_a_look() -> None:
    assert made(finding(level=Level.LOOK)) == []


@pytest.mark.parametrize(("kind", "cause"), CAUSES.items())
def test_only_the_causes_that_are_set_are(kind: Kind, cause: Cause) -> None:
    assert made(finding(kind=kind), causes=EVERY - {cause}) == []
    assert [it.cause for it in made(finding(kind=kind), causes=frozenset({cause}))] == [cause]


def test_two_sources_and_two_domains_are_told_apart() -> None:
    found = made(finding(), finding(who="Mailchimp"), finding("example.net"))
    assert {it.topic for it in found} == {
        "own_source_fails example.org Mimecast",
        "own_source_fails example.org Mailchimp",
        "own_source_fails example.net Mimecast",
    }


def test_many_domains_are_one_alert() -> None:
    domains = [f"d{number:03}.example" for number in range(200)]
    (alert,) = made(*(finding(it, kind=Kind.NO_REPORTS, what="no reports", who=None) for it in domains))
    assert alert.topic == "no_reports"
    assert alert.domains == tuple(domains)
    assert alert.subject == "DMARC d000.example: no reports (and 199 more domains)"
    assert len(alert.sentences) == 11
    assert alert.sentences[-1] == "The same of 190 more domains."


def test_many_senders_of_a_domain_are_one_alert() -> None:
    """A zone that is gone takes every signature with it."""
    senders = [f"Sender {number}" for number in range(6)]
    found = [finding(who=it, what=f"{it} is failing DKIM", next_step=f"Mend {it}.") for it in senders]
    (alert,) = made(*found)
    assert (alert.topic, alert.domains, alert.who) == ("own_source_fails example.org", ("example.org",), None)
    assert alert.subject == "DMARC example.org: Sender 0 is failing DKIM (and 5 more senders)"
    assert len(alert.sentences) == 6
    assert alert.next_step == "Run `ruamill sources DOMAIN`: it says of each sender what to do."


def test_a_storm_is_one_alert() -> None:
    """200 senders of 50 domains begin to fail at once."""
    found = [
        finding(f"d{domain:02}.example", who=f"Sender {domain}.{number}")
        for domain in range(50)
        for number in range(4)
    ]
    (alert,) = made(*found)
    assert (alert.topic, len(alert.domains), alert.who) == ("own_source_fails", 50, None)
    assert alert.subject == "DMARC d00.example: Mimecast is failing DKIM (and 49 more domains)"
    assert alert.sentences[-1] == "The same of 190 more senders."
    others = made(*found, finding("example.org", kind=Kind.POLICY_WEAKENED, who=None))
    assert [it.topic for it in others] == ["own_source_fails", "policy_weakened example.org"]


def test_what_is_about_no_domain_names_none() -> None:
    (alert,) = made(finding(None, kind=Kind.NO_REPORTS, what="no reports for 3 days", who=None))
    assert (alert.topic, alert.domains, alert.subject) == ("no_reports", (), "DMARC: no reports for 3 days")


def test_strangers_strings_are_shown_and_do_nothing() -> None:
    (alert,) = made(finding(who=HOSTILE * 100, what=HOSTILE, sentence=HOSTILE * 1000, next_step=None))
    written = mail(alert, envelope()).as_bytes()
    read = message_from_bytes(written, policy=default)
    assert "Bcc" not in read
    assert "<U+202E>" in read["Subject"]
    assert "\u202e" not in read.get_content()
    assert len(written) < 10_000
    assert len(alert.topic) <= 300


@pytest.mark.parametrize(
    "words", ["=?utf-8?q?x=0D=0ABcc:_all@example.org?=", "=?utf-8?b?DQpCY2M6IGE=?=", HOSTILE, "é" * 600]
)
def test_a_strangers_words_add_no_header(words: str) -> None:
    """Anybody may report that the policy of a domain with any name was weakened."""
    (alert,) = made(finding(words, what=words, who=None))
    read = message_from_bytes(mail(alert, envelope()).as_bytes(), policy=default)
    assert read.keys() == mail(made(finding())[0], envelope()).keys()
    assert len(read["Subject"]) <= 202
    assert read["Subject"].isprintable()


def test_the_mail_is_plain_text_and_says_what_it_is() -> None:
    (alert,) = made(finding())
    message = mail(alert, envelope(reply_to="dmarc@example.org"))
    assert {name: str(message[name]) for name in message} == {
        "From": "ruamill <ruamill@example.org>",
        "To": "postmaster@example.org",
        "Subject": "DMARC example.org: Mimecast is failing DKIM",
        "Date": "Sun, 15 Nov 2026 10:30:00 +0000",
        "Message-ID": "<1@example.org>",
        "Reply-To": "dmarc@example.org",
        "List-Id": "ruamill <ruamill.example.org>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "quoted-printable",
        "MIME-Version": "1.0",
    }
    assert message.as_bytes().isascii()


def test_its_text_says_what_happened_and_what_to_do() -> None:
    (alert,) = made(finding())
    assert text(alert) == (
        "Mimecast passed before, and 1,204 messages of example.org fail now.\n"
        "\n"
        "What to do: Check the DKIM definition, and the policy that applies it to\n"
        "outbound mail.\n"
        "\n"
        "ruamill says this at most once a day for each cause; docs/alerts.md\n"
        "explains it.\n"
    )


def test_addresses_beyond_ascii_stay_what_they_are() -> None:
    (alert,) = made(finding())
    assert b"To: p\xc3\xb6st@example.org" in mail(alert, envelope(recipient="pöst@example.org")).as_bytes()


def test_an_outage_says_what_and_for_how_long() -> None:
    alert = unreachable("mailbox dmarc", "login refused\n\x1b[31m", 61)
    assert (alert.topic, alert.domains) == ("unreachable mailbox dmarc", ())
    assert alert.subject == "DMARC: mailbox dmarc unreachable for 61 minutes"
    assert alert.sentences == (
        "The mailbox dmarc has not been reached for 61 minutes: login refused<U+000A><U+001B>[31m",
    )
