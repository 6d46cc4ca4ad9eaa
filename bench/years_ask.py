"""Ask a filled database every question that has a name: seconds, rows and plans out."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from bench.years_reports import DOMAINS, END
from store.asking import asking
from store.database import Database
from store.questions import Question, questions
from store.schema import metadata

COMMONEST: Final = (
    "who_sends",
    "who_fails",
    "pass_rate_per_day",
    "new_this_week",
    "cost_of_reject",
    "volume_by_receiver",
    "dkim_selectors",
    "subdomains",
    "forwarded_share",
    "silent_reporters",
)
"""What is asked most; to be answered within a second, everything else within five."""

LARGEST, MIDDLE = DOMAINS[0].name, DOMAINS[len(DOMAINS) // 2].name
UNTIL = END - timedelta(days=1)
TIMES = 3
"""Each question is asked so often, and the best time counts: the machine may be busy with something else."""
PATIENCE = 600.0

SCAN = re.compile(r"(Seq|Index|Index Only|Bitmap Index) Scan .*")
CONDITION = re.compile(r"Index Cond: \((.*)\)")
CAST = re.compile(r"::(?:\w+|double precision)")


@dataclass(frozen=True, slots=True)
class Answered:
    """What a question took."""

    seconds: float
    rows: int


def written_out(question: Question, domain: str, days: int) -> str:
    """Give the question's SQL with values in place of its parameters, as people paste it."""
    values = {"domain": domain, "since": UNTIL - timedelta(days=days - 1), "until": UNTIL}
    sql = question.sql
    for name, value in values.items():
        sql = sql.replace(f":{name}", f"'{value}'")
    return sql


def ask(database: Database, sql: str) -> Answered:
    """Ask as `ruamill query` does, as often as is to be, and read every row."""
    seconds = []
    for _ in range(TIMES):
        with asking(database, PATIENCE) as session:
            started = time.perf_counter()
            rows = sum(1 for _ in session.ask(sql))
            seconds.append(time.perf_counter() - started)
    return Answered(min(seconds), rows)


def named() -> Iterator[tuple[str, Question]]:
    """Give the questions, the commonest first."""
    every: Mapping[str, Question] = questions()
    for name in (*COMMONEST, *(it for it in every if it not in COMMONEST)):
        yield name, every[name]


def plan(connection: Connection, sql: str) -> list[str]:
    """Give what the database's plan tells of how rows are found: each table or index that is gone through, and by what."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
        return [
            what for *_, what in rows if " USING " in what or what.removeprefix("SCAN ") in metadata.tables
        ]
    connection.exec_driver_sql(
        "SET LOCAL max_parallel_workers_per_gather = 0"
    )  # as for the cursor of `ruamill query`
    connection.exec_driver_sql("SET LOCAL jit = off")
    lines = []
    for line in connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {sql}").scalars():
        if found := SCAN.search(line):
            lines.append(found[0])
        elif lines and (found := CONDITION.search(line)):
            lines[-1] += f": {CAST.sub('', found[1])}"
    return lines
