"""The pages as a browser of this machine asks for them, without a socket between."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from starlette.testclient import TestClient
from starlette.types import ASGIApp

from ingest.settings import WebSettings
from ingest.web.app import PATIENCE_SECONDS, application
from ingest.web.metrics import QUERIES
from store.readonly import ReadOnlyDatabase

LOOPBACK = "127.0.0.1"
STRANGER = "192.0.2.66"


@contextmanager
def looking(url: str, client: str = LOOPBACK, **settings: object) -> Iterator[TestClient]:
    """Look at a database from an address, with settings of [web]."""
    with closing(ReadOnlyDatabase(url, PATIENCE_SECONDS, QUERIES.inc)) as database:
        app = application(WebSettings.model_validate(settings), database)
        with asking(app, client) as browser:
            yield browser


@contextmanager
def asking(app: ASGIApp, client: str = LOOPBACK) -> Iterator[TestClient]:
    """Ask an application; what it raises is raised."""
    with TestClient(
        app, base_url="http://localhost", client=(client, 50_000), follow_redirects=False
    ) as browser:
        yield browser
