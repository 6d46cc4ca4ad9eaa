"""What was judged of sending addresses: values in, rows out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import islice
from operator import attrgetter

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from store.schema import source, source_verdict

PIECE = 5_000
"""Rows that are made and sent at a time."""
ADDRESSES_PER_QUERY = 500


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
    connection: Connection, policy_domain: str, verdicts: Iterable[SourceVerdict], now: datetime
) -> None:
    """Put a domain's verdicts in the place of those it had; no address may have the same verdict twice."""
    connection.execute(delete(source_verdict).where(source_verdict.c.policy_domain == policy_domain))
    same = {"policy_domain": policy_domain, "judged_at": now}
    rows = (dict(zip(_NAMES, _values(it), strict=True)) | same for it in verdicts)
    while piece := list(islice(rows, PIECE)):
        connection.execute(insert(source_verdict), piece)


def write_services(connection: Connection, services: Mapping[str, tuple[str, str] | None]) -> None:
    """Note which service (its key in the catalogue) is behind each address, and what shows it; None where none is known.

    Only what has changed is written: as a rule, nothing.
    """
    columns, addresses = source.c, list(services)
    query = select(columns.source_ip, columns.service, columns.service_evidence)
    for first in range(0, len(addresses), ADDRESSES_PER_QUERY):
        some = columns.source_ip.in_(addresses[first : first + ADDRESSES_PER_QUERY])
        changes = [
            {"address": address, "service": new[0], "service_evidence": new[1]}
            for address, *old in connection.execute(query.where(some))
            if (new := services[address] or (None, None)) != tuple(old)
        ]
        if changes:
            connection.execute(update(source).where(columns.source_ip == bindparam("address")), changes)
