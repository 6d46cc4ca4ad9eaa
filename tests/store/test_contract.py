"""The views are on both engines what store.views says they are: columns, types, comments, and the same rows."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Date, Float, Text, column, inspect, select, table, text, types

from store.database import Database
from store.migrate import HEAD, upgrade
from store.schema import metadata
from store.types import Address, UtcDateTime
from store.views import TYPES, VIEWS, Column, Type
from tests.servers.postgres import PostgresServer
from tests.store import schema_page
from tests.store.filling import fill
from tests.store.kit import feedback, record, rows, take
from tests.store.migration_kit import move
from tests.store.test_views import sent

CONTRACT = {"0005": "589c6ccf422e690adc15f39f3353fa1ac623066c8ac02147728d825eefe1bbd2"}
"""Revision -> SHA-256 of the views that it makes."""
CHANGED = """store/views.py is not what analysts were promised. If a view is to change:
write a new migration that makes it, with its comments; raise HEAD in store/migrate.py; add a line to CHANGELOG.md;
run `python -m tests.store.schema_page --write`; and add to CONTRACT, in this test: "{head}": "{sha256}"
"""

VALUES: dict[Type, tuple[types.TypeEngine[Any], type]] = {
    Type.TEXT: (Text(), str),
    Type.INTEGER: (BigInteger(), int),
    Type.NUMBER: (Float(), float),
    Type.BOOLEAN: (Boolean(), bool),
    Type.DATE: (Date(), date),
    Type.MOMENT: (UtcDateTime(), datetime),
    Type.ADDRESS: (Address, str),
}
"""Type -> how it is read, and what comes out, on either engine."""

UNCOMMENTED = """
SELECT relname, attname
FROM pg_class
JOIN pg_attribute ON attrelid = pg_class.oid AND attnum >= 0 AND NOT attisdropped
LEFT JOIN pg_description ON objoid = pg_class.oid AND classoid = 'pg_class'::regclass AND objsubid = attnum
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') AND description IS NULL
UNION ALL
SELECT relname, '' FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
  AND obj_description(oid, 'pg_class') IS NULL
"""
TYPES_FOUND = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = CAST(:view AS regclass) AND attnum > 0 ORDER BY attnum
"""

LARGE = {
    *("message", "report", "record", "record_dkim", "record_spf", "record_reason", "deviation"),
    *("domain_day_rollup", "source_day_rollup", "source_seen", "source", "source_verdict"),
}
"""Tables that nobody may have to read from end to end."""
OF_DAYS = "policy_domain = 'example.org' AND day >= '2026-11-01'"
OF_DOMAIN = "policy_domain = 'example.org'"
OF_ADDRESS = "source_ip = '192.0.2.1'"
SEARCHES = [
    ("records_flat", OF_DAYS, "report", "policy_domain=? AND day>?"),
    ("records_flat", OF_ADDRESS, "record", "source_ip=?"),
    ("records_flat", "day = '2026-11-01'", "report", "day=?"),
    ("sources", OF_DOMAIN, "source_day_rollup", "policy_domain=?"),
    ("source_days", OF_DAYS, "source_day_rollup", "policy_domain=? AND day>?"),
    ("domain_days", OF_DAYS, "domain_day_rollup", "policy_domain=? AND day>?"),
    ("failing_sources", OF_DOMAIN, "source_day_rollup", "policy_domain=? AND day>?"),
    ("new_sources", OF_DOMAIN, "source_day_rollup", "policy_domain=? AND day>?"),
    ("addresses", OF_ADDRESS, "source", "source_ip=?"),
    ("reports", OF_DAYS, "report", "policy_domain=? AND day>?"),
    ("reports", "day >= '2026-11-01'", "report", "day>?"),
    ("signatures", OF_DAYS, "report", "policy_domain=? AND day>?"),
    ("signatures", OF_ADDRESS, "record", "source_ip=?"),
    ("spf_checks", OF_DAYS, "report", "policy_domain=? AND day>?"),
    ("overrides", OF_DAYS, "report", "policy_domain=? AND day>?"),
]
"""View, what is asked of it, the table that is searched by an index, and by which of its columns."""


@pytest.fixture(scope="module")
def both(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Database]]:
    """Give a database of each engine with the same rows in every table, NULLs and others, and with real reports."""
    url = postgres_server.create_database()
    databases = [Database(f"sqlite:///{tmp_path_factory.mktemp('both')}/ruamill.db"), Database(url)]
    for database in databases:
        upgrade(database)
        with database.writing() as connection:
            fill(connection)
        conflict = feedback("1", record("2001:db8::9", 3))
        take(database, feedback("1"), conflict, sent(feedback("2"), hours=7), feedback("3", record("n/a", 1)))
    yield databases
    for database in databases:
        database.close()
    postgres_server.drop_database(url)


def content(database: Database, view: str) -> list[dict[str, Any]]:
    """Read a view by the types that are promised."""
    promised = VIEWS[view].columns
    source = table(view, *(column(name, VALUES[it.type][0]) for name, it in promised.items()))
    with database.reading() as connection:
        return sorted((dict(row) for row in connection.execute(select(source)).mappings()), key=repr)


def keeps(it: Column, value: object) -> bool:
    """Tell whether a column may have the value."""
    return it.nullable if value is None else type(value) is VALUES[it.type][1]


def test_the_views_of_a_database_are_those_that_are_promised(database: Database) -> None:
    with database.reading() as connection:
        found = inspect(connection)
        columns = {view: [it["name"] for it in found.get_columns(view)] for view in found.get_view_names()}
    assert columns == {name: list(view.columns) for name, view in VIEWS.items()}


