"""Rows come through every migration, up and down, on both engines."""

from collections.abc import Iterator
from typing import Any

import pytest

from store.database import Database
from store.migrate import upgrade
from tests.store import kit
from tests.store.filling import ROWS, content, fill
from tests.store.migration_kit import REVISIONS, move, structure

MADE_ANEW = "summary_delivery"
"""By 0007: nothing was ever written into it before."""
SUMS = ("domain_day_rollup", "source_day_rollup", "source_seen")

Content = dict[str, list[dict[str, Any]]]


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def everything(database: Database) -> Content:
    """Give the rows that are to come through."""
    with database.reading() as connection:
        return {table: rows for table, rows in content(connection).items() if table != MADE_ANEW}


def common(rows: Content, other: Content) -> Content:
    """Keep of the rows only tables and columns that the other has too."""
    return {
        table: [{name: row[name] for name in row if name in other[table][0]} for row in rows[table]]
        for table in rows.keys() & other.keys()
    }


def filled(database: Database) -> Content:
    """Fill every table."""
    with database.writing() as connection:
        fill(connection)
    return everything(database)


def assert_same_where_both_have_it(before: Content, after: Content) -> None:
    assert common(after, before) == common(before, after)


def test_every_table_is_filled_in_every_column(database: Database) -> None:
    with database.writing() as connection:
        fill(connection)
        rows = content(connection)
    assert {table: len(found) for table, found in rows.items()} == dict.fromkeys(rows, ROWS)
    never = {
        (table, name)
        for table, found in rows.items()
        for name in found[0]
        if all(row[name] is None for row in found)
    }
    assert never == set()


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_up_from_every_revision_and_back(empty: Database, revision: str) -> None:
    move(empty, revision)
    before, described = filled(empty), structure(empty)
    assert upgrade(empty) == revision
    after = everything(empty)
    assert_same_where_both_have_it(before, after)
    move(empty, revision)
    assert everything(empty) == before
    assert structure(empty) == described


def test_down_step_by_step_and_up_again(database: Database) -> None:
    before, described = filled(database), structure(database)
    for revision in REVISIONS[-2::-1]:
        move(database, revision)
        assert_same_where_both_have_it(before, everything(database))
    below = everything(database)
    assert upgrade(database) == REVISIONS[0]
    after = everything(database)
    assert after.keys() == before.keys()
    assert common(after, below) == below
    assert structure(database) == described


def test_real_reports_come_through_and_their_sums_are_exact(database: Database) -> None:
    kit.take(database, kit.feedback(), kit.feedback("2", kit.record("192.0.2.2", 5), domain="example.net"))
    before = everything(database)
    move(database, REVISIONS[0])
    upgrade(database)
    after = everything(database)
    assert {table: len(rows) for table, rows in after.items()} == {
        table: len(rows) for table, rows in before.items()
    }
    assert {table: after[table] for table in SUMS} == {table: before[table] for table in SUMS}


def test_everything_goes_and_nothing_stays(database: Database) -> None:
    filled(database)
    move(database, "base")
    assert set(structure(database)) == {"alembic_version"}
