"""UTF-8 chunks of a report in, the children of `feedback` out, one at a time and freed behind the reader.

Nothing here knows what the children mean. However long the report is, memory holds one child of it, or a short report.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count, islice
from typing import Any, Final, cast

from lxml import etree
from lxml.etree import _Element, _ElementTree

from parsers.errors import CorruptError, NotAReportError, ParserExhaustedError, RefusedError
from parsers.limits import Limits
from parsers.standards import CHILDREN, ROOT

CHUNK = 1 << 16
"""Bytes that are parsed between two looks at the limits."""
AT_ONCE = 1 << 19
"""Bytes of a document up to which all of it may stand in memory as elements: it takes up to forty times as much."""

_EXHAUSTING = frozenset(
    {
        etree.ErrorTypes.ERR_ENTITY_LOOP,
        etree.ErrorTypes.ERR_NAME_TOO_LONG,
        etree.ErrorTypes.ERR_RESOURCE_LIMIT,
    }
)
"""What libxml2 says where one of its own bounds is passed."""
_OPTIONS: Final[Mapping[str, Any]] = {
    # huge_tree=False keeps libxml2's own bounds on depth, names, attributes and entity expansion;
    # without blank texts and an index of ids a third of the parsing is saved
    "encoding": "utf-8",
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
    "remove_blank_text": True,
    "collect_ids": False,
}
_TRIALS = count()
_CHILDREN = ("{*}feedback", "{*}version", "{*}report_metadata", "{*}policy_published", "{*}record")


_ELEMENTS = sorted({ROOT}.union(*CHILDREN.values()))
NAMESPACE_7489 = "http://dmarc.org/dmarc-xml/0.1"
NAMESPACE_9990 = "urn:ietf:params:xml:ns:dmarc-2.0"
_NAMESPACES = ("", f"{{{NAMESPACE_7489}}}", f"{{{NAMESPACE_9990}}}")


class Names(dict[str, str]):
    """Tags to names, for elements in one of the RFCs' namespaces, in none, or in the one given.

    Tags of other namespaces stay as they are: whoever extends a report may call an element what the standard does.
    """

    def __init__(self, namespace: str = "") -> None:
        self._own = f"{{{namespace}}}"
        super().__init__({space + name: name for space in (*_NAMESPACES, self._own) for name in _ELEMENTS})

    def __missing__(self, tag: str) -> str:
        """Name an element that no RFC knows; it is not kept: strangers make up as many as they like."""
        return tag.removeprefix(self._own)


_USUAL = {namespace.strip("{}"): Names(namespace.strip("{}")) for namespace in _NAMESPACES}


def names_in(namespace: str) -> Names:
    """Give the names for a report, or a part of one, in that namespace."""
    return _USUAL.get(namespace) or Names(namespace)


def local_name(tag: str) -> str:
    """Give the name of a child of `feedback`: reporters use either RFC's namespace, one of their own, or none."""
    return tag.rpartition("}")[2]


def learn_names() -> None:
    """Make this thread know the names of ordinary reports before it reads any.

    libxml2 keeps every name that a thread ever reads, and takes no new ones beyond 100 MB: whoever fills that with
    made-up names does not keep it from reading ordinary reports.
    """
    names = "".join(f"<{name}/>" for name in _ELEMENTS)
    for namespace in _NAMESPACES:
        etree.fromstring(f'<feedback xmlns="{namespace.strip("{}")}">{names}</feedback>')


def namespace_of(tag: str) -> str:
    """Give the namespace of a tag; empty for none."""
    return tag.rpartition("}")[0].removeprefix("{")


def children(chunks: Iterable[bytes], limits: Limits) -> Iterator[_Element]:
    """Give what stands in `feedback`, each element complete, in the order they stand.

    An element is valid until the next one is asked for. Raises CorruptError where the XML is not well-formed, once the
    whole elements before that place are given; NotAReportError where the root is another element; RefusedError for a
    DTD or what is over a limit; ParserExhaustedError where it is this process that cannot go on.
    """
    pieces = iter(chunks)
    first = list(islice(pieces, 2))
    most = min(AT_ONCE, limits.record_bytes)
    whole = _whole(first[0]) if len(first) == 1 and len(first[0]) <= most else None
    if whole is not None:
        yield from _feedback(whole.getroottree())
    else:
        yield from _streamed(_sliced(chain(first, pieces)), limits)


