"""A message that was read in, all that will be written of it out: pure, so that another process can do it.

What is prepared is flat and cheap to send: rows without the keys, which only the one who writes can give.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from parsers.message import MailHeaders
from parsers.reading import ReadFailure, Reading, ReadReport, ReadTlsReport
from parsers.unpack import Refusal
from store.bulk import Row
from store.ledger import Sighting
from store.rows import RecordRows, block_rows, deviation_row, document_row, report_values


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that was read, to be stored."""

    sighting: Sighting
    raw: bytes
    """Empty where the body was not asked for."""
    size: int
    reading: Reading
    problem: str | None = None
    """Why it could not be read this time, where that may pass."""


@dataclass(frozen=True, slots=True)
class Content:
    """What hangs below a report's row."""

    held: tuple[RecordRows, ...]
    deviations: tuple[Row, ...]
    damage: str | None
    """Why there may be more of it; None for a whole one."""

    def blocks(self) -> Iterator[RecordRows]:
        """Give the records, as Unfolding does."""
        return iter(self.held)


class Unfolding:
    """What hangs below a report's row, made while it is read. Raises ReportError as ReadReport.open does."""

    def __init__(self, read: ReadReport) -> None:
        self._report = read.open()

    def blocks(self) -> Iterator[RecordRows]:
        """Give the records in the order they stand. Raises ReportError."""
        return block_rows(self._report)

    @property
    def deviations(self) -> tuple[Row, ...]:
        """How the report departs from the standard: known once the blocks are given."""
        return tuple(map(deviation_row, self._report.deviations))

    @property
    def damage(self) -> str | None:
        """Why there may be more of it: known once the blocks are given."""
        return self._report.damage


@dataclass(frozen=True, slots=True)
class PreparedReport:
    """A report, ready to be written."""

    name: str
    """The document's, for people."""
    values: dict[str, Any]
    """Column of `report` -> value (`report_values`)."""
    document: Row
    """Its XML, packed."""
    content: Content | ReadReport
    """Of a large one what it is read from: its records are too many to be held, and are read while they are written."""

    @property
    def is_large(self) -> bool:
        """Whether it may yet prove unreadable."""
        return isinstance(self.content, ReadReport)

    def open(self) -> Content | Unfolding:
        """Give what hangs below its row. Raises ReportError, as reading on does for a large one."""
        return Unfolding(self.content) if isinstance(self.content, ReadReport) else self.content


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message, ready to be written."""

    sighting: Sighting
    raw: bytes
    """Empty where the body was not asked for."""
    sha256: str
    """Of the bytes, in hex; empty where there are none."""
    size: int
    headers: MailHeaders | None
    """None for a file that is no mail."""
    dmarc: str | None
    """The trusted receiving server's verdict on the mail."""
    problem: str | None
    """Why it could not be read this time, where that may pass."""
    reports: tuple[PreparedReport, ...] = ()
    tls_reports: tuple[ReadTlsReport, ...] = ()
    failures: tuple[ReadFailure, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    """What was meant to be a report and is not taken."""
    foreign: tuple[str, ...] = ()
    """What those of its reports are about that are none of ours, each once."""

    @property
    def xml_bytes(self) -> int:
        """How many bytes of XML its reports have."""
        return sum(report.values["xml_bytes"] for report in self.reports)


def prepare(incoming: Incoming) -> Prepared:
    """Do with a message all that needs no database; what comes out can be pickled. Raises nothing."""
    reading = incoming.reading
    return Prepared(
        sighting=incoming.sighting,
        raw=incoming.raw,
        sha256=hashlib.sha256(incoming.raw).hexdigest() if incoming.raw else "",
        size=incoming.size,
        headers=reading.headers,
        dmarc=reading.dmarc,
        problem=incoming.problem,
        reports=tuple(map(_prepare, reading.reports)),
        tls_reports=reading.tls_reports,
        failures=reading.failures,
        refusals=reading.refusals,
        foreign=_foreign_domains(reading),
    )


def _prepare(read: ReadReport) -> PreparedReport:
    document = document_row(read.document)
    return PreparedReport(read.document.name, report_values(read), document, _content(read))


def _content(read: ReadReport) -> Content | ReadReport:
    if read.report is None:
        return read
    unfolding = Unfolding(read)
    return Content(tuple(unfolding.blocks()), unfolding.deviations, unfolding.damage)


def _foreign_domains(reading: Reading) -> tuple[str, ...]:
    """Name what the foreign reports of a message are about, each once."""
    aggregate = [it.header.policy.domain for it in reading.reports if it.foreign]
    tls = [policy.domain for it in reading.tls_reports if it.foreign for policy in it.report.policies]
    failures = [it.report.reported_domain for it in reading.failures if it.foreign]
    return tuple(dict.fromkeys(domain or "no domain" for domain in aggregate + tls + failures))
