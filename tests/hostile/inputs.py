"""What a hostile input is, and what all of them are made of."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.parsers.small_reports import METADATA, POLICY, record, report

MAIL = b"From: Inselpost <dmarc@inselpost.example>\nSubject: Report Domain: example.org\nMIME-Version: 1.0\n"
GZIP = "application/gzip"
NAME = "inselpost.example!example.org!1793577600!1793663999.xml.gz"
REPORT = report(record())
BEGUN = f"<feedback>{METADATA}{POLICY}"
ENDED = "</feedback>"


@dataclass(frozen=True, slots=True)
class Hostile:
    """A file, and what must become of it."""

    make: Callable[[], bytes]
    said: str
    """A regular expression for what is said of each document in it."""
    besides: str | None = None
    """The same for what may be said of some."""


def over(*limits: str) -> str:
    """Write what is said where one of these limits is passed."""
    return rf"refused: .*\(limit ({'|'.join(limits)})\)$"
