"""Folders on this machine's disks: whether files can be made there, what kind of disk it is, what room it has."""

import shutil
from pathlib import Path
from tempfile import TemporaryFile

from ingest.doctor.findings import Finding, warning

MOUNTS = Path("/proc/self/mountinfo")
NETWORKED = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "gluster", "lustre", "fuse.sshfs", "virtiofs")
"""How the names of file systems begin that several machines may share."""

ROOM = 1 << 30
"""Bytes that should be free: some 100,000 reports."""


def refusal(folder: Path) -> str | None:
    """Say why no file can be made in a folder; None if one can. It has no name, and is gone at once."""
    try:
        TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def room(folder: Path) -> Finding | None:
    """Warn of a disk that is nearly full."""
    free = shutil.disk_usage(folder).free
    if free >= ROOM:
        return None
    advice = 'make room, or keep less: [retention] keep = "400d"'
    return warning("space", f"only {free >> 20:,} MiB are free in {folder}", advice)


def network_file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Name the kind of network file system that a folder is on (proc_pid_mountinfo(5)); None for a disk, or unknown."""
    if not mounts.exists():
        return None
    kinds = dict(_mount(line) for line in mounts.read_text(errors="replace").splitlines())
    folder = folder.resolve()
    kind = next((kinds[place] for place in (folder, *folder.parents) if place in kinds), "")
    return kind if kind.startswith(NETWORKED) else None


def _mount(line: str) -> tuple[Path, str]:
    """Give the folder and the kind out of one line."""
    before, _, after = line.partition(" - ")
    return Path(before.split()[4].replace("\\040", " ")), after.split()[0]
