"""One mail's bytes in, its headers and attachments out: any MIME shape, any transfer encoding, told apart by content.

The compat32 policy is used because it never builds header objects: it is eight times faster than the default.
"""

import email.header
import re
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email._policybase import Compat32
from email.errors import MessageError
from email.feedparser import BytesFeedParser
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from itertools import count, islice
from typing import Any, Final, cast

from parsers.archive import is_zip
from parsers.arf import failures_of
from parsers.errors import RefusedError
from parsers.failure import FailureReport
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.printable import one_line
from parsers.streams import packing_of
from parsers.text import domain
from parsers.unpack import looks_like_json, looks_like_xml

HEADER_LENGTH: Final = 1_000
"""Characters of a header that are kept."""
HEAD: Final = 4_096
"""Bytes by which a part is judged."""

FIELDS: Final = 20
"""Authentication-Results fields that are looked at: more than any chain of servers writes."""
FIELD_LENGTH: Final = 4_096
"""Characters of one of them."""

CHUNK: Final = 1 << 16
"""Bytes that the parser is given at a time: whole, it would take them in at four bytes each."""
_WITH_PARAMETERS: Final = ("content-type", "content-disposition")
_ONE_MAILBOX: Final = re.compile(
    r"[\w .-]{0,100}<[\w.+-]{1,64}@([\w.-]{1,255})>|[\w.+-]{1,64}@([\w.-]{1,255})", re.ASCII
)
"""A From field as nearly all are, which leaves no doubt; any other is taken apart by the email package."""
_HEADER_LINE: Final = re.compile(rb"(From |[!-9;-~]+[ \t]*:)")
_SUBJECT: Final = re.compile(r"(\[[^]]*\]\s*)?report\s+domain\s*:", re.IGNORECASE)
"""RFC 7489 7.2.1.1, RFC 9990 3.5.4: `Report Domain: D Submitter: S Report-ID: <id>`; an answer to one is no report."""
_FILE_NAME: Final = re.compile(r"[^!]+![^!]+!\d+!\d+([!.].*)?$")
"""RFC 7489 7.2.1.1, RFC 9990 3.5.3: receiver!policy-domain!begin!end[!unique-id].extension."""
_FAILURE_SUBJECT: Final = re.compile(r"dmarc\s+(failure|forensic)\s+report", re.IGNORECASE)
_FEEDBACK: Final = re.compile(rb"<(?:[\w.-]+:)?feedback[\s>]")
_BASE64: Final = re.compile(
    rb"^(?:H4sI|UEsDB|PD94|77u/PD94|PGZlZWRiYWNr)[A-Za-z0-9+/]*(?:\r?\n[A-Za-z0-9+/]+)*={0,2}", re.MULTILINE
)
"""gzip, zip, `<?xml` (with and without byte order mark) and `<feedback` as base64 writes them."""


@dataclass(frozen=True, slots=True)
class MailHeaders:
    """What the ledger keeps of a mail's header."""

    message_id: str | None
    sender: str | None
    subject: str | None
    received: datetime | None
    """UTC; by the topmost Received field, which the receiving server wrote, or else the Date."""
    from_domain: str | None
    """Of the one address in the one From field, lower case; None where there are several, or none."""
    authentication_results: tuple[str, ...]
    """Authentication-Results fields (RFC 8601), unfolded, the topmost first."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part of a mail that may hold a report, decoded."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as far as reports are concerned."""

    headers: MailHeaders
    attachments: tuple[Attachment, ...]
    failures: tuple[FailureReport, ...]
    """Reports about single messages (RFC 6591, RFC 9991)."""
    failure_report: bool
    """Whether it is meant as one."""
    announces_report: bool
    """Subject, file name or a `<feedback` say that an aggregate report is meant."""


def looks_like_mail(head: bytes) -> bool:
    """Tell a mail by its first line: a header field, or an mbox's `From `."""
    return _HEADER_LINE.match(head.lstrip(b"\r\n")) is not None


def read_headers(raw: bytes) -> MailHeaders:
    """Read the header section alone."""
    return _headers(BytesHeaderParser().parsebytes(raw))


@dataclass(slots=True)
class _Read:
    """What was read of a mail's header fields so far."""

    fields: int = 0
    size: int = 0


