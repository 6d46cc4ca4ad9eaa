"""One message takes no more than its limits, and records are counted before they are parsed."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from parsers.budget import Budget, RecordCounter
from parsers.errors import RefusedError
from parsers.limits import DEFAULT_LIMITS, Limits
from tests.parsers.small_reports import read

REPORTS = sorted((Path(__file__).parents[2] / "fixtures" / "reports").glob("*.xml"))


def counted(content: bytes, size: int = 1 << 16) -> int:
    """Count what comes in pieces of that size."""
    counter = RecordCounter()
    return sum(counter.count(content[start : start + size]) for start in range(0, len(content), size))


@pytest.mark.parametrize(
    ("limits", "take", "named"),
    [
        ({"document_bytes": 10}, Budget.take_bytes, "document_bytes"),
        ({"json_bytes": 10}, Budget.take_json, "json_bytes"),
        ({"records": 10}, Budget.take_records, "records"),
    ],
)
def test_a_message_takes_no_more_than_its_limits(
    limits: dict[str, int], take: Callable[[Budget, int], None], named: str
) -> None:
    budget = Budget(replace(DEFAULT_LIMITS, **limits))
    for _ in range(2):
        take(budget, 5)
    for _ in range(2):
        with pytest.raises(RefusedError, match=rf"^more than 10 .* in one message \(limit {named}\)$"):
            take(budget, 1)


def test_documents_are_counted_one_by_one() -> None:
    budget = Budget(Limits(documents=2))
    budget.take_document()
    budget.take_document()
    with pytest.raises(RefusedError, match=r"^more than 2 documents in one message \(limit documents\)$"):
        budget.take_document()


# --- records


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.stem)
def test_the_records_of_ordinary_reports_are_counted(report: Path) -> None:
    content = report.read_bytes()
    real = len(read(content).records)
    assert real <= counted(content) <= 2 * real


@pytest.mark.parametrize("size", [1, 7, 50, 1 << 16])
@pytest.mark.parametrize(
    "record",
    [
        "<record/>",
        "<record />",
        "<record></record>",
        "<record><row/></record>",
        "<d:record/>",
        "<d:record></d:record>",
        '<record a="1"/>',
        "<record>" + "<row>1</row>" * 40 + "</record>",
        "<d:record>" + "<d:row>1</d:row>" * 40 + "</d:record>",
    ],
)
def test_every_way_to_write_a_record_is_counted(record: str, size: int) -> None:
    content = f'<feedback xmlns:d="x">{record * 1_000}</feedback>'.encode()
    assert counted(content, size) == 1_000


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_records_are_counted_in_every_encoding(encoding: str, size: int) -> None:
    assert counted(f"<feedback>{'<record/>' * 1_000}</feedback>".encode(encoding), size) == 1_000


def test_what_is_no_tag_may_be_counted_but_what_is_one_always_is() -> None:
    assert counted(b"<feedback><!--" + b"<record/>" * 50 + b"-->" + b"<record/>" * 50 + b"</feedback>") == 100
    assert counted(b"<" * 100 + b"record" * 100 + b"<recor" * 100 + b":" * 100) == 100
    assert counted(b"") == counted(bytes(1_000)) == 0


@pytest.mark.parametrize(
    "content",
    [b"<record/>", b"<d:record>", b"<" * 9, b"<recor", b"record", b"ecord>", b"\0", b"r\0e\0c\0", b"    "],
)
def test_counting_is_fast_whatever_the_bytes(content: bytes) -> None:
    content *= (16 << 20) // len(content)
    before = time.process_time()
    counted(content)
    assert time.process_time() - before < 0.5
