"""`ruamill db grant-analyst`: a role that reads the views."""

import typer

from ingest import logs
from ingest.settings import Settings
from ingest.status import DONE
from store.access import grant
from store.database import Database
from summary.words import counted


def run(settings: Settings, role: str, *, timeout: int) -> int:
    """Grant, and say what the role has now. The schema is left as it is: an administrator may run this."""
    logs.set_up(settings.log, quiet=True)
    database = Database(settings.database.get_secret_value())
    with database.writing() as connection:
        granted = grant(connection, role, timeout)
    typer.echo(f"{role} may read {counted(len(granted.views), 'view')} of {database.name}, and nothing else:")
    typer.echo(", ".join(granted.views))
    if granted.made:
        typer.echo(f"the role is new and has no password: set one in psql with \\password {role}")
    return DONE
