"""The questions that people ask: each runs on both engines, answers the same, and stands in docs/sql.md with that answer."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from store.database import Database
from store.migrate import upgrade
from store.questions import questions
from store.schema import metadata
from store.views import VIEWS
from tests.ingest import sample
from tests.servers.postgres import PostgresServer
from tests.store.sql_page import CHAPTERS, SINCE, Answer, ask, page, pasted, values, written

NAMES = sorted(questions())
ASKED_OF = re.compile(r"(?:FROM|JOIN) (\w+)")
NAMED_HERE = re.compile(r"(\w+) AS \(")
FILES = Path(__file__).parents[2] / "store" / "questions"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give the sample mailbox, read, looked up and judged, in SQLite."""
    folder = sample.make(tmp_path_factory.mktemp("sample"))
    database = Database(f"sqlite:///{folder}/build/demo/ruamill.db")
    yield database
    database.close()


@pytest.fixture(scope="module")
def served(embedded: Database, postgres_server: PostgresServer) -> Iterator[Database]:
    """Give the same rows in PostgreSQL."""
    url = postgres_server.create_database()
    database = Database(url)
    upgrade(database)
    with embedded.reading() as source, database.writing() as target:
        for table in metadata.sorted_tables:
            if rows := [row._asdict() for row in source.execute(select(table))]:
                target.execute(insert(table), rows)
    yield database
    database.close()
    postgres_server.drop_database(url)


def answers(database: Database, name: str) -> Answer:
    """Ask a question as `ruamill query` does."""
    question = questions()[name]
    return ask(database, question.sql, values(question))


# -- the files


def test_there_are_enough() -> None:
    assert len(NAMES) >= 30
    assert {file.stem for file in FILES.iterdir()} == set(NAMES)


def test_no_question_is_called_like_a_view() -> None:
    assert set(NAMES) & set(VIEWS) == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_what_it_asks_and_asks_it_of_views(name: str) -> None:
    question = questions()[name]
    assert re.fullmatch(r"[a-z_]+", name)
    assert question.title.endswith("?")
    assert re.search(r"[.?]$", question.text)
    assert question.parameters <= {"domain", "since", "until"}
    assert question.sql.startswith(("SELECT", "WITH"))
    # a driver may take a % for a parameter, and :: is PostgreSQL's alone
    assert not re.search(r"[;%]|::|--", question.sql)
    shown = {view for view, it in VIEWS.items() if it.shown}
    assert set(ASKED_OF.findall(question.sql)) <= shown | set(NAMED_HERE.findall(question.sql))
    assert max(map(len, (FILES / f"{name}.sql").read_text(encoding="utf-8").splitlines())) <= 120


# -- the answers


@pytest.mark.parametrize("name", NAMES)
def test_sqlite_has_an_answer(embedded: Database, name: str) -> None:
    assert answers(embedded, name).rows
    assert answers(embedded, name) == ask(embedded, pasted(questions()[name]), {})


@pytest.mark.postgresql
@pytest.mark.parametrize("name", NAMES)
def test_postgresql_answers_the_same(embedded: Database, served: Database, name: str) -> None:
    found = answers(served, name)
    expected = answers(embedded, name)
    assert found.columns == expected.columns
    # an address has another order there
    assert sorted(map(repr, found.rows)) == sorted(map(repr, expected.rows))
    assert found == ask(served, pasted(questions()[name]), {})


def test_nothing_came_in_yet(database: Database) -> None:
    assert [name for name in NAMES if answers(database, name).rows] == []


# -- the page


def test_every_question_is_in_one_chapter() -> None:
    assert sorted(chain(*CHAPTERS.values())) == NAMES
    assert set(SINCE) <= set(NAMES)


def test_the_page_is_what_the_questions_answer(embedded: Database) -> None:
    assert written() == page(embedded), "write it anew: python -m tests.store.sql_page --write"
