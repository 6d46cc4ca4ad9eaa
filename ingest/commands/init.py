"""`ruamill init`: the configuration to begin with, every setting explained in it."""

from importlib.resources import files
from pathlib import Path

import typer

from ingest.configuration import PLACES, ConfigurationError
from ingest.status import DONE

PRIVATE = 0o600
"""Passwords will stand in it."""


def run(file: Path) -> int:
    """Write the configuration to a new file and say what to do next; `-` prints it."""
    if str(file) == "-":
        typer.echo(template(), nl=False)
        return DONE
    _write(file)
    typer.echo(_next_steps(file))
    return DONE


def template() -> str:
    """Give the text of a configuration in which nothing is changed yet."""
    return files("ingest").joinpath("ruamill.toml").read_text(encoding="utf-8")


def _write(file: Path) -> None:
    try:
        file.touch(PRIVATE, exist_ok=False)
        file.write_text(template(), encoding="utf-8")
    except FileExistsError:
        raise ConfigurationError(
            f"{file} is there already, and stays as it is: name another file, or print with `ruamill init -`"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from error


def _next_steps(file: Path) -> str:
    ruamill = "ruamill" if file in PLACES else f"ruamill --config {file}"
    return f"""{file} is written, for your eyes only. Next:
  1. Set the database, your domains and a mailbox in it.
  2. {ruamill} doctor   tries all that, and changes nothing
  3. {ruamill} poll     takes what waits in the mailbox, once
  4. {ruamill} run      from now on: best as a service (docs/operating.md)"""
