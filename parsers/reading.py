"""One message or file in, the reports in it and what was refused out: the whole way from bytes to values."""

from collections.abc import Iterator
from dataclasses import dataclass

from parsers.aggregate import ReportReader, read_report
from parsers.errors import CorruptError, NotAReportError, RefusedError, ReportError, UnsupportedError
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.message import Mail, MailHeaders, looks_like_mail, names_report, read_headers, read_mail
from parsers.unpack import Document, Refusal, is_zip, looks_like_json, looks_like_xml, packing_of, unpack
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

    def open(self) -> Report | ReportReader:
        """Give the report from its start. Raises ReportError, as reading on does for a large one."""
        return self.report or ReportReader(self.document.chunks, self.limits)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in one message or file."""

    headers: MailHeaders | None
    """None for a file that is no mail."""
    reports: tuple[ReadReport, ...]
    refusals: tuple[Refusal, ...]
    """What was meant to be a report and is not taken; without any report at all, why not."""


def read(raw: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Reading:
    """Read a mail or a bare report file, told apart by its first bytes. Raises nothing: what is wrong is a Refusal."""
    if len(raw) > limits.mail_bytes:
        return _refused(name, too_large(len(raw), limits))
    head = raw[:512]
    if is_zip(head) or packing_of(head) or looks_like_xml(head) or looks_like_json(head):
        reading = _collect(None, unpack(raw, name, limits), limits)
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
    except RefusedError as error:
        return _refused(name, error, read_headers(raw[:HEADER_BYTES]))
    if mail.failure_report:
        return _refused(
            name, UnsupportedError("a failure report (RFC 6591), not an aggregate report"), mail.headers
        )
    found = (
        each for attachment in mail.attachments for each in unpack(attachment.data, attachment.name, limits)
    )
    reading = _collect(mail.headers, found, limits)
    if reading.reports:
        return reading
    if not reading.refusals:
        return _refused(name, _nothing_attached(mail), mail.headers)
    return _taken_at_its_word(reading) if mail.announces_report else _left_alone(reading)


def _nothing_attached(mail: Mail) -> ReportError:
    if mail.announces_report:
        return CorruptError("the mail announces a report, and none is attached")
    return NotAReportError("a mail without a report")


def _taken_at_its_word(reading: Reading) -> Reading:
    """Call corrupt what was announced as a report and is none: Yahoo once sent the text `unused` for one."""
    return _recast(reading, NotAReportError, CorruptError) if not reading.reports else reading


def _left_alone(reading: Reading) -> Reading:
    """Call a mail that announces nothing ordinary mail, whatever broken archive it carries."""
    return _recast(reading, CorruptError, NotAReportError)


def _recast(reading: Reading, old: type[ReportError], new: type[ReportError]) -> Reading:
    refusals = (
        Refusal(it.name, new(str(it.error))) if isinstance(it.error, old) else it for it in reading.refusals
    )
    return Reading(reading.headers, reading.reports, tuple(refusals))


def _collect(headers: MailHeaders | None, found: Iterator[Document | Refusal], limits: Limits) -> Reading:
    reports: list[ReadReport] = []
    refusals: list[Refusal] = []
    size = 0
    for each in found:
        size += 0 if isinstance(each, Refusal) else each.size
        result = each if isinstance(each, Refusal) else _read_document(each, size, limits)
        if isinstance(result, Refusal):
            refusals.append(result)
        else:
            reports.append(result)
    if reports:  # whatever else lies beside a report is nobody's concern, unless it was meant to be one
        refusals = [refusal for refusal in refusals if not isinstance(refusal.error, NotAReportError)]
    return Reading(headers, tuple(reports), tuple(refusals))


def _read_document(document: Document, size: int, limits: Limits) -> ReadReport | Refusal:
    """Read a document; `size` is what the message's documents have together, this one included."""
    try:
        if size > limits.document_bytes:
            raise RefusedError(
                f"more than {limits.document_bytes} bytes in one message (limit document_bytes)"
            )
        if size > LARGE:
            return ReadReport(document, ReportReader(document.chunks, limits).header, None, limits)
        report = read_report(document.chunks, limits)
        return ReadReport(document, report.header, report, limits)
    except ReportError as error:
        return Refusal(document.name, error)


def _refused(name: str, error: ReportError, headers: MailHeaders | None = None) -> Reading:
    return Reading(headers, (), (Refusal(name, error),))
