"""One message or file in, the reports in it and what was refused out: the whole way from bytes to values."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

from parsers.aggregate import ReportReader, read_report
from parsers.archive import is_zip
from parsers.budget import Budget
from parsers.errors import CorruptError, NotAReportError, RefusedError, ReportError, UnsupportedError
from parsers.failure import FailureReport
from parsers.feedback import forget_abandoned
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.message import (
    Attachment,
    Mail,
    MailHeaders,
    looks_like_mail,
    names_report,
    read_headers,
    read_mail,
)
from parsers.streams import packing_of
from parsers.tls import TlsReport, read_tls_report
from parsers.unpack import Document, Refusal, looks_like_json, looks_like_xml, unpack
from parsers.values import Report, ReportHeader

LARGE = 1 << 22
"""Bytes of XML that a message's reports may have to be held in memory; records of what is over are read while they are
stored."""
HEADER_BYTES = 1 << 16
"""Of a mail that is refused whole, as much of its header section is read."""


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A report ready to be stored."""

    document: Document
    header: ReportHeader
    report: Report | None
    """None for a large one: it is read while it is stored."""
    limits: Limits
    foreign: bool = False
    """About a domain that is none of ours; judged by whoever knows ours."""
    sender_fits: bool | None = None
    """Whether the mail came from the reporter's own domain; None where either is not known."""

    def open(self) -> Report | ReportReader:
        """Give the report from its start. Raises ReportError, as reading on does for a large one."""
        return self.report or ReportReader(self.document.chunks, self.limits, self.document.damage)


@dataclass(frozen=True, slots=True)
class ReadTlsReport:
    """An SMTP TLS report ready to be stored."""

    document: Document
    report: TlsReport
    foreign: bool = False
    """About domains none of which is ours."""


@dataclass(frozen=True, slots=True)
class ReadFailure:
    """A failure report ready to be stored."""

    report: FailureReport
    foreign: bool = False
    """About a domain that is none of ours."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in one message or file."""

    headers: MailHeaders | None
    """None for a file that is no mail."""
    reports: tuple[ReadReport, ...]
    refusals: tuple[Refusal, ...]
    """What was meant to be a report and is not taken; without any report at all, why not."""
    tls_reports: tuple[ReadTlsReport, ...] = ()
    failures: tuple[ReadFailure, ...] = ()
    dmarc: str | None = None
    """The receiving server's DMARC verdict on the mail; judged by whoever knows which server to trust."""

    @property
    def is_report(self) -> bool:
        """Whether there is anything to store."""
        return bool(self.reports or self.tls_reports or self.failures)


