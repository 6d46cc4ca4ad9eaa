"""One source of a domain, from the sums by day: its mail day by day, and its addresses with their owners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Connection,
    RowMapping,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    null,
    select,
    true,
    union,
    union_all,
)

from store.pages.records import OWNER
from store.pages.values import ChartDay, is_called, passing, total
from store.schema import network, source, source_day_rollup, source_verdict
from store.types import Address

FEW: Final = 20
"""Addresses up to which it is quicker to look for each on every day."""
LISTED: Final = 200
"""Addresses of a source that are listed."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some addresses that send as a domain."""

    domain: str
    who: str | None
    """All that were judged to be this source's over the 30 days; None: all strangers whose owner is not known."""
    addresses: tuple[str, ...] = ()
    """These as well."""


@dataclass(frozen=True, slots=True)
class AddressRow:
    """One address of a source."""

    source_ip: str
    name: str | None
    name_confirmed: bool | None
    """The name has this address among its own; None: no name."""
    service: str | None
    """Key in the catalogue."""
    owner: str | None
    """Of its network, as registered, else the name of its autonomous system."""
    network_name: str | None
    handle: str | None
    registered: str | None
    """The registered range: first - last."""
    country: str | None
    asn: int | None
    registry: str | None
    state: str
    """Of its look-up: waiting, found, not_found, reserved, error."""
    messages: int
    """In the period, as the domain."""
    passing: int
    first_day: date
    """Of the period."""
    last_day: date


@dataclass(frozen=True, slots=True)
class Sent:
    """What a source sent as a domain in a period."""

    days: tuple[ChartDay, ...]
    """Those with mail of it, the oldest first; what is forwarded is not told apart."""
    addresses: tuple[AddressRow, ...]
    """The first LISTED of them, those with most messages first."""
    number_of_addresses: int
    """All of them."""


def sent(connection: Connection, chosen: Chosen, first_day: date, last_day: date) -> Sent:
    """Tell what a source sent from the first day to the last, by one walk through the domain's days."""
    mine = select(source_day_rollup).where(*_sent(connection, chosen, first_day, last_day)).cte("mine")
    found = connection.execute(union_all(_days(mine), _addresses(mine))).mappings().all()
    days = [row for row in found if row["source_ip"] is None]
    addresses = [row for row in found if row["source_ip"] is not None]
    machines = _machines(connection, [row["source_ip"] for row in addresses])
    return Sent(
        tuple(
            ChartDay(row["first_day"], row["passing"], row["messages"] - row["passing"])
            for row in sorted(days, key=lambda row: row["first_day"])
        ),
        tuple(
            _address(row, machines.get(row["source_ip"], {}))
            for row in sorted(addresses, key=lambda row: (-row["messages"], row["source_ip"]))
        ),
        addresses[0]["number"] if addresses else 0,
    )


def _sent(
    connection: Connection, chosen: Chosen, first_day: date, last_day: date
) -> tuple[ColumnElement[bool], ...]:
    """Choose what a source sent: of a FEW addresses each sum by its whole key, else among all the domain's."""
    sums = source_day_rollup.c
    few = connection.scalars(_addresses_of(chosen).limit(FEW + 1)).all()
    if len(few) > FEW:
        within = (sums.day.between(first_day, last_day), is_of(sums.source_ip, chosen))
    else:
        days = [first_day + timedelta(days=it) for it in range((last_day - first_day).days + 1)]
        within = (sums.day.in_(days), sums.source_ip.in_(few))
    return sums.policy_domain == chosen.domain, *within


def _days(mine: CTE) -> Select[Any]:
    columns = mine.c
    return select(
        cast(null(), Address).label("source_ip"),
        columns.day.label("first_day"),
        columns.day.label("last_day"),
        total(columns.messages).label("messages"),
        passing(mine).label("passing"),
        literal(0).label("number"),
    ).group_by(columns.day)


def _addresses(mine: CTE) -> Select[Any]:
    columns = mine.c
    messages = total(columns.messages)
    busiest = (
        select(
            columns.source_ip,
            func.min(columns.day),
            func.max(columns.day),
            messages,
            passing(mine),
            func.count().over(),
        )
        .group_by(columns.source_ip)
        .order_by(messages.desc(), columns.source_ip)
        .limit(LISTED)
        .subquery()
    )
    return select(*busiest.c)  # SQLite takes no LIMIT within a UNION


_MACHINE: Final = (
    source.c.name,
    source.c.name_confirmed,
    source.c.service,
    OWNER.label("owner"),
    network.c.name.label("network_name"),
    network.c.handle,
    network.c.registered,
    network.c.country,
    network.c.asn,
    network.c.registry,
    source.c.state,
)
_NOT_LOOKED_UP: Final = {column.name: None for column in _MACHINE} | {"state": "waiting"}


def _machines(connection: Connection, addresses: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Give what is known of addresses, as far as look-ups took them up."""
    query = select(source.c.source_ip, *_MACHINE).outerjoin_from(source, network)
    found = connection.execute(query.where(source.c.source_ip.in_(addresses))).mappings()
    return {row["source_ip"]: dict(row) for row in found}


def _address(row: RowMapping, machine: Mapping[str, Any]) -> AddressRow:
    values = {**_NOT_LOOKED_UP, **machine, **row}
    return AddressRow(**{field.name: values[field.name] for field in fields(AddressRow)})


def is_of(address: ColumnElement[str], chosen: Chosen) -> ColumnElement[bool]:
    """Tell whether an address is one of those.

    IS TRUE keeps PostgreSQL from making a join of it: it takes the newest days for empty, its statistics being older,
    and would go through all of the addresses for each row of them. MATERIALIZED tells it that they are found but once:
    else it would rather read every record there is.
    """
    once = _addresses_of(chosen).cte("addresses").prefix_with("MATERIALIZED", dialect="postgresql")
    return address.in_(select(once.c.source_ip)).is_(true())


def _addresses_of(chosen: Chosen) -> CompoundSelect[str]:
    """Select the addresses."""
    judged = source_verdict.c
    mine = select(judged.source_ip).where(judged.policy_domain == chosen.domain, _is_judged(chosen.who))
    return union(mine, *(select(cast(literal(it), Address)) for it in chosen.addresses))


def _is_judged(who: str | None) -> ColumnElement[bool]:
    """Tell the addresses of a source; one that nobody knows goes by its address."""
    judged = source_verdict.c
    if who is not None:
        return is_called(judged.who, who)
    # PostgreSQL writes an address as a network, with the length of its mask
    written = func.replace(func.replace(cast(judged.source_ip, Text), "/32", ""), "/128", "")
    return and_(judged.verdict == "unknown", judged.who == written)
