"""What a person decided of reports that contradict each other in, the sums by it out.

A report may be left uncounted, counted in the other's place, or counted beside it: reporters correct themselves, and some
send several reports under one name.
"""

import hashlib
from enum import StrEnum

from sqlalchemy import Connection, select, update

from store.conflicts import (
    ADDED,
    LEFT,
    REPLACED,
    REPLACING,
    UNCOUNTED,
    Conflict,
    ConflictError,
    Copy,
    conflict,
)
from store.database import Database
from store.rollups import enter, withdraw
from store.schema import report


class Decision(StrEnum):
    """What becomes of a report that contradicts the one that is counted."""

    LEAVE = "leave"
    """The other one stays counted."""
    REPLACE = "replace"
    """It is counted in the other's place."""
    ADD = "add"
    """Both are counted."""


def decide(database: Database, key: int, decision: Decision) -> Conflict:
    """Do what a person decided about a report, and give how it stands then; the sums follow in the same transaction.

    What was decided before is taken back first, so that it can be decided again. Raises ConflictError,
    DatabaseUnavailableError.
    """
    with database.writing() as connection:
        found = conflict(connection, key)
        if not _stands(found.this, decision):
            _decide(connection, found, decision)
        return conflict(connection, key)


_STANDING = {
    Decision.LEAVE: (False, (LEFT, REPLACED)),
    Decision.REPLACE: (True, (REPLACING,)),
    Decision.ADD: (True, (ADDED,)),
}
"""Whether a report is counted by a decision, and what may be said of it."""


def _stands(this: Copy, decision: Decision) -> bool:
    counted, words = _STANDING[decision]
    return this.counted == counted and this.decision in words


def _decide(connection: Connection, found: Conflict, decision: Decision) -> None:
    this, other = found.this.key, found.other
    if other is None and decision is not Decision.LEAVE:
        raise ConflictError(
            f"the report that {this} contradicts was removed for its age, and the sums by day still have it: "
            "only `leave` is possible"
        )
    _take_back(connection, found)
    if other is None or decision is Decision.LEAVE:
        _note(connection, this, LEFT)
    elif decision is Decision.REPLACE:
        _replace(connection, found.identity, this, other.key)
    else:
        _note(connection, this, ADDED, identity=_identity_of_its_own(connection, this, found.identity))
        _note(connection, other.key, None)  # it replaces nothing any more
        enter(connection, this)


def _take_back(connection: Connection, found: Conflict) -> None:
    """Bring a conflict into the state in which it came in: the other report is counted, and this one is not."""
    this, other = found.this, found.other
    if not this.counted:
        return
    withdraw(connection, this.key)
    _note(connection, this.key, None, identity=found.identity)
    if other and not other.counted:
        _note(connection, other.key, None)
        enter(connection, other.key)


def _replace(connection: Connection, own: str, this: int, other: int) -> None:
    before = (report.c.identity == own, UNCOUNTED, report.c.decision == REPLACED)
    connection.execute(update(report).where(*before).values(decision=LEFT))  # so that one at most is replaced
    withdraw(connection, other)
    _note(connection, other, REPLACED)
    _note(connection, this, REPLACING)
    enter(connection, this)


def _note(connection: Connection, key: int, decision: str | None, **more: str) -> None:
    connection.execute(update(report).where(report.c.id == key).values(decision=decision, **more))


def _identity_of_its_own(connection: Connection, key: int, own: str) -> str:
    """Make the identity under which a report is counted beside another one: what it says belongs to it."""
    content = connection.scalar(select(report.c.xml_sha256).where(report.c.id == key))
    return hashlib.sha256(f"{own}{content}".encode()).hexdigest()
