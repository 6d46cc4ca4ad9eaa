"""Templates and what they are told in, pages out. Whatever a template shows is escaped; what it misses is an error."""

from datetime import date
from functools import cache
from importlib.metadata import version
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ingest.web import assets, words
from ingest.web.pages.view import View
from ingest.web.problems import Problem
from summary.letter.words import printable


def page(request: Request, name: str, view: View) -> Response:
    """Answer with a page: the template of that name, of what a view holds."""
    return HTMLResponse(_render(request, name, view=view))


def problem(request: Request, told: Problem) -> Response:
    """Answer with what went wrong."""
    return HTMLResponse(_render(request, "problem", problem=told), told.status)


def _render(request: Request, name: str, **told: object) -> str:
    root = request.scope.get("root_path", "")
    return (
        environment()
        .get_template(f"{name}.html.j2")
        .render(
            root=root,
            static=lambda file: f"{root}{assets.path(file)}",
            here=_Here(request, root),
            user=request.scope.get("ruamill.user"),
            version=version("ruamill"),
            **told,
        )
    )


class _Here:
    """The address of this page with other parameters."""

    def __init__(self, request: Request, root: str) -> None:
        path = request.scope.get("raw_path") or request.scope["path"].encode()
        self._path = root + path.decode("ascii", "replace").removeprefix(root)
        self._query = dict(parse_qsl(request.scope["query_string"].decode("ascii", "replace")))

    def __call__(self, **changes: str | int | date | None) -> str:
        """Write it; None takes a parameter away."""
        query = {**self._query, **changes}
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        return f"{self._path}?{asked}" if asked else self._path


@cache
def environment() -> Environment:
    """Make the environment that all templates share."""
    made = Environment(
        loader=PackageLoader("ingest.web"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(words.FILTERS)
    made.globals.update(words.GLOBALS)
    made.filters["shown"] = shown
    for name in made.list_templates():
        made.get_template(name)  # whoever looks first does not wait for all of them to be read
    return made


def shown(value: object) -> str:
    """Write what a stranger wrote, as the letter does."""
    return printable(str(value))
