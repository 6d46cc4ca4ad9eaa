"""Hypothesis packs and mails documents here: bytes in, containers and mails of every shape that hold them whole out."""

import io
import struct
import zipfile
import zlib
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Callable, Sequence
from functools import partial

from hypothesis import assume
from hypothesis import strategies as st

from fixtures.carriers import entity, multipart
from tests.fuzz.values import words

MULTIPARTS = ("mixed", "alternative", "related", "report; report-type=dmarc", "signed", "x-unknown")
MEDIA_TYPES = (
    "application/gzip",
    "application/zip",
    "application/octet-stream",
    "text/xml",
    "text/plain; charset=x-none",
    "application/x-zip-compressed",
    "nonsense",
    "image/png",
)
NAMES = (
    "",
    "attachment",
    "inline",
    'attachment; filename="report.xml.gz"',
    "attachment; filename=a!b!1!2.zip",
    "attachment; filename*0*=utf-8''re%20; filename*1*=port",
    'attachment; filename="=?utf-8?B?4oKs?="',
    "attachment; filename=../../etc/passwd",
    'attachment;;; filename="',
)
SUBJECTS = (
    "",
    "Subject: Report Domain: example.org Submitter: a.example Report-ID: <1>\n",
    "Subject: =?utf-8?B?UmVwb3J0IERvbWFpbjo=?=\n",
    "Subject: =?x-none?Q?=C3=A9?=\n",
    "Subject: Re: lunch\n",
    "subject:\n",
)
SENDERS = (
    "",
    "From: dmarc@reporter.example\n",
    'From: "a, b" <a@reporter.example>, b@other.example\n',
    "From: nobody\nFrom: a@b@c.example\n",
    "From: =?utf-8?Q?D=C3=A9marc?= <dmarc@reporter.example>\n",
)
OTHERS = (
    "",
    "X-Odd:no blank\nX-Empty:\n",
    "X-Folded: one\n two\n\tthree\n",
    "Date: yesterday\nReceived: from a by b; Mon, 2 Nov 2026 05:00:00 +0000\n",
    "Message-ID: <1@reporter.example>\nMessage-ID: <2@reporter.example>\n",
    "Authentication-Results: mx.example.org; dmarc=pass (p=none\n",
)
ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "base64": ("base64", encodebytes),
    "base64 on one line": ("Base64", b64encode),
    "quoted-printable": ("quoted-printable", partial(b2a_qp, istext=False)),
    "binary": ("binary", bytes),
    "8bit": ("8bit", bytes),
    "none": ("", bytes),
}
"""What the header says, and what is done."""
WIRE_ENCODINGS = tuple(ENCODINGS)[:3]
"""What comes through although line ends are changed."""
TEXTS = (b"Hello", b"<html><body>Hello</body></html>", b"", b"--\nA. Berg\n", b"report_metadata " * 20)


# --- containers


@st.composite
def packed(draw: st.DrawFn, content: bytes, depth: int = 1) -> bytes:
    """Pack a document in nothing, in a container, or in one within another."""
    pack = draw(st.sampled_from((bare, gzipped, deflated, zipped)))
    if depth and draw(st.booleans()):
        content = draw(packed(content, depth - 1))
    return draw(pack(content))


def bare(content: bytes) -> st.SearchStrategy[bytes]:
    """Leave the content as it is."""
    return st.just(content)


@st.composite
def gzipped(draw: st.DrawFn, content: bytes) -> bytes:
    """Pack as gzip: one member or several, with the fields that RFC 1952 2.3.1 allows, and something behind."""
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=2)))
    pieces = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    behind = draw(st.sampled_from((b"", b"\0" * 20, b"\r\n", b"\x1f", b"EOF")))
    return b"".join(draw(gzip_members(piece)) for piece in pieces) + behind


@st.composite
def gzip_members(draw: st.DrawFn, content: bytes) -> bytes:
    """Pack as one member."""
    fields = {0x04: b"\4\0AP\0\0", 0x08: b"report.xml\0", 0x10: b"a comment\0"}
    chosen = draw(st.sets(st.sampled_from(sorted(fields))))
    head = struct.pack("<4BIBB", 0x1F, 0x8B, 8, sum(chosen), draw(st.integers(0, 2**32 - 1)), 0, 255)
    stream = zlib.compressobj(draw(st.integers(0, 9)), wbits=-15)
    tail = struct.pack("<II", zlib.crc32(content), len(content))
    return (
        head
        + b"".join(fields[flag] for flag in sorted(chosen))
        + stream.compress(content)
        + stream.flush()
        + tail
    )


