"""The UTF-8 of a report in, the same out, its head rid of what no XML parser takes and reporters are known to send.

Only the head is looked at: these are slips in a template, and what is wrong further on is damage.
"""

import re
from collections.abc import Callable, Iterator

from parsers.deviations import Notes
from parsers.feedback import NAMESPACE_7489

HEAD = 4096
"""Bytes that hold everything before the first record."""

# possessive throughout: blanks that both halves could take would be tried in every way
_BEFORE_ROOT = re.compile(
    rb"(<\?xml[^>]{0,200}\?>)?\s*+([^<]{0,200}+(?:<xs:schema\b[^>]{0,500}+>)?+)(?=\s*+<(?:[\w.-]{1,40}:)?feedback\b)"
)
_PREFIXED_ROOT = re.compile(rb"<([A-Za-z_][\w.-]{0,40}):feedback\b([^>]*)")
_MAILBOX = re.compile(rb"(email>[^<>]{0,200})<((?![!?])[^<>\s/@]{1,64}@[^<>\s/]{1,255})>(?=[^<>]{0,200}</)")


def mended(pieces: Iterator[bytes], notes: Notes) -> Iterator[bytes]:
    """Mend the head of a report, and give the rest as it comes."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= HEAD:
            break
    for mend in (_without_strays, _with_prefix_declared, _with_mailbox_escaped):
        head = mend(head, notes.add)
    yield head
    yield from pieces


Note = Callable[[str, str, str], None]


def _without_strays(head: bytes, note: Note) -> bytes:
    """Drop what stands between the declaration and the root: ikea.com an unclosed xs:schema, sitnet.dk a quote."""
    found = _BEFORE_ROOT.match(head, 0, HEAD)
    if not found or not found[2].strip():
        return head
    note("before-root", "document", _text(found[2].strip()))
    return (found[1] or b"") + head[found.end() :]


def _with_prefix_declared(head: bytes, note: Note) -> bytes:
    found = b":feedback" in head and _PREFIXED_ROOT.search(head, 0, HEAD)
    if not found or b"xmlns:%s" % found[1] in found[2]:
        return head
    note("undeclared-prefix", "feedback", _text(found[1]))
    declaration = b' xmlns:%s="%s"' % (found[1], NAMESPACE_7489.encode())
    return head[: found.start(2)] + declaration + head[found.start(2) :]


def _with_mailbox_escaped(head: bytes, note: Note) -> bytes:
    """Escape the angle brackets around an address (veeam.com, uwaterloo.ca)."""
    found = _MAILBOX.search(head, 0, HEAD)
    if not found:
        return head
    note("unescaped-markup", "report_metadata/email", _text(found[0]))
    return head[: found.end(1)] + b"&lt;" + found[2] + b"&gt;" + head[found.end() :]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