def _whole(document: bytes) -> _Element | None:
    """Parse a document at once, which takes half the time; None where it is damaged: `_streamed` tells how far it goes."""
    try:
        return etree.fromstring(document, etree.XMLParser(**_OPTIONS))
    except etree.XMLSyntaxError:
        return None


def _streamed(chunks: Iterable[bytes], limits: Limits) -> Iterator[_Element]:
    """Parse chunk after chunk, and give the children that are whole by then."""
    parser = etree.XMLPullParser(events=("end",), tag=_CHILDREN, **_OPTIONS)
    root: _Element | None = None
    last: _Element | None = None
    pending = 0
    for chunk in chain(chunks, (None,)):
        whole, damage = _parse(parser, chunk)
        pending += len(chunk or b"")
        for element in _ended(parser):
            root = _feedback(element.getroottree()) if root is None else root
            if element.getparent() is root:
                if element.getprevious() is not last:
                    yield from _between(root, last, element)
                yield element
                _free(root, element)
                last = element
                pending = 0
        if damage is not None:
            raise damage
        if pending > limits.record_bytes + CHUNK:
            raise RefusedError(
                f"more than {limits.record_bytes} bytes without a whole record (limit record_bytes)"
            )
        if whole is not None:
            yield from _between(_feedback(whole.getroottree()), last, None)


def _parse(parser: etree.XMLPullParser, chunk: bytes | None) -> tuple[_Element | None, Exception | None]:
    """Parse on, to the end where there is no chunk more; give the root at the end, and what is wrong if anything is."""
    try:
        if chunk is None:
            return parser.close(), None
        parser.feed(chunk)
    except etree.XMLSyntaxError as error:
        return None, _meaning(error)
    return None, None


def _meaning(error: etree.XMLSyntaxError) -> Exception:
    code = cast("Any", error).code
    if code == etree.ErrorTypes.ERR_NO_MEMORY:
        return ParserExhaustedError(
            "the XML library takes no new names in this process: another will read it"
        )
    if code in _EXHAUSTING:
        return RefusedError(f"XML made to exhaust whoever reads it: {error.msg}")
    return CorruptError(f"XML is not well-formed: {error.msg}")


def forget_abandoned() -> None:
    """Free what was read of documents that were not read to their end: lxml's parsers hold themselves until then."""
    gc.collect()


def is_exhausted() -> bool:
    """Tell whether this thread can read no new names any more: a few mails full of made-up ones bring it there."""
    try:
        etree.fromstring(f"<{'n' * 16}{next(_TRIALS)}/>")
    except etree.XMLSyntaxError:
        return True
    return False


def _ended(parser: etree.XMLPullParser) -> Iterator[_Element]:
    """Give the elements that have ended: with end events alone each event carries one."""
    return (element for _, element in cast("Iterator[tuple[str, _Element]]", parser.read_events()))


def _sliced(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if len(chunk) <= CHUNK:
            yield chunk
        else:
            for start in range(0, len(chunk), CHUNK):
                yield chunk[start : start + CHUNK]


def _feedback(tree: _ElementTree) -> _Element:
    """Give the root, if it is a report's; refuse the document types nobody needs (XXE, XML bombs)."""
    root = tree.getroot()
    if local_name(root.tag) != "feedback":
        raise NotAReportError(f"XML, but its root is <{local_name(root.tag)}>, not <feedback>")
    if tree.docinfo.internalDTD is not None:
        raise RefusedError(
            "the XML has a document type declaration: a report needs none, entities are never read"
        )
    return root


def _between(root: _Element, last: _Element | None, element: _Element | None) -> Iterator[_Element]:
    """Give what stands after the last child that was given and before the next: what no standard names."""
    for child in root if last is None else last.itersiblings():
        if child is element:
            return
        yield child


def _free(root: _Element, element: _Element) -> None:
    """Give back the memory of a child that was read, and of whatever stood before it."""
    element.clear()
    while root[0] is not element:
        del root[0]
