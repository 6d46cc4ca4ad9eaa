"""Containers that strangers might send: bombs, lies, overlaps, too many of everything."""

import struct

from fixtures.carriers import attachment, gzipped, multipart, text, zipped
from tests.hostile.bombs import GIB, MIB, gzip_of, large, repeated
from tests.hostile.inputs import BEGUN, ENDED, GZIP, MAIL, REPORT, Hostile, over
from tests.parsers.zips import archive, header, member, with_directory

BOMB = over("ratio", "document_bytes")


def with_attachments(*contents: bytes) -> bytes:
    """Write a mail that announces a report, with these attached."""
    parts = (attachment(GZIP, f"{number}.gz", content) for number, content in enumerate(contents))
    return MAIL + multipart("mixed", "=_b_=", text("Hello"), *parts)


def zeros(size: int) -> bytes:
    """Write a gzip file of zeros."""
    return gzip_of(repeated(b"\0", size=size))


def zipped_zeros(size: int) -> bytes:
    """Write a zip archive of one member of zeros, which says that it has ten bytes."""
    packed = repeated(b"\0", size=size)
    return archive(header(b"r.xml", 8, sizes=(0, len(packed), 10)) + packed)


def fully_overlapping(number: int) -> bytes:
    """Write a zip archive whose members are all the same bytes (Fifield, A better zip bomb: full overlap)."""
    packed = repeated(b"\0", size=100 * MIB)
    kernel = header(b"r.xml", 8, sizes=(0, len(packed), 100 * MIB)) + packed
    return with_directory(kernel, [(kernel, 0)] * number)


def quoted_overlapping(number: int) -> bytes:
    """Write a zip archive each of whose members holds all that follow it (the same: quoted overlap)."""
    rest = repeated(b"\0", size=100 * MIB)
    members: list[bytes] = []
    offsets: list[int] = []
    for index in range(number):
        quote = struct.pack("<BHH", 0, len(members[0]), len(members[0]) ^ 0xFFFF) if members else b""
        begun = header(f"{index:05}.xml".encode(), 8, sizes=(0, len(quote + rest), 0))
        rest = begun + quote + rest
        members.insert(0, begun)
        offsets = [0, *(offset + len(begun + quote) for offset in offsets)]
    return with_directory(rest, list(zip(members, offsets, strict=True)))


def many_entries(number: int) -> bytes:
    """Write a zip archive whose directory has many entries for one member."""
    only = member(REPORT)
    return with_directory(only, [(only, 0)] * number)


def members_of_records(number: int, size: int) -> bytes:
    """Write a zip archive of reports of empty records."""
    return archive(*[member(large("<record/>", size, BEGUN, ENDED), name=b"r.gz")] * number)


def members_over_the_limit(number: int) -> bytes:
    """Write a zip archive of reports whose one record is just over the limit."""
    return archive(*[member(large("<dkim/>", 9 * MIB // 4, f"{BEGUN}<record>"), name=b"r.gz")] * number)


OUTSIDE = (b"/etc/r.xml", b"../../r.xml", b"a/../../r.xml", b"C:\\r.xml", b"\\\\host\\r.xml")
CROWD = archive(*[member(b"<a/>")] * 100)

CONTAINERS = {
    "gzip of 10 GiB of zeros": Hostile(lambda: zeros(10 * GIB), BOMB),
    "gzip of 10 GiB of zeros that was cut off": Hostile(lambda: zeros(10 * GIB)[:-100], BOMB),
    "gzip of 10 GiB in a report": Hostile(
        lambda: gzip_of(repeated(b" ", BEGUN.encode(), size=10 * GIB)), BOMB
    ),
    "gzip of 1 GiB below the ratio": Hostile(lambda: large(" ", GIB, BEGUN), over("document_bytes")),
    "gzip of 10 GiB in 100 members": Hostile(
        lambda: gzipped(BEGUN.encode()) + large(" ", 100 * MIB)[: -(MIB // 5)] * 99, over("document_bytes")
    ),
    "gzip of 100,000 members": Hostile(lambda: gzipped(REPORT) + gzipped(b"") * 100_000, over("members")),
    "zip of 10 GiB of zeros that says it has ten bytes": Hostile(lambda: zipped_zeros(10 * GIB), BOMB),
    "zip of 10 GiB of zeros without a directory": Hostile(lambda: zipped_zeros(10 * GIB)[:-100], BOMB),
    "gzip of 10 GiB in a gzip": Hostile(lambda: gzipped(zeros(10 * GIB)), BOMB),
    "gzip of 10 GiB in a gzip in a gzip": Hostile(lambda: gzipped(gzipped(zeros(10 * GIB))), over("nesting")),
    "gzip of 10 GiB of gzip": Hostile(
        lambda: gzip_of(repeated(bytes(100_000), gzipped(REPORT), size=10 * GIB)), over("mail_bytes")
    ),
    "zip in a zip in a zip": Hostile(
        lambda: zipped({"b.zip": zipped({"a.zip": zipped_zeros(GIB)})}), over("nesting")
    ),
    "zip of 100 bombs": Hostile(lambda: archive(*[member(zeros(300 * MIB), name=b"r.gz")] * 100), BOMB),
    "zip of 100 zips of 100 members": Hostile(
        lambda: archive(*[member(CROWD, name=b"r.zip")] * 100), over("documents"), besides="corrupt: "
    ),
    "zip members that are the same bytes": Hostile(
        lambda: fully_overlapping(100), "refused: zip members overlap"
    ),
    "zip members that hold each other": Hostile(
        lambda: quoted_overlapping(100), "refused: zip members overlap"
    ),
    "zip of 100,000 members": Hostile(lambda: archive(*[member(b"<a/>")] * 100_000), over("members")),
    "zip of 100,000 members without a directory": Hostile(lambda: member(b"<a/>") * 100_000, over("members")),
    "zip of 600,000 entries for one member": Hostile(lambda: many_entries(600_000), over("members")),
    "zip members with absolute and parent paths": Hostile(
        lambda: archive(*[member(REPORT, name=name) for name in OUTSIDE]),
        "refused: zip member's name leaves the archive",
    ),
    "encrypted zip": Hostile(
        lambda: archive(*[member(REPORT, flags=1)] * 3), "refused: zip member is encrypted"
    ),
    "180 attachments of 10 GiB together": Hostile(lambda: with_attachments(*[zeros(100 * MIB)] * 180), BOMB),
    "990 attachments, each a zip of 100 members": Hostile(
        lambda: with_attachments(*[CROWD] * 990), over("documents"), besides="corrupt: "
    ),
    "zip of 100 members, each 300,000 elements in a record": Hostile(
        lambda: members_over_the_limit(100),
        "corrupt: ",
        besides=over("failed_bytes"),
    ),
    "zip of 100 members, each 40 MiB of records": Hostile(
        lambda: members_of_records(100, 40 * MIB), over("records", "crowded_records")
    ),
    "zip of 100 members, each 4 MiB of records": Hostile(
        lambda: members_of_records(100, 4 * MIB), over("records", "crowded_records")
    ),
    "zip of 100 members, each 3 MiB of records": Hostile(
        lambda: members_of_records(100, 3 * MIB), over("records", "crowded_records")
    ),
}
