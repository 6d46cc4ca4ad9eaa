"""The members of a zip archive are found and told apart, whether or not its directory can be read."""

import io
import struct
import zipfile
import zlib
from dataclasses import replace

import pytest

from fixtures.carriers import deflated, gzipped, zipped
from parsers.archive import NAME_LENGTH, read_archive
from parsers.budget import Budget
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.unpack import Document, Refusal, unpack
from tests.parsers.zips import archive, header, member, streamed, with_directory

XML = b"<feedback><record/></feedback>"
OTHER = b"<feedback><record/><record/></feedback>"
NO_DIRECTORY = "zip archive without a readable directory"


def opened(data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[Document | Refusal]:
    return list(unpack(data, "attached", Budget(limits)))


def contents(data: bytes) -> list[bytes]:
    return [b"".join(each.chunks()) for each in opened(data) if isinstance(each, Document)]


def said(data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[str | None]:
    """Give for each document what it says of damage, for each refusal its outcome and reason."""
    return [
        each.damage if isinstance(each, Document) else f"{each.error.outcome}: {each.error}"
        for each in opened(data, limits)
    ]


def names(data: bytes) -> list[str]:
    return [each.name for each in read_archive(data, Budget(DEFAULT_LIMITS)).members]


def written(force_zip64: bool) -> bytes:
    """Write an archive with the standard library, to a file that it cannot go back in."""

    class OneWay(io.BytesIO):
        def seekable(self) -> bool:
            return False

    target = OneWay()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in (("a.xml", XML), ("b.xml", OTHER)):
            with made.open(name, "w", force_zip64=force_zip64) as opened:
                opened.write(content)
    return target.getvalue()


# --- members


def test_a_member_without_a_name_is_read() -> None:
    assert contents(archive(member(XML, name=b""))) == [XML]


def test_two_members_of_one_name_are_both_read() -> None:
    assert contents(archive(member(XML), member(OTHER))) == [XML, OTHER]


def test_folders_are_passed_over() -> None:
    assert contents(archive(member(b"", name=b"reports/"), member(XML, name=b"reports/r.xml"))) == [XML]


def test_a_damaged_member_does_not_take_the_others_along() -> None:
    damaged = "corrupt: zip member is damaged: its checksum differs"
    assert said(archive(member(OTHER), member(XML, crc=1), member(OTHER))) == [None, damaged, None]


def test_an_empty_archive_is_corrupt() -> None:
    assert said(archive()) == ["corrupt: zip archive without members"]


def test_members_of_unsaid_length_are_read() -> None:
    assert (
        contents(archive(streamed(XML), streamed(OTHER)))
        == contents(written(force_zip64=False))
        == [XML, OTHER]
    )


def test_a_zip64_archive_is_read() -> None:
    assert contents(written(force_zip64=True)) == [XML, OTHER]


def test_what_stands_behind_an_archive_is_ignored() -> None:
    assert said(archive(member(XML)) + b"\r\n" * 1_000) == [None]


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"r\xc3\xa9sum\xc3\xa9.xml", "r\u00e9sum\u00e9.xml"),
        (b"r\x82sum\x82.xml", "r\u00e9sum\u00e9.xml"),
        (b"a\0b\r\nc\x1b[31m.xml", "a b c [31m.xml"),
        (b"x" * 60_000, "x" * NAME_LENGTH),
        (b"!\xfe", "!\u25a0"),
    ],
)
@pytest.mark.parametrize("flags", [0, 0x800], ids=["cp437", "utf-8"])
def test_a_name_is_one_line_in_whatever_encoding(raw: bytes, name: str, flags: int) -> None:
    assert names(archive(member(XML, name=raw, flags=flags))) == [name]


# --- what is refused


