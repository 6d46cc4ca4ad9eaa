"""A program on a pseudo-terminal: what a person sees comes out."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from itertools import dropwhile
from pathlib import Path

LINES = 50


def on_terminal(
    command: Sequence[str | Path],
    cwd: Path,
    *,
    columns: int = 80,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program, its three streams a terminal of that width; all that it wrote, colours and all."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
    usual = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        command, cwd=cwd, env={**usual, **(environment or {})}, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    process.wait()
    return written.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux says EIO where the other end is closed
        return b""


def printed(shown: str) -> list[str]:
    """Give the lines of what was shown, without colours and without what a progress bar left, which is wiped out."""
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).splitlines()]
    return list(dropwhile(lambda line: not line or "━" in line, lines))