def read(raw: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Reading:
    """Read a mail or a bare report file, told apart by its first bytes. Raises nothing: what is wrong is a Refusal."""
    if len(raw) > limits.mail_bytes:
        return _refused(name, too_large(len(raw), limits))
    head = raw[:512]
    if is_zip(head) or packing_of(head) or looks_like_xml(head) or looks_like_json(head):
        reading = _collect(None, (Attachment(name, raw),), limits)
    elif looks_like_mail(head):
        return _read_mail(raw, name, limits)
    else:
        reason = "neither a mail nor XML, gzip or zip" if raw else "empty file"
        reading = _refused(name, NotAReportError(reason))
    return _taken_at_its_word(reading) if names_report(name) else reading


def too_large(size: int, limits: Limits) -> RefusedError:
    """Say why a message of so many bytes is not read; its mailbox need not be asked for them."""
    return RefusedError(f"{size} bytes; at most {limits.mail_bytes} are read (limit mail_bytes)")


def _read_mail(raw: bytes, name: str, limits: Limits) -> Reading:
    try:
        mail = read_mail(raw, limits)
    except ReportError as error:
        return _refused(name, error, read_headers(raw[:HEADER_BYTES]))
    if mail.failure_report:
        return _read_failures(mail, name)
    reading = _collect(mail.headers, mail.attachments, limits)
    if reading.is_report:
        return reading
    if not reading.refusals:
        return _refused(name, _nothing_attached(mail), mail.headers)
    return _taken_at_its_word(reading) if mail.announces_report else _left_alone(reading)


def _read_failures(mail: Mail, name: str) -> Reading:
    if not mail.failures:
        error = UnsupportedError("a failure report (RFC 6591) in no form that is known")
        return _refused(name, error, mail.headers)
    return Reading(mail.headers, (), (), failures=tuple(map(ReadFailure, mail.failures)))


def _nothing_attached(mail: Mail) -> ReportError:
    if mail.announces_report:
        return CorruptError("the mail announces a report, and none is attached")
    return NotAReportError("a mail without a report")


def _taken_at_its_word(reading: Reading) -> Reading:
    """Call corrupt what was announced as a report and is none: Yahoo once sent the text `unused` for one."""
    return reading if reading.is_report else _recast(reading, NotAReportError, CorruptError)


def _left_alone(reading: Reading) -> Reading:
    """Call a mail that announces nothing ordinary mail, whatever broken archive it carries."""
    return _recast(reading, CorruptError, NotAReportError)


def _recast(reading: Reading, old: type[ReportError], new: type[ReportError]) -> Reading:
    refusals = (
        Refusal(it.name, new(str(it.error))) if isinstance(it.error, old) else it for it in reading.refusals
    )
    return replace(reading, refusals=tuple(refusals))


def _collect(headers: MailHeaders | None, attachments: Iterable[Attachment], limits: Limits) -> Reading:
    """Read every document in the attachments; each is accounted for on its own, the limits count for all together."""
    budget = Budget(limits)
    reports: list[ReadReport] = []
    tls_reports: list[ReadTlsReport] = []
    refusals: list[Refusal] = []
    failed = 0
    for found in chain.from_iterable(unpack(each.data, each.name, budget) for each in attachments):
        result = found if isinstance(found, Refusal) else _read_document(found, budget.size, limits)
        if isinstance(result, Refusal):
            refusals.append(result)
        elif isinstance(result, ReadReport):
            reports.append(result)
        else:
            tls_reports.append(result)
        failed += 0 if isinstance(found, Refusal) else _failed(found, result, limits)
        if failed > limits.failed_bytes:
            refusals.append(_rest(limits))
            break
    if failed:
        forget_abandoned()
    if reports or tls_reports:
        # whatever else lies beside a report is nobody's concern, unless it was meant to be one
        refusals = [refusal for refusal in refusals if not isinstance(refusal.error, NotAReportError)]
    return Reading(headers, tuple(reports), tuple(refusals), tuple(tls_reports))


def _rest(limits: Limits) -> Refusal:
    reason = f"more than {limits.failed_bytes} bytes before it could not be read (limit failed_bytes)"
    return Refusal("the rest of the message", RefusedError(reason))


def _read_document(document: Document, size: int, limits: Limits) -> ReadReport | ReadTlsReport | Refusal:
    """Read a document; `size` is what the message's documents have together so far, this one included."""
    try:
        if document.kind == "json":
            return ReadTlsReport(document, _read_tls_report(document, limits))
        if size > LARGE:
            reader = ReportReader(document.chunks, limits, document.damage)
            return ReadReport(document, reader.header, None, limits)
        report = read_report(document.chunks, limits, document.damage)
        return ReadReport(document, report.header, report, limits)
    except ReportError as error:
        return Refusal(document.name, error)


def _failed(document: Document, result: ReadReport | ReadTlsReport | Refusal, limits: Limits) -> int:
    """Give how many bytes of a document were read in vain, and may still be held: none where it was read to its end."""
    whole = isinstance(result, ReadTlsReport) or (
        isinstance(result, ReadReport) and (result.report is None or result.report.damage is None)
    )
    return 0 if whole else min(document.size, limits.record_bytes)


def _read_tls_report(document: Document, limits: Limits) -> TlsReport:
    if document.damage:
        raise CorruptError(document.damage)
    return read_tls_report(b"".join(document.chunks()), limits)


def _refused(name: str, error: ReportError, headers: MailHeaders | None = None) -> Reading:
    return Reading(headers, (), (Refusal(name, error),))
