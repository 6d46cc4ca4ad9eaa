"""`ruamill web`: the pages."""

import os
import socket
import sys
from contextlib import closing

import structlog
import typer

from ingest import logs
from ingest.monitoring import notify
from ingest.settings import Settings
from ingest.status import DONE
from ingest.web import guard, server
from ingest.web.app import PATIENCE_SECONDS, application
from ingest.web.metrics import QUERIES
from store.readonly import ReadOnlyDatabase

log = structlog.get_logger()


def run(settings: Settings, *, host: str | None, port: int | None) -> int:
    """Serve them until told to stop."""
    logs.set_up(settings.log)
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    web = settings.web.model_copy(update=given)
    url = settings.database.get_secret_value()
    with closing(ReadOnlyDatabase(url, PATIENCE_SECONDS, QUERIES.inc)) as database:
        pages = application(web, database)
        listener = server.listen(web.host, web.port)
        guard.check(web, listener.getsockname()[0])
        address = _address(listener, web.root_path)

        def started() -> None:
            typer.echo(f"{address} (Ctrl-C ends it)")
            log.info("web_started", address=address, database=database.name)
            notify.ready()

        server.serve(pages, listener, started)
    log.info("web_stopped")
    _leave()
    return DONE


def _address(listener: socket.socket, root: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{root}/"


def _leave() -> None:
    """End now: a thread that still waits for the database has nobody left to answer, and nothing to lose."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(DONE)
