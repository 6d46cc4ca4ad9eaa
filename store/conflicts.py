"""Reports that came again with other content, of whom a person decides: which there are, and what they contradict.

Such a report is stored and not counted, since another one is counted under its identity.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    TextClause,
    cast,
    func,
    or_,
    select,
    text,
)

from parsers.values import PolicyPublished, ReportHeader
from store.bulk import pieces
from store.retention import is_going
from store.rows import identity
from store.schema import message, pruned_report, record, report

LEFT, REPLACED, REPLACING, ADDED = "left", "replaced", "replacing", "added"
"""What report.decision says."""
_LAST_KEY = 2**63 - 1
COUNTED, UNCOUNTED = text("report.counted"), text("(NOT report.counted AND NOT report.is_foreign)")
"""As the partial indexes say it: SQLite uses them for nothing else."""


class ConflictError(Exception):
    """There is nothing to decide, or not so; the text says why, and what can be done."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One of the reports that came under the same identity."""

    key: int
    """report.id"""
    counted: bool
    decision: str | None
    """left, replaced, replacing, added"""
    whole: bool
    """False where only the records before a damaged place could be read."""
    records: int
    messages: int
    passing: int
    """Of these, the ones that pass DMARC."""
    ingested_at: datetime
    source: str
    """Mailbox that it came from, or 'file'."""
    sender: str | None
    """From field of the mail that brought it."""
    dmarc: str | None
    """Our receiving server's verdict on that mail."""
    sender_fits: bool | None
    """Whether that mail is from the reporter's domain."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A report, and the one that it contradicts."""

    identity: str
    """By which both came in."""
    reporter: str | None
    report_id: str | None
    policy_domain: str | None
    begins_at: datetime | None
    ends_at: datetime | None
    day: date
    this: Copy
    other: Copy | None
    """Counted in its place, beside it, or before it. None: removed for its age; the sums by day still have it."""

    @property
    def is_piece(self) -> bool:
        """Whether it is a damaged copy, and the other is not: that was decided when the whole one came."""
        return not self.this.whole and (self.other is None or self.other.whole)

    @property
    def waits(self) -> bool:
        """Whether a person has to decide."""
        return self.this.decision is None and not self.is_piece


def conflicts(connection: Connection, *, decided: bool = False) -> list[Conflict]:
    """Give those that wait for a decision, the newest first; `decided` ones and damaged copies too, if asked."""
    chosen = or_(UNCOUNTED, report.c.decision == ADDED) if decided else UNCOUNTED
    found = connection.execute(_copies().where(chosen)).mappings().all()
    identities = [_identity(row) for row in found]
    others, pruned = _others(connection, identities), _pruned(connection, identities)
    every = [
        _conflict(row, own, others.get(own))
        for row, own in zip(found, identities, strict=True)
        if own in others or own in pruned
    ]
    # in order of the keys SQLite would read every report
    newest_first = sorted(every, key=lambda it: -it.this.key)
    return newest_first if decided else [it for it in newest_first if it.waits]


def waiting(connection: Connection) -> int:
    """Count those that wait for a decision, by the indexes alone."""
    other, pruned = report.alias("other"), pruned_report.c
    no_piece = or_(report.c.whole, ~other.c.whole)
    counted = select(other.c.id).where(other.c.identity == report.c.identity, text("other.counted"), no_piece)
    removed = select(pruned.identity).where(
        pruned.identity == report.c.identity, text("pruned_report.counted"), report.c.whole
    )
    undecided = (
        select(func.count()).select_from(report).where(UNCOUNTED, report.c.decision.is_(None), ~is_going())
    )
    return connection.scalar(undecided.where(or_(counted.exists(), removed.exists()))) or 0


def conflict(connection: Connection, key: int) -> Conflict:
    """Give one by the key of its report, decided or not. Raises ConflictError if it is none."""
    row = _row(connection, report.c.id == min(key, _LAST_KEY))
    if row is None or row["is_foreign"]:
        raise ConflictError(f"no report {key} waits for a decision; `ruamill conflicts` lists those that do")
    own = _identity(row)
    if not row["counted"] or row["decision"] == ADDED:
        found = _conflict(row, own, _others(connection, [own]).get(own))
        if found.other or _pruned(connection, [own]):
            return found
    elif row["decision"] == REPLACING and (replaced := _replaced(connection, own)):
        return _conflict(row, own, replaced)
    raise ConflictError(
        f"report {key} contradicts no other one: `ruamill conflicts --all` lists those that do"
    )


def _copies() -> Select[Any]:
    """Choose reports with what is told of them; those that are being removed for their age are left out."""
    sums = cast(func.coalesce(func.sum(record.c.messages), 0), BigInteger)
    passing = select(sums).where(record.c.report_key == report.c.id, record.c.dmarc_pass)
    columns = [
        *(report.c[name] for name in ("identity", "dialect", "is_foreign", *_OF_BOTH)),
        report.c.id.label("key"),
        *(report.c[name] for name in ("counted", "decision", "whole", "records", "messages")),
        passing.scalar_subquery().label("passing"),
        *(report.c[name] for name in ("ingested_at", "sender_fits")),
        *(message.c[name] for name in ("source", "sender", "dmarc")),
    ]
    return select(*columns).join(message, message.c.id == report.c.message_key).where(~is_going())


_OF_BOTH = ("reporter", "report_id", "policy_domain", "begins_at", "ends_at", "day")
_OF_COPY = [field.name for field in fields(Copy)]


def _conflict(row: RowMapping, own: str, other: Copy | None) -> Conflict:
    of_both = {name: row[name] for name in _OF_BOTH}
    return Conflict(identity=own, **of_both, this=_copy(row), other=other)


def _copy(row: RowMapping) -> Copy:
    return Copy(**{name: row[name] for name in _OF_COPY})


def _identity(row: RowMapping) -> str:
    """Give the identity by which a report came in; one that is counted beside another has a second one."""
    if row["decision"] != ADDED:
        return str(row["identity"])
    policy = PolicyPublished(domain=row["policy_domain"])
    header = ReportHeader(
        row["dialect"],
        policy,
        reporter=row["reporter"],
        report_id=row["report_id"],
        begin=row["begins_at"],
        end=row["ends_at"],
    )
    return identity(header)


def _others(connection: Connection, identities: Sequence[str]) -> dict[str, Copy]:
    """Find what is counted under identities."""
    found: dict[str, Copy] = {}
    for piece in pieces(identities):
        rows = connection.execute(_copies().where(report.c.identity.in_(piece), COUNTED)).mappings()
        found |= {row["identity"]: _copy(row) for row in rows}
    return found


def _pruned(connection: Connection, identities: Sequence[str]) -> set[str]:
    """Find under which identities something was counted that was removed for its age."""
    pruned = pruned_report.c.identity
    return {
        own
        for piece in pieces(identities)
        for own in connection.scalars(select(pruned).where(pruned.in_(piece), text("pruned_report.counted")))
    }


def _replaced(connection: Connection, own: str) -> Copy | None:
    """Find the report that was counted before the one that is counted now."""
    row = _row(connection, report.c.identity == own, UNCOUNTED, report.c.decision == REPLACED)
    return None if row is None else _copy(row)


def _row(connection: Connection, *chosen: ColumnElement[bool] | TextClause) -> RowMapping | None:
    newest = _copies().where(*chosen).order_by(report.c.id.desc()).limit(1)
    return connection.execute(newest).mappings().one_or_none()
