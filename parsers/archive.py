"""A zip archive in, where each of its members lies out: by its directory, else by the members' own headers.

The numbers are sections of APPNOTE.TXT, the format's specification. Nothing is written to a file, and no size field makes
anything be allocated: what a member is when unpacked is not even read.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from struct import Struct
from typing import Final

from parsers.budget import Budget
from parsers.errors import CorruptError, RefusedError
from parsers.printable import one_line
from parsers.streams import Packing, Stream

NAME_LENGTH: Final = 1_000
"""Characters of a member's name that are kept."""

_HEADER: Final = Struct("<4s2x2H4x2I4x2H")
"""4.3.7: signature, flags, method, checksum, compressed size, lengths of the name and the extra fields behind it."""
_ENTRY: Final = Struct("<4s4x2H4x2I4x3H8xI")
"""4.3.12: the same, with the length of the comment and the offset of the member's header."""
_END: Final = Struct("<4s12xI2x")
"""4.3.16: signature, offset of the directory."""
_HEADER_SIGNATURE: Final = b"PK\x03\x04"
_ENTRY_SIGNATURE: Final = b"PK\x01\x02"
_END_SIGNATURE: Final = b"PK\x05\x06"
_ZIP64_END_SIGNATURE: Final = b"PK\x06\x06"
_DESCRIPTOR_SIGNATURE: Final = b"PK\x07\x08"
_BEHIND_A_MEMBER: Final = re.compile(rb"PK(?:\x07\x08|\x03\x04|\x01\x02)")
_LONGEST_COMMENT: Final = 0xFFFF
_ENCRYPTED: Final = 0x1
_DESCRIBED_BEHIND: Final = 0x8
"""Checksum and sizes stand behind the member, which was written before they were known (4.3.9)."""
_ELSEWHERE: Final = 0xFFFFFFFF
"""In place of a size: it stands in an extra field (4.5.3)."""
_PACKINGS: Final = {0: Packing.PLAIN, 8: Packing.DEFLATE}
_OUTSIDE: Final = re.compile(r"[/\\]|[A-Za-z]:|(.*[/\\])?\.\.([/\\]|$)")


def is_zip(head: bytes) -> bool:
    """Tell a zip archive, an empty one too, by its first bytes."""
    return head.startswith((_HEADER_SIGNATURE, _END_SIGNATURE))


@dataclass(frozen=True, slots=True)
class Member:
    """One member, as it is described."""

    name: str
    """On one line."""
    flags: int
    method: int
    crc32: int | None
    """None where it is not known."""
    start: int
    """Where its compressed bytes begin in the archive."""
    end: int

    @property
    def packing(self) -> Packing:
        """How it is compressed. Raises RefusedError for what is not to be opened."""
        if _OUTSIDE.match(self.name):
            raise RefusedError("zip member's name leaves the archive")
        if self.flags & _ENCRYPTED:
            raise RefusedError("zip member is encrypted")
        if self.method not in _PACKINGS:
            raise RefusedError(f"zip member is compressed by method {self.method}: only deflate is read")
        return _PACKINGS[self.method]


@dataclass(frozen=True, slots=True)
class Archive:
    """The members of an archive in the order in which they are listed, without folders."""

    members: tuple[Member, ...]
    damage: str | None
    """Why there may have been more."""


def read_archive(data: bytes, budget: Budget) -> Archive:
    """Find the members. Raises RefusedError for too many or overlapping ones, CorruptError where there are none."""
    damage = None
    members = _by_directory(data, budget.limits.members)
    if members is None:
        damage = "zip archive without a readable directory"
        members = _by_headers(data, budget)
    files = tuple(member for member in members if not member.name.endswith("/"))
    if not files:
        raise CorruptError(damage or "zip archive without members")
    return Archive(files, damage)


