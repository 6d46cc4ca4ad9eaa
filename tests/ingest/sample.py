"""The sample mailbox of `make demo`, read and looked up: a folder with its configuration and its database."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.ingest.program import PATIENCE, RUAMILL

ROOT = Path(__file__).parents[2]
OFFLINE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def make(folder: Path, *, looked_up: bool = True) -> Path:
    """Make the mailbox, poll it, and look its addresses up, as `make demo` does."""
    _run(folder, sys.executable, ROOT / "fixtures/make_sample_mailbox.py", "build/demo/Maildir")
    return read(folder, looked_up=looked_up)


def read(folder: Path, *, looked_up: bool = True) -> Path:
    """Poll the mailbox that is there, and look its addresses up."""
    shutil.copy(ROOT / "fixtures/demo.toml", folder / "ruamill.toml")
    _run(folder, RUAMILL, "poll")
    if looked_up:
        data = ROOT / "fixtures/registries/demo.toml"
        registries = (sys.executable, "-m", "fixtures.registries", "--data", data, "--")
        _run(folder, *registries, RUAMILL, "enrich")
    return folder


def _run(folder: Path, *words: str | Path) -> None:
    environment = OFFLINE | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
