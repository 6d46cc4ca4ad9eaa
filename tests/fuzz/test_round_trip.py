"""A report that is made from values is read back to those values, however it is written, packed and mailed."""

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from fixtures.carriers import deflated, gzipped, zipped
from parsers.reading import Reading, read
from parsers.values import Report
from tests.fuzz.carrying import mailed, packed
from tests.fuzz.values import PLAIN_STYLES, THOROUGH, Written, reports


def only_report(reading: Reading) -> Report:
    """Give the one report that was found, and nothing beside it."""
    assert reading.refusals == ()
    [found] = reading.reports
    assert found.report is not None
    return found.report


@given(st.data(), reports())
@THOROUGH
def test_a_report_is_read_back_from_any_container_and_any_mail(data: st.DataObject, written: Written) -> None:
    content = data.draw(packed(written.xml))
    raw = data.draw(mailed([content])) if data.draw(st.booleans()) else content
    report = only_report(read(raw, "1"))
    assert report.header == written.header
    assert report.records == written.records


@given(st.data(), st.lists(reports(), min_size=1, max_size=4))
@THOROUGH
def test_swapped_or_repeated_no_attachment_is_lost(data: st.DataObject, written: list[Written]) -> None:
    sent = data.draw(st.lists(st.sampled_from([each.xml for each in written]), min_size=1, max_size=6))
    reading = read(data.draw(mailed([data.draw(packed(xml)) for xml in sent])), "1")
    assert reading.refusals == ()
    assert Counter(each.document.sha256 for each in reading.reports) == Counter(
        hashlib.sha256(xml).hexdigest() for xml in sent
    )


# --- cut off


def whole_records(written: Written, xml: bytes) -> int:
    """Count the records that are whole in the first bytes of a report."""
    return xml.count(f"</{written.style.prefix}record>".encode())


def assert_read_up_to_the_cut(reading: Reading, written: Written, xml: bytes) -> None:
    """Demand the whole records of what arrived, or, where there is none, the decision that it is corrupt."""
    number = whole_records(written, xml)
    if number == 0:
        assert [each.error.outcome for each in reading.refusals] == ["corrupt"]
        return
    report = only_report(reading)
    assert report.header == written.header
    assert report.records == written.records[:number]
    assert (report.damage is None) == (xml.rstrip() == written.xml.rstrip())


CUT_OFF = reports(min_records=1, written_in=PLAIN_STYLES)


@given(st.data(), CUT_OFF)
@THOROUGH
def test_xml_cut_off_at_any_byte_gives_the_whole_records_before(
    data: st.DataObject, written: Written
) -> None:
    first = whole_first_record(written)
    xml = written.xml[: data.draw(st.integers(first, len(written.xml)))]
    assert_read_up_to_the_cut(read(xml, "report.xml.gz"), written, xml)


def whole_first_record(written: Written) -> int:
    """Give where the first record ends."""
    end = f"</{written.style.prefix}record>".encode()
    return written.xml.index(end) + len(end)


def inflated(stream: bytes, wbits: int) -> bytes:
    """Give what can be inflated of the start of a stream."""
    return zlib.decompressobj(wbits).decompress(stream)


MEMBER = "r.xml"
CONTAINERS: tuple[tuple[Callable[[bytes], bytes], int, int], ...] = (
    (gzipped, 31, 0),
    (deflated, 15, 0),
    (lambda xml: zipped({MEMBER: xml}), -15, 30 + len(MEMBER)),
)
"""How it is packed, zlib's name for the stream in it, where that stream starts."""


@given(st.data(), CUT_OFF, st.sampled_from(CONTAINERS))
@THOROUGH
def test_a_container_cut_off_at_any_byte_gives_the_whole_records_before(
    data: st.DataObject, written: Written, container: tuple[Callable[[bytes], bytes], int, int]
) -> None:
    pack, wbits, start = container
    whole = pack(written.xml)
    cut = whole[: data.draw(st.integers(start + 1, len(whole)))]
    arrived = inflated(cut[start:], wbits)
    assert_read_up_to_the_cut(read(cut, "report.xml.gz"), written, arrived)
