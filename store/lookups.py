"""The queue of look-ups: which addresses wait, what came of each, and who may be asked.

An address waits until it is looked up, and is looked up again once its answer is old. How long an answer is good, and
when a look-up that failed is tried again, the caller decides.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from enrich.values import Name
from store.bulk import replace_rows
from store.policies import last_day
from store.schema import registry, source, source_day_rollup, source_seen

RECENT = timedelta(days=30)
"""Whose messages of these days say how urgent an address is."""
FORGOTTEN = timedelta(days=90)
"""An address that was not seen for so long keeps the answer it has."""


@dataclass(frozen=True, slots=True)
class Due:
    """An address that is to be looked up."""

    source_ip: str
    messages: int
    """In the last 30 days that were reported."""
    failures: int
    """Look-ups that failed since the last one that did not: of the network, or of the name."""
    state: str
    """waiting, found, not_found, error"""


@dataclass(frozen=True, slots=True)
class RegistryState:
    """How it stands with one that is asked: a registry, or the name servers."""

    queries: int = 0
    """Asked so far."""
    failures: int = 0
    """In a row, up to now."""
    closed_until: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None


def take_new(connection: Connection, is_public: Callable[[str], bool]) -> int:
    """Let every address that was seen and is not in the queue wait there; return how many.

    One that is not public is reserved from the start: nobody is ever asked about it.
    """
    _see_again(connection)
    seen = source_seen.c
    known = exists().where(source.c.source_ip == seen.source_ip)
    days = (func.min(seen.first_day), func.max(seen.last_day))
    new = select(seen.source_ip, *days, literal("waiting")).where(~known).group_by(seen.source_ip)
    names = ["source_ip", "first_day", "last_day", "state"]
    added = insert(source).from_select(names, new).returning(source.c.source_ip)
    addresses = connection.scalars(added).all()
    reserved = [{"address": it} for it in addresses if not is_public(it)]
    _update(connection, reserved, state="reserved")
    return len(addresses)


def _see_again(connection: Connection) -> None:
    """Bring up to date when the addresses of the queue were seen first and last."""
    seen = source_seen.c
    days = select(
        seen.source_ip, func.min(seen.first_day).label("first_day"), func.max(seen.last_day).label("last_day")
    )
    now = days.group_by(seen.source_ip).subquery()
    mine = source.c
    other = or_(mine.first_day != now.c.first_day, mine.last_day != now.c.last_day)
    values = {"first_day": now.c.first_day, "last_day": now.c.last_day}
    connection.execute(update(source).where(mine.source_ip == now.c.source_ip, other).values(values))


def due(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Give addresses whose network is to be looked up, most messages first.

    One that never had an answer is due however old it is; another only if it was seen in the last 90 days.
    """
    columns, newest = source.c, _newest(connection, now)
    ready = or_(columns.next_try_at.is_(None), columns.next_try_at <= now)
    needed = or_(columns.state.in_(("waiting", "error")), columns.last_day > newest - FORGOTTEN)
    return _most_urgent(connection, columns.failures, and_(ready, needed), newest, limit)


def due_names(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Give addresses whose name is to be looked up, most messages first.

    One that was never asked for is due however old it is; another only if it was seen in the last 90 days.
    """
    columns, newest = source.c, _newest(connection, now)
    never = columns.name_next_try_at.is_(None)
    again = and_(columns.name_next_try_at <= now, columns.last_day > newest - FORGOTTEN)
    return _most_urgent(connection, columns.name_failures, or_(never, again), newest, limit)


def _newest(connection: Connection, now: datetime) -> date:
    today = now.astimezone(UTC).date()
    return last_day(connection, None, today) or today


def _most_urgent(
    connection: Connection, failures: Column[int], wanted: ColumnElement[bool], newest: date, limit: int
) -> list[Due]:
    columns, days = source.c, source_day_rollup.c
    sums = select(days.source_ip, func.sum(days.messages).label("messages"))
    recent = sums.where(days.day > newest - RECENT).group_by(days.source_ip).subquery()
    messages = func.coalesce(recent.c.messages, 0)
    query = (
        select(columns.source_ip, messages, failures, columns.state)
        .outerjoin_from(source, recent, recent.c.source_ip == columns.source_ip)
        .where(columns.state != "reserved", wanted)
        .order_by(messages.desc(), columns.source_ip)
        .limit(limit)
    )
    return [
        Due(address, int(sent), tried, state) for address, sent, tried, state in connection.execute(query)
    ]


def waiting(connection: Connection) -> int:
    """Count the addresses whose network was never looked up."""
    return connection.scalar(select(func.count()).where(source.c.state == "waiting")) or 0


def found(connection: Connection, addresses: Iterable[str], network_key: int, next_try_at: datetime) -> None:
    """Note the network of addresses, and when it is to be looked up again."""
    _answered(connection, addresses, "found", network_key, next_try_at)


def not_found(
    connection: Connection, addresses: Iterable[str], network_key: int, next_try_at: datetime
) -> None:
    """Note that the registry knows nothing of addresses: the key is that of the NotFound that was put."""
    _answered(connection, addresses, "not_found", network_key, next_try_at)


def _answered(
    connection: Connection, addresses: Iterable[str], state: str, network_key: int, next_try_at: datetime
) -> None:
    rows = [{"address": it} for it in addresses]
    values = {"network_key": network_key, "next_try_at": next_try_at, "failures": 0, "error": None}
    _update(connection, rows, state=state, **values)


def failed(connection: Connection, addresses: Iterable[str], reason: str, next_try_at: datetime) -> None:
    """Note that a look-up failed; an answer that there is stays in use."""
    state = case((source.c.state == "waiting", "error"), else_=source.c.state)
    rows = [{"address": it} for it in addresses]
    values = {"failures": source.c.failures + 1, "error": reason, "next_try_at": next_try_at}
    _update(connection, rows, state=state, **values)


def named(connection: Connection, names: Iterable[tuple[str, Name | None]], next_try_at: datetime) -> None:
    """Note the names of addresses, or that they have none."""
    rows = [
        {"address": address, "new_name": name and name.name, "confirmed": name and name.confirmed}
        for address, name in names
    ]
    values = {"name": bindparam("new_name"), "name_confirmed": bindparam("confirmed"), "name_failures": 0}
    _update(connection, rows, name_next_try_at=next_try_at, **values)


def name_failed(connection: Connection, addresses: Iterable[str], next_try_at: datetime) -> None:
    """Note that the name of addresses could not be looked up; one that is known stays."""
    rows = [{"address": it} for it in addresses]
    _update(connection, rows, name_failures=source.c.name_failures + 1, name_next_try_at=next_try_at)


def _update(connection: Connection, rows: Sequence[Mapping[str, Any]], **values: Any) -> None:  # noqa: ANN401 (SQLAlchemy's own)
    """Set columns of one address for each row, which names it as `address`."""
    if rows:
        statement = update(source).where(source.c.source_ip == bindparam("address")).values(**values)
        connection.execute(statement, rows)


def registry_states(connection: Connection) -> dict[str, RegistryState]:
    """Give the state of everyone who was ever asked, by name."""
    return {name: RegistryState(*state) for name, *state in connection.execute(select(registry))}


def write_registry_states(connection: Connection, states: Mapping[str, RegistryState]) -> None:
    """Keep states, in the place of those that there are."""
    replace_rows(connection, registry, [{"name": name, **asdict(state)} for name, state in states.items()])
