"""What a reporter attached in, documents out: XML or JSON, bare or in gzip, zip or zlib, told apart by content alone.

A document keeps its compressed bytes and inflates them anew each time it is read: memory never holds a large one.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Literal

from parsers.archive import Member, is_zip, read_archive
from parsers.budget import Budget, RecordCounter
from parsers.errors import CorruptError, NotAReportError, RefusedError, ReportError
from parsers.streams import Packing, Stream, packing_of

KEPT: Final = 1 << 22
"""Bytes up to which a message's documents are held in memory; later ones are inflated again for each reading."""

MAGIC: Final = 4
"""Bytes by which containers are told apart."""
_BLANKS: Final = b"\xef\xbb\xbf\xff\xfe \t\r\n\0"

Kind = Literal["xml", "json"]


@dataclass(frozen=True, slots=True)
class Document:
    """One document that was attached, all that there is of it inflated once within the limits."""

    name: str
    """The attachment's, or that of the zip archive's member: on one line."""
    kind: Kind
    size: int
    """Bytes of XML or JSON."""
    sha256: str
    """Of the XML or JSON, in hex."""
    packing: Packing
    packed: bytes
    """As the reporter compressed it, to be kept."""
    content: bytes | None
    """The XML or JSON itself where it is small."""
    damage: str | None
    """Why there may have been more of it; None for a whole one."""

    def chunks(self) -> Iterator[bytes]:
        """Give the XML or JSON from the start, as far as it goes. Raises nothing."""
        if self.content is not None:
            return iter((self.content,))
        return Stream(self.packed, self.packing).pieces()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was attached and not taken, and why."""

    name: str
    error: ReportError

    def __post_init__(self) -> None:
        self.error.settle()


def inflate(packed: bytes, packing: Packing) -> bytes:
    """Give back a kept document's XML or JSON."""
    return b"".join(Stream(packed, packing).pieces())


def unpack(data: bytes, name: str, budget: Budget) -> Iterator[Document | Refusal]:
    """Give every document in an attachment, and a Refusal for each part that is none. Raises nothing.

    The budget is that of the whole message. A container that is cut off gives what can be inflated.
    """
    try:
        budget.take_document()
        yield from _open(_Packed(name, Packing.PLAIN, data), budget, budget.limits.nesting)
    except ReportError as error:
        yield Refusal(name, error)


def looks_like_xml(head: bytes) -> bool:
    """Tell XML in any encoding: the first thing that is no blank is a `<`."""
    return head.lstrip(_BLANKS).startswith(b"<")


def looks_like_json(head: bytes) -> bool:
    """Tell a JSON object, in which SMTP TLS reports come (RFC 8460 4.4)."""
    return head.lstrip(_BLANKS).startswith(b"{")


def _open(content: "_Packed", budget: Budget, nesting: int) -> Iterator[Document | Refusal]:
    if is_zip(content.data):
        yield from _members(content, budget, nesting)
    else:
        packing = packing_of(content.data) or Packing.PLAIN
        yield from _document(replace(content, packing=packing), budget, nesting)


def _members(content: "_Packed", budget: Budget, nesting: int) -> Iterator[Document | Refusal]:
    """Give the documents of a zip archive: each member is accounted for on its own, unless they are too many."""
    archive = read_archive(content.data, budget)
    for member in archive.members:
        budget.take_document()
        try:
            yield from _document(_cut_out(content, member, archive.damage), budget, nesting)
        except ReportError as error:
            yield Refusal(f"{content.name}/{member.name}", error)


@dataclass(frozen=True, slots=True)
class _Packed:
    """One compressed stream, and what its container says about it (gzip and zlib carry their own checksum)."""

    name: str
    packing: Packing
    data: bytes
    crc32: int | None = None
    damage: str | None = None
    arrived: int | None = None
    """Bytes it came in where it was in another container."""


def _cut_out(archive: _Packed, member: Member, damage: str | None) -> _Packed:
    data = archive.data[member.start : member.end]
    return _Packed(member.name, member.packing, data, member.crc32, damage, archive.arrived)


