"""Analysts read the views and nothing else, whoever they are, and still do after an upgrade."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from store.access import OURS, READABLE, AccessError, Granted, grant
from store.database import Database
from store.migrate import SchemaTooNewError, SchemaTooOldError, upgrade
from store.readers import SHOWN
from store.views import VIEWS
from tests.servers.postgres import PostgresServer
from tests.store.kit import feedback, rows, take
from tests.store.migration_kit import move

Session = psycopg.Connection[tuple[object, ...]]

LIMITS = {
    "statement_timeout": "1s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "5min",
    "default_transaction_read_only": "on",
    "search_path": "public",
    "jit": "off",
}

numbers = count(1)
"""Roles belong to the server, so that each test makes its own."""


@contextmanager
def new_database(server: PostgresServer) -> Iterator[str]:
    """Make a database that belongs to the server's administrator; give its URL."""
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def own_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of an empty database for one test alone."""
    with new_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of the database that most tests share: a report is in it."""
    with new_database(postgres_server) as url, closing(Database(url)) as database:
        upgrade(database)
        take(database, feedback())
        yield url


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Database]:
    with closing(Database(url)) as database:
        yield database


@pytest.fixture(scope="module")
def anna(database: Database) -> str:
    """Give an analyst who changes nothing."""
    granted(database, "anna")
    return "anna"


@pytest.fixture
def role() -> str:
    return f"analyst_{next(numbers)}"


@contextmanager
def session(url: str, role: str = "postgres") -> Iterator[Session]:
    """Connect as a role, and let every statement stand for itself."""
    with psycopg.connect(as_role(url, role), autocommit=True) as connection:
        yield connection


def as_role(url: str, role: str) -> str:
    return make_url(url).set(username=role).render_as_string()


def granted(database: Database, role: str, *before: str, timeout_seconds: int = 60) -> Granted:
    """Grant, after these statements of the same transaction."""
    with database.writing() as connection:
        for statement in before:
            connection.exec_driver_sql(statement)
        return grant(connection, role, timeout_seconds)


def refusal(database: Database, role: str, *before: str) -> str:
    """Ask for what is refused, after these statements, which are rolled back with it; give the text."""
    with pytest.raises(AccessError) as caught:
        granted(database, role, *before)
    return str(caught.value)


def run(url: str, statements: LiteralString, **names: str) -> None:
    """Run statements as the administrator, with names put in."""
    with session(url) as administrator:
        administrator.execute(sql.SQL(statements).format(**{k: sql.Identifier(v) for k, v in names.items()}))


def readable(url: str, role: str) -> set[str]:
    """Try to read everything as a role."""
    found = set()
    with session(url, role) as connection:
        for name in OURS:
            try:
                connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))).fetchall()
            except psycopg.errors.InsufficientPrivilege:
                continue
            found.add(name)
    return found


# --- what an analyst can do


def test_an_analyst_reads_the_views_and_nothing_else(database: Database, url: str, role: str) -> None:
    assert granted(database, role) == Granted(made=True, views=SHOWN)
    assert readable(url, role) == set(READABLE)
    assert set(SHOWN) == VIEWS.keys() - {"failure_messages"}
    with session(url, role) as analyst:
        assert analyst.execute("SELECT host(source_ip), messages FROM records_flat").fetchall() == [
            ("192.0.2.1", 12)
        ]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM record",
        "UPDATE report SET p = 'none'",
        "INSERT INTO report (id) VALUES (1)",
        "TRUNCATE record",
        "DROP VIEW sources",
        "CREATE TABLE mine (number int)",
        "CREATE SCHEMA mine",
        "SELECT * FROM records_flat FOR UPDATE",
        "COPY records_flat TO '/tmp/records'",
        "COPY records_flat TO PROGRAM 'cat'",
        "SET ROLE postgres",
        "UPDATE alembic_version SET version_num = '9999'",
    ],
)
def test_an_analyst_changes_nothing_even_who_lifts_his_own_limits(
    url: str, anna: str, statement: LiteralString
) -> None:
    with session(url, anna) as analyst:
        analyst.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute(statement)