class _BoundedHeaders(Compat32):
    """The parser's policy, with limits: it looks through long fields, and lists of them, again and again."""

    limits = DEFAULT_LIMITS
    read = _Read()

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Take one field in. Raises RefusedError."""
        limits, read = self.limits, self.read
        size = sum(map(len, sourcelines))
        read.fields += 1
        read.size += size
        if read.fields > limits.header_fields:
            raise _too_many(limits.header_fields, "header fields", "header_fields")
        if size > limits.header_bytes:
            raise _too_many(limits.header_bytes, "bytes in one header field", "header_bytes")
        if read.size > limits.headers_bytes:
            raise _too_many(limits.headers_bytes, "bytes of header fields", "headers_bytes")
        name, value = super().header_source_parse(sourcelines)
        if name.lower() in _WITH_PARAMETERS and value.count(";") > limits.parameters:
            raise _too_many(limits.parameters, f"parameters in {name}", "parameters")
        return name, value


def _too_many(most: int, of: str, limit: str) -> RefusedError:
    return RefusedError(f"more than {most} {of} (limit {limit})")


class _Part(Message):
    """A part of a mail. Its type is found out once, when its header is read: the parser asks for it again and again."""

    _type: str | None = None

    def get_content_type(self) -> str:
        """Give the type, in lower case, without parameters."""
        self._type = self._type or super().get_content_type()
        return self._type


def read_mail(raw: bytes, limits: Limits) -> Mail:
    """Read a mail. Raises RefusedError for one over a limit, CorruptError for an empty failure report."""
    _require_lines(raw, limits)
    try:
        message = _parse(raw, limits)
    except RecursionError as error:
        raise RefusedError(
            f"MIME parts nested more than {limits.mime_depth} deep (limit mime_depth)"
        ) from error
    headers = _headers(message)
    parts = list(_walk(message, limits))
    types = [part.get_content_type() for part in parts]
    names = [_file_name(part) for part in parts]
    found = (
        Attachment(name or one_line(kind), data)
        for part, kind, name in zip(parts, types, names, strict=True)
        if not part.is_multipart()
        for data in _may_be_reports(part)
    )
    attachments = tuple(islice(found, limits.documents + 1))  # one more than is read, for its refusal
    failure_report = _is_failure_report(types, headers, attachments)
    return Mail(
        headers,
        attachments,
        failures=failures_of(parts) if failure_report else (),
        failure_report=failure_report,
        announces_report=_announces_report(names, headers, attachments),
    )


def _require_lines(raw: bytes, limits: Limits) -> None:
    """Refuse too many lines, or one that is certainly too long: the parser holds it at four bytes each."""
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    if lines > limits.mail_lines:
        raise RefusedError(f"more than {limits.mail_lines} lines (limit mail_lines)")
    for start in range(0, len(raw) - limits.line_bytes, limits.line_bytes):
        end = start + limits.line_bytes
        if raw.find(b"\n", start, end) < 0 and raw.find(b"\r", start, end) < 0:
            raise RefusedError(f"more than {limits.line_bytes} bytes in one line (limit line_bytes)")


def _parse(raw: bytes, limits: Limits) -> Message:
    policy = cast("Any", _BoundedHeaders)(limits=limits, read=_Read())
    parser = BytesFeedParser(_counted(limits), policy=policy)
    start = len(raw) - len(raw.lstrip(b"\r\n"))
    for position in range(start, len(raw), CHUNK):
        parser.feed(raw[position : position + CHUNK])
    return cast("Message", parser.close())


def _counted(limits: Limits) -> Callable[..., Message]:
    """Make parts while the mail is parsed, as many as the limit: each costs a hundred times its bytes in memory."""
    made = count()

    def make(**arguments: Any) -> Message:  # noqa: ANN401 (the parser's policy)
        if next(made) > limits.mime_parts:  # the parser makes the first to see how it is done
            raise RefusedError(f"more than {limits.mime_parts} MIME parts (limit mime_parts)")
        return _Part(**arguments)

    return make


def _walk(part: Message, limits: Limits, depth: int = 0) -> Iterator[Message]:
    """Give every part, containers and forwarded mails too."""
    if depth > limits.mime_depth:
        raise RefusedError(f"MIME parts nested more than {limits.mime_depth} deep (limit mime_depth)")
    yield part
    if part.is_multipart():
        for child in cast("list[Message]", part.get_payload()):
            yield from _walk(child, limits, depth + 1)


def _may_be_reports(part: Message) -> Iterator[bytes]:
    """Give what may be a report in a part without parts, by its first bytes."""
    data = _decoded(part)
    if _may_be_report(data):
        yield data
        return
    for found in _BASE64.finditer(data):
        # a part whose headers are broken: its transfer encoding was not recognised, or stands in the body
        yield a2b_base64(_pad(found[0].translate(None, b"\r\n")))


def _pad(encoded: bytes) -> bytes:
    """Make base64 that was cut off decodable: whole groups of four (RFC 4648 4)."""
    bare = encoded.rstrip(b"=")
    return bare[: len(bare) - (len(bare) % 4 == 1)] + b"=" * (-len(bare) % 4 % 3)


def _may_be_report(data: bytes) -> bool:
    head = data[:HEAD]
    if looks_like_xml(head):
        return _FEEDBACK.search(head.replace(b"\0", b"")) is not None
    return is_zip(head) or packing_of(head) is not None or looks_like_json(head)


def _decoded(part: Message) -> bytes:
    """Undo the transfer encoding (RFC 2045 6); what it cannot be undone for comes as it is."""
    try:
        payload = _from_base64(part) or part.get_payload(decode=True)
    except (ValueError, LookupError):  # a charset parameter that is no charset
        payload = None
    return payload if isinstance(payload, bytes) else b""


def _from_base64(part: Message) -> bytes | None:
    """Decode base64 as get_payload does, without its three copies on the way; None where not all is in order."""
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64":
        return None
    encoded = part.get_payload()
    if not isinstance(encoded, str) or not encoded.isascii():
        return None
    with suppress(ValueError):  # cut off within a group: the email package makes the best of it
        return a2b_base64(encoded)
    return None


def _file_name(part: Message) -> str | None:
    try:
        return _text(part.get_filename())
    except (ValueError, LookupError, TypeError):  # parameters that RFC 2231 cannot mean
        return None


def names_report(name: str) -> bool:
    """Tell whether a file name means an aggregate report."""
    return bool(_FILE_NAME.search(name)) or name.lower().endswith((".xml.gz", ".xml.zip"))


def _announces_report(
    names: Iterable[str | None], headers: MailHeaders, attachments: tuple[Attachment, ...]
) -> bool:
    return (
        bool(_SUBJECT.match(headers.subject or ""))
        or any(names_report(name) for name in names if name)
        or any(looks_like_xml(attachment.data[:HEAD]) for attachment in attachments)
    )


def _is_failure_report(
    types: Iterable[str], headers: MailHeaders, attachments: tuple[Attachment, ...]
) -> bool:
    if "message/feedback-report" in types:
        return True
    # Exim writes them as plain text
    return not attachments and bool(_FAILURE_SUBJECT.search(headers.subject or ""))


def _headers(message: Message) -> MailHeaders:
    return MailHeaders(
        message_id=_text(message.get("Message-ID")),
        sender=_text(message.get("From")),
        subject=_text(message.get("Subject")),
        received=_moment(message.get("Received")) or _moment(message.get("Date")),
        from_domain=_domain_of(message.get_all("From", [])[:2]),
        authentication_results=tuple(
            one_line(str(field)[:FIELD_LENGTH])
            for field in message.get_all("Authentication-Results", [])[:FIELDS]
        ),
    )


def _domain_of(fields: list[str]) -> str | None:
    """Give the author domain as DMARC takes it: none where several could be meant (RFC 7489 6.6.1, RFC 9989 11.5)."""
    if len(fields) == 1 and (usual := _ONE_MAILBOX.fullmatch(str(fields[0]))):
        return domain(usual[1] or usual[2])
    try:
        addresses = getaddresses([one_line(str(field)[:HEADER_LENGTH]) for field in fields])
    except RecursionError:  # comments within comments
        return None
    domains = {domain(address.rpartition("@")[2]) for _, address in addresses if "@" in address}
    return domains.pop() if len(fields) == 1 and len(domains) == 1 else None


def _moment(value: object) -> datetime | None:
    """Read the date that ends a Received field, or a Date field (RFC 5322 3.6.1, 3.6.7)."""
    try:
        moment = parsedate_to_datetime(str(value)[-HEADER_LENGTH:].rpartition(";")[2].strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _text(value: object) -> str | None:
    """Give a header's text on one line, encoded words decoded (RFC 2047), without what no column can hold."""
    if value is None:
        return None
    raw = str(value)[: 4 * HEADER_LENGTH]
    try:
        decoded = str(email.header.make_header(email.header.decode_header(raw))) if "=?" in raw else raw
    except (ValueError, LookupError, MessageError):  # in no encoding, or in base64 that is none
        decoded = raw
    return one_line(decoded)[:HEADER_LENGTH] or None
