"""The questions of store/questions with their answers on the sample mailbox, in docs/sql.md.

`python -m tests.store.sql_page --write` writes them anew; without --write it prints them.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from sqlalchemy import text

from store.database import Database
from store.questions import Question, questions
from tests.ingest import sample

DOCUMENT = Path(__file__).parents[2] / "docs" / "sql.md"
BEGIN, END = "<!-- questions:begin -->", "<!-- questions:end -->"
ROWS, WIDTH = 15, 60
"""How much of an answer is shown: rows, and characters of a cell."""

VALUES = {"domain": "example.org", "since": "2026-10-17", "until": "2026-11-15"}
"""What the questions are asked about: the last 30 days of the sample mailbox."""
FROM_THE_BEGINNING = "2026-09-01"
SINCE = {
    "reports_per_day": "2026-10-12",
    **dict.fromkeys(
        (
            "dkim_selectors",
            "judged_otherwise",
            "late_reports",
            "lateness_by_reporter",
            "mechanisms",
            "mimecast_dkim",
            "missing_in_spf",
            "parked_domains",
            "pass_rate_by_receiver",
            "pass_rate_per_month",
            "passed_before",
            "policy_changes",
            "reporter_disagreement",
            "selectors_gone",
            "senders_gone",
            "signing_machines",
            "silent_reporters",
            "stopped_by_policy",
            "uncounted_reports",
        ),
        FROM_THE_BEGINNING,
    ),
}
"""Those that look back further."""

CHAPTERS = {
    "Who sends": (
        "who_sends",
        "who_fails",
        "new_this_week",
        "senders_gone",
        "passed_before",
        "largest_addresses",
        "subdomains",
        "subdomain_senders",
        "countries",
        "looked_up",
    ),
    "How much passes": (
        "pass_rate_per_day",
        "pass_rate_per_month",
        "mechanisms",
        "spf_alone",
        "worst_days",
        "all_domains",
        "parked_domains",
    ),
    "The policy": (
        "cost_of_reject",
        "stopped_by_policy",
        "forwarded_share",
        "override_reasons",
        "policies_now",
        "policy_changes",
    ),
    "DKIM and SPF": (
        "dkim_selectors",
        "selectors_gone",
        "failing_signatures",
        "mimecast_dkim",
        "signing_machines",
        "unaligned_signatures",
        "unaligned_return_paths",
        "missing_in_spf",
        "bounces_without_dkim",
    ),
    "Who reports": (
        "volume_by_receiver",
        "pass_rate_by_receiver",
        "reporter_disagreement",
        "judged_otherwise",
        "silent_reporters",
        "reports_per_day",
        "late_reports",
        "lateness_by_reporter",
        "reporter_habits",
    ),
    "What came in": (
        "what_became_of_the_mail",
        "uncounted_reports",
        "damaged_reports",
        "tls_sessions",
    ),
}
"""The order of the page: every question is in one chapter."""


class Answer(NamedTuple):
    """What a question gave: names of columns, and rows of values that read alike on both engines."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


def values(question: Question) -> Mapping[str, str]:
    """Give a question what it wants to know."""
    chosen = {**VALUES, "since": SINCE.get(question.name, VALUES["since"])}
    return {name: chosen[name] for name in question.parameters}


def pasted(question: Question) -> str:
    """Write a question as somebody pastes it into a client."""
    sql = question.sql
    for name, value in values(question).items():
        sql = sql.replace(f":{name}", f"'{value}'")
    return sql


def ask(database: Database, sql: str, asked: Mapping[str, str]) -> Answer:
    """Ask a database, as it is."""
    with database.reading() as connection:
        found = connection.execute(text(sql), asked)
        return Answer(tuple(found.keys()), [tuple(map(_alike, row)) for row in found])


def _alike(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, date) else value


def page(database: Database) -> str:
    """Write the list of questions, and each of them with its answer."""
    asked = questions()
    contents = (
        line
        for chapter, names in CHAPTERS.items()
        for line in (f"**{chapter}**", "", *(_entry(asked[name]) for name in names), "")
    )
    chapters = (
        line
        for chapter, names in CHAPTERS.items()
        for line in (
            f"## {chapter}",
            "",
            *(line for name in names for line in _section(database, asked[name])),
        )
    )
    return "\n".join((*contents, *chapters)).rstrip()


def _entry(question: Question) -> str:
    return f"- [{question.title}](#{question.name})"


def _section(database: Database, question: Question) -> Iterator[str]:
    """Write a question: its name, what to look for, the SELECT, the answer."""
    answer = ask(database, pasted(question), {})
    yield from (f'<a id="{question.name}"></a>', "", f"### {question.title}", "")
    yield from (f"`{question.name}`: {question.text}", "", "```sql", f"{pasted(question)};", "```", "")
    yield from _table(answer)
    yield ""


def _table(answer: Answer) -> Iterator[str]:
    yield _line(answer.columns)
    yield _line(["---:" if _is_number(column) else "---" for column in zip(*answer.rows, strict=True)])
    yield from (_line(map(_cell, row)) for row in answer.rows[:ROWS])
    if len(answer.rows) > ROWS:
        yield from ("", f"… and {len(answer.rows) - ROWS} more.")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _is_number(column: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) or value is None for value in column)


def _cell(value: Any) -> str:
    written = "" if value is None else str(value).replace("|", "\\|")
    return written if len(written) <= WIDTH else f"{written[: WIDTH - 1]}…"


def written() -> str:
    """Give what stands in the document."""
    return DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


def main() -> None:
    """Read the sample mailbox, ask all questions, and write or print the answers."""
    with TemporaryDirectory() as folder:
        made = sample.make(Path(folder))
        database = Database(f"sqlite:///{made}/build/demo/ruamill.db")
        answers = page(database)
        database.close()
    if "--write" not in sys.argv[1:]:
        sys.stdout.write(answers + "\n")
        return
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{answers}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
