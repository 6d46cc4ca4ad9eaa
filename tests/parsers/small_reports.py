"""Small reports made by hand: a test writes down what it is about, the rest stands here."""

from collections.abc import Callable, Iterator

from parsers.aggregate import read_report
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.values import Record, Report

VERSION = "<version>1.0</version>"
DATES = "<date_range><begin>1793577600</begin><end>1793663999</end></date_range>"
METADATA = (
    "<report_metadata><org_name>Inselpost</org_name><email>dmarc@inselpost.example</email>"
    f"<report_id>1</report_id>{DATES}</report_metadata>"
)
POLICY = "<policy_published><domain>example.org</domain><p>none</p></policy_published>"
EVALUATED = "<disposition>none</disposition><dkim>fail</dkim><spf>pass</spf>"
IDENTIFIERS = "<identifiers><envelope_from>example.org</envelope_from><header_from>example.org</header_from></identifiers>"
RESULTS = "<auth_results><spf><domain>example.org</domain><scope>mfrom</scope><result>pass</result></spf></auth_results>"


def row(address: str = "192.0.2.1", count: str = "1", evaluated: str = "<dkim>pass</dkim>") -> str:
    """Write a row."""
    policy = f"<policy_evaluated>{evaluated}</policy_evaluated>"
    return f"<row><source_ip>{address}</source_ip><count>{count}</count>{policy}</row>"


def record(*parts: str) -> str:
    """Write a record of the given parts; a usual row where none is given."""
    return f"<record>{''.join(parts) or row()}</record>"


def feedback(*children: str) -> bytes:
    """Write a document of the given children of `feedback`."""
    return f"<feedback>{''.join(children)}</feedback>".encode()


def report(*records: str) -> bytes:
    """Write a document with a usual header and the given records."""
    return feedback(METADATA, POLICY, *records)


def flawless() -> bytes:
    """Write a document from which RFC 7489 has nothing to take exception to."""
    return feedback(VERSION, METADATA, POLICY, record(row(evaluated=EVALUATED), IDENTIFIERS, RESULTS))


def chunked(content: bytes, size: int) -> Callable[[], Iterator[bytes]]:
    """Cut a document into chunks, anew at each call, as parsers.aggregate wants it."""
    return lambda: (content[start : start + size] for start in range(0, len(content), size))


def read(content: bytes, limits: Limits = DEFAULT_LIMITS) -> Report:
    """Read a document. Raises ReportError."""
    return read_report(chunked(content, 1 << 16), limits)


def read_record(*parts: str) -> Record:
    """Read a report of one record of the given parts."""
    [only] = read(report(record(*parts))).records
    return only
