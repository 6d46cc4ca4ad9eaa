"""The files that pages are drawn with, from the package: each under an address that changes with its content."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Final

TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    name: str
    type: str
    content: bytes
    hash: str
    """Of its content: a changed file is another address, so that every copy may be kept for ever."""


def _assets() -> Mapping[str, Asset]:
    found = {}
    for file in files("ingest.web").joinpath("static").iterdir():
        content = file.read_bytes()
        kind = TYPES[file.name.rpartition(".")[2]]
        found[file.name] = Asset(file.name, kind, content, sha256(content).hexdigest()[:16])
    return MappingProxyType(found)


ASSETS: Final = _assets()
"""By their names."""


def path(name: str) -> str:
    """Give the address of a file, from the root of the pages."""
    return f"/static/{ASSETS[name].hash}/{name}"
