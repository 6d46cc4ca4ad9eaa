"""Small files that are large when unpacked, made without ever being large."""

import struct
import zlib
from functools import cache
from hashlib import shake_128

GIB = 1 << 30
MIB = 1 << 20

_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_BLOCK = MIB


@cache
def _deflated(content: bytes, ending: int = zlib.Z_FULL_FLUSH) -> bytes:
    """Compress into blocks that stand for themselves, so that they can be repeated."""
    deflate = zlib.compressobj(9, wbits=-15)
    return deflate.compress(content) + deflate.flush(ending)


def repeated(unit: bytes, before: bytes = b"", after: bytes = b"", *, size: int) -> bytes:
    """Give a deflate stream of about `size` bytes: `unit` again and again, between `before` and `after`."""
    times = max(1, min(_BLOCK, size) // len(unit))
    blocks = max(1, size // (times * len(unit)))
    return (
        (_deflated(before) if before else b"")
        + _deflated(unit * times) * blocks
        + _deflated(after, zlib.Z_FINISH)
    )


def gzip_of(stream: bytes, checksum: int = 0, size: int = 0) -> bytes:
    """Wrap a deflate stream as gzip (RFC 1952)."""
    return _GZIP_HEADER + stream + struct.pack("<2I", checksum, size & 0xFFFFFFFF)


def noise(size: int) -> bytes:
    """Give bytes that cannot be compressed, always the same."""
    return shake_128(b"noise").digest(size)


def large(unit: str | bytes, size: int, before: str | bytes = b"", after: str | bytes = b"") -> bytes:
    """Give a whole gzip file of about `size` bytes: `unit` again and again, between `before` and `after`.

    Behind it stands what cannot be compressed: one thousandth is refused for its ratio alone.
    """
    stream = repeated(
        *(each.encode() if isinstance(each, str) else each for each in (unit, before, after)), size=size
    )
    inflate = zlib.decompressobj(-15)
    checksum = length = 0
    rest = stream
    while rest:
        piece = inflate.decompress(rest, 16 * MIB)
        checksum, length = zlib.crc32(piece, checksum), length + len(piece)
        rest = inflate.unconsumed_tail
    return gzip_of(stream, checksum, length) + noise(size // 500)
