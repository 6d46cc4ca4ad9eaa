"""Compressed bytes in, their content out in pieces: gzip, zlib and bare deflate, as far as they go."""

import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from parsers.errors import CorruptError, RefusedError

CHUNK: Final = 1 << 16
"""Bytes in the largest piece."""

_GZIP_SIGNATURE: Final = b"\x1f\x8b"


class Packing(StrEnum):
    """How a document's bytes are compressed."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZLIB = "zlib"
    DEFLATE = "deflate"


_WINDOW_BITS: Final = {Packing.GZIP: 31, Packing.ZLIB: 15, Packing.DEFLATE: -15}


def packing_of(head: bytes) -> Packing | None:
    """Tell a compressed stream by its first bytes (RFC 1952 2.3.1, RFC 1950 2.2)."""
    if head.startswith(_GZIP_SIGNATURE):
        return Packing.GZIP
    if head[:1] == b"\x78" and len(head) > 1 and int.from_bytes(head[:2]) % 31 == 0:
        return Packing.ZLIB
    return None


class Stream:
    """One pass through compressed bytes, from `start` on.

    A gzip stream may have several members (RFC 1952 2.2). What follows the last is padding or garbage that real
    reporters send, and is ignored. A stream that ends too early gives what it has.
    """

    def __init__(
        self, packed: bytes, packing: Packing, *, start: int = 0, members: int | None = None
    ) -> None:
        self.is_cut = False
        """Whether the stream ended too early; known once its pieces are given."""
        self.end = start
        """Where the stream ends within the bytes; likewise."""
        self._packed = packed
        self._packing = packing
        self._most = members

    def pieces(self) -> Iterator[bytes]:
        """Inflate, once. Raises CorruptError for an invalid stream or checksum, RefusedError over `members`."""
        if self._packing is Packing.PLAIN:
            yield from self._slices()
            return
        yield from self._member()
        members = 1
        while self._packing is Packing.GZIP and self._packed.startswith(_GZIP_SIGNATURE, self.end):
            members += 1
            if self._most is not None and members > self._most:
                raise RefusedError(f"more than {self._most} members in a gzip stream (limit members)")
            yield from self._member()

    def _slices(self) -> Iterator[bytes]:
        for start in range(self.end, len(self._packed), CHUNK):
            yield self._packed[start : start + CHUNK]
        self.end = len(self._packed)

    def _member(self) -> Iterator[bytes]:
        stream = zlib.decompressobj(_WINDOW_BITS[self._packing])
        try:
            for position in range(self.end, len(self._packed), CHUNK):
                slice_ = self._packed[position : position + CHUNK]
                while slice_ and not stream.eof:
                    if piece := stream.decompress(slice_, CHUNK):
                        yield piece
                    slice_ = stream.unconsumed_tail
                if stream.eof:
                    self.end = min(position + CHUNK, len(self._packed)) - len(stream.unused_data)
                    return
            while piece := stream.decompress(b"", CHUNK):  # what zlib still holds back after the last input
                yield piece
        except zlib.error as error:
            raise CorruptError(f"{self._packing} stream is damaged: {error}") from error
        self.is_cut = not stream.eof
        self.end = len(self._packed)
