"""Records as they were published, with the results below each and whose machine it was: which ones in, values out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, Select, Table, func, select

from store.schema import network, record, record_dkim, record_reason, record_spf, report, source


class Place(NamedTuple):
    """Where a record stands."""

    report_key: int
    ordinal: int
    """Position in the report, from 0."""


class Signature(NamedTuple):
    """A DKIM signature as the receiver saw it."""

    domain: str | None
    selector: str | None
    result: str | None
    """none, pass, fail, policy, neutral, temperror, permerror, unknown"""
    human_result: str | None
    result_raw: str | None
    """The token as sent, where it is another; so with every `_raw`."""


class SpfCheck(NamedTuple):
    """An SPF check as the receiver made it."""

    domain: str | None
    scope: str | None
    """helo, mfrom, unknown"""
    result: str | None
    """none, neutral, pass, fail, softfail, policy, temperror, permerror, unknown"""
    human_result: str | None
    scope_raw: str | None
    result_raw: str | None


class Reason(NamedTuple):
    """Why the disposition differs from the published policy."""

    type: str | None
    comment: str | None
    type_raw: str | None


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record."""

    report_key: int
    ordinal: int
    day: date
    """Of its report."""
    reporter: str | None
    source_ip: str | None
    name: str | None
    """Of the address (PTR)."""
    service: str | None
    """Behind the address: key in the catalogue."""
    owner: str | None
    """Of its network, as registered, else the name of its autonomous system."""
    messages: int
    disposition: str | None
    """none, pass, quarantine, reject, unknown"""
    dkim: str | None
    """Aligned DKIM as evaluated: pass, fail, unknown."""
    spf: str | None
    """Aligned SPF as evaluated: pass, fail, unknown."""
    dmarc_pass: bool
    header_from: str | None
    envelope_from: str | None
    envelope_to: str | None
    null_path: bool | None
    disposition_raw: str | None
    dkim_raw: str | None
    spf_raw: str | None
    dkim_recomputed: str | None
    """By the listed results: pass, fail; None: not computable."""
    spf_recomputed: str | None
    recomputed: str | None
    """Against the reporter's evaluation: agrees, differs, not_computable."""
    signatures: tuple[Signature, ...]
    checks: tuple[SpfCheck, ...]
    reasons: tuple[Reason, ...]


OWNER: Final = func.coalesce(network.c.owner, network.c.as_name)
_ELSEWHERE: Final = {
    "day": report.c.day,
    "reporter": report.c.reporter,
    "name": source.c.name,
    "service": source.c.service,
    "owner": OWNER,
}
_BELOW: Final = ("signatures", "checks", "reasons")
_COLUMNS: Final = [
    (_ELSEWHERE[it.name] if it.name in _ELSEWHERE else record.c[it.name]).label(it.name)
    for it in fields(RecordRow)
    if it.name not in _BELOW
]
Part = TypeVar("Part", Signature, SpfCheck, Reason)


def selected() -> Select[Any]:
    """Select records with their reports and their addresses, to be narrowed down, ordered, and given to `read`."""
    joined = record.join(report, report.c.id == record.c.report_key)
    joined = joined.outerjoin(source, source.c.source_ip == record.c.source_ip)
    return select(*_COLUMNS).select_from(joined.outerjoin(network, network.c.id == source.c.network_key))


def read(connection: Connection, query: Select[Any]) -> tuple[RecordRow, ...]:
    """Read the few records that were selected, with what hangs below them."""
    found = connection.execute(query).mappings().all()
    places = [Place(row["report_key"], row["ordinal"]) for row in found]
    signatures = _below(connection, record_dkim, Signature, places)
    checks = _below(connection, record_spf, SpfCheck, places)
    reasons = _below(connection, record_reason, Reason, places)
    return tuple(
        RecordRow(**{**row, "signatures": signatures[at], "checks": checks[at], "reasons": reasons[at]})
        for row, at in zip(found, places, strict=True)
    )


def _below(
    connection: Connection, table: Table, kind: type[Part], places: Sequence[Place]
) -> Mapping[Place, tuple[Part, ...]]:
    """Read the rows below records, in their order."""
    below = defaultdict[Place, tuple[Part, ...]](tuple)
    if not places:
        return below
    columns = table.c
    query = select(columns.report_key, columns.ordinal, *(columns[name] for name in kind._fields))
    keys, ordinals = ({place[part] for place in places} for part in (0, 1))
    # pairs of them would make SQLite go through the table; some that nobody asked for do no harm
    query = query.where(columns.report_key.in_(keys), columns.ordinal.in_(ordinals))
    for report_key, ordinal, *values in connection.execute(query.order_by(*table.primary_key)):
        below[Place(report_key, ordinal)] += (kind(*values),)
    return below
