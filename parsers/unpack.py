"""What a reporter attached in, XML documents out: gzip, zip, zlib or bare XML, told apart by magic bytes alone.

A document keeps its compressed bytes and inflates them anew each time it is read: memory never holds a large one.
"""

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from parsers.errors import CorruptError, NotAReportError, RefusedError, ReportError, UnsupportedError
from parsers.limits import Limits

CHUNK: Final = 1 << 16
KEPT: Final = 1 << 22
"""Bytes up to which a document's XML is held in memory; a larger one is inflated again for each reading."""

_BLANKS: Final = b"\xef\xbb\xbf\xff\xfe \t\r\n\0"
_ZIP_LOCAL_HEADER: Final = struct.Struct(
    "<4s22xHH"
)  # APPNOTE 4.3.7: signature, then the lengths of name and extra
_ZIP_SIGNATURE: Final = b"PK\x03\x04"
_GZIP_SIGNATURE: Final = b"\x1f\x8b"
_ENCRYPTED: Final = 0x1


class Packing(StrEnum):
    """How a document's bytes are compressed."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZLIB = "zlib"
    DEFLATE = "deflate"


_ZIP_METHODS: Final = {zipfile.ZIP_STORED: Packing.PLAIN, zipfile.ZIP_DEFLATED: Packing.DEFLATE}
_WINDOW_BITS: Final = {Packing.GZIP: 31, Packing.ZLIB: 15, Packing.DEFLATE: -15}


@dataclass(frozen=True, slots=True)
class Document:
    """One XML document that was attached, all of it inflated once within the limits."""

    name: str
    size: int
    """Bytes of XML."""
    sha256: str
    """Of the XML, in hex."""
    packing: Packing
    packed: bytes
    """As the reporter compressed it, to be kept."""
    xml: bytes | None
    """The XML itself where it is small."""

    def chunks(self) -> Iterator[bytes]:
        """Give the XML from the start."""
        return iter((self.xml,)) if self.xml is not None else _inflate(self.packed, self.packing)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was attached and not taken, and why."""

    name: str
    error: ReportError


def inflate(packed: bytes, packing: Packing) -> bytes:
    """Give back a kept document's XML."""
    return b"".join(_inflate(packed, packing))


def unpack(data: bytes, name: str, limits: Limits) -> Iterator[Document | Refusal]:
    """Give every document in an attachment, and a Refusal for each part that is none. Raises nothing."""
    try:
        yield from _open(data, name, limits, limits.nesting)
    except ReportError as error:
        yield Refusal(name, error)


def packing_of(head: bytes) -> Packing | None:
    """Tell a compressed stream by its first bytes (RFC 1952 2.3.1, RFC 1950 2.2)."""
    if head.startswith(_GZIP_SIGNATURE):
        return Packing.GZIP
    if head[:1] == b"\x78" and len(head) > 1 and int.from_bytes(head[:2]) % 31 == 0:
        return Packing.ZLIB
    return None


def is_zip(head: bytes) -> bool:
    """Tell a zip archive, an empty one too, by its first bytes (APPNOTE 4.3.7, 4.3.16)."""
    return head.startswith((_ZIP_SIGNATURE, b"PK\x05\x06"))


def looks_like_xml(head: bytes) -> bool:
    """Tell XML in any encoding: the first thing that is no blank is a `<`."""
    return head.lstrip(_BLANKS).startswith(b"<")


def looks_like_json(head: bytes) -> bool:
    """Tell a JSON object, in which SMTP TLS reports come (RFC 8460 4.4)."""
    return head.lstrip(_BLANKS).startswith(b"{")


def _open(data: bytes, name: str, limits: Limits, nesting: int) -> Iterator[Document | Refusal]:
    if is_zip(data):
        yield from _members(data, name, limits, nesting)
    else:
        yield from _document(_Packed(name, packing_of(data) or Packing.PLAIN, data), limits, nesting)


@dataclass(frozen=True, slots=True)
class _Packed:
    """One compressed stream, and the checksum its container promised (gzip and zlib carry their own)."""

    name: str
    packing: Packing
    data: bytes
    crc32: int | None = None

    def pieces(self, limits: Limits) -> Iterator[bytes]:
        """Inflate within the limits. Raises RefusedError over one of them, CorruptError for a damaged stream."""
        size = crc32 = 0
        allowed = max(limits.ratio_free_bytes, limits.ratio * len(self.data))
        for piece in _inflate(self.data, self.packing, limits.members):
            size += len(piece)
            if size > limits.document_bytes:
                raise RefusedError(
                    f"more than {limits.document_bytes} bytes when unpacked (limit document_bytes)"
                )
            if size > allowed:
                raise RefusedError(f"unpacks to more than {limits.ratio} times its size (limit ratio)")
            crc32 = zlib.crc32(piece, crc32)
            yield piece
        if self.crc32 is not None and self.crc32 != crc32:
            raise CorruptError("zip member is damaged: its checksum differs")


