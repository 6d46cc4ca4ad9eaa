"""A document's bytes, in whatever encoding, in; UTF-8 that an XML parser takes, out.

Reporters declare one encoding and send another, put blank lines before the declaration, and mix windows-1252 into
UTF-8. What is valid UTF-8 is UTF-8, whatever it says; a run of bytes that is not is read as windows-1252.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from parsers.deviations import Notes
from parsers.errors import CorruptError

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BARE_UTF16 = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DECLARED = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_PYTHONS_OWN = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7"})
"""Encodings of text to Python alone; the first two raise where others replace what they cannot read."""
_BLANKS = b" \t\r\n\0"
_OUTSIDE_ASCII = re.compile(rb"[\x80-\xff]+")
_UNFINISHED = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{0,2}\Z")
"""A UTF-8 sequence whose end the next piece may hold."""
UTF8 = "utf-8"
REPAIRED = "utf-8 and windows-1252, mixed"
MOST_REPAIRS = 100_000
HEAD = 512
"""Bytes in which an encoding declaration is looked for."""


def utf8(chunks: Callable[[], Iterator[bytes]], notes: Notes) -> Iterator[bytes]:
    """Give a document's bytes as UTF-8 without byte order mark or leading blanks; `chunks` begins anew at each call.

    A sequence that is broken off at the very end stays so.
    """
    return _trim(_read_as(_choose(chunks, _head(chunks()), notes), chunks()), notes)


def _read_as(encoding: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if encoding == UTF8:
        return pieces
    return _repaired(pieces) if encoding == REPAIRED else _transcoded(pieces, encoding)


def _head(pieces: Iterator[bytes]) -> bytes:
    """Give the first bytes: the first piece alone may be a single one."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= HEAD:
            break
    return head[:HEAD]


def _choose(chunks: Callable[[], Iterator[bytes]], head: bytes, notes: Notes) -> str:
    """Decide what to decode from: an encoding, or REPAIRED."""
    for mark, encoding in (*_BOMS, *_BARE_UTF16):
        if head.startswith(mark):
            return encoding
    declared = _declared(head, notes)
    if _is_utf8(chunks()):
        if declared not in (UTF8, "ascii") and not all(piece.isascii() for piece in chunks()):
            notes.add("encoding-misdeclared", "declaration", declared)
        return UTF8
    if declared in (UTF8, "ascii") or declared.startswith(("utf-16", "utf-32")):
        notes.add("undecodable-bytes", "document")
        return REPAIRED
    # WHATWG's encoding standard: what is called Latin-1 is windows-1252
    return "windows-1252" if declared == "iso8859-1" else declared


def _declared(head: bytes, notes: Notes) -> str:
    """Give Python's name of the declared encoding; utf-8 where none, or none that is known, is declared."""
    found = _DECLARED.search(head.lstrip(codecs.BOM_UTF8 + _BLANKS))
    if not found:
        return UTF8
    declared = found[1].decode("ascii")
    try:
        name = codecs.lookup(declared).name
        b"<".decode(name)  # hex, zip and other codecs that are no text encodings raise LookupError here
    except (LookupError, UnicodeError):
        name = None
    if name is None or name in _PYTHONS_OWN:
        notes.add("unknown-encoding", "declaration", declared)
        return UTF8
    return name


def _is_utf8(pieces: Iterable[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in pieces:  # a sequence broken off at the end is cut off, not of another encoding
            decoder.decode(piece)
    except UnicodeDecodeError:
        return False
    return True


def _transcoded(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _repaired(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Read each run of bytes outside ASCII as UTF-8, or as windows-1252 where it is none. Raises CorruptError."""
    repairs = 0
    held = b""
    for piece in chain(pieces, (b"",)):
        text = held + piece
        cut = _UNFINISHED.search(text) if piece else None
        held = cut[0] if cut else b""
        repaired, number = _OUTSIDE_ASCII.subn(_repair, text[: len(text) - len(held)])
        repairs += number
        if repairs > MOST_REPAIRS:
            raise CorruptError(f"more than {MOST_REPAIRS} places are in another encoding than the rest")
        yield repaired


def _repair(run: re.Match[bytes]) -> bytes:
    try:
        run[0].decode()
    except UnicodeDecodeError:
        # five bytes have no letter in windows-1252; Latin-1 has control characters there, which XML refuses
        return run[0].decode("windows-1252", "replace").encode()
    return run[0]


def _trim(pieces: Iterator[bytes], notes: Notes) -> Iterator[bytes]:
    """Drop what stands before the first `<`: a byte order mark, which is legal, and blanks, which are not."""
    head, blank = b"", False
    for piece in pieces:
        head += piece
        if codecs.BOM_UTF8.startswith(head):
            continue
        bare = head.removeprefix(codecs.BOM_UTF8)
        head = bare.lstrip(_BLANKS)
        blank = blank or len(head) != len(bare)
        if head:
            if blank:
                notes.add("before-declaration", "document")
            yield head
            break
    yield from pieces
