"""What was reported of a domain's mail, and whose machines sent it: connections in, values out.

Records that say the same, whichever report they are from, are one piece of evidence: memory grows with what is different,
not with what was reported.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    ScalarSelect,
    Select,
    Table,
    Text,
    cast,
    func,
    select,
)

from store.figures import Window
from store.schema import network, record, record_dkim, record_reason, record_spf, report, source, source_seen

STREAMED = 5_000
"""Records that are held at a time."""


class Signature(NamedTuple):
    """A DKIM signature as the receiver saw it."""

    domain: str | None
    selector: str | None
    result: str | None
    """none, pass, fail, policy, neutral, temperror, permerror, unknown"""


class SpfCheck(NamedTuple):
    """An SPF check as the receiver made it."""

    domain: str | None
    scope: str | None
    """helo, mfrom, unknown"""
    result: str | None
    """none, neutral, pass, fail, softfail, policy, temperror, permerror, unknown"""


Part = TypeVar("Part", Signature, SpfCheck)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Messages about which the reports say the same in everything."""

    source_ip: str | None
    header_from: str | None
    envelope_from: str | None
    null_path: bool | None
    """A bounce or an automatic reply; None where not reported."""
    dkim: str | None
    """Aligned DKIM as evaluated: pass, fail, unknown."""
    spf: str | None
    """Aligned SPF as evaluated: pass, fail, unknown."""
    disposition: str | None
    """none, pass, quarantine, reject, unknown"""
    signatures: tuple[Signature, ...]
    checks: tuple[SpfCheck, ...]
    reasons: tuple[str, ...]
    """Types of override reasons, each once; and "arc" where a comment says arc=pass."""
    reporters: frozenset[str]
    messages: int
    records: int
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of a sending address."""

    source_ip: str
    name: str | None
    name_confirmed: bool
    owner: str | None
    """Registrant of its network."""
    network_name: str | None
    registered: str | None
    """The registered range: first - last."""
    country: str | None
    asn: int | None
    as_name: str | None
    registry: str | None
    state: str
    """Of its look-up: waiting, found, not_found, reserved, error."""


def evidence(
    connection: Connection,
    policy_domain: str,
    first_day: date = date.min,
    last_day: date = date.max,
    *,
    window: Window | None = None,
) -> list[Evidence]:
    """Sum up the records of counted reports about a domain, from one report.day to another; in no order.

    Of all reports, or of those that were ingested in the window.
    """
    parts, sums = _Parts(), dict[tuple[Any, ...], _Sum]()
    query = _records(connection.dialect).where(
        report.c.policy_domain == policy_domain, report.c.counted, report.c.day.between(first_day, last_day)
    )
    if window is not None:
        query = query.where(report.c.ingested_at > window.after, report.c.ingested_at <= window.until)
    found = connection.execute(query, execution_options={"yield_per": STREAMED})
    for messages, day, reporter, *said, signatures, checks, reasons in found:
        pattern = (*said, parts.signatures(signatures), parts.checks(checks), parts.reasons(reasons))
        if (known := sums.get(pattern)) is None:
            sums[parts.once(pattern)] = _Sum(messages, 1, day, day, parts.reporters(frozenset(), reporter))
        else:
            known.add(messages, day, reporter, parts)
    return [Evidence(*pattern, *it.values()) for pattern, it in sums.items()]


def _records(dialect: Dialect) -> Select[Any]:
    """Select records, the results below each as JSON: one statement, and so one state of the database."""
    said = ("source_ip", "header_from", "envelope_from", "null_path", "dkim", "spf", "disposition")
    signature, check, reason = record_dkim.c, record_spf.c, record_reason.c
    arc = func.lower(reason.comment).like("%arc=pass%")
    return select(
        record.c.messages,
        report.c.day,
        report.c.reporter,
        *(record.c[name] for name in said),
        _below(dialect, record_dkim, signature.domain, signature.selector, signature.result),
        _below(dialect, record_spf, check.domain, check.scope, check.result),
        _below(dialect, record_reason, reason.type, arc),
    ).join_from(report, record)


def _below(dialect: Dialect, table: Table, *columns: ColumnElement[Any]) -> ScalarSelect[Any]:
    """Give the rows below a record as one text: a JSON array of arrays, empty where there are none."""
    if dialect.name == "postgresql":
        rows: ColumnElement[Any] = cast(func.json_agg(func.json_build_array(*columns)), Text)
    else:
        rows = func.json_group_array(func.json_array(*columns))
    here = (table.c.report_key == record.c.report_key, table.c.ordinal == record.c.ordinal)
    return select(rows).where(*here).scalar_subquery()


@dataclass(slots=True)
class _Sum:
    """What records that say the same come to."""

    messages: int
    records: int
    first_day: date
    last_day: date
    reporters: frozenset[str]

    def add(self, messages: int, day: date, reporter: str | None, parts: "_Parts") -> None:
        self.messages += messages
        self.records += 1
        self.first_day = min(self.first_day, day)
        self.last_day = max(self.last_day, day)
        self.reporters = parts.reporters(self.reporters, reporter)

    def values(self) -> tuple[Any, ...]:
        """Give them as they end an Evidence."""
        return self.reporters, self.messages, self.records, self.first_day, self.last_day


class _Parts:
    """What patterns are made of, each kept once: most of it comes again and again."""

    def __init__(self) -> None:
        self._once: dict[Any, Any] = {}
        self.signatures = cache(partial(_read, Signature))
        self.checks = cache(partial(_read, SpfCheck))
        self.reasons = cache(_read_reasons)
        self.reporters = cache(_with)

    def once(self, pattern: tuple[Any, ...]) -> tuple[Any, ...]:
        # by its place: a signature and a check that read alike are equal, being tuples
        return tuple(self._once.setdefault(part, part[1]) for part in enumerate(pattern))


def _read(kind: Callable[..., Part], text: str | None) -> tuple[Part, ...]:
    """Read rows, in an order of their own: PostgreSQL gives them in any."""
    rows: list[list[str | None]] = json.loads(text or "[]")
    return tuple(kind(*row) for row in sorted(rows, key=lambda row: [it or "" for it in row]))


def _read_reasons(text: str | None) -> tuple[str, ...]:
    rows: list[tuple[str | None, bool | None]] = json.loads(text or "[]")
    return tuple(sorted({kind for kind, _ in rows if kind} | {"arc" for _, arc in rows if arc}))


def _with(reporters: frozenset[str], reporter: str | None) -> frozenset[str]:
    return reporters if reporter is None else reporters | {reporter}


def machines(connection: Connection, policy_domain: str, first_day: date) -> dict[str, Machine]:
    """Give every address that was seen sending as a domain on that day or later."""
    seen, address = source_seen.c, source.c
    query = (
        select(
            seen.source_ip,
            address.name,
            func.coalesce(address.name_confirmed, False),
            network.c.owner,
            network.c.name,
            network.c.registered,
            network.c.country,
            network.c.asn,
            network.c.as_name,
            network.c.registry,
            func.coalesce(address.state, "waiting"),
        )
        .select_from(source_seen)
        .outerjoin(source, address.source_ip == seen.source_ip)
        .outerjoin(network, network.c.id == address.network_key)
        .where(seen.policy_domain == policy_domain, seen.last_day >= first_day)
    )
    return {row[0]: Machine(*row) for row in connection.execute(query)}