def _document(packed: _Packed, limits: Limits, nesting: int) -> Iterator[Document | Refusal]:
    """Inflate one stream; look into it again where it is a container itself."""
    pieces = packed.pieces(limits)
    head = next(pieces, b"")
    if is_zip(head) or packing_of(head):
        if nesting == 0:
            raise RefusedError(f"more than {limits.nesting} container within a container (limit nesting)")
        yield from _open(b"".join(chain((head,), pieces)), packed.name, limits, nesting - 1)
        return
    if looks_like_json(head):
        raise _json(head)
    if not looks_like_xml(head):
        raise NotAReportError("neither XML nor a compressed report" if head else "empty")
    yield _read(packed, chain((head,), pieces))


def _read(packed: _Packed, pieces: Iterator[bytes]) -> Document:
    digest = hashlib.sha256()
    size = 0
    kept: list[bytes] = []
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        if size <= KEPT:
            kept.append(piece)
    xml = b"".join(kept) if size <= KEPT else None
    return Document(packed.name, size, digest.hexdigest(), packed.packing, packed.data, xml)


def _json(head: bytes) -> ReportError:
    if b'"organization-name"' in head or b'"policies"' in head:
        return UnsupportedError("an SMTP TLS report (RFC 8460), not an aggregate report")
    return NotAReportError("JSON, not a DMARC report")


def _members(data: bytes, name: str, limits: Limits, nesting: int) -> Iterator[Document | Refusal]:
    """Give the documents of a zip archive: each member is accounted for on its own."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise CorruptError(f"zip archive cannot be read: {error}") from error
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    if len(members) > limits.members:
        raise RefusedError(f"more than {limits.members} members in a zip archive (limit members)")
    if not members:
        raise CorruptError("zip archive without members")
    for member in members:
        try:
            yield from _document(_packed_member(data, member), limits, nesting)
        except ReportError as error:
            yield Refusal(f"{name}/{member.filename}", error)


def _packed_member(data: bytes, member: zipfile.ZipInfo) -> _Packed:
    """Cut a member's compressed bytes out of the archive, as its local header places them (APPNOTE 4.3.7)."""
    if member.flag_bits & _ENCRYPTED:
        raise RefusedError("zip member is encrypted")
    packing = _ZIP_METHODS.get(member.compress_type)
    if packing is None:
        raise RefusedError(f"zip member is compressed by method {member.compress_type}: only deflate is read")
    try:
        signature, name_length, extra_length = _ZIP_LOCAL_HEADER.unpack_from(data, member.header_offset)
    except struct.error as error:
        raise CorruptError("zip member lies outside the archive") from error
    start = member.header_offset + _ZIP_LOCAL_HEADER.size + name_length + extra_length
    packed = data[start : start + member.compress_size]
    if signature != _ZIP_SIGNATURE or len(packed) != member.compress_size:
        raise CorruptError("zip member is cut off")
    return _Packed(member.filename, packing, packed, member.CRC)


def _inflate(packed: bytes, packing: Packing, members: int | None = None) -> Iterator[bytes]:
    """Inflate in pieces of at most CHUNK bytes; a gzip stream may have several members (RFC 1952 2.2).

    What follows the last member is padding or garbage that real reporters send, and is ignored.
    """
    if packing is Packing.PLAIN:
        yield from (packed[start : start + CHUNK] for start in range(0, len(packed), CHUNK))
        return
    member = 1
    rest = yield from _inflate_member(packed, 0, packing)
    while packing is Packing.GZIP and packed.startswith(_GZIP_SIGNATURE, rest):
        member += 1
        if members is not None and member > members:
            raise RefusedError(f"more than {members} members in a gzip stream (limit members)")
        rest = yield from _inflate_member(packed, rest, packing)


def _inflate_member(packed: bytes, start: int, packing: Packing) -> Generator[bytes, None, int]:
    """Inflate one member; return where the next one would begin."""
    stream = zlib.decompressobj(_WINDOW_BITS[packing])
    try:
        for position in range(start, len(packed), CHUNK):
            slice_ = packed[position : position + CHUNK]
            while slice_:
                piece = stream.decompress(slice_, CHUNK)
                if piece:
                    yield piece
                if stream.eof:
                    return min(position + CHUNK, len(packed)) - len(stream.unused_data)
                slice_ = stream.unconsumed_tail
        while piece := stream.decompress(b"", CHUNK):  # what zlib still holds back after the last input
            yield piece
    except zlib.error as error:
        raise CorruptError(f"{packing} stream is damaged: {error}") from error
    if stream.eof:
        return len(packed)
    raise CorruptError(f"{packing} stream is cut off")
