"""Zip archives made by hand, right or wrong (APPNOTE 4.3): members in, an archive out."""

import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate

from fixtures.carriers import deflated


def header(name: bytes, method: int = 0, flags: int = 0, *, sizes: tuple[int, int, int]) -> bytes:
    """Write a member's header; `sizes` are its checksum, its compressed and its real size."""
    return struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, flags, method, 0, 33, *sizes, len(name), 0) + name


def member(
    content: bytes, *, name: bytes = b"r.xml", method: int = 0, flags: int = 0, crc: int | None = None
) -> bytes:
    """Make a member with its header."""
    packed = {0: content, 8: deflated(content, -15)}.get(method, b"whatever")
    sizes = (zlib.crc32(content) if crc is None else crc, len(packed), len(content))
    return header(name, method, flags, sizes=sizes) + packed


def streamed(
    content: bytes, *, name: bytes = b"r.xml", method: int = 8, signature: bytes = b"PK\x07\x08"
) -> bytes:
    """Make a member whose sizes stand behind it, as they write it who cannot go back (Google)."""
    packed = deflated(content, -15) if method else content
    descriptor = signature + struct.pack("<3I", zlib.crc32(content), len(packed), len(content))
    return header(name, method, 8, sizes=(0, 0, 0)) + packed + descriptor


def archive(*members: bytes) -> bytes:
    """Join members into an archive."""
    offsets = accumulate(map(len, members[:-1]), initial=0)
    return with_directory(b"".join(members), list(zip(members, offsets, strict=False)))


def with_directory(data: bytes, entries: Sequence[tuple[bytes, int]]) -> bytes:
    """Put a directory behind data: for each entry the member, with its header, and its offset."""
    directory = b"".join(_entry(member, offset) for member, offset in entries)
    number = min(len(entries), 0xFFFF)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, number, number, len(directory), len(data), 0)
    return data + directory + end


def _entry(member: bytes, offset: int) -> bytes:
    name = member[30 : 30 + struct.unpack_from("<H", member, 26)[0]]
    sizes = member[-12:] if member[6] & 8 else member[14:26]
    repeated = member[4:14] + sizes + member[26:30]
    return b"PK\x01\x02" + struct.pack("<H", 20) + repeated + bytes(10) + struct.pack("<I", offset) + name
