"""The rollups say what the records say, at every commit, whatever was reported in whatever order."""

import random
from collections.abc import Iterator

import pytest

from store.database import Database
from store.outcomes import Outcome
from store.writer import write
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, NOW, feedback, incoming, large, rows

RECOUNTS = {
    "domain_day_rollup": """
        SELECT coalesce(policy_domain, ''), day, coalesce(disposition, ''), coalesce(dkim, ''), coalesce(spf, ''),
               sum(record.messages), count(*)
        FROM record JOIN report ON report.id = report_key WHERE counted GROUP BY 1, 2, 3, 4, 5
    """,
    "source_day_rollup": """
        SELECT coalesce(policy_domain, ''), day, source_ip, coalesce(header_from, ''), coalesce(disposition, ''),
               coalesce(dkim, ''), coalesce(spf, ''), sum(record.messages), count(*)
        FROM record JOIN report ON report.id = report_key WHERE counted AND source_ip IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5, 6, 7
    """,
    "source_seen": """
        SELECT coalesce(policy_domain, ''), source_ip, min(day), max(day)
        FROM record JOIN report ON report.id = report_key WHERE counted AND source_ip IS NOT NULL GROUP BY 1, 2
    """,
}
"""Each rollup counted anew from the records of counted reports."""

EVALUATED = ("pass", "fail", "Pass", "hardfail", "", None)
ADDRESSES = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:DB8:0::1", "::ffff:192.0.2.1", "n/a", "", None)
POLICY_DOMAINS = ("example.org", "Example.ORG.", "example.net", "sub.example.org", "")
BEGINNINGS = (FIRST_OF_NOVEMBER, FIRST_OF_NOVEMBER - 1, FIRST_OF_NOVEMBER + DAY, "yesterday")
AUTHOR_DOMAINS = (*POLICY_DOMAINS, None)


def element(name: str, value: object) -> str:
    """Write an element, or none at all."""
    return "" if value is None else f"<{name}>{value}</{name}>"


def reports(seed: int) -> Iterator[bytes]:
    """Make up reports of few addresses, domains and days, so that sums meet; some come twice or contradict."""
    dice = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    for number in range(60):
        records = [a_record(dice) for _ in range(dice.randrange(1, 5))]
        domain, begin = dice.choice(POLICY_DOMAINS), dice.choice(BEGINNINGS)
        yield feedback(str(dice.randrange(10)), *records, domain=domain, begin=begin)
        if number % 10 == 0:
            yield feedback("always the same")


def a_record(dice: random.Random) -> str:
    evaluated = (
        element("disposition", dice.choice(["none", "quarantine", "Reject", "shrug", None]))
        + element("dkim", dice.choice(EVALUATED))
        + element("spf", dice.choice(EVALUATED))
    )
    row = (
        element("source_ip", dice.choice(ADDRESSES))
        + element("count", dice.choice([0, 1, dice.randrange(10**6), 10**10, -1, "many", None]))
        + element("policy_evaluated", evaluated)
    )
    identifiers = element("identifiers", element("header_from", dice.choice(AUTHOR_DOMAINS)))
    return element("record", element("row", row) + identifiers)


def compare(database: Database) -> None:
    for rollup, recount in RECOUNTS.items():
        assert set(rows(database, f"SELECT * FROM {rollup}")) == set(rows(database, recount))  # noqa: S608 (our own names)


@pytest.mark.parametrize("seed", range(3))
def test_rollups_are_exact_at_every_commit(database: Database, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    waiting = [incoming(xml, str(uid)) for uid, xml in enumerate(reports(seed), 1)]
    outcomes = set()
    while waiting:
        size = dice.randrange(1, 20)
        batch, waiting = waiting[:size], waiting[size:]
        outcomes |= {decision.outcome for decision in write(database, batch, NOW)}
        compare(database)
    assert outcomes == {Outcome.STORED, Outcome.DUPLICATE, Outcome.CONFLICT}


def test_rollups_are_exact_after_a_large_report_in_several_pieces(database: Database) -> None:
    write(database, [incoming(large())], NOW)
    compare(database)
    assert rows(database, "SELECT max(messages), count(*) FROM source_day_rollup") == [(3, 5_000)]
