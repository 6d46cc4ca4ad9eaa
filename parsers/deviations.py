"""How a report departs from the standard: each departure with a stable code, where it was, and what was done."""

from dataclasses import dataclass, field

from pydantic.dataclasses import dataclass as value

ACTIONS = {
    "after-records": "read all the same",
    "before-declaration": "skipped",
    "date-fraction": "cut to whole seconds",
    "encoding-misdeclared": "read in the encoding it is really in",
    "ipv4-mapped": "stored as the IPv4 address it stands for",
    "letter-case": "compared without case",
    "missing": "left empty",
    "out-of-range": "counted as 0",
    "repeated": "the first was taken",
    "undecodable-bytes": "read as windows-1252",
    "unknown-encoding": "read as UTF-8",
    "unknown-token": "stored as unknown, the token beside it",
    "unreadable-address": "left empty",
    "unreadable-date": "left empty",
    "unreadable-number": "counted as 0",
    "unreadable-percentage": "left empty",
}
"""Every code, and what was done about it."""

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

    def add(self, code: str, place: str, raw: str | None = None) -> None:
        """Note one departure; only the first `limit` different ones are told apart."""
        key = (code, place)
        if key not in self.seen and len(self.seen) >= self.limit:
            key = next(reversed(self.seen))
        first, times = self.seen.get(key, (raw and raw[:RAW_LENGTH], 0))
        self.seen[key] = (first, times + 1)

    def deviations(self) -> tuple[Deviation, ...]:
        """Give what was collected so far, in the order it was first met."""
        return tuple(
            Deviation(code, place, ACTIONS[code], raw, times)
            for (code, place), (raw, times) in self.seen.items()
        )
