"""A file that is there whole or not at all: written beside its place, and moved there once it lies on the disk."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


class OutputError(Exception):
    """A file cannot be written; what was in its place is as it was."""


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless they are there. Raises OutputError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror}: no folder can be made there") from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` at the end. Raises OutputError; then nothing is left of it."""
    path = path.resolve()
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.exists() and not path.is_file():
            raise IsADirectoryError(0, "it is no regular file")
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, part)  # whom it was hidden from, it stays hidden from
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror or error}: nothing was written there") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
