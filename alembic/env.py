"""Run migrations: over the connection that `ruamill` hands in, or, for alembic's own command, over a new one."""

import os
from contextlib import closing

from alembic import context
from sqlalchemy import Connection

from store.database import Database
from store.schema import metadata


def migrate(connection: Connection) -> None:
    """Run them in the transaction that is open."""
    # batch mode: SQLite alters a table by copying it
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True
    )
    context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    migrate(given)
else:
    url = os.environ.get("RUAMILL_DATABASE") or context.config.get_main_option("sqlalchemy.url")
    with closing(Database(str(url))) as database, database.writing() as connection:
        migrate(connection)
