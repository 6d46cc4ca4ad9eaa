"""One XML document in, one aggregate report out (RFC 7489 C, RFC 9990 3.1), in memory that need not hold it whole."""

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

from lxml.etree import _Element
from pydantic import TypeAdapter

from parsers.deviations import Deviation, Notes
from parsers.elements import ElementReader
from parsers.encoding import utf8
from parsers.errors import CorruptError, RefusedError
from parsers.feedback import LOCAL_NAMES, NAMESPACE_9990, children, root_namespace
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.values import PolicyPublished, Record, Report, ReportHeader

BLOCK = 500
"""Records that are validated in one call."""

_RECORDS = TypeAdapter(tuple[Record, ...])

Chunks = Callable[[], Iterator[bytes]]
"""Gives a document's bytes from the start, at each call anew."""


def read_report(chunks: Chunks, limits: Limits = DEFAULT_LIMITS) -> Report:
    """Read a report whole. Raises ReportError."""
    reader = ReportReader(chunks, limits)
    records = tuple(chain.from_iterable(reader.blocks()))
    return Report(reader.header, records, reader.deviations)


class ReportReader:
    """A report of any length: its header at once, then its records in blocks.

    Raises ReportError when it is made and while blocks are read.
    """

    def __init__(self, chunks: Chunks, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._notes = Notes(limits.deviations)
        self._reader = ElementReader(limits, self._notes)
        self._parts: dict[str, Any] = {}
        self._namespace = ""
        self._children = children(utf8(chunks, self._notes), limits)
        self._first_record = self._read_parts(self._children)
        if self._first_record is not None and not self._has_header():
            self._read_parts_after_records(chunks)
        if self._first_record is None and not self._parts:
            raise CorruptError("<feedback> without report_metadata, policy_published or any record")
        self.header = self._header()

    def blocks(self) -> Iterator[tuple[Record, ...]]:
        """Give the records in the order they stand, validated; once only."""
        records = self._records()
        while block := _RECORDS.validate_python(tuple(islice(records, BLOCK))):
            yield block

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """What was noted so far: all of it once the blocks are read."""
        return self._notes.deviations()

    def _has_header(self) -> bool:
        return {"report_metadata", "policy_published"} <= self._parts.keys()

    def _read_parts(self, elements: Iterator[_Element]) -> _Element | None:
        """Read what stands before the first record, and give that record."""
        for element in elements:
            self._namespace = self._namespace or root_namespace(element)
            name = LOCAL_NAMES[element.tag]
            if name == "record":
                return element
            self._read_part(name, element)
        return None

    def _read_parts_after_records(self, chunks: Chunks) -> None:
        """Look through the whole document for what should have stood in front (the root is a sequence)."""
        for element in children(utf8(chunks, Notes(self._limits.deviations)), self._limits):
            name = LOCAL_NAMES[element.tag]
            if name != "record" and name not in self._parts:
                self._notes.add("after-records", name)
                self._read_part(name, element)

    def _read_part(self, name: str, element: _Element) -> None:
        if name in self._parts:
            self._notes.add("repeated", name)
        elif name == "report_metadata":
            self._parts[name] = self._reader.metadata(element)
        elif name == "policy_published":
            self._parts[name] = self._reader.policy(element)
        else:
            self._parts[name] = self._reader.text(element)

    def _header(self) -> ReportHeader:
        for name in ("report_metadata", "policy_published"):
            if name not in self._parts:
                self._notes.add("missing", name)
        metadata: dict[str, Any] = self._parts.get("report_metadata", {})
        policy: PolicyPublished = self._parts.get("policy_published", PolicyPublished())
        newer = policy.testing or policy.discovery_method or metadata.get("generator")
        return ReportHeader(
            dialect="rfc9990" if newer or self._namespace == NAMESPACE_9990 else "rfc7489",
            version=self._parts.get("version"),
            policy=policy,
            **metadata,
        )

    def _records(self) -> Iterator[dict[str, Any]]:
        """Give each record's values; the header's elements, if they come again, are passed over."""
        first = () if self._first_record is None else (self._first_record,)
        records = (
            element for element in chain(first, self._children) if LOCAL_NAMES[element.tag] == "record"
        )
        for number, element in enumerate(records):
            if number >= self._limits.records:
                raise RefusedError(f"more than {self._limits.records} records (limit records)")
            yield self._reader.record(element)
