"""A bulletin and an envelope in, the letter out: HTML and plain text that say the same. Pure."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from typing import Final
from zoneinfo import ZoneInfo

from summary.bulletin import Bulletin
from summary.letter import plain
from summary.letter.page import fitting
from summary.letter.parts import SUBJECT
from summary.letter.words import clipped

SENDER: Final = "ruamill"


@dataclass(frozen=True, slots=True)
class Envelope:
    """From whom, to whom, and by which names a letter goes."""

    sender: str
    """Mail address alone."""
    recipient: str
    """Mail address alone."""
    reply_to: str | None
    message_id: str
    """With its angle brackets."""
    date: datetime
    """With its time zone."""
    timezone: ZoneInfo
    """In which moments are written."""
    list_id: str
    """A name below a domain, without brackets: `ruamill.example.org` (RFC 2919 3)."""


def html(bulletin: Bulletin, timezone: ZoneInfo) -> str:
    """Lay the bulletin out as a page of its own, of less than 100 KB in UTF-8 whatever is in it."""
    return fitting(bulletin, timezone)[1]


def text(bulletin: Bulletin, timezone: ZoneInfo) -> str:
    """Lay the bulletin out as plain text of 72 columns that says the same."""
    return plain.write(fitting(bulletin, timezone)[0])


def compose(bulletin: Bulletin, envelope: Envelope) -> EmailMessage:
    """Make the letter. Its `as_bytes()` is what is sent; nothing in a bulletin can add a header."""
    said, page = fitting(bulletin, envelope.timezone)
    made = addressed(envelope, said.subject)
    made.set_content(plain.write(said), cte="quoted-printable")
    made.add_alternative(page, subtype="html", cte="quoted-printable")
    return made


def addressed(envelope: Envelope, subject: str) -> EmailMessage:
    """Begin a mail: its headers, and no body. The subject is one line; nothing in it can add a header."""
    made = EmailMessage(_policy(envelope))
    made["From"] = f"{SENDER} <{envelope.sender}>"
    made["To"] = envelope.recipient
    if envelope.reply_to:
        made["Reply-To"] = envelope.reply_to
    # An encoded word that a stranger wrote would be decoded here, line breaks and all (RFC 2047 2).
    made["Subject"] = clipped(subject, SUBJECT).replace("=?", "= ?")
    made["Date"] = envelope.date
    made["Message-ID"] = envelope.message_id
    made["List-Id"] = f"{SENDER} <{envelope.list_id}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834 5
    made["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    return made


def _policy(envelope: Envelope) -> "EmailPolicy[EmailMessage]":
    """Let an address have letters beyond ASCII as they are: they cannot be encoded (RFC 6532 3.1)."""
    addresses = f"{envelope.sender}{envelope.recipient}{envelope.reply_to or ''}"
    return SMTP if addresses.isascii() else SMTPUTF8
