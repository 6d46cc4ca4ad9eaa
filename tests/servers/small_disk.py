"""A disk of a few MiB that can be full: a folder in, a tmpfs mounted on it out. Only root may mount one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pwd import struct_passwd
from tempfile import TemporaryDirectory

FILLING = "filling"


def missing() -> str | None:
    """Say why no small disk can be mounted here; None if one can."""
    with TemporaryDirectory() as folder:
        tried = _mount(1, Path(folder))
        if tried.returncode == 0:
            _unmount(Path(folder))
    return tried.stderr.strip() or None


@contextmanager
def small_disk(mebibytes: int, folder: Path, owner: struct_passwd | None = None) -> Iterator[Path]:
    """Mount one on a new folder while the `with` lasts; it belongs to this user unless another is named."""
    folder.mkdir()
    _mount(mebibytes, folder).check_returncode()
    try:
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        yield folder
    finally:
        _unmount(folder)


def fill(disk: Path, *, leaving: int) -> None:
    """Leave only so many bytes of a disk free."""
    room = os.statvfs(disk)
    (disk / FILLING).write_bytes(bytes(room.f_bavail * room.f_frsize - leaving))


def relieve(disk: Path) -> None:
    """Give the room back."""
    (disk / FILLING).unlink()


def _mount(mebibytes: int, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def _unmount(folder: Path) -> None:
    # Lazily: whoever still has a file open there keeps it until he closes it.
    subprocess.run(["umount", "--lazy", folder], check=True)
