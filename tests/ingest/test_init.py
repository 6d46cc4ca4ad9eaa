"""`ruamill init`: a file to begin with, private, and never over another."""

import stat
import subprocess
from pathlib import Path

import pytest

from ingest import configuration
from ingest.commands.init import template
from ingest.settings import Settings
from tests.ingest.program import PATIENCE, RUAMILL


def ruamill(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RUAMILL, *words], check=False, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, umask=0
    )


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["init"], "ruamill.toml"),
        (["init", "mine.toml"], "mine.toml"),
        (["--config", "mine.toml", "init"], "mine.toml"),
    ],
)
def test_a_configuration_is_written_that_nobody_else_can_read(
    words: list[str], file: str, tmp_path: Path
) -> None:
    done = ruamill(tmp_path, *words)
    assert (done.returncode, done.stderr) == (0, "")
    written = tmp_path / file
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert written.read_text(encoding="utf-8") == template()
    assert configuration.load(written, {}) == Settings()


def test_the_next_steps_are_told_as_they_must_be_typed(tmp_path: Path) -> None:
    assert " ruamill doctor " in ruamill(tmp_path, "init").stdout
    assert " ruamill --config mine.toml doctor " in ruamill(tmp_path, "init", "mine.toml").stdout


def test_without_a_mailbox_the_next_command_says_so(tmp_path: Path) -> None:
    ruamill(tmp_path, "init")
    done = ruamill(tmp_path, "poll")
    assert done.returncode == 2
    assert done.stderr.startswith("ruamill: no mailbox is configured: add a [[mailbox]]")


@pytest.mark.parametrize("there", ["file", "link to nothing", "folder"])
def test_what_is_there_is_not_overwritten(there: str, tmp_path: Path) -> None:
    file = tmp_path / "ruamill.toml"
    if there == "file":
        file.write_text("# mine\n")
    elif there == "folder":
        file.mkdir()
    else:
        file.symlink_to(tmp_path / "elsewhere.toml")
    done = ruamill(tmp_path, "init")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ruamill: ruamill.toml is there already, and stays as it is")
    assert there != "file" or file.read_text() == "# mine\n"
    assert not (tmp_path / "elsewhere.toml").exists()


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    done = ruamill(tmp_path, "init", "etc/ruamill.toml")
    assert done.returncode == 2
    assert done.stderr == "ruamill: etc/ruamill.toml cannot be written: No such file or directory\n"


def test_a_dash_prints_it(tmp_path: Path) -> None:
    done = ruamill(tmp_path, "init", "-")
    assert (done.returncode, done.stdout) == (0, template())
    assert list(tmp_path.iterdir()) == []
