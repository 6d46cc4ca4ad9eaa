"""What one message may take altogether: bytes unpacked, documents, JSON, records; whatever is over is refused.

One for each message, shared by all its attachments, what is refused counted too: a thousand bombs cost what one costs.
"""

from dataclasses import dataclass, field

from parsers.errors import RefusedError
from parsers.limits import Limits

_LONGEST_TAG = 64
"""Bytes of a tag with its prefix that may lie across two pieces."""
_DENSE = 100
"""Bytes for each time that `record` is said: honest records, with a start and an end, are twice as long and more."""


@dataclass(slots=True)
class Budget:
    """Counts what one message takes. Each method raises RefusedError, with the limit's name, once it is too much."""

    limits: Limits
    size: int = field(default=0, init=False)
    """Bytes unpacked so far."""
    _documents: int = field(default=0, init=False)
    _json: int = field(default=0, init=False)
    _records: int = field(default=0, init=False)
    _crowded: int = field(default=0, init=False)

    def take_bytes(self, number: int) -> None:
        """Count bytes that were unpacked."""
        self.size += number
        if self.size > self.limits.document_bytes:
            raise RefusedError(
                f"more than {self.limits.document_bytes} bytes unpacked in one message (limit document_bytes)"
            )

    def take_document(self) -> None:
        """Count one attachment, or one member of an archive."""
        self._documents += 1
        if self._documents > self.limits.documents:
            raise RefusedError(
                f"more than {self.limits.documents} documents in one message (limit documents)"
            )

    def take_json(self, number: int) -> None:
        """Count bytes of JSON."""
        self._json += number
        if self._json > self.limits.json_bytes:
            raise RefusedError(
                f"more than {self.limits.json_bytes} bytes of JSON in one message (limit json_bytes)"
            )

    def take_records(self, number: int, crowded: int = 0) -> None:
        """Count records, and those of them for which there was not a byte each: they fill a database from nothing."""
        self._crowded += crowded
        if self._crowded > self.limits.crowded_records:
            raise RefusedError(
                f"more than {self.limits.crowded_records} records beyond one for each byte they came in "
                "(limit crowded_records)"
            )
        self._records += number
        if self._records > self.limits.records:
            raise RefusedError(f"more than {self.limits.records} records in one message (limit records)")


class RecordCounter:
    """Tells how many records are in a document, from its bytes, before any of it is parsed.

    Each has the word `record` in one tag or in two, whatever its prefix. In honest reports it is two; only where the
    words stand so close together that there is little else is it looked at which. What is in comments counts too. UTF-16
    and UTF-32 are counted without their NUL bytes.
    """

    def __init__(self) -> None:
        self._held = b""
        self._odd = 0

    def count(self, piece: bytes) -> int:
        """Give how many records begin in the next piece of the document."""
        text = self._held + (piece.translate(None, b"\0") if b"\0" in piece else piece)
        tag = text.rfind(b"<", -_LONGEST_TAG)
        end = len(text) if tag < 0 else tag
        self._held = text[end:]
        words = text.count(b"record", 0, end)
        in_pairs = text.count(b"record>", 0, end) if words * _DENSE > end else words
        pairs, self._odd = divmod(in_pairs + self._odd, 2)
        return words - in_pairs + pairs
