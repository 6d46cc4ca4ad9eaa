"""Paths in, messages out: report files, mails, mboxes, Maildirs, and folders of all these."""

import mailbox
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from ingest.reading import Arrival
from parsers.limits import Limits
from parsers.reading import too_large
from store.ledger import Place, Sighting

MBOX_START = b"From "


def find(paths: Iterable[Path], besides: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Give every file below the paths, in order; of a Maildir only what is delivered; no hidden files.

    `besides` are files to pass over, resolved: our own database may lie among the reports.
    """
    names = {path.name for path in besides}
    for path in paths:
        if path.is_dir():
            yield from find(_children(path), besides)
        elif path.is_file() and not (path.name in names and path.resolve() in besides):
            yield path


def _children(folder: Path) -> Iterator[Path]:
    """Give what is to be looked into, by name; a hundred thousand names are held, but no more than that."""
    maildir = [folder / "new", folder / "cur"]
    if all(part.is_dir() for part in maildir):
        yield from maildir
    else:
        names = sorted(os.listdir(folder))  # noqa: PTH208 (a path is five times its name, and there may be many)
        yield from (folder / name for name in names if not name.startswith("."))


def arrivals(path: Path, limits: Limits) -> Iterator[Arrival]:
    """Read one file: one message, or all the mails of an mbox."""
    sighting = Sighting(Place("file", _folder(path.parent)), _text(path.name))
    try:
        with path.open("rb") as file:
            if file.read(len(MBOX_START)) == MBOX_START:
                yield from _mails_of_mbox(path, sighting, limits)
                return
            file.seek(0)
            size = os.fstat(file.fileno()).st_size
            yield _arrival(sighting, b"" if size > limits.mail_bytes else file.read(), size, limits)
    except OSError as error:
        yield Arrival(sighting, b"", 0, problem=f"cannot be read: {error.strerror or error}")


@lru_cache(maxsize=1)
def _folder(folder: Path) -> str:
    """Give a folder's one true path; files of one folder come together."""
    return _text(folder.resolve())


def _text(name: str | Path) -> str:
    r"""Give a file's name as text that every database takes: bytes that are no UTF-8 as \xe9."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _mails_of_mbox(path: Path, sighting: Sighting, limits: Limits) -> Iterator[Arrival]:
    box = mailbox.mbox(path, create=False)
    try:
        for key in box.keys():  # noqa: SIM118 (mailbox iterates over messages, not keys)
            raw = box.get_bytes(key)
            yield _arrival(Sighting(sighting.place, f"{sighting.uid}#{key}"), raw, len(raw), limits)
    finally:
        box.close()


def _arrival(sighting: Sighting, raw: bytes, size: int, limits: Limits) -> Arrival:
    if max(size, len(raw)) > limits.mail_bytes:
        return Arrival(sighting, b"", size, refused=too_large(size, limits))
    return Arrival(sighting, raw, size)
