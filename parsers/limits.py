"""How much of anything is read: whatever a stranger mails, memory and time stay bounded."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Limits:
    """The limits, each a setting under `[limits]`; whatever is over one is refused with the limit's name."""

    mail_bytes: int = 32 * MIB
    """One mail or file as it arrives; the mail parser takes up to nine times as much memory."""
    mail_lines: int = 1_000_000
    """Lines of one mail: 32 MiB of base64 are 440,000."""
    line_bytes: int = 8 * MIB
    """One line of a mail."""
    header_fields: int = 20_000
    """Header fields of one mail, those of its parts counted."""
    header_bytes: int = 256 * 1024
    """One header field, folded."""
    headers_bytes: int = 4 * MIB
    """All header fields of one mail, those of its parts counted."""
    parameters: int = 100
    """Parameters of one Content-Type or Content-Disposition field: a long name may be cut into many (RFC 2231)."""
    mime_parts: int = 1_000
    """Parts of one mail, nested ones counted."""
    mime_depth: int = 20
    """Parts within parts, a forwarded mail within a mail counted."""
    document_bytes: int = 256 * MIB
    """What is unpacked in one message, whatever becomes of it."""
    json_bytes: int = 4 * MIB
    """JSON documents of one message together: JSON is read whole."""
    documents: int = 2_000
    """Attachments, and members of archives, in one message."""
    failed_bytes: int = 4 * MIB
    """Bytes of documents that could not be read to their end, after which no other document of the message is read."""
    ratio: int = 1_000
    """Bytes out for each byte in, looked at above `ratio_free_bytes`."""
    ratio_free_bytes: int = MIB
    members: int = 100
    """Members of one zip archive, folders counted, or of one gzip stream."""
    nesting: int = 1
    """Containers within a container: real reporters send a gz in a gz."""
    records: int = 1_000_000
    """Records of one report, and of all reports in one message together."""
    crowded_records: int = 10_000
    """Records in one message beyond one for each byte they came in: honest ones take ten bytes each, packed."""
    results: int = 100
    """DKIM results of one record; as many SPF results and override reasons (RFC 9990 3.1.1.10 says 100)."""
    record_bytes: int = 2 * MIB
    """XML from the end of one record to the end of the next."""
    text_bytes: int = 64 * 1024
    """Text in one element."""
    tls_entries: int = 10_000
    """Policies, failure details and strings of one TLS report, together."""
    deviations: Annotated[int, Field(ge=1)] = 100
    """Different deviations told of one report; more are counted in the last."""


DEFAULT_LIMITS = Limits()
