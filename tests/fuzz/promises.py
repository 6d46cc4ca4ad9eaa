"""What parsers.reading promises of any message whatever: a Reading and its limits in, an AssertionError for a breach out.

Shared by the fuzzer and the property tests. Whether the values are the right ones is for other tests to say.
"""

import dataclasses
import hashlib
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any, Literal, get_args, get_origin, get_type_hints

from parsers.alignment import recompute
from parsers.deviations import ACTIONS, Deviation
from parsers.errors import ReportError
from parsers.limits import Limits
from parsers.reading import Reading, ReadReport
from parsers.unpack import Document, Refusal
from parsers.values import MAX_MESSAGES, Record, Report
from store.outcomes import Outcome

VERDICTS = {None, "pass", "fail", "none", "policy", "temperror", "permerror", "unknown"}
NOT_STORED = "authentication_results"
"""Header fields that are judged and forgotten."""
LONGEST_REASON = 500
LARGEST_INTEGER = (1 << 63) - 1
"""Of a BIGINT column."""


def check(reading: Reading, limits: Limits) -> None:
    """Hold a Reading against every promise."""
    assert reading.is_report or reading.refusals, "no decision"
    assert reading.dmarc in VERDICTS
    for refusal in reading.refusals:
        check_refusal(refusal)
    for read in reading.reports:
        check_report(read, limits)
    for value in values_in(reading):
        check_storable(value)


def check_refusal(refusal: Refusal) -> None:
    """Demand a decision, with a reason that a person can read on one line."""
    assert isinstance(refusal.error, ReportError)
    assert refusal.error.outcome in set(Outcome) - {Outcome.RETRY}
    reason = str(refusal.error)
    assert 0 < len(reason) <= LONGEST_REASON, reason
    for text in (reason, refusal.name):
        assert not [letter for letter in text if unicodedata.category(letter) in {"Cc", "Cs"}], ascii(text)


def check_report(read: ReadReport, limits: Limits) -> None:
    """Demand that a report in memory says the same as when it is read while it is stored."""
    check_document(read.document)
    report = in_blocks(read)
    if read.report is not None:
        assert report == read.report
    if report is None:
        return
    assert len(report.records) <= limits.records
    assert len(report.deviations) <= limits.deviations
    for deviation in report.deviations:
        check_deviation(deviation)
    for record in report.records:
        check_record(record, limits)
        list(values_in(recompute(record, report.header.policy)))
    if read.report is None:
        for value in values_in(report):
            check_storable(value)


def in_blocks(read: ReadReport) -> Report | None:
    """Read a report as the writer does where it is large; None where it proves unreadable on the way."""
    try:
        reader = dataclasses.replace(read, report=None).open()
        records = tuple(chain.from_iterable(reader.blocks()))
    except ReportError:
        assert read.report is None, "a report in memory can be read once more"
        return None
    others = {name: getattr(reader, name) for name in fields_of(Report) if name != "records"}
    return Report(records=records, **others)


def check_document(document: Document) -> None:
    """Demand that what is kept gives the document once more."""
    content = b"".join(document.chunks())
    assert len(content) == document.size
    assert hashlib.sha256(content).hexdigest() == document.sha256
    check_storable(document.name)


def check_deviation(deviation: Deviation) -> None:
    """Demand a known code, met at least once."""
    assert deviation.action == ACTIONS[deviation.code]
    assert deviation.times > 0
    check_storable(deviation.raw)


def check_record(record: Record, limits: Limits) -> None:
    """Demand counts within bounds, and that nothing passes DMARC but what was called a pass."""
    assert 0 <= record.messages <= MAX_MESSAGES
    assert max(map(len, (record.dkim_results, record.spf_results, record.reasons))) <= limits.results
    evaluated = (record.dkim_raw or record.dkim, record.spf_raw or record.spf)
    assert not record.dmarc_pass or "pass" in {(token or "").strip().lower() for token in evaluated}, record


def check_storable(value: object) -> None:
    """Demand a text for any column, a number for a BIGINT, a moment in UTC."""
    if isinstance(value, str):
        assert "\0" not in value, ascii(value)
        value.encode()
    elif isinstance(value, int):
        assert abs(value) <= LARGEST_INTEGER
    elif isinstance(value, datetime):
        assert value.utcoffset() == timedelta()


def values_in(value: Any) -> Iterator[object]:
    """Give every single value within a value of ours, tokens held against their vocabulary on the way."""
    if isinstance(value, tuple):
        yield from chain.from_iterable(map(values_in, value))
    elif not dataclasses.is_dataclass(value):
        yield value
    elif not isinstance(value, Document | Limits):
        for name, vocabulary in fields_of(value.__class__).items():
            part = getattr(value, name)
            if name == NOT_STORED:
                continue
            tokens = part if isinstance(part, tuple) else (part,)
            assert vocabulary is None or vocabulary.issuperset(tokens), (name, part)
            yield from values_in(part)


@cache
def fields_of(kind: type) -> dict[str, frozenset[object] | None]:
    """Name the fields of a dataclass, and the tokens that one (or each of several) may be where there is a vocabulary."""
    hints = get_type_hints(kind)
    return {field.name: _vocabulary(hints[field.name]) for field in dataclasses.fields(kind)}


def _vocabulary(hint: Any) -> frozenset[object] | None:
    kinds = get_args(hint) if get_origin(hint) is not Literal else (hint,)
    tokens = [get_args(kind) for kind in kinds if get_origin(kind) is Literal]
    return frozenset(chain.from_iterable(tokens)) | {None} if tokens else None
