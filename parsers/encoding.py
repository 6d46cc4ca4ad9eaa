"""A document's bytes, in whatever encoding, in; UTF-8 that an XML parser takes, out.

Reporters declare one encoding and send another, put blank lines before the declaration, and mix windows-1252 into
UTF-8. What is valid UTF-8 is UTF-8, whatever it says; a byte that is not is read as windows-1252.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator

from parsers.deviations import Notes

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BARE_UTF16 = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DECLARED = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_BLANKS = b" \t\r\n\0"
HEAD = 512
"""Bytes in which an encoding declaration is looked for."""


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    # five bytes have no letter in windows-1252; Latin-1 has control characters there, which XML refuses
    return bad.decode("windows-1252", "replace"), error.end


codecs.register_error("ruamill.windows-1252", _as_windows_1252)


def utf8(chunks: Callable[[], Iterator[bytes]], notes: Notes) -> Iterator[bytes]:
    """Give a document's bytes as UTF-8 without byte order mark or leading blanks; `chunks` begins anew at each call."""
    head = next(chunks(), b"")[:HEAD]
    encoding, errors = _choose(chunks, head, notes)
    pieces = chunks() if encoding is None else _transcode(chunks(), encoding, errors)
    return _trim(pieces, notes)


def _choose(chunks: Callable[[], Iterator[bytes]], head: bytes, notes: Notes) -> tuple[str | None, str]:
    """Decide what to decode from, and how; None: the bytes are UTF-8 already."""
    for mark, encoding in (*_BOMS[1:], *_BARE_UTF16):
        if head.startswith(mark):
            return encoding, "replace"
    declared = _declared(head, notes)
    if _is_utf8(chunks()):
        if declared not in ("utf-8", "ascii") and not all(piece.isascii() for piece in chunks()):
            notes.add("encoding-misdeclared", "declaration", declared)
        return None, "strict"
    if declared in ("utf-8", "ascii") or declared.startswith(("utf-16", "utf-32")):
        notes.add("undecodable-bytes", "document")
        return "utf-8", "ruamill.windows-1252"
    # WHATWG's encoding standard: what is called Latin-1 is windows-1252
    return ("windows-1252" if declared == "iso8859-1" else declared), "replace"


def _declared(head: bytes, notes: Notes) -> str:
    """Give Python's name of the declared encoding; utf-8 where none, or none that is known, is declared."""
    found = _DECLARED.search(head.lstrip(codecs.BOM_UTF8 + _BLANKS))
    if not found:
        return "utf-8"
    name = found[1].decode("ascii")
    try:
        codec = codecs.lookup(name)
        b"<".decode(codec.name)  # hex, zip and other codecs that are no text encodings raise LookupError here
    except (LookupError, UnicodeError):
        notes.add("unknown-encoding", "declaration", name)
        return "utf-8"
    return codec.name


def _is_utf8(pieces: Iterable[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in pieces:
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _transcode(pieces: Iterable[bytes], encoding: str, errors: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _trim(pieces: Iterator[bytes], notes: Notes) -> Iterator[bytes]:
    """Drop what stands before the first `<`: a byte order mark, which is legal, and blanks, which are not."""
    for piece in pieces:
        bare = piece.removeprefix(codecs.BOM_UTF8)
        trimmed = bare.lstrip(_BLANKS)
        if trimmed:
            if len(trimmed) != len(bare):
                notes.add("before-declaration", "document")
            yield trimmed
            break
    yield from pieces
