"""How a report departs from the standard: each departure with a stable code, where it was, and what was done."""

from dataclasses import dataclass, field

from pydantic.dataclasses import dataclass as value

from parsers.printable import one_line

ACTIONS = {
    "after-records": "read all the same",
    "alias-token": "stored as the token it stands for, the word beside it",
    "before-declaration": "skipped",
    "before-root": "skipped",
    "cut-off": "the records before it were stored",
    "date-fraction": "cut to whole seconds",
    "date-iso": "read as a date, in UTC where it names no zone",
    "date-milliseconds": "read as milliseconds",
    "decorated-address": "read without what stands around it",
    "empty": "left empty",
    "encoding-misdeclared": "read in the encoding it is really in",
    "extension": "read over",
    "foreign-element": "read over",
    "implausible-date": "kept as it stands",
    "ip-for-domain": "kept as it stands",
    "ipv4-mapped": "stored as the IPv4 address it stands for",
    "letter-case": "compared without case",
    "long-range": "kept as it stands",
    "mailbox-for-domain": "its domain was taken",
    "misspelt-element": "read as the element it stands for",
    "missing": "left empty",
    "mixed-content": "its text was taken",
    "namespace": "read by its elements' names",
    "null-path": "read as the empty return path",
    "order": "read all the same",
    "other-standard": "read as the other standard has it",
    "other-version": "read all the same",
    "out-of-range": "counted as 0",
    "placeholder": "left empty",
    "repeated": "the first was taken",
    "reversed-range": "kept as it stands",
    "several-domains": "the first was taken",
    "stray-text": "read over",
    "trailing-dot": "cut off",
    "u-label": "stored as A-labels",
    "undecodable-bytes": "read as windows-1252",
    "undeclared-prefix": "read as if it were declared",
    "unescaped-markup": "read as text",
    "unknown-element": "read over",
    "unknown-encoding": "read as UTF-8",
    "unknown-token": "stored as unknown, the token beside it",
    "unreadable-address": "left empty",
    "unreadable-date": "left empty",
    "unreadable-domain": "kept in lower case, at most 255 characters of it",
    "unreadable-mailbox": "kept as it stands",
    "unreadable-number": "counted as 0",
    "unreadable-percentage": "left empty",
    "zero-count": "stored, adds nothing",
    "zero-length-range": "kept as it stands",
}
"""Every code, and what was done about it; docs/deviations.md says what each means and who sends it."""

RAW_LENGTH = 200


@value(frozen=True, slots=True)
class Deviation:
    """One kind of departure at one place of a report."""

    code: str
    """A key of ACTIONS; stable, queries rely on it."""
    place: str
    """The element, as a path below feedback without positions: `record/row/count`."""
    action: str
    """What was done about it."""
    raw: str | None
    """What stood there, the first time; at most 200 characters."""
    times: int
    """How often it occurs in this report."""


@dataclass(slots=True)
class Notes:
    """Collects deviations while a report is read; memory stays bounded whatever the report."""

    limit: int
    seen: dict[tuple[str, str], tuple[str | None, int]] = field(default_factory=dict)

    def add(self, code: str, place: str, raw: str | None = None, times: int = 1) -> None:
        """Note a departure; only the first `limit` different ones are told apart."""
        key = (code, place)
        if key not in self.seen and len(self.seen) >= self.limit:
            key = next(reversed(self.seen))
        first, before = self.seen.get(key) or (raw and one_line(raw[:RAW_LENGTH]), 0)
        self.seen[key] = (first, before + times)

    def deviations(self) -> tuple[Deviation, ...]:
        """Give what was collected so far, in the order it was first met."""
        return tuple(
            Deviation(code, place, ACTIONS[code], raw, times)
            for (code, place), (raw, times) in self.seen.items()
        )
