"""What was judged of sending addresses: values in, rows out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import islice
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from store.bulk import replace_rows
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


def write_verdicts(
    database: Database, policy_domain: str, verdicts: Iterable[SourceVerdict], now: datetime
) -> None:
    """Put a domain's verdicts in the place of those it had; no address may have the same verdict twice.

    In short transactions, an address at once: whoever takes reports in meanwhile gets a turn. Raises
    DatabaseUnavailableError.
    """
    same = {"policy_domain": policy_domain, "judged_at": now}
    rows = [dict(zip(_NAMES, _values(it), strict=True)) | same for it in verdicts]
    by_address: dict[str, list[dict[str, Any]]] = {row["source_ip"]: [] for row in rows}
    for row in rows:
        by_address[row["source_ip"]].append(row)
    gone = _gone(database, policy_domain, {(row["source_ip"], row["verdict"]) for row in rows})
    addresses = iter({**by_address, **gone})
    while some := list(islice(addresses, AT_ONCE)):
        with database.writing() as connection:
            replace_rows(connection, source_verdict, [row for it in some for row in by_address.get(it, ())])
            _delete(connection, policy_domain, [(it, verdict) for it in some for verdict in gone.get(it, ())])


def _gone(
    database: Database, policy_domain: str, judged: Collection[tuple[str, str]]
) -> dict[str, list[str]]:
    """Find the verdicts that are no longer, by their address."""
    columns, gone = source_verdict.c, defaultdict[str, list[str]](list)
    mine = select(columns.source_ip, columns.verdict).where(columns.policy_domain == policy_domain)
    with database.reading() as connection:
        for address, verdict in connection.execute(mine):
            if (address, verdict) not in judged:
                gone[address].append(verdict)
    return dict(gone)


def _delete(connection: Connection, policy_domain: str, keys: Sequence[tuple[str, str]]) -> None:
    """Delete one by one, by the whole key: PostgreSQL has no idea yet of a table that was just filled."""
    columns = source_verdict.c
    this = (columns.source_ip == bindparam("address"), columns.verdict == bindparam("old"))
    if keys:
        rows = [{"address": address, "old": verdict} for address, verdict in keys]
        connection.execute(delete(source_verdict).where(columns.policy_domain == policy_domain, *this), rows)


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