def test_an_analyst_does_not_ask_for_ever(database: Database, url: str, role: str) -> None:
    granted(database, role, timeout_seconds=1)
    with session(url, role) as analyst:
        with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
            analyst.execute("SELECT pg_sleep(30)")
        for name, value in LIMITS.items():
            assert analyst.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone() == (value,)


def test_again_brings_it_up_to_date(database: Database, url: str, role: str) -> None:
    granted(database, role)
    run(
        url,
        "GRANT ALL ON record, sources TO {role}; GRANT SELECT (data), UPDATE (data) ON report_xml TO {role}",
        role=role,
    )
    assert granted(database, role, timeout_seconds=90) == Granted(made=False, views=SHOWN)
    assert readable(url, role) == set(READABLE)
    with session(url, role) as analyst:
        assert analyst.execute("SHOW statement_timeout").fetchone() == ("90s",)


@pytest.mark.parametrize("name", ["anna@example.org", 'O\'Brien"the"100%s%(x)s:role', "Übung", "select"])
def test_a_role_may_have_any_name(database: Database, url: str, name: str) -> None:
    assert granted(database, name).made
    assert not granted(database, name).made
    assert readable(url, name) == set(READABLE)
    run(url, "DROP OWNED BY {role}; DROP ROLE {role}", role=name)


def test_views_in_a_schema_of_their_own_are_found(own_url: str, role: str) -> None:
    run(own_url, 'CREATE SCHEMA "My reports"')
    with closing(Database(f"{own_url}?options=-csearch_path%3D%22My%5C%20reports%22")) as database:
        upgrade(database)
        granted(database, role)
    assert readable(own_url, role) == set(READABLE)


# --- who cannot be an analyst


@pytest.mark.parametrize("name", ["", " ", "public", "none", "pg_monitor", "a\nb", "ä" * 32])
def test_what_is_no_name_is_refused(database: Database, name: str) -> None:
    assert "can be no role" in refusal(database, name)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("ALTER ROLE eve SUPERUSER", "administer the server"),
        ("ALTER ROLE eve CREATEROLE", "has the rights of eve, who"),
        ("ALTER ROLE eve REPLICATION", "has the rights of eve, who"),
        ("ALTER TABLE record OWNER TO eve", "has the rights of eve, who own the tables"),
        ("ALTER DATABASE test_0 OWNER TO eve", "has the rights of eve, who own the tables"),
        ("GRANT postgres TO eve", "has the rights of postgres, who"),
        ("ALTER ROLE eve NOINHERIT; GRANT postgres TO eve", "has the rights of postgres, who"),
        ("GRANT pg_read_all_data TO eve", "has the rights of pg_read_all_data, who"),
        ("GRANT pg_execute_server_program TO eve", "has the rights of pg_execute_server_program, who"),
        (
            "GRANT SELECT ON message_raw TO PUBLIC",
            r"read or change message_raw, by a .* PUBLIC .* \\dp message_raw",
        ),
        ("GRANT DELETE ON record TO PUBLIC", "could still read or change record,"),
        (
            "GRANT SELECT (data) ON report_xml TO crew; GRANT crew TO eve",
            "change report_xml, by a right that crew",
        ),
        (
            "GRANT UPDATE ON sources TO crew; GRANT crew TO eve",
            "read or change sources, by a right that crew",
        ),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC; and"),
    ],
)
def test_who_could_do_more_is_refused(database: Database, url: str, statement: str, why: str) -> None:
    ours = statement.replace("test_0", url.rpartition("/")[2])
    assert re.search(why, refusal(database, "eve", "CREATE ROLE eve LOGIN; CREATE ROLE crew", ours))


def test_nothing_is_left_of_what_was_refused(database: Database) -> None:
    assert "could still read" in refusal(database, "eve", "GRANT SELECT ON record TO PUBLIC")
    assert rows(database, "SELECT rolname FROM pg_roles WHERE rolname IN ('eve', 'crew')") == []


