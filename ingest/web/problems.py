"""What went wrong in, what whoever looked is told out: a status, a sentence, and what to do next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException

from ingest.web.filters import BadParameterError
from ingest.web.pages.view import NothingThereError
from store.database import DatabaseUnavailableError, DatabaseUrlError
from store.migrate import SchemaTooNewError, SchemaTooOldError
from store.pages.values import UnknownPlaceError
from store.readonly import TookTooLongError


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no page."""

    status: int
    title: str
    sentence: str
    step: str | None = None
    """What to do about it."""


class RefusedError(Exception):
    """A request that gets no page, whatever it asks for."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.sentence)
        self.problem = problem
        self.headers = headers or {}


DEFECT: Final = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "A defect",
    "This page could not be made: ruamill has a defect here.",
    "The log of `ruamill web` says what happened; please report it with that. The other pages work on.",
)


def _bad(error: Exception) -> Problem:
    step = "Go back, or begin at the overview."
    return Problem(HTTPStatus.BAD_REQUEST, "This address cannot be read", _sentence(error), step)


def _nothing(error: Exception) -> Problem:
    step = "It may have been removed since, or the address is misspelt."
    return Problem(HTTPStatus.NOT_FOUND, "Not found", _sentence(error), step)


def _no_place(error: Exception) -> Problem:
    del error
    step = "Begin at the first page: rows may have gone since this address was made."
    return Problem(HTTPStatus.NOT_FOUND, "Not found", "The list does not go on there.", step)


def _no_page(error: Exception) -> Problem:
    del error
    return Problem(HTTPStatus.NOT_FOUND, "Not found", "There is no such page.", "Begin at the overview.")


def _too_long(error: Exception) -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "It took too long",
        f"The database gave {error}, and was asked no more.",
        "Narrow the period or the filter; or wait, if it is at work on something else.",
    )


def _away(error: Exception) -> Problem:
    del error  # it may name what is nobody's business; the log has it
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database does not answer",
        "The database cannot be read now.",
        "Try again in a minute; the log of `ruamill web` says more, and so does `ruamill doctor`.",
    )


def _unfit(error: Exception) -> Problem:
    step = "Nothing was changed. Once that is done, load this page again."
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database cannot be shown", _sentence(error), step)


def _sentence(error: Exception) -> str:
    """Make a sentence of what the error says."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '`', '?')) else '.'}"


TOLD: Final[Mapping[type[Exception], Callable[[Exception], Problem]]] = {
    BadParameterError: _bad,
    NothingThereError: _nothing,
    UnknownPlaceError: _no_place,
    HTTPException: _no_page,  # the router's, of a path that is none of ours
    TookTooLongError: _too_long,
    DatabaseUnavailableError: _away,
    DatabaseUrlError: _unfit,
    SchemaTooNewError: _unfit,
    SchemaTooOldError: _unfit,
}
"""Errors that are no defects."""


def of(error: Exception) -> Problem:
    """Tell what went wrong."""
    if isinstance(error, RefusedError):
        return error.problem
    return next((tell(error) for kind, tell in TOLD.items() if isinstance(error, kind)), DEFECT)