@pytest.mark.parametrize(
    "name",
    [
        b"/etc/passwd",
        b"\\windows\\r.xml",
        b"C:\\r.xml",
        b"c:r.xml",
        b"..",
        b"../r.xml",
        b"..\\r.xml",
        b"a/../../r.xml",
        b"a\\..\\r.xml",
        b"a/..",
    ],
)
def test_a_member_whose_name_leaves_the_archive_is_refused_alone(name: bytes) -> None:
    refused = "refused: zip member's name leaves the archive"
    assert said(archive(member(XML, name=name), member(OTHER))) == [refused, None]


@pytest.mark.parametrize(
    "name", [b"..r.xml", b"r..xml", b"a/...", b"a.b!c.d!1!2.xml", b"reports/r.xml", b"a../b"]
)
def test_other_names_stay_within(name: bytes) -> None:
    assert said(archive(member(XML, name=name))) == [None]


@pytest.mark.parametrize(
    "data", [archive(member(XML, flags=1), member(XML)), member(XML, flags=1) + member(XML)]
)
def test_an_encrypted_member_is_refused_alone(data: bytes) -> None:
    first, second = opened(data)
    assert isinstance(first, Refusal)
    assert (first.name, first.error.outcome, str(first.error)) == (
        "attached/r.xml",
        "refused",
        "zip member is encrypted",
    )
    assert isinstance(second, Document)


@pytest.mark.parametrize("method", [9, 12, 14, 93, 95, 99])
def test_a_member_of_another_method_is_refused(method: int) -> None:
    [reason] = said(archive(member(XML, method=method)))
    assert reason == f"refused: zip member is compressed by method {method}: only deflate is read"


def test_overlapping_members_are_refused() -> None:
    kernel = member(XML)
    for offsets in ([0, 0], [0, 0, 0]):
        data = with_directory(kernel, [(kernel, offset) for offset in offsets])
        assert said(data) == ["refused: zip members overlap"]


def test_members_that_quote_the_headers_of_others_are_refused() -> None:
    """David Fifield, A better zip bomb: each member holds the next one's header in a stored block, then its data."""
    last = header(b"b", 8, sizes=(zlib.crc32(XML), len(deflated(XML, -15)), len(XML))) + deflated(XML, -15)
    quoted = last[: 30 + 1]
    stored = struct.pack("<BHH", 0, len(quoted), len(quoted) ^ 0xFFFF)
    packed = stored + last
    first = header(b"a", 8, sizes=(zlib.crc32(quoted + XML), len(packed), len(quoted + XML))) + stored
    assert zlib.decompress(packed, -15) == quoted + XML
    data = with_directory(first + last, [(first, 0), (last, len(first))])
    assert said(data) == ["refused: zip members overlap"]


def test_a_member_that_reaches_into_the_directory_is_refused() -> None:
    lying = header(b"r.xml", sizes=(zlib.crc32(XML), len(XML) + 20, len(XML))) + XML
    assert said(archive(lying)) == ["refused: zip members overlap"]


@pytest.mark.parametrize("size", [0, 1, 0xFFFFFFFE, 0xFFFFFFFF])
def test_what_a_member_says_of_its_real_size_is_not_even_read(size: int) -> None:
    packed = deflated(XML, -15)
    lying = header(b"r.xml", 8, sizes=(zlib.crc32(XML), len(packed), size)) + packed
    assert contents(archive(lying)) == contents(lying) == [XML]


@pytest.mark.parametrize("name", [b"r.xml", b"folder/"])
def test_more_members_than_the_limit_are_refused(name: bytes) -> None:
    limits = replace(DEFAULT_LIMITS, members=3)
    members = [member(XML, name=name)] * 3
    refused = ["refused: more than 3 members in a zip archive (limit members)"]
    for data in (archive(*members, member(XML)), b"".join(members) + member(XML)):
        assert said(data, limits) == refused
    assert said(archive(*members[:2], member(XML)), limits)[-1] is None


# --- what broke off


def test_an_archive_without_a_directory_is_read_by_its_members_headers() -> None:
    assert contents(member(XML) + member(OTHER, method=8)) == [XML, OTHER]
    assert said(member(XML) + member(OTHER, method=8)) == [NO_DIRECTORY] * 2


