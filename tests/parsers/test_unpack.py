"""Containers give up the XML in them, told apart by their bytes, and never more of it than the limits allow."""

import bz2
import gzip
import hashlib
import lzma
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from fixtures.carriers import deflated, gzipped, zipped
from parsers.budget import Budget
from parsers.errors import ReportError
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.unpack import KEPT, Document, Refusal, inflate, unpack
from tests.parsers.zips import archive, member

XML = b"<feedback><record/></feedback>"
OTHER = b"<feedback><record/><record/></feedback>"
JSON = b'{"organization-name": "Inselpost", "policies": []}'
MIB = 1 << 20


def opened(data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[Document | Refusal]:
    return list(unpack(data, "attached", Budget(limits)))


def contents(data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[bytes]:
    found = opened(data, limits)
    return [b"".join(each.chunks()) for each in found if isinstance(each, Document)]


def refusals(data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[Refusal]:
    return [each for each in opened(data, limits) if isinstance(each, Refusal)]


def document(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Give the only document there is."""
    [only] = opened(data, limits)
    assert isinstance(only, Document), only
    return only


def refusal(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[str, str]:
    """Give the outcome and the reason of what is no document at all."""
    [only] = opened(data, limits)
    assert isinstance(only, Refusal)
    return only.error.outcome, str(only.error)


# --- what is opened


@pytest.mark.parametrize(
    "data",
    [
        XML,
        gzipped(XML),
        deflated(XML),
        zipped({"r.xml": XML}),
        archive(member(XML)),
        archive(member(XML, method=8)),
    ],
    ids=["plain", "gzip", "zlib", "zip", "zip-stored", "zip-deflated"],
)
def test_every_container_gives_the_same_document(data: bytes) -> None:
    found = document(data)
    assert b"".join(found.chunks()) == XML
    assert (found.kind, found.size, found.sha256) == ("xml", len(XML), hashlib.sha256(XML).hexdigest())
    assert found.damage is None


@pytest.mark.parametrize("level", [1, 6, 9])
def test_zlib_is_told_at_every_level(level: int) -> None:
    assert contents(zlib.compress(XML, level)) == [XML]


@pytest.mark.parametrize("data", [XML, gzipped(XML), deflated(XML), archive(member(XML, method=8))])
def test_a_document_is_kept_as_it_was_compressed(data: bytes) -> None:
    found = document(data)
    assert inflate(found.packed, found.packing) == XML


def test_a_large_document_is_inflated_anew_at_each_reading() -> None:
    large = b"<feedback>" + b" " * KEPT + b"</feedback>"
    found = document(gzipped(large))
    assert found.content is None
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


@pytest.mark.parametrize(("data", "named"), [(gzipped(XML)[:11], "gzip"), (deflated(XML)[:2], "zlib")])
def test_a_stream_that_breaks_off_before_its_first_byte_is_corrupt(data: bytes, named: str) -> None:
    assert refusal(data) == ("corrupt", f"{named} stream is cut off")


@pytest.mark.parametrize("position", [3, 12, -8, -1], ids=["flags", "data", "checksum", "length"])
def test_a_gzip_with_a_wrong_byte_is_corrupt(position: int) -> None:
    damaged = bytearray(gzipped(XML))
    damaged[position] ^= 0xFF
    assert refusal(bytes(damaged))[0] == "corrupt"


@pytest.mark.parametrize("method", [0, 8])
def test_a_zip_member_with_a_wrong_checksum_is_corrupt(method: int) -> None:
    assert refusal(archive(member(XML, method=method, crc=1))) == (
        "corrupt",
        "zip member is damaged: its checksum differs",
    )


@pytest.mark.parametrize("data", [bz2.compress(XML), lzma.compress(XML), b"unused\n", b"%PDF-1.7", b"\0\1\2"])
def test_what_is_neither_xml_nor_a_known_container_is_no_report(data: bytes) -> None:
    assert refusal(data)[0] == "not_a_report"


@pytest.mark.parametrize("data", [b"", gzipped(b""), deflated(b""), zipped({"r.xml": b""})])
def test_nothing_is_no_report(data: bytes) -> None:
    assert refusal(data) == ("not_a_report", "empty")


# --- what broke off


@pytest.mark.parametrize("length", [30, -30, -9, -8, -1])
@pytest.mark.parametrize(("pack", "named"), [(gzipped, "gzip"), (deflated, "zlib")])
def test_a_stream_that_breaks_off_gives_what_it_has(
    pack: Callable[[bytes], bytes], named: str, length: int
) -> None:
    packed = pack(OTHER)[:length]
    found = document(packed)
    content = b"".join(found.chunks())
    assert content
    assert OTHER.startswith(content)
    assert (found.size, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert found.damage == f"{named} stream is cut off"
    assert inflate(found.packed, found.packing) == content


def test_only_what_is_there_is_cut() -> None:
    assert document(gzipped(XML)[:-1]).size == len(XML)
    assert document(gzipped(XML)[:-12]).size < len(XML)


def test_a_large_stream_that_breaks_off_ends_without_an_error_at_each_reading() -> None:
    large = b"<feedback>" + bytes(range(32, 127)) * (KEPT // 90)
    found = document(gzipped(large)[:-1_000])
    first, second = (b"".join(found.chunks()) for _ in range(2))
    assert found.content is None
    assert found.damage
    assert first == second == large[: found.size]


def test_a_gzip_whose_second_member_breaks_off_gives_what_it_has() -> None:
    found = document(gzipped(XML[:9]) + gzipped(XML[9:])[:-9])
    assert b"".join(found.chunks()).startswith(XML[:9])
    assert found.damage == "gzip stream is cut off"


def test_a_container_in_one_that_breaks_off_gives_what_it_has() -> None:
    assert document(gzipped(gzipped(XML))[:-9]).damage == "gzip stream is cut off"
    assert contents(gzipped(zipped({"a.xml": XML, "b.xml": OTHER}))[:-60]) == [XML, OTHER]


# --- JSON


@pytest.mark.parametrize("pack", [bytes, gzipped, lambda content: zipped({"r.json": content})])
def test_json_is_a_document_too(pack: Callable[[bytes], bytes]) -> None:
    found = document(pack(JSON))
    assert (found.kind, b"".join(found.chunks())) == ("json", JSON)


def test_json_is_told_behind_a_byte_order_mark_and_blanks() -> None:
    assert document(b"\xef\xbb\xbf\r\n " + JSON).kind == "json"


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
        (gzipped(gzipped(LONG)), {"mail_bytes": 2_000}, "mail_bytes"),
        (gzipped(JSON), {"json_bytes": len(JSON) - 1}, "json_bytes"),
        (gzipped(OTHER), {"records": 1}, "records"),
        (gzipped(XML), {"documents": 0}, "documents"),
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
        (gzipped(JSON), {"json_bytes": len(JSON)}),
        (gzipped(OTHER), {"records": 2}),
    ],
)
def test_up_to_a_limit_is_opened(data: bytes, limits: dict[str, int]) -> None:
    assert contents(data, replace(DEFAULT_LIMITS, **limits))


def bombs() -> Sequence[bytes]:
    bomb = gzip.compress(b"<feedback>" + bytes(64 * MIB), 1)
    return (bomb, gzip.compress(bomb), archive(member(XML, name=b"r.gz"), member(bomb, name=b"bomb.gz")))


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


# --- one message


def test_attachments_share_their_messages_budget() -> None:
    budget = Budget(replace(DEFAULT_LIMITS, document_bytes=2 * len(LONG)))
    given = [each for name in "abc" for each in unpack(gzipped(LONG), name, budget)]
    assert [isinstance(each, Document) for each in given] == [True, True, False]
    assert "(limit document_bytes)" in str(given[-1].error if isinstance(given[-1], Refusal) else "")


def test_what_is_refused_counts_as_well() -> None:
    budget = Budget(replace(DEFAULT_LIMITS, document_bytes=2 * MIB))
    bombs = [gzip.compress(b"<feedback>" + bytes(16 * MIB))] * 20
    reasons = [
        str(each.error) for bomb in bombs for each in unpack(bomb, "x", budget) if isinstance(each, Refusal)
    ]
    assert [reason.rpartition(" ")[2] for reason in reasons] == ["document_bytes)"] * 20
    assert budget.size < 4 * MIB


def test_a_messages_documents_are_held_in_memory_up_to_a_size_together() -> None:
    budget = Budget(DEFAULT_LIMITS)
    third = b"<feedback>" + b" " * (KEPT // 3) + b"</feedback>"
    given = [each for name in "abcd" for each in unpack(gzipped(third), name, budget)]
    assert [isinstance(each, Document) and each.content is not None for each in given] == [
        True,
        True,
        False,
        False,
    ]


def test_too_many_members_in_too_many_archives_are_one_refusal_each() -> None:
    budget = Budget(replace(DEFAULT_LIMITS, documents=10))
    given = [each for name in "abc" for each in unpack(zipped(dict.fromkeys("12345678", XML)), name, budget)]
    assert [isinstance(each, Document) for each in given] == [True] * 8 + [False] * 2


def test_no_damage_is_raised() -> None:
    for data in (XML, gzipped(XML), deflated(XML), zipped({"r.xml": XML}), gzipped(gzipped(XML))):
        for position in range(len(data)):
            for value in (0, 0xFF, data[position] ^ 0x01):
                found = opened(data[:position] + bytes([value]) + data[position + 1 :])
                assert all(
                    isinstance(each, Document) or isinstance(each.error, ReportError) for each in found
                )
                assert found