def _document(packed: _Packed, budget: Budget, nesting: int) -> Iterator[Document | Refusal]:
    """Inflate one stream; look into it again where it is a container itself."""
    unpacking = _Unpacking(packed, budget)
    pieces = unpacking.pieces()
    head = _head(pieces)
    if is_zip(head) or packing_of(head):
        if nesting == 0:
            limit = budget.limits.nesting
            raise RefusedError(f"more than {limit} container within a container (limit nesting)")
        inner = unpacking.container(chain((head,), pieces))
        content = _Packed(packed.name, Packing.PLAIN, inner, arrived=len(packed.data))
        yield from _open(content, budget, nesting - 1)
    elif looks_like_json(head):
        yield unpacking.document("json", chain((head,), pieces))
    elif looks_like_xml(head):
        yield unpacking.document("xml", chain((head,), pieces))
    elif head.strip(_BLANKS) or any(piece.strip(_BLANKS) for piece in pieces):
        raise NotAReportError("neither XML nor a compressed report")
    else:  # nothing but blanks to the end: many a bomb is made of zeros, and is refused on the way there
        raise CorruptError(unpacking.damage) if unpacking.damage else NotAReportError("empty")


def _head(pieces: Iterator[bytes]) -> bytes:
    """Give enough of the first bytes to tell a container: the first piece alone may be a single one."""
    head = b""
    while len(head) < MAGIC and (piece := next(pieces, b"")):
        head += piece
    return head


class _Unpacking:
    """A packed stream on its first way through: bounded, checked and counted."""

    def __init__(self, packed: _Packed, budget: Budget) -> None:
        self._packed = packed
        self._budget = budget
        self._stream = Stream(packed.data, packed.packing, members=budget.limits.members)
        self._size = 0
        self._records = 0
        self._arrived = packed.arrived or len(packed.data)

    @property
    def damage(self) -> str | None:
        """Why there may have been more; known once the pieces are given."""
        return f"{self._packed.packing} stream is cut off" if self._stream.is_cut else self._packed.damage

    def pieces(self) -> Iterator[bytes]:
        """Inflate. Raises RefusedError over a limit, CorruptError for an invalid stream or a wrong checksum."""
        limits = self._budget.limits
        allowed = max(limits.ratio_free_bytes, limits.ratio * len(self._packed.data))
        promised, crc32 = self._packed.crc32, 0
        for piece in self._stream.pieces():
            self._size += len(piece)
            if self._size > allowed:
                raise RefusedError(f"unpacks to more than {limits.ratio} times its size (limit ratio)")
            self._budget.take_bytes(len(piece))
            if promised is not None:
                crc32 = zlib.crc32(piece, crc32)
            yield piece
        if promised not in (None, crc32) and not self._stream.is_cut:
            raise CorruptError("zip member is damaged: its checksum differs")

    def container(self, pieces: Iterator[bytes]) -> bytes:
        """Give the whole content of what is a container itself: never more than a mail may bring."""
        most = self._budget.limits.mail_bytes
        kept = []
        for piece in pieces:
            if self._size > most:
                raise RefusedError(
                    f"more than {most} bytes of container within a container (limit mail_bytes)"
                )
            kept.append(piece)
        return b"".join(kept)

    def _take_records(self, number: int) -> None:
        """Count records, and those that are more than the bytes they came in."""
        crowded = max(0, self._records - self._arrived)
        self._records += number
        self._budget.take_records(number, crowded=max(0, self._records - self._arrived) - crowded)

    def document(self, kind: Kind, pieces: Iterator[bytes]) -> Document:
        """Read the whole content of what is a document."""
        digest = hashlib.sha256()
        counter = RecordCounter()
        kept = []
        for piece in pieces:
            digest.update(piece)
            if kind == "json":
                self._budget.take_json(len(piece))
            else:
                self._take_records(counter.count(piece))
            if self._budget.size <= KEPT:
                kept.append(piece)
        return Document(
            name=self._packed.name,
            kind=kind,
            size=self._size,
            sha256=digest.hexdigest(),
            packing=self._packed.packing,
            packed=self._packed.data[: self._stream.end],
            content=b"".join(kept) if self._budget.size <= KEPT else None,
            damage=self.damage,
        )
