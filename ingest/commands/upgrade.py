"""`ruamill db upgrade`: the database to this version's schema."""

import typer

from ingest import logs
from ingest.settings import Settings
from ingest.status import DONE
from store.database import Database
from store.migrate import HEAD, upgrade


def run(settings: Settings) -> int:
    """Run the migrations that are missing, and say what was done."""
    logs.set_up(settings.log)
    database = Database(settings.database.get_secret_value())
    before = upgrade(database)
    if before == HEAD:
        typer.echo(f"{database.name}: at schema {HEAD} already")
    else:
        typer.echo(
            f"{database.name}: from {f'schema {before}' if before else 'an empty database'} to schema {HEAD}"
        )
    return DONE
