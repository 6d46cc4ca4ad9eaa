"""`ruamill db grant-analyst`: what is said to the person who grants, and what the analyst can do then."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from store.database import Database
from store.migrate import upgrade
from store.readers import SHOWN
from tests.ingest.program import Program
from tests.servers.postgres import PostgresServer
from tests.store.kit import feedback, take

DOCUMENT = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text(encoding="utf-8")


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of a database with a report."""
    url = postgres_server.create_database()
    with closing(Database(url)) as database:
        upgrade(database)
        take(database, feedback())
    yield url
    postgres_server.drop_database(url)


def test_a_new_role(tmp_path: Path, url: str) -> None:
    program = Program(tmp_path, url)
    done = program.run("db", "grant-analyst", "beate", "--timeout", "5")
    first, second, third = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert first == f"beate may read {len(SHOWN)} views of {name_of(url)}, and nothing else:"
    assert second == ", ".join(SHOWN)
    assert f"may read {len(SHOWN)} views of " in DOCUMENT
    assert f"{second}\n```" in DOCUMENT
    assert third == r"the role is new and has no password: set one in psql with \password beate"
    again = program.run("db", "grant-analyst", "beate", "--timeout", "6")
    assert again.stdout.splitlines() == [first, second]
    with psycopg.connect(by(url, "beate")) as analyst:
        assert analyst.execute("SHOW statement_timeout").fetchone() == ("6s",)


def test_the_analyst_asks_with_query(tmp_path: Path, url: str) -> None:
    Program(tmp_path, url).run("db", "grant-analyst", "carla")
    program = Program(tmp_path, by(url, "carla"))
    asked = program.run("query", "--name", "domain_days", "--format", "csv")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "example.org" in asked.stdout
    for refused in ("report", "message_raw", "failure_messages"):
        done = program.run("query", f"SELECT * FROM {refused}")  # noqa: S608 (our own names)
        assert done.returncode != 0
        assert "permission denied" in done.stderr


@pytest.mark.parametrize(
    ("role", "why"),
    [
        ("postgres", "ruamill: postgres cannot be held to the views: it has the rights of "),
        ("pg_monitor", "ruamill: 'pg_monitor' can be no role: "),
    ],
)
def test_a_refusal_is_one_line_and_wrong_use(tmp_path: Path, url: str, role: str, why: str) -> None:
    done = Program(tmp_path, url).run("db", "grant-analyst", role)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(why)
    assert len(done.stderr.splitlines()) == 1


def test_sqlite_is_refused(tmp_path: Path) -> None:
    done = Program(tmp_path, f"sqlite:///{tmp_path}/ruamill.db").run("db", "grant-analyst", "anna")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ruamill: SQLite has no roles: ")


def test_a_database_without_tables_is_left_empty(tmp_path: Path, postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    done = Program(tmp_path, url).run("db", "grant-analyst", "anna")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ruamill: the database has no tables, not at ")
    with psycopg.connect(url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone() == (0,)
    postgres_server.drop_database(url)


def by(url: str, role: str) -> str:
    """Give the URL by which a role connects."""
    return make_url(url).set(username=role).render_as_string()


def name_of(url: str) -> str:
    """Give the database's name as ruamill says it."""
    with closing(Database(url)) as database:
        return database.name
