"""TOML files in; the services that send or relay mail out.

docs/catalogue.md says what each key means and which evidence counts.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from enrich.service import Service

__all__ = ["Catalogue", "CatalogueError", "Service", "load", "read"]

_KEY = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


class CatalogueError(Exception):
    """A catalogue cannot be used; each line of the message names file, service, key, and what to write instead."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All services that are known; of two that claim the same, the later one has it."""

    services: Mapping[str, Service]
    """By key; a user's own behind those that come with ruamill."""


def load(own: Path | None = None) -> Catalogue:
    """Read the catalogue and a user's own file, whose entries are added or replace one with the same key.

    Raises CatalogueError.
    """
    known = read(files("enrich").joinpath("services.toml"))
    added = read(own) if own else {}
    return Catalogue({key: service for key, service in known.items() if key not in added} | added)


def read(file: Path | Traversable) -> dict[str, Service]:
    """Read one file and check it as a whole. Raises CatalogueError with one line for each slip."""
    tables = _tables(file)
    services: dict[str, Service] = {}
    slips: list[str] = []
    for key, table in tables.items():
        try:
            services[_key(key)] = Service.model_validate(table)
        except ValidationError as error:
            slips.extend(f"{key}{_slip(detail)}" for detail in error.errors())
        except ValueError as error:
            slips.append(f"{key}: {error}")
    slips.extend(_clashes(services))
    if slips:
        raise CatalogueError("\n".join(f"{file}: {slip}" for slip in slips))
    return services


def _tables(file: Path | Traversable) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{file}: {error.strerror}; check the path") from error
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
        raise CatalogueError(f"{file}: {error}") from error


def _key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError('the key must be lower-case words such as "example_mailer"')
    return key


_WANTED: Final = {
    "missing": "is missing: every service has one",
    "model_type": "must be a table: write [key] above its keys",
    "string_type": "must be text in quotes",
    "string_too_short": "must not be empty",
    "tuple_type": "must be a list in square brackets",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}
"""pydantic's kinds of error, in the words of whoever writes the file."""


def _slip(detail: ErrorDetails) -> str:
    """Say behind the service's key which of its keys is wrong, and what to write instead."""
    place = "".join(f".{key}" for key in detail["loc"][:1])
    kind = detail["type"]
    if kind == "extra_forbidden":
        return f"{place}: {_unknown(str(detail['loc'][-1]))}"
    wrong = _WANTED.get(kind) or detail["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return f"{place}: {wrong}"


def _unknown(key: str) -> str:
    known = list(Service.model_fields)
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    return "is no known key; " + (f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known)}")


_CLAIMS: Final = ("dkim_domains", "return_paths", "names", "asns")
"""Each tells one service."""
_SHARED: Final = ("selectors", "spf_includes", "owners")
"""Services of one owner, or built on one another, have the same."""


def _clashes(services: Mapping[str, Service]) -> Iterator[str]:
    """Find what would tell two services at once, and what is written twice."""
    first: dict[tuple[object, ...], str] = {}
    for key, service in services.items():
        for field in _CLAIMS + _SHARED:
            for one in getattr(service, field):
                claim = (field, one, key if field in _SHARED else None)
                if claim in first:
                    yield f"{key}.{field}: {one} is claimed by {first[claim]} already; leave it with the one that it tells"
                first.setdefault(claim, key)