def deflated(content: bytes) -> st.SearchStrategy[bytes]:
    """Pack as a zlib stream."""
    return st.integers(0, 9).map(lambda level: zlib.compress(content, level))


@st.composite
def zipped(draw: st.DrawFn, content: bytes) -> bytes:
    """Pack as zip: beside other files, in any order, by either method, streamed or not."""
    members = [(f"{draw(words('-_'))}.xml", content)]
    members += [(f"{name}.txt", b"Hello") for name in draw(st.lists(words(), max_size=2, unique=True))]
    target = Unseekable() if draw(st.booleans()) else io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in draw(st.permutations(members)):
            member = zipfile.ZipInfo(name)
            member.extra = draw(st.sampled_from((b"", b"UT\5\0\1\0\0\0\0")))
            member.compress_type = draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
            with archive.open(member, "w", force_zip64=draw(st.booleans())) as file:
                file.write(data)
        archive.comment = draw(st.sampled_from((b"", b"made by hand")))
    return target.getvalue()


class Unseekable(io.BytesIO):
    """Makes zipfile write sizes behind each member, as a program does that streams (APPNOTE 4.4.4, bit 3)."""

    def seekable(self) -> bool:
        """Say no."""
        return False

    def tell(self) -> int:
        """Refuse, as a pipe does."""
        raise io.UnsupportedOperation


# --- mails


@st.composite
def mailed(draw: st.DrawFn, contents: Sequence[bytes]) -> bytes:
    """Mail documents, each in a part of its own, among other parts, at any depth, in any transfer encoding."""
    over_the_wire = draw(st.booleans())
    encodings = WIRE_ENCODINGS if over_the_wire else tuple(ENCODINGS)
    parts = [draw(parts_with(content, encodings)) for content in contents]
    for _ in range(draw(st.integers(0, 3))):
        others = draw(st.lists(other_parts(), max_size=2))
        inside, outside = ([], others) if draw(st.booleans()) else (others, [])
        parts = [*outside, draw(wrappers([*inside, *parts]))]
    body = parts[0] if len(parts) == 1 else draw(multiparts(parts))
    mail = draw(mail_headers()).encode() + body
    return mail.replace(b"\n", b"\r\n") if over_the_wire else mail


@st.composite
def parts_with(draw: st.DrawFn, content: bytes, encodings: Sequence[str]) -> bytes:
    """Carry a document in one part."""
    media_type, encoding, disposition = (
        draw(st.sampled_from(choices)) for choices in (MEDIA_TYPES, encodings, NAMES)
    )
    # what ends with half a line end has no end that can be told from the boundary's
    assume(encoding in WIRE_ENCODINGS or not content.endswith(b"\r"))
    name, encode = ENCODINGS[encoding]
    return entity(media_type, b"", name, disposition) + encode(content)


def other_parts() -> st.SearchStrategy[bytes]:
    """Make parts that people read."""
    types = st.sampled_from(
        ("text/plain", "text/html; charset=utf-8", "application/pdf", "message/delivery-status")
    )
    return st.builds(
        entity, types, st.sampled_from(TEXTS), st.sampled_from(("", "base64", "quoted-printable"))
    )


@st.composite
def multiparts(draw: st.DrawFn, parts: Sequence[bytes]) -> bytes:
    """Join parts; the boundary is found in none of them."""
    boundary = f"=_{draw(st.integers(10**20, 10**21))}"
    assume(not any(boundary.encode() in part for part in parts))
    return multipart(draw(st.sampled_from(MULTIPARTS)), boundary, *parts)


@st.composite
def wrappers(draw: st.DrawFn, parts: Sequence[bytes]) -> bytes:
    """Join parts into one, or forward them in a mail of their own."""
    joined = draw(multiparts(parts))
    if draw(st.booleans()):
        return joined
    return entity("message/rfc822", draw(mail_headers()).encode() + joined)


@st.composite
def mail_headers(draw: st.DrawFn) -> str:
    """Make the header of a mail; anything may be missing, or be there twice."""
    fields = [draw(st.sampled_from(choices)) for choices in (SUBJECTS, SENDERS, OTHERS)]
    return "".join(["MIME-Version: 1.0\n", *draw(st.permutations(fields))])