@pytest.mark.parametrize("view", VIEWS)
def test_both_engines_have_the_same_rows_in_a_view_of_the_promised_types(
    both: list[Database], view: str
) -> None:
    sqlite, postgresql = (content(database, view) for database in both)
    assert sqlite == postgresql
    assert sqlite
    wrong = {
        name for row in sqlite for name, value in row.items() if not keeps(VIEWS[view].columns[name], value)
    }
    assert wrong == set()


@pytest.mark.parametrize("view", VIEWS)
def test_postgresql_has_the_promised_types(both: list[Database], view: str) -> None:
    for name, found in rows(both[1], TYPES_FOUND, view=view):
        promised = TYPES[VIEWS[view].columns[name].type][0]
        assert found in re.split(", | or ", promised), f"{view}.{name}"


def test_postgresql_says_of_everything_what_it_is(both: list[Database]) -> None:
    assert rows(both[1], UNCOMMENTED) == []
    with both[1].reading() as connection:
        found = inspect(connection)
        for name, view in VIEWS.items():
            assert found.get_table_comment(name)["text"] == view.comment
            comments = {it["name"]: it["comment"] for it in found.get_columns(name)}
            assert comments == {column: it.comment for column, it in view.columns.items()}


def test_views_that_analysts_made_of_ours_outlive_an_upgrade(database: Database) -> None:
    move(database, "0004")
    with database.writing() as connection:
        for view in ("records_flat", "failing_sources", "reporter_quality"):
            connection.execute(text(f"CREATE VIEW my_{view} AS SELECT * FROM {view}"))  # noqa: S608 (our own names)
    upgrade(database)
    assert rows(database, "SELECT count(*) FROM my_records_flat") == [(0,)]


def test_a_view_is_cut_into_days_by_a_date_that_is_always_there() -> None:
    days = {name: view.columns[view.day] for name, view in VIEWS.items() if view.day}
    assert {(it.type, it.nullable) for it in days.values()} == {(Type.DATE, False)}
    assert {name for name, view in VIEWS.items() if "day" in view.columns} == set(days)


def test_analysts_see_no_raw_mail() -> None:
    assert [name for name, view in VIEWS.items() if not view.shown] == ["failure_messages"]
    assert all("headers" not in view.columns for view in VIEWS.values() if view.shown)


def test_views_and_tables_have_names_of_their_own() -> None:
    assert not VIEWS.keys() & metadata.tables.keys()


def test_a_change_of_a_view_is_a_new_revision() -> None:
    promised = json.dumps({name: asdict(view) for name, view in VIEWS.items()})
    sha256 = hashlib.sha256(promised.encode()).hexdigest()
    newest = max(CONTRACT)
    assert newest <= HEAD
    assert CONTRACT[newest] == sha256, CHANGED.format(head=HEAD, sha256=sha256)


@pytest.mark.parametrize(("view", "where", "searched", "by"), SEARCHES)
def test_what_is_asked_of_a_view_reaches_an_index_of_sqlite(
    both: list[Database], view: str, where: str, searched: str, by: str
) -> None:
    plan = [row[3] for row in rows(both[0], f"EXPLAIN QUERY PLAN SELECT * FROM {view} WHERE {where}")]  # noqa: S608 (our own names)
    names = {"days": "source_day_rollup", "each_day": "source_day_rollup", "seen": "source_seen"}
    steps = [line.split(" ", 2) for line in plan if line.startswith(("SCAN ", "SEARCH "))]
    tables = [(verb, names.get(name, name), rest) for verb, name, *rest in steps]
    assert not [step for step in tables if step[0] == "SCAN" and step[1] in LARGE]
    assert any(step[1] == searched and f"({by})" in "".join(step[2]) for step in tables), plan


@pytest.mark.parametrize(("view", "where", "searched", "by"), SEARCHES)
def test_what_is_asked_of_a_view_reaches_an_index_of_postgresql(
    both: list[Database], view: str, where: str, searched: str, by: str
) -> None:
    plan = planned(both[1], f"SELECT * FROM {view} WHERE {where}")  # noqa: S608 (our own names)
    reached = [
        (it.get("Relation Name"), it.get("Index Cond") or it.get("Recheck Cond")) for it in nodes(plan)
    ]
    assert not [name for name, condition in reached if name in LARGE and not condition]
    words = re.findall(r"\w+(?==|>)", by)
    assert any(
        name == searched and all(word in condition for word in words) for name, condition in reached if name
    ), plan


def planned(database: Database, query: str) -> Any:
    """Plan as over a large table: with an index wherever one can be used."""
    with database.reading() as connection:
        for way in ("seqscan", "hashjoin", "mergejoin"):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))
        [[plan]] = connection.execute(text(f"EXPLAIN (FORMAT JSON) {query}"))
    return plan[0]["Plan"]


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def test_a_report_costs_only_what_is_asked_of_it(both: list[Database]) -> None:
    plan = [row[3] for row in rows(both[0], "EXPLAIN QUERY PLAN SELECT reporter FROM reports")]
    assert plan == ["SCAN report"]
    found = nodes(planned(both[1], "SELECT reporter FROM reports"))
    assert {it["Relation Name"] for it in found if "Relation Name" in it} == {"report"}


def test_the_page_tells_of_this_schema() -> None:
    written = Path(schema_page.DOCUMENT).read_text(encoding="utf-8")
    assert schema_page.page(written) == written, "run python -m tests.store.schema_page --write"
