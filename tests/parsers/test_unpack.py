"""Containers give up the XML in them, told apart by their bytes, and never more of it than the limits allow."""

import bz2
import gzip
import hashlib
import lzma
import struct
import tracemalloc
import zlib
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fixtures.carriers import deflated, gzipped, zipped
from parsers.errors import ReportError
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.unpack import KEPT, Document, Refusal, inflate, unpack

XML = b"<feedback><record/></feedback>"
OTHER = b"<feedback><record/><record/></feedback>"
MIB = 1 << 20


def opened(data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[Document | Refusal]:
    return list(unpack(data, "attached", limits))


def contents(data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[bytes]:
    found = opened(data, limits)
    return [b"".join(each.chunks()) for each in found if isinstance(each, Document)]


def refusals(data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[Refusal]:
    return [each for each in opened(data, limits) if isinstance(each, Refusal)]


def refusal(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[str, str]:
    """Give the outcome and the reason of what is no document at all."""
    [only] = opened(data, limits)
    assert isinstance(only, Refusal)
    return only.error.outcome, str(only.error)


def archive(*members: bytes) -> bytes:
    """Join members made by `member` into a zip archive (APPNOTE 4.3.6)."""
    directory = b""
    offset = 0
    for each in members:
        name = each[30 : 30 + struct.unpack_from("<H", each, 26)[0]]
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + each[4:30] + bytes(10)
        directory += struct.pack("<I", offset) + name
        offset += len(each)
    number = len(members)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, number, number, len(directory), offset, 0)
    return b"".join(members) + directory + end


def member(
    content: bytes = XML, *, name: bytes = b"r.xml", method: int = 0, flags: int = 0, crc: int | None = None
) -> bytes:
    """Make a member with its local header as it is asked for, right or wrong."""
    packed = {0: content, 8: deflated(content, -15)}.get(method, b"whatever")
    crc = zlib.crc32(content) if crc is None else crc
    sizes = (crc, len(packed), len(content), len(name), 0)
    return struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, flags, method, 0, 33, *sizes) + name + packed


# --- what is opened


@pytest.mark.parametrize(
    "data",
    [XML, gzipped(XML), deflated(XML), zipped({"r.xml": XML}), archive(member()), archive(member(method=8))],
    ids=["plain", "gzip", "zlib", "zip", "zip-stored", "zip-deflated"],
)
def test_every_container_gives_the_same_document(data: bytes) -> None:
    [found] = opened(data)
    assert isinstance(found, Document)
    assert b"".join(found.chunks()) == XML
    assert (found.size, found.sha256) == (len(XML), hashlib.sha256(XML).hexdigest())


@pytest.mark.parametrize("level", [1, 6, 9])
def test_zlib_is_told_at_every_level(level: int) -> None:
    assert contents(zlib.compress(XML, level)) == [XML]


@pytest.mark.parametrize("data", [XML, gzipped(XML), deflated(XML), archive(member(method=8))])
def test_a_document_is_kept_as_it_was_compressed(data: bytes) -> None:
    [found] = opened(data)
    assert isinstance(found, Document)
    assert inflate(found.packed, found.packing) == XML


def test_a_large_document_is_inflated_anew_at_each_reading() -> None:
    large = b"<feedback>" + b" " * KEPT + b"</feedback>"
    [found] = opened(gzipped(large))
    assert isinstance(found, Document)
    assert found.xml is None
    assert [b"".join(found.chunks()), b"".join(found.chunks())] == [large, large]


def test_gzip_members_are_one_document() -> None:
    assert contents(gzipped(XML[:9]) + gzipped(b"") + gzipped(XML[9:])) == [XML]


@pytest.mark.parametrize("rest", [b"\0", b"\0" * 1000, b"\r\n-- \r\n", b"PK\x03\x04", b"\x1f"])
def test_what_follows_a_gzip_stream_is_ignored(rest: bytes) -> None:
    assert contents(gzipped(XML) + rest) == [XML]


def test_what_follows_a_zlib_stream_is_ignored() -> None:
    assert contents(deflated(XML) + b"\r\n") == [XML]


def test_a_gzip_with_name_comment_and_checksum_in_its_header_is_read() -> None:
    header = b"\x1f\x8b\x08\x1e\0\0\0\0\0\xff" + b"\x02\0ab" + b"name\0comment\0"
    checksum = struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    assert contents(header + checksum + gzipped(XML)[10:]) == [XML]


def test_a_zip_gives_each_report_and_says_what_the_rest_is() -> None:
    data = zipped({"a.xml": XML, "readme.txt": b"Two reports.", "b.xml": OTHER})
    first, text, second = opened(data)
    assert [it.name for it in (first, second)] == ["a.xml", "b.xml"]
    assert isinstance(text, Refusal)
    assert (text.name, text.error.outcome) == ("attached/readme.txt", "not_a_report")


def test_a_zip_member_without_a_name_is_read() -> None:
    assert contents(archive(member(name=b""))) == [XML]


def test_two_zip_members_of_one_name_are_both_read() -> None:
    assert contents(archive(member(XML), member(OTHER))) == [XML, OTHER]


def test_folders_in_a_zip_are_passed_over() -> None:
    assert contents(archive(member(b"", name=b"reports/"), member(name=b"reports/r.xml"))) == [XML]


def test_a_damaged_zip_member_does_not_take_the_others_along() -> None:
    good, bad = opened(archive(member(OTHER), member(crc=1)))
    assert isinstance(good, Document)
    assert isinstance(bad, Refusal)
    assert bad.error.outcome == "corrupt"


@pytest.mark.parametrize(
    "data",
    [gzipped(gzipped(XML)), zipped({"r": gzipped(XML)}), gzipped(zipped({"r": XML})), zipped({"r": deflated(XML)})],
    ids=["gz-in-gz", "gz-in-zip", "zip-in-gz", "zlib-in-zip"],
)  # fmt: skip
def test_a_container_in_a_container_is_opened(data: bytes) -> None:
    assert contents(data) == [XML]


# --- what is not


@pytest.mark.parametrize(
    "data",
    [gzipped(gzipped(gzipped(XML))), zipped({"r.zip": zipped({"r.gz": gzipped(XML)})})],
    ids=["gz-gz-gz", "gz-zip-zip"],
)
def test_a_container_two_deep_is_refused(data: bytes) -> None:
    outcome, reason = refusal(data)
    assert outcome == "refused"
    assert "limit nesting" in reason


@pytest.mark.parametrize("length", [2, 10, 11, 25, -1, -8, -9])
def test_a_gzip_that_breaks_off_is_corrupt(length: int) -> None:
    assert refusal(gzipped(XML)[:length]) == ("corrupt", "gzip stream is cut off")


def test_a_gzip_whose_second_member_breaks_off_is_corrupt() -> None:
    assert refusal(gzipped(XML[:9]) + gzipped(XML[9:])[:-9]) == ("corrupt", "gzip stream is cut off")


@pytest.mark.parametrize("position", [3, 12, -8, -1], ids=["flags", "data", "checksum", "length"])
def test_a_gzip_with_a_wrong_byte_is_corrupt(position: int) -> None:
    damaged = bytearray(gzipped(XML))
    damaged[position] ^= 0xFF
    assert refusal(bytes(damaged))[0] == "corrupt"


def test_a_zlib_stream_that_breaks_off_is_corrupt() -> None:
    assert refusal(deflated(XML)[:-1]) == ("corrupt", "zlib stream is cut off")


@pytest.mark.parametrize("method", [0, 8])
def test_a_zip_member_with_a_wrong_checksum_is_corrupt(method: int) -> None:
    assert refusal(archive(member(method=method, crc=1))) == (
        "corrupt",
        "zip member is damaged: its checksum differs",
    )


@pytest.mark.parametrize("length", [4, 30, 60, -1, -22])
def test_a_zip_that_breaks_off_is_corrupt(length: int) -> None:
    outcome, reason = refusal(zipped({"r.xml": XML})[:length])
    assert (outcome, reason.partition(":")[0]) == ("corrupt", "zip archive cannot be read")


def test_a_zip_member_that_lies_outside_the_archive_is_corrupt() -> None:
    data = bytearray(archive(member()))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 42, 1 << 20)
    assert refusal(bytes(data))[0] == "corrupt"


def test_an_empty_zip_is_corrupt() -> None:
    assert refusal(archive()) == ("corrupt", "zip archive without members")


def test_an_encrypted_zip_member_is_refused() -> None:
    assert refusal(archive(member(flags=1))) == ("refused", "zip member is encrypted")


@pytest.mark.parametrize("method", [9, 12, 14, 93, 95, 99])
def test_a_zip_member_of_another_method_is_refused(method: int) -> None:
    outcome, reason = refusal(archive(member(method=method)))
    assert outcome == "refused"
    assert f"method {method}" in reason


@pytest.mark.parametrize("data", [bz2.compress(XML), lzma.compress(XML), b"unused\n", b"%PDF-1.7", b"\0\1\2"])
def test_what_is_neither_xml_nor_a_known_container_is_no_report(data: bytes) -> None:
    assert refusal(data)[0] == "not_a_report"


@pytest.mark.parametrize("data", [b"", gzipped(b""), deflated(b""), zipped({"r.xml": b""})])
def test_nothing_is_no_report(data: bytes) -> None:
    assert refusal(data) == ("not_a_report", "empty")


def test_an_smtp_tls_report_is_unsupported() -> None:
    assert refusal(gzipped(b'{"organization-name": "Inselpost", "policies": []}'))[0] == "unsupported"


def test_json_of_another_kind_is_no_report() -> None:
    assert refusal(b'{"invoice": 117}') == ("not_a_report", "JSON, not a DMARC report")


# --- limits


LONG = b"<feedback>" + b" " * 50_000 + b"</feedback>"


@pytest.mark.parametrize(
    ("data", "limits", "named"),
    [
        (LONG, {"document_bytes": 50_000}, "document_bytes"),
        (gzipped(LONG), {"document_bytes": 50_000}, "document_bytes"),
        (zipped({"r.xml": LONG}), {"document_bytes": 50_000}, "document_bytes"),
        (gzip.compress(LONG), {"ratio": 10, "ratio_free_bytes": 1_000}, "ratio"),
        (zlib.compress(LONG), {"ratio": 10, "ratio_free_bytes": 1_000}, "ratio"),
        (gzipped(gzip.compress(LONG)), {"ratio": 10, "ratio_free_bytes": 1_000}, "ratio"),
        (gzipped(XML) * 4, {"members": 3}, "members"),
        (zipped(dict.fromkeys("abcd", XML)), {"members": 3}, "members"),
        (gzipped(gzipped(XML)), {"nesting": 0}, "nesting"),
    ],
)
def test_over_a_limit_is_refused_with_its_name(data: bytes, limits: dict[str, int], named: str) -> None:
    outcome, reason = refusal(data, replace(DEFAULT_LIMITS, **limits))
    assert outcome == "refused"
    assert f"(limit {named})" in reason


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (LONG, {"document_bytes": len(LONG)}),
        (gzip.compress(LONG), {"ratio": 10, "ratio_free_bytes": len(LONG)}),
        (gzipped(XML) * 3, {"members": 3}),
        (zipped(dict.fromkeys("abc", XML)), {"members": 3}),
        (gzipped(gzipped(gzipped(XML))), {"nesting": 2}),
    ],
)
def test_up_to_a_limit_is_opened(data: bytes, limits: dict[str, int]) -> None:
    assert contents(data, replace(DEFAULT_LIMITS, **limits))


def bombs() -> Sequence[bytes]:
    bomb = gzip.compress(b"<feedback>" + bytes(64 * MIB), 1)
    return (bomb, gzip.compress(bomb), archive(member(name=b"r.gz"), member(bomb, name=b"bomb.gz")))


@pytest.mark.parametrize("bomb", bombs(), ids=["gzip", "gzip-in-gzip", "gzip-in-zip"])
def test_a_bomb_is_refused_before_it_fills_the_memory(bomb: bytes) -> None:
    limits = replace(DEFAULT_LIMITS, document_bytes=32 * MIB)
    tracemalloc.start()
    try:
        [refused] = refusals(bomb, limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.error.outcome == "refused"
    assert peak < 12 * MIB


def test_no_damage_is_raised() -> None:
    for data in (XML, gzipped(XML), deflated(XML), zipped({"r.xml": XML}), gzipped(gzipped(XML))):
        for position in range(len(data)):
            for value in (0, 0xFF, data[position] ^ 0x01):
                found = opened(data[:position] + bytes([value]) + data[position + 1 :])
                assert all(
                    isinstance(each, Document) or isinstance(each.error, ReportError) for each in found
                )
                assert found
