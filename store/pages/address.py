"""One sending address: whose it is, and what it sends as each domain."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Row, func, select

from store.pages.distinct import distinct
from store.pages.records import OWNER
from store.pages.values import ChartDay, passing, total
from store.schema import domain_day_rollup, network, source, source_day_rollup, source_seen, source_verdict

LISTED: Final = 200
"""Domains that are told of: a machine of a large service sends as thousands."""
PERIOD: Final = timedelta(days=30)
"""Up to the last day on which the address was seen."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of an address."""

    source_ip: str
    name: str | None = None
    """Reverse name (PTR)."""
    name_confirmed: bool | None = None
    """The name has this address among its own; None: no name."""
    service: str | None = None
    """Key in the catalogue."""
    service_evidence: str | None = None
    """What shows the service: kind, and what was found."""
    state: str = "waiting"
    """Of its look-up: waiting, found, not_found, reserved, error."""
    error: str | None = None
    """Why the last look-up failed."""
    owner: str | None = None
    """Of its network, as registered, else the name of its autonomous system."""
    network_name: str | None = None
    handle: str | None = None
    registered: str | None = None
    """The registered range: first - last."""
    country: str | None = None
    asn: int | None = None
    as_name: str | None = None
    registry: str | None = None
    fetched_at: datetime | None = None
    """When the registry answered."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What an address was judged to be to a domain over 30 days."""

    verdict: str
    who: str
    """The source's name."""
    messages: int
    """Of this verdict."""
    failing: int
    reason: str
    next_step: str | None
    evidence: tuple[str, ...]
    """Identifiers that were seen."""
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class DomainSeen:
    """An address to one domain."""

    domain: str
    first_day: date
    last_day: date
    days: tuple[ChartDay, ...]
    """Of the 30 days up to the last one on which the address was seen at all."""
    judged: tuple[Judged, ...]
    """Those with most messages first; empty: it was not seen in the period that was judged, or not judged yet."""


@dataclass(frozen=True, slots=True)
class AddressFigures:
    """An address."""

    machine: Machine
    domains: tuple[DomainSeen, ...]
    """The first LISTED of those as which it was seen last; of them, those with most messages in the period first."""
    number_of_domains: int
    """All of them."""


def address(connection: Connection, source_ip: str) -> AddressFigures | None:
    """Tell of an address in canonical form; None: no report that counts names it."""
    seen = _seen(connection, source_ip)
    if not seen:
        return None
    listed, (_, _, last_day) = seen[:LISTED], seen[0]
    days = _days(connection, source_ip, [domain for domain, _, _ in listed], last_day)
    judged = _judged(connection, source_ip)
    domains = [
        DomainSeen(domain, first, last, tuple(days[domain]), tuple(judged[domain]))
        for domain, first, last in listed
    ]
    busiest = sorted(domains, key=lambda it: -sum(day.messages for day in it.days))
    return AddressFigures(_machine(connection, source_ip), tuple(busiest), len(seen))


def _seen(connection: Connection, source_ip: str) -> Sequence[Row[str, date, date]]:
    """Find the domains, those as which it was seen last first; one by one, since the table is in their order."""
    domain = distinct(domain_day_rollup.c.policy_domain).subquery().c.value
    seen = source_seen.c
    query = select(domain, seen.first_day, seen.last_day).join(source_seen, seen.policy_domain == domain)
    query = query.where(seen.source_ip == source_ip)
    return connection.execute(query.order_by(seen.last_day.desc(), domain)).all()


_MACHINE: Final = {
    **{name: source.c[name] for name in ("name", "name_confirmed", "service", "service_evidence", "error")},
    "state": func.coalesce(source.c.state, "waiting"),
    "owner": OWNER,
    "network_name": network.c.name,
    **{
        name: network.c[name]
        for name in ("handle", "registered", "country", "asn", "as_name", "registry", "fetched_at")
    },
}


def _machine(connection: Connection, source_ip: str) -> Machine:
    columns = [_MACHINE[it.name].label(it.name) for it in fields(Machine) if it.name in _MACHINE]
    query = select(*columns).outerjoin_from(source, network, network.c.id == source.c.network_key)
    found = connection.execute(query.where(source.c.source_ip == source_ip)).mappings().first()
    return Machine(source_ip, **found) if found else Machine(source_ip)


def _days(
    connection: Connection, source_ip: str, domains: Sequence[str], last_day: date
) -> Mapping[str, list[ChartDay]]:
    """Give the days of each domain, each by the whole key: the sums are in order of the days."""
    sums = source_day_rollup.c
    period = [last_day - timedelta(days=back) for back in range(PERIOD.days)]
    query = select(sums.policy_domain, sums.day, total(sums.messages), passing(source_day_rollup)).where(
        sums.policy_domain.in_(domains), sums.day.in_(period), sums.source_ip == source_ip
    )
    days = defaultdict[str, list[ChartDay]](list)
    found = connection.execute(query.group_by(sums.policy_domain, sums.day).order_by(sums.day))
    for domain, day, messages, good in found:
        days[domain].append(ChartDay(day, good, messages - good))
    return days


def _judged(connection: Connection, source_ip: str) -> Mapping[str, list[Judged]]:
    """Give what it was judged to be to each domain."""
    columns = source_verdict.c
    query = select(columns.policy_domain, *(columns[field.name] for field in fields(Judged)))
    found = query.where(columns.source_ip == source_ip).order_by(columns.messages.desc(), columns.verdict)
    judged = defaultdict[str, list[Judged]](list)
    for row in connection.execute(found).mappings():
        values = {**row, "evidence": tuple(row["evidence"].splitlines())}
        judged[values.pop("policy_domain")].append(Judged(**values))
    return judged
