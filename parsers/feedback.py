"""UTF-8 chunks of a report in, the children of `feedback` out, one at a time and freed behind the reader.

Nothing here knows what the children mean. However long the report is, memory holds one child of it.
"""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, cast

from lxml import etree
from lxml.etree import _Element, _ElementTree

from parsers.errors import CorruptError, NotAReportError, ParserExhaustedError, RefusedError
from parsers.limits import Limits

CHUNK = 1 << 16
"""Bytes that are parsed between two looks at the limits."""

_EXHAUSTING = frozenset(
    {
        etree.ErrorTypes.ERR_ENTITY_LOOP,
        etree.ErrorTypes.ERR_NAME_TOO_LONG,
        etree.ErrorTypes.ERR_RESOURCE_LIMIT,
    }
)
"""What libxml2 says where one of its own bounds is passed."""
_TRIALS = count()
_CHILDREN = ("{*}feedback", "{*}version", "{*}report_metadata", "{*}policy_published", "{*}record")


_ELEMENTS = (
    *("feedback", "version", "report_metadata", "policy_published", "record"),
    *(
        "org_name",
        "email",
        "extra_contact_info",
        "report_id",
        "date_range",
        "begin",
        "end",
        "error",
        "generator",
    ),
    *("domain", "discovery_method", "p", "sp", "np", "adkim", "aspf", "pct", "fo", "testing"),
    *(
        "row",
        "source_ip",
        "count",
        "policy_evaluated",
        "disposition",
        "dkim",
        "spf",
        "reason",
        "type",
        "comment",
    ),
    *("identifiers", "header_from", "envelope_from", "envelope_to"),
    *("auth_results", "selector", "scope", "result", "human_result"),
)
NAMESPACE_7489 = "http://dmarc.org/dmarc-xml/0.1"
NAMESPACE_9990 = "urn:ietf:params:xml:ns:dmarc-2.0"
_NAMESPACES = ("", f"{{{NAMESPACE_7489}}}", f"{{{NAMESPACE_9990}}}")


class _LocalNames(dict[str, str]):
    """Tags to names without namespace: reporters use either RFC's, one of their own, any prefix or none."""

    def __missing__(self, tag: str) -> str:
        """Take a tag apart that no RFC knows; it is not kept: strangers make up as many as they like."""
        return tag.rpartition("}")[2]


LOCAL_NAMES = _LocalNames({namespace + name: name for namespace in _NAMESPACES for name in _ELEMENTS})


def learn_names() -> None:
    """Make this thread know the names of ordinary reports before it reads any.

    libxml2 keeps every name that a thread ever reads, and takes no new ones beyond 100 MB: whoever fills that with
    made-up names does not keep it from reading ordinary reports.
    """
    names = "".join(f"<{name}/>" for name in _ELEMENTS)
    for namespace in _NAMESPACES:
        etree.fromstring(f'<feedback xmlns="{namespace.strip("{}")}">{names}</feedback>')


def root_namespace(child: _Element) -> str:
    """Give the namespace of the root that this element stands in; empty for none."""
    root = child.getparent()
    return "" if root is None else root.tag.rpartition("}")[0].removeprefix("{")


def children(chunks: Iterable[bytes], limits: Limits) -> Iterator[_Element]:
    """Give version, report_metadata, policy_published and each record, complete, in the order they stand.

    An element is valid until the next one is asked for. Raises CorruptError where the XML is not well-formed,
    NotAReportError where the root is another element, RefusedError for a DTD or what is over a limit, and
    ParserExhaustedError where it is this process that cannot go on.
    """
    # huge_tree=False keeps libxml2's own bounds on depth, names, attributes and entity expansion;
    # without blank texts and an index of ids a third of the parsing is saved
    parser = etree.XMLPullParser(
        events=("end",),
        tag=_CHILDREN,
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
        collect_ids=False,
    )
    root: _Element | None = None
    pending = 0
    try:
        for chunk in _sliced(chunks):
            parser.feed(chunk)
            pending += len(chunk)
            for element in _ended(parser):
                root = _feedback(element.getroottree()) if root is None else root
                if element.getparent() is root:
                    yield element
                    pending = 0
                    _free(root, element)
            if pending > limits.record_bytes + CHUNK:
                raise RefusedError(
                    f"more than {limits.record_bytes} bytes without a whole record (limit record_bytes)"
                )
        _feedback(parser.close().getroottree())
    except etree.XMLSyntaxError as error:
        if cast("Any", error).code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise ParserExhaustedError(
                "the XML library takes no new names in this process: another will read it"
            ) from error
        if cast("Any", error).code in _EXHAUSTING:
            raise RefusedError(f"XML made to exhaust whoever reads it: {error.msg}") from error
        raise CorruptError(f"XML is not well-formed: {error.msg}") from error


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
    if LOCAL_NAMES[root.tag] != "feedback":
        raise NotAReportError(f"XML, but its root is <{LOCAL_NAMES[root.tag]}>, not <feedback>")
    if tree.docinfo.internalDTD is not None:
        raise RefusedError(
            "the XML has a document type declaration: a report needs none, entities are never read"
        )
    return root


def _free(root: _Element, element: _Element) -> None:
    """Give back the memory of a child that was read, and of whatever stood before it."""
    element.clear()
    while element.getprevious() is not None:
        del root[0]