@pytest.mark.parametrize("signature", [b"PK\x07\x08", b""])
@pytest.mark.parametrize("method", [0, 8])
def test_members_of_unsaid_length_are_found_without_a_directory(method: int, signature: bytes) -> None:
    members = [streamed(content, method=method, signature=signature) for content in (XML, OTHER)]
    if method or signature:
        assert contents(b"".join(members)) == [XML, OTHER]


def test_a_checksum_behind_a_member_is_compared() -> None:
    damaged = bytearray(streamed(XML))
    damaged[-12] ^= 1
    assert said(bytes(damaged)) == ["corrupt: zip member is damaged: its checksum differs"]


def test_an_archive_in_an_archive_is_found_without_a_directory() -> None:
    inner = archive(member(XML), member(OTHER))
    stored = struct.pack("<BHH", 1, len(inner), len(inner) ^ 0xFFFF) + inner
    outer = header(b"r.zip", 8, 8, sizes=(0, 0, 0)) + stored
    outer += b"PK\x07\x08" + struct.pack("<3I", zlib.crc32(inner), len(stored), len(inner))
    assert contents(outer + streamed(XML)) == [XML, OTHER, XML]


def test_zip64_members_are_found_without_a_directory() -> None:
    data = written(force_zip64=True)
    assert contents(data[: data.index(b"PK\x01\x02")]) == [XML, OTHER]


@pytest.mark.parametrize("data", [zipped({"r.xml": XML}), archive(streamed(XML)), written(force_zip64=False)])
def test_an_archive_that_breaks_off_gives_what_it_has(data: bytes) -> None:
    whole = contents(data)
    for length in range(35, len(data)):
        for each in opened(data[:length]):
            if isinstance(each, Refusal):
                assert each.error.outcome == "corrupt"
                continue
            assert each.damage
            assert any(content.startswith(b"".join(each.chunks())) for content in whole)
    assert contents(data[:-1]) == contents(data[:-22]) == whole


@pytest.mark.parametrize("length", [4, 29, 30, 34])
def test_an_archive_that_breaks_off_within_its_first_header_is_corrupt(length: int) -> None:
    assert said(member(XML)[:length]) == [f"corrupt: {NO_DIRECTORY}"]


def test_a_stored_member_that_breaks_off_is_not_asked_for_its_checksum() -> None:
    assert contents(member(XML)[:-5]) == [XML[:-5]]


@pytest.mark.parametrize("offset", [1, 1 << 20, 0xFFFFFFFF])
def test_a_directory_that_points_elsewhere_is_not_believed(offset: int) -> None:
    header_and_content = member(XML)
    assert said(with_directory(header_and_content, [(header_and_content, offset)])) == [NO_DIRECTORY]


def test_a_directory_that_is_damaged_hides_no_member() -> None:
    data = bytearray(archive(member(XML), member(OTHER)))
    data[data.rindex(b"PK\x01\x02")] ^= 1
    assert contents(bytes(data)) == [XML, OTHER]


def test_an_invalid_stream_without_a_directory_does_not_take_the_others_along() -> None:
    invalid = header(b"bad", 8, 8, sizes=(0, 0, 0)) + b"\xff" * 40
    refusal, damage = said(invalid + streamed(XML))
    assert refusal is not None
    assert refusal.startswith("corrupt: deflate stream is damaged")
    assert damage == NO_DIRECTORY


def test_looking_for_the_end_of_a_member_is_bounded_too() -> None:
    bomb = header(b"r.xml", 8, 8, sizes=(0, 0, 0)) + zlib.compress(b"<" + bytes(1 << 24), wbits=-15)
    limits = replace(DEFAULT_LIMITS, document_bytes=1 << 20)
    assert said(bomb, limits) == [
        "refused: more than 1048576 bytes unpacked in one message (limit document_bytes)"
    ]


def test_a_container_in_an_archive_that_breaks_off_is_read() -> None:
    assert contents(member(gzipped(XML), name=b"r.gz")) == [XML]
