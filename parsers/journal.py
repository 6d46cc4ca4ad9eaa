"""What is noticed while elements are read: departures, and which children stood in them; judged together at the end."""

from dataclasses import dataclass, field
from typing import Final

from parsers import standards
from parsers.deviations import Notes
from parsers.standards import CHILDREN
from parsers.values import Dialect

_RANKS: Final = {place: rank for rank, place in enumerate(CHILDREN)}


@dataclass(slots=True, eq=False)
class Journal:
    """Of a report, or of an element that may stand in many."""

    notes: Notes
    shapes: dict[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)
    """How often these of CHILDREN stood at that place, in that order."""
    _again: "dict[Journal, int]" = field(default_factory=dict)
    """Journals that were taken in, and how often they are to be taken in again."""

    def count(self, place: str, names: tuple[str, ...]) -> None:
        """Take in that these of CHILDREN[place] stood there, in this order."""
        self.shapes[place, names] = self.shapes.get((place, names), 0) + 1

    def take(self, other: "Journal") -> None:
        """Take in another journal, which has none in it; all times but the first are put off until `settle`."""
        if other in self._again:
            self._again[other] += 1
        else:
            self._again[other] = 0
            self._add(other, 1)

    def settle(self, dialect: Dialect) -> None:
        """Judge by the report's standard which children stood where, place by place."""
        for other, times in self._again.items():
            if times:
                self._add(other, times)
        self._again.clear()
        for place, names in sorted(self.shapes, key=lambda shape: _RANKS[shape[0]]):
            for code, where in standards.departures(place, names, dialect):
                self.notes.add(code, where, times=self.shapes[place, names])
        self.shapes.clear()

    def _add(self, other: "Journal", times: int) -> None:
        for (code, place), (raw, often) in other.notes.seen.items():
            self.notes.add(code, place, raw, often * times)
        for shape, often in other.shapes.items():
            self.shapes[shape] = self.shapes.get(shape, 0) + often * times
