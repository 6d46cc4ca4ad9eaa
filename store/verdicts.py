"""What was judged of sending addresses: values in, rows out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import groupby, islice
from operator import attrgetter

from sqlalchemy import bindparam, delete, insert, select, update

from store.database import Database
from store.schema import source, source_verdict

AT_ONCE = 500
"""Addresses that one transaction writes: some hundredths of a second."""


@dataclass(frozen=True, slots=True)
class SourceVerdict:
    """What one address is to a policy domain: one row for each verdict that some of its messages got."""

    source_ip: str
    verdict: str
    """passing, fragile, failing_own, bounces, forwarded, recipient_gateway, unknown"""
    service: str | None
    """Key in the catalogue."""
    who: str
    messages: int
    """Of this verdict in the period."""
    failing: int
    reason: str
    next_step: str | None
    evidence: str
    """Identifiers that were seen, one a line."""
    first_day: date
    last_day: date


_NAMES = [field.name for field in fields(SourceVerdict)]
_values = attrgetter(*_NAMES)
_address = attrgetter("source_ip")


def write_verdicts(
    database: Database, policy_domain: str, verdicts: Iterable[SourceVerdict], now: datetime
) -> None:
    """Put a domain's verdicts in the place of those it had; no address may have the same verdict twice.

    In short transactions, an address at once: whoever takes reports in meanwhile gets a turn. Raises
    DatabaseUnavailableError.
    """
    same = {"policy_domain": policy_domain, "judged_at": now}
    columns = source_verdict.c
    mine = columns.policy_domain == policy_domain
    with database.reading() as connection:
        judged: dict[str, tuple[SourceVerdict, ...]] = dict.fromkeys(
            connection.scalars(select(columns.source_ip).where(mine).distinct()), ()
        )
    by_address = groupby(sorted(verdicts, key=_address), key=_address)
    rows = iter((judged | {address: tuple(its) for address, its in by_address}).items())
    while piece := dict(islice(rows, AT_ONCE)):
        new = [dict(zip(_NAMES, _values(it), strict=True)) | same for its in piece.values() for it in its]
        with database.writing() as connection:
            connection.execute(delete(source_verdict).where(mine, columns.source_ip.in_(piece)))
            if new:
                connection.execute(insert(source_verdict), new)


def write_services(database: Database, services: Mapping[str, tuple[str, str] | None]) -> None:
    """Note which service (its key in the catalogue) is behind each address, and what shows it; None where none is known.

    Only what has changed is written: as a rule, nothing. In short transactions. Raises DatabaseUnavailableError.
    """
    columns, addresses = source.c, iter(services)
    query = select(columns.source_ip, columns.service, columns.service_evidence)
    while some := list(islice(addresses, AT_ONCE)):
        with database.reading() as connection:
            changes = [
                {"address": address, "service": new[0], "service_evidence": new[1]}
                for address, *old in connection.execute(query.where(columns.source_ip.in_(some)))
                if (new := services[address] or (None, None)) != tuple(old)
            ]
        if changes:
            with database.writing() as connection:
                connection.execute(update(source).where(columns.source_ip == bindparam("address")), changes)
