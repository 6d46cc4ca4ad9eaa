"""How much of anything is read: whatever a stranger mails, memory and time stay bounded."""

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Limits:
    """The limits, each a setting under `[limits]`; whatever is over one is refused with the limit's name."""

    mail_bytes: int = 64 * MIB
    """One mail as it arrives."""
    mail_lines: int = 1_000_000
    """Lines of one mail: 64 MiB of base64 are 880,000."""
    header_fields: int = 20_000
    """Header fields of one mail, those of its parts counted."""
    header_bytes: int = 256 * 1024
    """One header field, folded."""
    mime_parts: int = 1_000
    """Parts of one mail, nested ones counted."""
    mime_depth: int = 20
    """Parts within parts, a forwarded mail within a mail counted."""
    document_bytes: int = 256 * MIB
    """One XML document after decompression, and all of one message together."""
    ratio: int = 1_000
    """Bytes out for each byte in, looked at above `ratio_free_bytes`."""
    ratio_free_bytes: int = MIB
    members: int = 100
    """Members of one zip archive, or of one gzip stream."""
    nesting: int = 1
    """Containers within a container: real reporters send a gz in a gz."""
    records: int = 1_000_000
    """Records of one report."""
    results: int = 100
    """DKIM results of one record; as many SPF results and override reasons (RFC 9990 3.1.1.10 says 100)."""
    record_bytes: int = 2 * MIB
    """XML from the end of one record to the end of the next."""
    text_bytes: int = 64 * 1024
    """Text in one element."""
    deviations: int = 100
    """Different deviations told of one report; more are counted in the last."""


DEFAULT_LIMITS = Limits()
