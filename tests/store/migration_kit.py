"""What the tests of migrations do to a database: move it to a revision, run one that fails, describe what is there."""

import shutil
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from store.database import Database
from store.migrate import migrations, revision

REVISIONS = tuple(script.revision for script in ScriptDirectory(str(migrations())).walk_revisions())[::-1]
"""Every revision that was ever released, the oldest first, and the newest, which is to be."""


def move(database: Database, target: str) -> None:
    """Bring a database to a revision, up or down; down to nothing with `base`."""
    with database.migrating() as connection:
        now = revision(connection) or ""
        if target == "base" or target < now:
            command.downgrade(_config(connection, migrations()), target)
        else:
            run_migrations(connection, migrations(), target)


def run_migrations(connection: Connection, folder: Path, target: str = "head") -> None:
    """Run the migrations in a folder, as `upgrade` runs its own."""
    command.upgrade(_config(connection, folder), target)


def with_another(folder: Path, migration: str) -> Path:
    """Copy the migrations into a folder, and one more behind the newest."""
    copied = Path(shutil.copytree(migrations(), folder / "migrations"))
    head = f'revision, down_revision, branch_labels, depends_on = "another", "{REVISIONS[-1]}", None, None\n'
    (copied / "versions" / "another.py").write_text(head + migration)
    return copied


def structure(database: Database) -> dict[str, Any]:
    """Describe every table and view: columns, keys, indexes, comments, and what a view selects."""
    with database.reading() as connection:
        found = inspect(connection)
        views = found.get_view_names()
        described = {name: _table(found, name) for name in found.get_table_names()}
        return described | {name: _view(found, name) for name in views}


def _table(found: Any, name: str) -> dict[str, Any]:
    return {
        "columns": [repr(column) for column in found.get_columns(name)],
        "key": found.get_pk_constraint(name),
        "parents": sorted(map(repr, found.get_foreign_keys(name))),
        "indexes": sorted(_index(index) for index in found.get_indexes(name)),
        "unique": sorted(map(repr, found.get_unique_constraints(name))),
        "comment": _comment(found, name),
    }


def _index(index: dict[str, Any]) -> str:
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return repr({**index, "dialect_options": options})


def _view(found: Any, name: str) -> dict[str, Any]:
    columns = [repr(column) for column in found.get_columns(name)]
    return {"columns": columns, "text": found.get_view_definition(name), "comment": _comment(found, name)}


def _comment(found: Any, name: str) -> str | None:
    """Give the comment on a table or view; SQLite knows none."""
    return found.get_table_comment(name)["text"] if found.dialect.supports_comments else None


def _config(connection: Connection, folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
