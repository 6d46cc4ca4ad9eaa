"""One XML document in, one aggregate report out (RFC 7489 C, RFC 9990 3.1), in memory that need not hold it whole."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice
from typing import Any, Final

from lxml.etree import _Element
from pydantic import TypeAdapter

from parsers.deviations import Deviation, Notes
from parsers.elements import ElementReader
from parsers.encoding import utf8
from parsers.errors import CorruptError, RefusedError
from parsers.feedback import NAMESPACE_7489, NAMESPACE_9990, children, local_name, namespace_of
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.mending import mended
from parsers.standards import METADATA, ROOT, below
from parsers.values import Dialect, PolicyPublished, Record, Report, ReportHeader

BLOCK = 500
"""Records that are validated in one call."""

_HEADER: Final = frozenset({"version", "report_metadata", "policy_published"})
_VERSIONS: Final = frozenset({"1.0", "1"})
"""RFC 7489 C, RFC 9990 3.1.1.2: it MUST be 1.0."""
_NAMESPACES: Final[Mapping[Dialect, frozenset[str]]] = {
    "rfc7489": frozenset({"", NAMESPACE_7489}),  # its own examples declare none
    "rfc9990": frozenset({NAMESPACE_9990}),
}
_RECORDS = TypeAdapter(tuple[Record, ...])

Chunks = Callable[[], Iterator[bytes]]
"""Gives a document's bytes from the start, at each call anew."""


def read_report(
    chunks: Chunks, limits: Limits = DEFAULT_LIMITS, container_damage: str | None = None
) -> Report:
    """Read a report whole. Raises ReportError."""
    reader = ReportReader(chunks, limits, container_damage)
    records = tuple(chain.from_iterable(reader.blocks()))
    return Report(reader.header, records, reader.deviations, reader.damage)


class ReportReader:
    """A report of any length: its header at once, then its records in blocks.

    `container_damage` says where what it came in is cut off, if it is. Raises ReportError when it is made and while
    blocks are read; but where the XML breaks off or goes wrong after the whole header and a whole record, the blocks
    just end, and `damage` says why.
    """

    def __init__(
        self, chunks: Chunks, limits: Limits = DEFAULT_LIMITS, container_damage: str | None = None
    ) -> None:
        self._limits = limits
        self._container_damage = container_damage
        self._notes = Notes(limits.deviations)
        self._reader = ElementReader(limits, self._notes)
        self._parts: dict[str, Any] = {}
        self._namespace: str | None = None
        self.damage: str | None = None
        """Why reading stopped before the end; known once the blocks are read, None for a whole report."""
        if container_damage is not None:
            self._notes.add("cut-off", "container", container_damage)
        self._children = _children(chunks, limits, self._notes)
        try:
            self._first_record = self._read_parts(self._children)
        except CorruptError as error:
            raise self._damaged(error) from error
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
        self._reader.settle()
        return self._notes.deviations()

    def _has_header(self) -> bool:
        return {"report_metadata", "policy_published"} <= self._parts.keys()

    def _damaged(self, error: CorruptError) -> CorruptError:
        return CorruptError(self._container_damage) if self._container_damage else error

    def _read_parts(self, elements: Iterator[_Element]) -> _Element | None:
        """Read what stands before the first record, and give that record."""
        for element in elements:
            if self._namespace is None:
                self._read_root(element.getparent())
            name = local_name(element.tag)
            if name == "record":
                return element
            self._read_part(name, element)
        return None

    def _read_root(self, root: _Element | None) -> None:
        if root is not None:
            self._namespace = self._reader.namespace = namespace_of(root.tag)
            if root.text is not None:
                self._reader.stray_text(ROOT, root.text)

    def _read_parts_after_records(self, chunks: Chunks) -> None:
        """Look through the whole document for what should have stood in front (the root is a sequence)."""
        with suppress(CorruptError):  # it is met again when the records are read
            for element in _children(chunks, self._limits, Notes(self._limits.deviations)):
                name = local_name(element.tag)
                if name in _HEADER and name not in self._parts:
                    self._notes.add("after-records", name)
                    self._read_part(name, element)

    def _read_part(self, name: str, element: _Element) -> None:
        if name not in _HEADER:
            self._reader.pass_over(ROOT, element.tag)
        elif name in self._parts:
            self._notes.add("repeated", name)
        elif name == "report_metadata":
            self._parts[name] = self._reader.metadata(element)
        elif name == "policy_published":
            self._parts[name] = self._reader.policy(element)
        else:
            self._parts[name] = self._version(element)

    def _version(self, element: _Element) -> str | None:
        version = self._reader.text("version", element)
        if version is None:
            self._notes.add("empty", "version")
        elif version not in _VERSIONS:
            self._notes.add("other-version", "version", version)
        return version

    def _header(self) -> ReportHeader:
        metadata: dict[str, Any] = self._parts.get("report_metadata", {})
        policy: PolicyPublished = self._parts.get("policy_published", PolicyPublished())
        newer = policy.testing or policy.discovery_method or metadata.get("generator")
        header = ReportHeader(
            dialect="rfc9990" if newer or self._namespace == NAMESPACE_9990 else "rfc7489",
            version=self._parts.get("version"),
            policy=policy,
            **metadata,
        )
        self._reader.dialect = header.dialect
        self._judge_root(header)
        return header

    def _judge_root(self, header: ReportHeader) -> None:
        records = () if self._first_record is None else ("record",)
        self._reader.count(ROOT, (*self._parts, *records))
        if self._namespace not in _NAMESPACES[header.dialect]:
            self._notes.add("namespace", ROOT, self._namespace)
        if header.dialect == "rfc9990" and len(header.errors) > 1:
            self._notes.add("other-standard", below(METADATA, "error"))

    def _records(self) -> Iterator[dict[str, Any]]:
        """Give each record's values; the header's elements, if they come again, are passed over."""
        first = () if self._first_record is None else (self._first_record,)
        number = 0
        try:
            for element in chain(first, self._children):
                name = local_name(element.tag)
                if name == "record":
                    number += 1
                    if number > self._limits.records:
                        raise RefusedError(f"more than {self._limits.records} records (limit records)")
                    yield self._reader.record(element)
                elif name not in _HEADER:
                    self._reader.pass_over(ROOT, element.tag)
        except CorruptError as error:
            if not number or not self._has_header():
                raise self._damaged(error) from error
            self.damage = str(self._damaged(error))
            self._notes.add("cut-off", ROOT, str(error))


def _children(chunks: Chunks, limits: Limits, notes: Notes) -> Iterator[_Element]:
    return children(mended(utf8(chunks, notes), notes), limits)
