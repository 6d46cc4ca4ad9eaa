"""The configured database, brought to this version's schema."""

from ingest.settings import Settings
from store.database import Database
from store.migrate import upgrade


def open_database(settings: Settings) -> Database:
    """Open the database and migrate it. Raises DatabaseUrlError, DatabaseUnavailableError, SchemaTooNewError."""
    database = Database(settings.database.get_secret_value())
    upgrade(database)
    return database
