"""A request in, a page out: what is asked for is read, the database is looked at once, and a template shows what it says."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from anyio.to_thread import current_default_thread_limiter
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ingest.settings import WebSettings
from ingest.web import assets, exports, filters, problems, rendering
from ingest.web.filters import Asked
from ingest.web.frame import Frame
from ingest.web.guard import Guard
from ingest.web.logins import Logins
from ingest.web.metrics import REGISTRY
from ingest.web.pages import (
    about,
    address,
    conflicts,
    domain,
    ledger,
    message,
    overview,
    report,
    reports,
    source,
)
from ingest.web.pages.view import NothingThereError, View
from store.pages.report import document
from store.readonly import ReadOnlyDatabase

THREADS: Final = 8
"""Pages that are made at the same time."""
PATIENCE_SECONDS: Final = 5.0
"""How long the database may think about one question."""
FOR_EVER: Final = "public, max-age=31536000, immutable"


class _Any(PathConvertor):
    """Whatever a stranger calls a domain, slashes and line breaks in it too."""

    regex = "(?s:.*)"


register_url_convertor("any", _Any())

Build = Callable[[Any, Any, date], View]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: where it is, how its address is read, and who says what is on it."""

    path: str
    name: str
    """Of its template."""
    read: Callable[[Asked], object]
    build: Build


PAGES: Final = (
    Page("/", "overview", filters.overview, overview.build),
    Page("/domains/{domain:any}/source", "source", filters.source, source.build),
    Page("/domains/{domain:any}", "domain", filters.domain, domain.build),
    Page("/addresses/{ip}", "address", filters.address, address.build),
    Page("/reports", "reports", filters.reports, reports.build),
    Page("/reports/{key}", "report", filters.report, report.build),
    Page("/ledger", "ledger", filters.ledger, ledger.build),
    Page("/ledger/{key}", "message", filters.message, message.build),
    Page("/conflicts", "conflicts", lambda _: filters.Conflicts(), conflicts.build),
)


def application(settings: WebSettings, database: ReadOnlyDatabase) -> Starlette:
    """Make the application. Raises ConfigurationError for a users file that cannot be used."""
    rendering.environment()
    logins = Logins(settings.users_file) if settings.users_file else None
    pages = [*PAGES, Page("/about", "about", lambda _: filters.About(), _about(database.name))]
    made = Starlette(
        routes=[
            *(Route(it.path, _answering(it, database), name=it.name) for it in pages),
            Route("/reports/{key}/xml", _xml(database), name="xml"),
            Route("/static/{hash}/{file}", _asset, name="static"),
            Route("/healthz", _health(database), name="healthz"),
            Route("/metrics", _metrics, name="metrics"),
        ],
        middleware=[Middleware(Frame, settings.root_path), Middleware(Guard, settings, logins)],
        exception_handlers={HTTPException: _passed_on},
        lifespan=_few_threads,
    )
    made.router.redirect_slashes = False  # it would take the Host field's word for where we are
    return made


@asynccontextmanager
async def _few_threads(_app: Starlette) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = THREADS
    yield


def _about(name: str) -> Build:
    return lambda connection, _asked, _today: about.build(connection, name, version("ruamill"))


def _asked(request: Request) -> Asked:
    return Asked(request.path_params, request.query_params.multi_items())


def _answering(page: Page, database: ReadOnlyDatabase) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        asked = _asked(request)
        form, table = asked.word("format", filters.FORMS), asked.text("table")
        wanted = page.read(asked)
        asked.end()
        with database.reading() as connection:
            view = page.build(connection, wanted, datetime.now(UTC).date())
        return exports.csv(view, table) if form == "csv" else rendering.page(request, page.name, view)

    return answer


def _xml(database: ReadOnlyDatabase) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        asked = _asked(request)
        key = filters.key(asked)
        asked.end()
        with database.reading() as connection:
            found = document(connection, key)
        if found is None:
            raise NothingThereError(f"the XML of report {key} is not kept, or there is no such report")
        file = {"Content-Disposition": f'attachment; filename="report-{key}.xml"'}
        return StreamingResponse(found.chunks(), media_type="application/xml", headers=file)

    return answer


def _asset(request: Request) -> Response:
    found = assets.ASSETS.get(request.path_params["file"])
    if found is None or found.hash != request.path_params["hash"]:
        raise NothingThereError("there is no such file")
    return Response(found.content, media_type=found.type, headers={"Cache-Control": FOR_EVER})


def _health(database: ReadOnlyDatabase) -> Callable[[Request], Response]:
    def answer(_request: Request) -> Response:
        try:
            with database.reading():
                return PlainTextResponse("ok\n")
        except tuple(problems.TOLD):  # asked without a name: what is wrong, the log of the pages tells
            return PlainTextResponse("the database cannot be read\n", HTTPStatus.SERVICE_UNAVAILABLE)

    return answer


def _metrics(_request: Request) -> Response:
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


async def _passed_on(_request: Request, error: Exception) -> Response:
    """Leave the router's own errors to the frame too."""
    raise error