@pytest.mark.parametrize(("revision", "error"), [("0001", SchemaTooOldError), ("9999", SchemaTooNewError)])
def test_a_schema_of_another_version_is_left_alone(
    database: Database, revision: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        granted(database, "eve", f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608 (ours)


def test_a_timeout_that_the_server_does_not_take(database: Database, role: str) -> None:
    with pytest.raises(AccessError, match="the server takes 1 to 2147483"):
        granted(database, role, timeout_seconds=2_147_484)
    granted(database, role, timeout_seconds=2_147_483)


def test_sqlite_has_no_roles(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path}/ruamill.db")) as database:
        upgrade(database)
        assert "SQLite has no roles" in refusal(database, "anna")


# --- who grants


@pytest.fixture
def owned(own_url: str) -> Iterator[Database]:
    """Give a database whose tables belong to a role that may do nothing else, as the daemon's should be."""
    owner = f"owner_{next(numbers)}"
    run(own_url, "CREATE ROLE {owner} LOGIN; GRANT CREATE ON SCHEMA public TO {owner}", owner=owner)
    with closing(Database(as_role(own_url, owner))) as database:
        upgrade(database)
        yield database


def test_who_may_make_no_roles_is_told_what_an_administrator_must_run(
    owned: Database, own_url: str, role: str
) -> None:
    told = refusal(owned, role)
    statements = told.partition("try again: ")[2]
    assert statements.startswith(f"CREATE ROLE {role} LOGIN; ")
    run(own_url, statements)
    assert granted(owned, role) == Granted(made=False, views=SHOWN)
    assert readable(own_url, role) == set(READABLE)


def test_an_administrator_may_do_it_all(owned: Database, own_url: str, role: str) -> None:
    with closing(Database(own_url)) as administrator:
        assert granted(administrator, role) == Granted(made=True, views=SHOWN)
    assert readable(own_url, role) == set(READABLE)
    assert upgrade(owned)


def test_an_analyst_grants_nothing(url: str, anna: str) -> None:
    with closing(Database(as_role(url, anna))) as analyst:
        assert "the views belong to postgres" in refusal(analyst, "eve")


# --- after an upgrade


@pytest.fixture
def fresh(own_url: str) -> Iterator[Database]:
    with closing(Database(own_url)) as database:
        yield database


def test_an_upgrade_gives_the_rights_back(fresh: Database, own_url: str, role: str) -> None:
    team, lead, other = (f"{word}_{role}" for word in ("team", "lead", "other"))
    move(fresh, "0002")
    names = {"role": role, "team": team, "lead": lead, "other": other}
    run(
        own_url,
        "CREATE ROLE {role} LOGIN; CREATE ROLE {team}; CREATE ROLE {lead} LOGIN; CREATE ROLE {other} LOGIN",
        **names,
    )
    run(own_url, "GRANT {team} TO {role}; GRANT SELECT ON records_flat TO {team}", **names)
    run(own_url, "GRANT SELECT ON records_flat TO {lead} WITH GRANT OPTION", **names)
    run(own_url, "GRANT SELECT ON failure_messages, tls_days TO {other}", **names)
    upgrade(fresh)
    assert readable(own_url, role) == set(SHOWN)
    assert readable(own_url, other) == {"failure_messages", "tls_days"}
    with session(own_url, lead) as connection:
        connection.execute(sql.SQL("GRANT SELECT ON reports TO {}").format(sql.Identifier(other)))
    assert readable(own_url, other) == {"failure_messages", "tls_days", "reports"}


def test_an_upgrade_gives_the_rights_of_everybody_back(fresh: Database, own_url: str, role: str) -> None:
    move(fresh, "0001")
    run(own_url, "CREATE ROLE {role} LOGIN; GRANT SELECT ON records_flat TO PUBLIC", role=role)
    upgrade(fresh)
    assert readable(own_url, role) == set(SHOWN)