def _by_directory(data: bytes, most: int) -> list[Member] | None:
    """Read the directory at the archive's end; None where it, or a header that it points to, is not there."""
    end = data.rfind(_END_SIGNATURE, max(0, len(data) - _END.size - _LONGEST_COMMENT))
    if not 0 <= end <= len(data) - _END.size:
        return None
    directory = position = _END.unpack_from(data, end)[1]
    members: list[Member] = []
    while data.startswith(_ENTRY_SIGNATURE, position) and position + _ENTRY.size <= end:
        _, flags, method, crc32, size, *lengths, offset = _ENTRY.unpack_from(data, position)
        start = _behind_header(data, offset)
        if start is None or size == _ELSEWHERE:
            return None
        position += _ENTRY.size
        name = _name(data[position : position + lengths[0]])
        position += sum(lengths)
        _append(members, Member(name, flags, method, crc32, start, start + size), most)
    if position != end and not data.startswith(_ZIP64_END_SIGNATURE, position):
        return None
    _require_apart(members, directory)
    return members


def _by_headers(data: bytes, budget: Budget) -> list[Member]:
    """Go from one member's own header to the next."""
    members: list[Member] = []
    position = data.find(_HEADER_SIGNATURE)
    while position >= 0 and (start := _behind_header(data, position)) is not None:
        member = _from_header(data, position, start, budget)
        _append(members, member, budget.limits.members)
        position = data.find(_HEADER_SIGNATURE, member.end)
    return members


def _from_header(data: bytes, position: int, start: int, budget: Budget) -> Member:
    _, flags, method, crc32, size, name_length, _ = _HEADER.unpack_from(data, position)
    name = _name(data[position + _HEADER.size :][:name_length])
    end = start + size
    if size == _ELSEWHERE or (not size and flags & _DESCRIBED_BEHIND):
        end = _find_end(data, start, method, budget)
    if flags & _DESCRIBED_BEHIND:
        crc32 = _checksum_behind(data, end)
    return Member(name, flags, method, crc32 if end <= len(data) else None, start, min(end, len(data)))


def _find_end(data: bytes, start: int, method: int, budget: Budget) -> int:
    """Find where a member ends that does not say it: by inflating it, or by what stands behind it."""
    if _PACKINGS.get(method) is Packing.DEFLATE:
        stream = Stream(data, Packing.DEFLATE, start=start)
        try:
            for piece in stream.pieces():
                budget.take_bytes(len(piece))
        except CorruptError:  # whoever opens the member will say so
            pass
        else:
            return stream.end
    found = _BEHIND_A_MEMBER.search(data, start)
    return found.start() if found else len(data)


def _checksum_behind(data: bytes, end: int) -> int | None:
    """Read the first field of a data descriptor, whose signature is optional (4.3.9.3)."""
    start = end + len(_DESCRIPTOR_SIGNATURE) * data.startswith(_DESCRIPTOR_SIGNATURE, end)
    field = data[start : start + 4]
    return int.from_bytes(field, "little") if len(field) == 4 else None  # noqa: PLR2004 (bytes of a CRC-32)


def _behind_header(data: bytes, position: int) -> int | None:
    """Give where a member's header ends, name and extra fields included; None where no whole one begins."""
    if not data.startswith(_HEADER_SIGNATURE, position) or position + _HEADER.size > len(data):
        return None
    *_, name_length, extra_length = _HEADER.unpack_from(data, position)
    start: int = position + _HEADER.size + name_length + extra_length
    return start if start <= len(data) else None


def _append(members: list[Member], member: Member, most: int) -> None:
    if len(members) >= most:
        raise RefusedError(f"more than {most} members in a zip archive (limit members)")
    members.append(member)


def _require_apart(members: list[Member], directory: int) -> None:
    """Refuse members that share bytes, with which a few megabytes become many gigabytes."""
    spans = sorted((member.start, member.end) for member in members)
    for (_, end), (start, _) in pairwise([*spans, (directory, directory)]):
        if end > start:
            raise RefusedError("zip members overlap")


def _name(raw: bytes) -> str:
    """Read a name as UTF-8, which not everybody flags who writes it, or else as the format's own CP437 (appendix D)."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = raw.decode("cp437")
    return one_line(name)[:NAME_LENGTH]
