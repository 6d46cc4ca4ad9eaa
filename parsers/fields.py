"""An element in, its children by name out: texts and containers, with a note of what should not stand in it.

Which children stood in it, and in which order, is only counted, and judged once the report's standard is known. The first
of each name is taken; elements of a foreign namespace are no fields.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from lxml.etree import _Element

from parsers import repeats
from parsers.deviations import Notes
from parsers.errors import RefusedError
from parsers.feedback import local_name, names_in, namespace_of
from parsers.journal import Journal
from parsers.limits import Limits
from parsers.repeats import Known, Setting
from parsers.standards import CHILDREN, RECORD, ROOT, below

if TYPE_CHECKING:
    from parsers.values import Dialect

T = TypeVar("T")

Fields = dict[str, Any]
"""Local names to texts, and to elements where they are CONTAINERS: None is an empty element, a missing key an absent one."""

MISSPELT: Final = {"data_range": "date_range", "identities": "identifiers", "extensions": "extension"}
"""kddi.com wrote data_range for a while; each is read as what it stands for."""

CONTAINERS: Final = frozenset(
    {"date_range", "row", "policy_evaluated", "reason", "identifiers", "auth_results", *MISSPELT}
)
_MANY: Final = frozenset({"error", "reason"})
"""May stand several times."""
_MAY_BE_EMPTY: Final = frozenset({"extra_contact_info", "error", "human_result", "comment", "envelope_from"})
"""Texts for people, and the null path (RFC 9990 3.1.1.10)."""
_EXTENSIBLE: Final = frozenset({ROOT, RECORD})
"""Where RFC 9990 3.1.1.6 and 3.1.1.7 let elements of other namespaces stand."""

_NAMESPACES: Final = 10
"""Declared around an element. Its XML has them all, written in time that grows with the square of their number."""

_NAME_LENGTH: Final = 60
"""Characters of a name that a stranger made up."""


class FieldReader:
    """Reads the children of a report's elements. Raises RefusedError where a text is over a limit."""

    def __init__(self, limits: Limits, notes: Notes) -> None:
        self._limits = limits
        self._text_length = limits.text_bytes
        self._journal = Journal(notes)
        self.dialect: Dialect = "rfc7489"
        """Known once the header is read, before any record is."""
        self.namespace = ""
        """That of the root; empty for none."""
        self._tag = ""
        self._names = names_in("")
        self._setting = Setting(self.dialect, "", "", limits.text_bytes, limits.results)
        self._crowded = False

    def settle(self) -> None:
        """Judge the elements read so far by the report's standard: which children stood in them, in which order."""
        self._journal.settle(self.dialect)

    def count(self, place: str, names: tuple[str, ...]) -> None:
        """Take in that these of CHILDREN[place] stood there, in this order."""
        self._journal.count(place, names)

    def _note(self, code: str, place: str, raw: str | None = None) -> None:
        self._journal.notes.add(code, place, raw)

    def _enter(self, element: _Element, place: str) -> None:
        """Begin to read a child of `feedback`: names are those of its own namespace."""
        if element.tag != self._tag:
            self._tag = element.tag
            own = namespace_of(element.tag)
            self._names = names_in(own)
            self._setting = Setting(
                self.dialect, self.namespace, own, self._limits.text_bytes, self._limits.results
            )
        if element.text is not None:
            self.stray_text(place, element.text)

    def _once(self, element: _Element, read: Callable[[_Element], T]) -> T:
        """Read an element; one that says what another said before, to the letter, is not read again."""
        self._crowded = self._crowded or len(element.nsmap) > _NAMESPACES
        said = None if self._crowded else repeats.said(element)
        if said is None:
            return read(element)
        known = repeats.recall(said, self._setting)
        if known is None:
            known = self._apart(element, read)
            repeats.remember(said, self._setting, known)
        self._journal.take(known.journal)
        value: T = known.value
        return value

    def _apart(self, element: _Element, read: Callable[[_Element], T]) -> Known:
        """Read an element with a journal of its own."""
        kept, self._journal = self._journal, Journal(Notes(repeats.LONGEST))
        known = Known(read(element), self._journal)
        self._journal = kept
        return known

    def fields(self, place: str, parent: _Element) -> Fields:
        """Give an element's children by name: the first of each, texts without the white space around them."""
        found: Fields = {}
        names = self._names
        for element in parent:
            name = names[element.tag]
            if name in found:
                self._again(place, name)
                continue
            text = element.text
            if name in CONTAINERS:
                found[name] = element
                if text is not None:
                    self.stray_text(below(place, name), text)
            elif text is None:
                found[name] = self._without_text(place, name, element)
            elif len(text) > self._text_length:
                raise self._too_long()
            else:
                found[name] = text.strip() or self._without_text(place, name, element)
        shape = place, tuple(found)
        shapes = self._journal.shapes
        if shape not in shapes:
            return self._learn(place, found)
        shapes[shape] += 1
        return found

    def text(self, place: str, element: _Element) -> str | None:
        """Give the text of one element, whatever stands in it."""
        text = "".join(cast("Any", element.itertext()))
        if len(text) > self._text_length:
            raise self._too_long()
        if len(element):
            self._note("mixed-content", place, text)
        return text.strip() or None

    def _too_long(self) -> RefusedError:
        return RefusedError(f"more than {self._text_length} characters in one element (limit text_bytes)")

    def _without_text(self, place: str, name: str, element: _Element) -> str | None:
        """Note that an element is empty, or give the text of the elements in it."""
        if name not in CHILDREN[place]:
            return None
        if len(element):
            return self.text(below(place, name), element)
        if name not in _MAY_BE_EMPTY:
            self._note("empty", below(place, name))
        return None

    def stray_text(self, place: str, text: str) -> None:
        """Note text where only elements may stand."""
        if not text.isspace():
            self._note("stray-text", place, text.strip())

    def _again(self, place: str, name: str) -> None:
        if name not in CHILDREN[place]:
            self.pass_over(place, name)
        elif name not in _MANY:
            self._note("repeated", below(place, name))

    def _learn(self, place: str, found: Fields) -> Fields:
        """Take in children that never stood so before, and part those of the standards from all others."""
        known = CHILDREN[place]
        if known.issuperset(found):
            self._journal.count(place, tuple(found))
            return found
        fields: Fields = {}
        for name, value in found.items():
            meant = MISSPELT.get(name, name)
            if meant not in known or (meant != name and meant in found):
                self.pass_over(place, name)
                continue
            if meant != name:
                self._note("misspelt-element", below(place, meant), name)
            fields[meant] = value
        self._journal.count(place, tuple(fields))
        return fields

    def pass_over(self, place: str, tag: str) -> None:
        """Note an element that no standard lets stand there."""
        name = local_name(tag)
        foreign = namespace_of(tag) not in ("", self.namespace)
        if MISSPELT.get(name, name) == "extension" or (foreign and place in _EXTENSIBLE):
            code = "extension"
        else:
            code = "foreign-element" if foreign else "unknown-element"
        self._note(code, below(place, name[:_NAME_LENGTH]), tag if foreign else None)
