"""What the fuzzer's bytes mean: four bytes of choices and a content in, one message and the limits to read it by out.

The content is packed and mailed here, so that the fuzzer works on the XML, the JSON or the header field itself, and
not on the checksum of the container around it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from fixtures.carriers import Letter, attachment, deflated, entity, gzipped, mail, multipart, text, zipped
from ingest.settings import AcceptSettings
from parsers.limits import MIB, Limits

LETTER = Letter(
    "dmarc@inselpost.example",
    "Report Domain: example.org Submitter: inselpost.example Report-ID: <1>",
    datetime(2026, 11, 3, 5, tzinfo=UTC),
    "20261103.1@inselpost.example",
)
NAME = "inselpost.example!example.org!1793577600!1793663999"
OTHER_REPORT = b"<feedback><report_metadata><org_name>Other</org_name></report_metadata></feedback>"

TIGHT = Limits(
    mail_bytes=32_000,
    mail_lines=200,
    header_fields=30,
    header_bytes=1_000,
    mime_parts=8,
    mime_depth=3,
    document_bytes=20_000,
    ratio=10,
    ratio_free_bytes=3_000,
    members=3,
    nesting=1,
    records=3,
    results=2,
    record_bytes=1_500,
    text_bytes=100,
    deviations=4,
    json_bytes=5_000,
    documents=4,
)
"""So low that a few bytes are over one of them."""
SANE = Limits(mail_bytes=MIB, document_bytes=MIB, record_bytes=MIB // 4)
"""The defaults, but for what would let one input take long."""


def _first_half_gzipped(content: bytes) -> bytes:
    """Pack in two gzip members (RFC 1952 2.2)."""
    half = len(content) // 2
    return gzipped(content[:half]) + gzipped(content[half:])


CONTAINERS: tuple[Callable[[bytes], bytes], ...] = (
    bytes,
    gzipped,
    deflated,
    lambda content: zipped({f"{NAME}.xml": content}),
    lambda content: gzipped(gzipped(content)),
    lambda content: zipped({f"{NAME}.xml.gz": gzipped(content)}),
    lambda content: gzipped(zipped({"report.xml": content})),
    lambda content: zipped({"a.xml": content, "b.xml": OTHER_REPORT, "read me.txt": b"Hello"}),
    _first_half_gzipped,
)
"""What packs the content; the first leaves it as it is."""


def _mixed(*parts: bytes) -> bytes:
    return mail(LETTER, multipart("mixed", "=_b_=", text("Hello"), *parts))


def _attached_twice(content: bytes) -> bytes:
    return _mixed(*(attachment("application/gzip", f"{NAME}.xml.gz", content) for _ in range(2)))


def _checked_by_servers(content: bytes) -> bytes:
    """Make the content what the servers on the way said of a report's mail (RFC 8601)."""
    report = mail(LETTER, attachment("application/gzip", f"{NAME}.xml.gz", gzipped(OTHER_REPORT)))
    return b"Authentication-Results: " + content.replace(b"\n", b"\n\t") + b"\n" + report


def _failed(content: bytes) -> bytes:
    """Make the content a failure report (RFC 6591): its fields, a blank line, the header of the failed mail."""
    fields, _, headers = content.partition(b"\n\n")
    parts = entity("message/feedback-report", fields + b"\n"), entity("text/rfc822-headers", headers)
    return mail(LETTER, multipart("report; report-type=feedback-report", "=_b_=", text("Hello"), *parts))


CARRIERS: tuple[Callable[[bytes], bytes], ...] = (
    bytes,
    lambda content: mail(LETTER, attachment("application/gzip", f"{NAME}.xml.gz", content)),
    lambda content: _mixed(attachment("application/gzip", f"{NAME}.xml.gz", content)),
    lambda content: _mixed(entity("text/xml", content, "quoted-printable")),
    lambda content: _mixed(entity("application/octet-stream", content, "binary", "attachment; filename=a")),
    lambda content: _mixed(entity("message/rfc822", content)),
    _attached_twice,
    lambda content: _mixed(attachment("application/tlsrpt+gzip", "report.json.gz", content)),
    _checked_by_servers,
    _failed,
)
"""What carries the container; the first leaves it as it is: a file, or a whole mail."""
FILE, BODY, ATTACHED, TLS, CHECKED, FAILED = 0, 1, 2, 7, 8, 9

LIMITS = (SANE, TIGHT)
TRUSTED = ("mx.example.org", "microsoft365")
ACCEPTANCES = (
    AcceptSettings(trusted_authserv_id=TRUSTED, failure_headers="full"),
    AcceptSettings(trusted_authserv_id=TRUSTED, unauthenticated="refuse", foreign="refuse"),
)
"""One goes with each of the limits."""
DOMAINS = ("example.org",)
"""Our own."""


@dataclass(frozen=True)
class Input:
    """One execution, as its bytes choose it."""

    container: int
    carrier: int
    limits: int
    cut: int
    """256ths of the packed content that are cut off its end."""
    content: bytes

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Take any bytes as an input."""
        container, carrier, limits, cut = data[:4].ljust(4, b"\0")
        return cls(container % len(CONTAINERS), carrier % len(CARRIERS), limits % len(LIMITS), cut, data[4:])

    def data(self) -> bytes:
        """Give the bytes that mean this input: a seed."""
        return bytes((self.container, self.carrier, self.limits, self.cut)) + self.content

    def message(self) -> bytes:
        """Give the message that is to be read."""
        packed = CONTAINERS[self.container](self.content)
        return CARRIERS[self.carrier](packed[: len(packed) - len(packed) * self.cut // 256])
