"""A report's values in, XML that says them out, in whatever style a reporter may have.

The opposite of parsers.aggregate, and written apart from it: what comes back from there must be the same values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from parsers.values import DkimResult, OverrideReason, PolicyPublished, Record, ReportHeader, SpfResult


@dataclass(frozen=True)
class Element:
    """An element: a text, nothing, or more elements in it."""

    name: str
    content: "str | tuple[Element, ...] | None" = None


@dataclass(frozen=True)
class Style:
    """How a reporter writes XML."""

    namespace: str = ""
    prefix: str = ""
    """With its colon; for a namespace only."""
    indent: str = ""
    """What stands in front of each element: a line end and blanks."""
    quoting: str = "escaped"
    """escaped, cdata or references: how texts keep clear of the markup."""
    noise: tuple[str, ...] = ()
    """What no reader heeds, put in turn in front of elements: comments, foreign elements."""
    declared: str = ""
    """The encoding that the XML declaration names; no declaration where empty."""
    encoding: str = "utf-8"
    """The one it is really in, as Python calls it."""


def write(header: ReportHeader, records: Sequence[Record], style: Style) -> bytes:
    """Write a document."""
    declaration = f'<?xml version="1.0" encoding="{style.declared}"?>\n' if style.declared else ""
    root = Element("feedback", (*_header(header), *map(_record, records)))
    text = declaration + "".join(_Writer(style).element(root))
    return text.encode(style.encoding, "xmlcharrefreplace")


class _Writer:
    def __init__(self, style: Style) -> None:
        self._style = style
        self._noise = 0

    def element(self, element: Element) -> Iterator[str]:
        name = self._style.prefix + element.name
        yield f"<{name}{self._namespace() if element.name == 'feedback' else ''}>"
        if isinstance(element.content, str):
            yield self._quoted(element.content)
        for child in element.content if isinstance(element.content, tuple) else ():
            yield from self._before_child()
            yield from self.element(child)
        yield f"</{name}>"

    def _namespace(self) -> str:
        name = f"xmlns:{self._style.prefix[:-1]}" if self._style.prefix else "xmlns"
        return f' {name}="{self._style.namespace}"' if self._style.namespace else ""

    def _before_child(self) -> Iterator[str]:
        yield self._style.indent
        if self._style.noise:
            yield self._style.noise[self._noise % len(self._style.noise)]
            self._noise += 1

    def _quoted(self, text: str) -> str:
        if self._style.quoting == "cdata":
            return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
        if self._style.quoting == "references":
            return "".join(f"&#x{ord(letter):X};" for letter in text)
        return escape(text)


def _texts(**texts: object) -> Iterator[Element]:
    """Give an element for each text there is."""
    return (Element(name, str(text)) for name, text in texts.items() if text is not None)


def _header(header: ReportHeader) -> Iterator[Element]:
    yield from _texts(version=header.version)
    yield Element("report_metadata", tuple(_metadata(header)))
    yield Element("policy_published", tuple(_policy(header.policy)))


def _metadata(header: ReportHeader) -> Iterator[Element]:
    yield from _texts(
        org_name=header.reporter,
        email=header.email,
        extra_contact_info=header.extra_contact_info,
        report_id=header.report_id,
    )
    moments = {"begin": header.begin, "end": header.end}
    seconds = {name: moment and int(moment.timestamp()) for name, moment in moments.items()}
    yield Element("date_range", tuple(_texts(**seconds)))
    yield from (Element("error", error) for error in header.errors)
    yield from _texts(generator=header.generator)


def _policy(policy: PolicyPublished) -> Iterator[Element]:
    names = ("domain", "discovery_method", "p", "sp", "np", "adkim", "aspf", "pct", "fo", "testing")
    return _texts(**{name: getattr(policy, name) for name in names})


def _record(record: Record) -> Element:
    row = (
        *_texts(source_ip=record.source_ip, count=record.messages),
        Element("policy_evaluated", tuple(_evaluated(record))),
    )
    results = (
        *(Element("dkim", tuple(_dkim(each))) for each in record.dkim_results),
        *(Element("spf", tuple(_spf(each))) for each in record.spf_results),
    )
    identifiers = Element("identifiers", tuple(_identifiers(record)))
    return Element("record", (Element("row", row), identifiers, Element("auth_results", results)))


def _evaluated(record: Record) -> Iterator[Element]:
    yield from _texts(
        disposition=record.disposition_raw or record.disposition,
        dkim=record.dkim_raw or record.dkim,
        spf=record.spf_raw or record.spf,
    )
    yield from (Element("reason", tuple(_reason(each))) for each in record.reasons)


def _reason(reason: OverrideReason) -> Iterator[Element]:
    return _texts(type=reason.type_raw or reason.type, comment=reason.comment)


def _identifiers(record: Record) -> Iterator[Element]:
    yield from _texts(envelope_to=record.envelope_to, envelope_from=record.envelope_from)
    if record.null_path and not _only_helo(record):
        yield Element("envelope_from")
    yield from _texts(header_from=record.header_from)


def _only_helo(record: Record) -> bool:
    """Tell whether the null path shows without being named (RFC 7208 2.4)."""
    return bool(record.spf_results) and all(each.scope == "helo" for each in record.spf_results)


def _dkim(result: DkimResult) -> Iterator[Element]:
    return _texts(
        domain=result.domain,
        selector=result.selector,
        result=result.result_raw or result.result,
        human_result=result.human_result,
    )


def _spf(result: SpfResult) -> Iterator[Element]:
    return _texts(
        domain=result.domain,
        scope=result.scope_raw or result.scope,
        result=result.result_raw or result.result,
        human_result=result.human_result,
    )
