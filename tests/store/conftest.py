"""A database of this version's schema, on each engine in turn."""

from collections.abc import Iterator

import pytest

from store.database import Database
from store.migrate import upgrade


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    upgrade(database)
    yield database
    database.close()
