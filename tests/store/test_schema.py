"""What strangers write is stored however long it is, and found by an index where it is short."""

from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import Select, select

from store.database import Database
from store.outcomes import Outcome
from store.schema import INDEXED, is_short, report, source_verdict
from store.verdicts import SourceVerdict, write_verdicts
from tests.store.kit import feedback, rows, take
from tests.store.test_contract import nodes, planned

LONG = "".join(Random(8).choices("abcdefghijklmnopqrstuvwxyzäöü", k=10_000))  # noqa: S311 (no secret)
"""PostgreSQL has no room in an index for it, compressed or not."""


def judged(who: str) -> SourceVerdict:
    day = date(2026, 11, 1)
    return SourceVerdict("192.0.2.1", "unknown", None, who, 1, 1, "why", None, "", day, day)


@pytest.mark.parametrize("name", [LONG, "ü" * INDEXED, "Reporter"])
def test_a_name_of_any_length_is_stored(database: Database, name: str) -> None:
    (decision,) = take(database, feedback(reporter=name))
    assert decision.outcome is Outcome.STORED
    write_verdicts(database, "example.org", [judged(name)], datetime(2026, 11, 2, tzinfo=UTC))
    assert rows(database, "SELECT reporter, who FROM report, source_verdict") == [(name, name)]


BY_REPORTER = select(report.c.id).where(report.c.reporter == "Reporter", is_short(report.c.reporter))
BY_OWNER = select(source_verdict.c.source_ip).where(
    source_verdict.c.policy_domain == "example.org",
    source_verdict.c.who == "Owner",
    is_short(source_verdict.c.who),
)


@pytest.mark.parametrize(
    ("query", "index"),
    [(BY_REPORTER, "ix_report_reporter_day"), (BY_OWNER, "ix_source_verdict_policy_domain_who")],
)
def test_a_short_one_is_found_by_its_index(database: Database, query: Select[Any], index: str) -> None:
    with database.reading() as connection:
        dialect = connection.dialect
        words = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    if dialect.name == "postgresql":
        reached = [node.get("Index Name") for node in nodes(planned(database, words))]
    else:
        reached = [
            name for (_, _, _, plan) in rows(database, f"EXPLAIN QUERY PLAN {words}") for name in plan.split()
        ]
    assert index in reached
