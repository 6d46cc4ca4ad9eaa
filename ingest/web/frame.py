"""Around every answer: what browsers may do with it, what became of it in /metrics, and a plain page where there is none."""

from http import HTTPStatus
from time import perf_counter
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.web import problems, rendering
from ingest.web.metrics import REQUEST_SECONDS
from ingest.web.problems import Problem, RefusedError

METHODS: Final = ("GET", "HEAD")
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, and nothing that stands within a page, whoever wrote it there."""
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "X-Robots-Tag": "noindex, nofollow",
}
UNKEPT: Final = "no-store"
"""What the pages tell of is nobody else's business: no copy of it stays anywhere."""
ONLY_READ: Final = Problem(
    HTTPStatus.METHOD_NOT_ALLOWED,
    "These pages only read",
    "They answer to GET and HEAD alone; nothing can be changed here.",
)
NO_ROUTE: Final = "other"
"""What /metrics calls an address that is none of ours: strangers choose those."""

log = structlog.get_logger()


class _Answer:
    """One answer on its way out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        """None until it begins."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("Cache-Control", UNKEPT)
        await self._send(message)


class Frame:
    """The outermost layer of the application; `root` is where a reverse proxy has put it, without a slash at its end."""

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        answer = _Answer(send)
        self._place(scope)
        try:
            await self._answer(scope, receive, answer)
        finally:
            _count(scope, answer.status, perf_counter() - began)

    def _place(self, scope: Scope) -> None:
        """Let the path begin with the root, whether the proxy left it there or took it away."""
        path = scope["path"]
        scope["root_path"] = self._root
        if path == self._root:
            scope["path"] = f"{path}/"
        elif not path.startswith(f"{self._root}/"):
            scope["path"] = self._root + path

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        app = self._app if scope["method"] in METHODS else _refuse
        try:
            await app(scope, receive, answer.send)
        except Exception as error:
            told = _logged(error, scope["path"])
            if (
                answer.status is not None
            ):  # too late for a page: the connection is cut, so that nobody takes it for whole
                raise
            response = rendering.problem(Request(scope), told)
            response.headers.update(getattr(error, "headers", None) or {})
            await response(scope, receive, answer.send)


async def _refuse(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise RefusedError(ONLY_READ, {"Allow": ", ".join(METHODS)})


def _count(scope: Scope, status: int | None, seconds: float) -> None:
    page = scope["route"].name if "route" in scope else NO_ROUTE
    REQUEST_SECONDS.labels(page, status or "cut").observe(seconds)
    log.debug("page", page=page, path=scope["path"], status=status, seconds=round(seconds, 3))


def _logged(error: Exception, path: str) -> Problem:
    """Tell what went wrong, to the log too where somebody has to mend it."""
    told = problems.of(error)
    if told is problems.DEFECT:
        log.error("page_defect", path=path, exc_info=error)
    elif told.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("page_failed", path=path, error=str(error))
    return told
