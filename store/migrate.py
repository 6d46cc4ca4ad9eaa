"""Bring a database to the schema of this program: `ruamill` does it by itself at every start."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from store.database import Database
from store.readers import kept

HEAD = "0008"
"""The newest revision; a test holds it to what alembic finds. Known here, so that a start need not import alembic."""


class SchemaTooNewError(Exception):
    """The database was made by a newer ruamill: this one must not touch it."""


class SchemaTooOldError(Exception):
    """The database is not at this program's schema yet."""


def upgrade(database: Database) -> str | None:
    """Run the migrations that are missing, in one transaction; return the revision there was before.

    A migration that fails leaves the database as it was; who could read the views, still can. Raises
    SchemaTooNewError, DatabaseUnavailableError.
    """
    with database.reading() as connection:
        before = revision(connection)
    if before != HEAD:
        with database.migrating() as connection:
            _run(connection)
    return before


def check(connection: Connection) -> None:
    """Hold the database to this program's schema, where nothing may be changed.

    Raises SchemaTooNewError, SchemaTooOldError.
    """
    found = revision(connection)
    if found is None or found < HEAD:
        before = f"is at schema {found}" if found else "has no tables"
        raise SchemaTooOldError(f"the database {before}, not at {HEAD}: run `ruamill db upgrade` first")
    if found > HEAD:
        raise _too_new(found)


def migrations() -> Path:
    """Find the migrations: within the package when installed from a wheel, beside it in a checkout."""
    here = Path(__file__).parent
    installed = here / "migrations"
    return installed if installed.is_dir() else here.parent / "alembic"


def revision(connection: Connection) -> str | None:
    """Give the revision of the schema; None of an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _run(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 (a quarter of the start-up time, and seldom needed)
    from alembic.config import Config  # noqa: PLC0415 (the same)
    from alembic.script import ScriptDirectory  # noqa: PLC0415 (the same)

    config = Config()
    config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    now = revision(connection)  # again: another process may have done it meanwhile
    if now is not None and now not in known:
        raise _too_new(now)
    config.attributes["connection"] = connection
    with kept(connection):
        command.upgrade(config, "head")


def _too_new(found: str) -> SchemaTooNewError:
    return SchemaTooNewError(
        f"the database has schema {found}, this ruamill knows {HEAD}: install the newer one"
    )
