"""UTF-8 chunks of a report in, the children of `feedback` out, one at a time and freed behind the reader.

Nothing here knows what the children mean. However long the report is, memory holds one child of it.
"""

from collections.abc import Iterable, Iterator
from typing import cast

from lxml import etree
from lxml.etree import _Element

from parsers.errors import CorruptError, NotAReportError, RefusedError
from parsers.limits import Limits

CHUNK = 1 << 16
"""Bytes that are parsed between two looks at the limits."""

_CHILDREN = ("{*}feedback", "{*}version", "{*}report_metadata", "{*}policy_published", "{*}record")


def local_name(tag: str) -> str:
    """Strip the namespace: reporters use either RFC's, one of their own, any prefix or none."""
    return tag.rpartition("}")[2]


def root_namespace(child: _Element) -> str:
    """Give the namespace of the root that this element stands in; empty for none."""
    root = child.getparent()
    return "" if root is None else root.tag.rpartition("}")[0].removeprefix("{")


def children(chunks: Iterable[bytes], limits: Limits) -> Iterator[_Element]:
    """Give version, report_metadata, policy_published and each record, complete, in the order they stand.

    An element is valid until the next one is asked for. Raises CorruptError where the XML is not well-formed,
    NotAReportError where the root is another element, RefusedError for a DTD or a child over the limit.
    """
    # huge_tree=False keeps libxml2's own bounds on depth, names, attributes and entity expansion.
    parser = etree.XMLPullParser(
        events=("start", "end"),
        tag=_CHILDREN,
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    root: _Element | None = None
    pending = 0
    try:
        for chunk in _sliced(chunks):
            parser.feed(chunk)
            pending += len(chunk)
            for event, element in _events(parser):
                if event == "start":
                    root = _root(element) if root is None else root
                elif element.getparent() is root and root is not None:
                    yield element
                    pending = 0
                    _free(root, element)
            if pending > limits.record_bytes + CHUNK:
                raise RefusedError(
                    f"more than {limits.record_bytes} bytes without a whole record (limit record_bytes)"
                )
        end = parser.close()
    except etree.XMLSyntaxError as error:
        raise CorruptError(f"XML is not well-formed: {error.msg}") from error
    if root is None:
        raise NotAReportError(f"XML, but its root is <{local_name(end.tag)}>, not <feedback>")


def _events(parser: etree.XMLPullParser) -> Iterator[tuple[str, _Element]]:
    """Narrow what the annotations allow: with start and end events each one carries an element."""
    return cast("Iterator[tuple[str, _Element]]", parser.read_events())


def _sliced(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if len(chunk) <= CHUNK:
            yield chunk
        else:
            for start in range(0, len(chunk), CHUNK):
                yield chunk[start : start + CHUNK]


def _root(element: _Element) -> _Element | None:
    """Take the first element for the root, if it is one; refuse the document types nobody needs (XXE, XML bombs)."""
    if element.getparent() is not None or local_name(element.tag) != "feedback":
        return None
    if element.getroottree().docinfo.internalDTD is not None:
        raise RefusedError(
            "the XML has a document type declaration: a report needs none, entities are never read"
        )
    return element


def _free(root: _Element, element: _Element) -> None:
    """Give back the memory of a child that was read, and of whatever stood before it."""
    element.clear()
    while element.getprevious() is not None:
        del root[0]
