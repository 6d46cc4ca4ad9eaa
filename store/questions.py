"""The questions that people ask most, by their names: each a file of SQL beside this module that runs on both engines."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

COMMENT = "-- "
PARAMETER = re.compile(r":([a-z]+)")


@dataclass(frozen=True, slots=True)
class Question:
    """One question and the SELECT that answers it."""

    name: str
    title: str
    """In one line, as somebody would ask it."""
    text: str
    """What the answer means and what to look for."""
    sql: str
    """One SELECT, with `:domain`, `:since` and `:until` where it wants them, all of them text."""
    parameters: frozenset[str]
    """Those that it wants: domain, since, until; days as YYYY-MM-DD, both of them included."""


@cache
def questions() -> Mapping[str, Question]:
    """Give every question by its name, in the order of names."""
    found = {
        file.name.removesuffix(".sql"): file.read_text(encoding="utf-8")
        for file in files("store").joinpath("questions").iterdir()
        if file.name.endswith(".sql")
    }
    return MappingProxyType({name: _question(name, found[name]) for name in sorted(found)})


def _question(name: str, written: str) -> Question:
    """Cut a file into its comment, the first line of which is the title, and its SELECT."""
    lines = written.splitlines()
    title, *text = (line.removeprefix(COMMENT) for line in lines if line.startswith(COMMENT))
    sql = "\n".join(line for line in lines if not line.startswith(COMMENT))
    return Question(name, title, " ".join(text), sql, frozenset(PARAMETER.findall(sql)))
