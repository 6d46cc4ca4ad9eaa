"""Two reports in, how the second says other things than the first out: compared within the database, whatever their size."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, Subquery, case, cast, func, select

from store.schema import record, report

LINE = ("source_ip", "header_from", "envelope_from", "envelope_to", "disposition", "dkim", "spf")
"""What makes records of two reports the same: who sent, as whom, and how it was judged."""
HEAD = (
    "email",
    "extra_contact_info",
    "dialect",
    "version",
    "generator",
    "p",
    "sp",
    "np",
    "adkim",
    "aspf",
    "pct",
    "fo",
    "testing",
    "discovery_method",
    "errors",
)
"""What may differ beside the records; the rest of a report's head is its identity."""


@dataclass(frozen=True, slots=True)
class Line:
    """Records of the same sender and result, in two reports."""

    source_ip: str | None
    header_from: str | None
    envelope_from: str | None
    envelope_to: str | None
    disposition: str | None
    dkim: str | None
    spf: str | None
    first: int | None
    """Messages in the first report; None: it has no such record."""
    second: int | None


@dataclass(frozen=True, slots=True)
class Differences:
    """How two reports differ."""

    same: int
    """Lines with the same number of messages in both."""
    changed: int
    """Lines with another number."""
    only_first: int
    only_second: int
    lines: tuple[Line, ...]
    """Those that differ, the most messages first; not more than were asked for."""
    head: Mapping[str, tuple[str | int | None, str | int | None]]
    """Column of `report` -> what stands in the first, and in the second."""

    @property
    def differing(self) -> int:
        """How many lines differ."""
        return self.changed + self.only_first + self.only_second


def differences(connection: Connection, first: int, second: int, limit: int | None = None) -> Differences:
    """Compare two reports by their keys; give at most `limit` of the lines that differ."""
    lines = _lines(first, second)
    kind = case(
        (lines.c.second.is_(None), "only_first"),
        (lines.c.first.is_(None), "only_second"),
        (lines.c.first == lines.c.second, "same"),
        else_="changed",
    ).label("kind")
    numbers = Counter[str]()
    for name, number in connection.execute(select(kind, func.count()).select_from(lines).group_by("kind")):
        numbers[name] = number
    messages = func.coalesce(lines.c.first, 0) + func.coalesce(lines.c.second, 0)
    differing = select(lines).where(lines.c.first.is_distinct_from(lines.c.second))
    found = connection.execute(
        differing.order_by(messages.desc(), *(lines.c[it] for it in LINE)).limit(limit)
    )
    return Differences(
        **{name: numbers[name] for name in ("same", "changed", "only_first", "only_second")},
        lines=tuple(Line(*row) for row in found),
        head=_head(connection, first, second),
    )


def _lines(first: int, second: int) -> Subquery:
    """Sum up the messages of each line in both reports."""
    messages = [
        cast(func.sum(case((record.c.report_key == key, record.c.messages))), BigInteger).label(name)
        for name, key in (("first", first), ("second", second))
    ]
    line = [record.c[name] for name in LINE]
    return select(*line, *messages).where(record.c.report_key.in_((first, second))).group_by(*line).subquery()


def _head(
    connection: Connection, first: int, second: int
) -> Mapping[str, tuple[str | int | None, str | int | None]]:
    columns = select(*(report.c[name] for name in HEAD))
    one, two = (connection.execute(columns.where(report.c.id == key)).one() for key in (first, second))
    return {name: (old, new) for name, old, new in zip(HEAD, one, two, strict=True) if old != new}
