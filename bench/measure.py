"""What a command takes: the command in, CPU seconds, wall seconds and peak memory of its process out."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

LAUNCHER = Path(__file__).with_name("launcher.py")
TOLD_CHARACTERS = 2_000


class CommandFailedError(Exception):
    """What was to be measured did not end well; the message ends with what it said."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run took: user and system CPU, wall time, the largest resident set; those of its children are in it."""

    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


def measure(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> Figures:
    """Run a command to its end. Raises CommandFailedError unless its exit status is 0."""
    with TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(figures), *command],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment,
        )
        if done.returncode:
            said = done.stdout.decode(errors="replace")[-TOLD_CHARACTERS:]
            raise CommandFailedError(f"exit status {done.returncode} of: {' '.join(command)}\n{said}")
        return Figures(**json.loads(figures.read_text(encoding="ascii")))
