"""The pages as an operator serves them: a database filled by ruamill's own commands, and a running `ruamill web` over it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp

import pytest

from fixtures.registries.server import RegistryServers
from tests.ingest import sample
from tests.ingest.browser import hostile
from tests.ingest.browser.crawling import Pages, crawl
from tests.ingest.program import RUAMILL, Program


def empty(folder: Path) -> Path:
    """Make a database that nothing came into yet."""
    _run(Program(folder, "sqlite:///ruamill.db"), "db", "upgrade")
    return folder


def strangers(folder: Path) -> Path:
    """Make the database of hostile.py, its addresses looked up at registries that are hostile too."""
    new = folder / "Maildir" / "new"
    for each in ("cur", "new", "tmp"):
        (folder / "Maildir" / each).mkdir(parents=True)
    for number, mail in enumerate(hostile.mails()):
        (new / f"{number}.strangers").write_bytes(mail)
    mailbox = {"kind": "maildir", "name": "strangers", "path": str(folder / "Maildir")}
    program = Program(folder, "sqlite:///ruamill.db", mailbox)
    program.poll()
    with RegistryServers(hostile.registries()) as servers, pytest.MonkeyPatch.context() as environment:
        for variable, value in servers.environment.items():
            environment.setenv(variable, value)
        _run(program, "enrich")
    return folder


MADE = {"sample": sample.make, "empty": empty, "strangers": strangers}
"""The sites, each by who makes it in a folder."""


def made(name: str, folder: Path) -> Path:
    """Make one of them in a folder of its own below."""
    return MADE[name](Path(mkdtemp(prefix=name, dir=folder)))


def _run(program: Program, *words: str) -> None:
    done = program.run(*words)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class Site:
    """Pages that are being served."""

    address: str
    """Scheme, host and port, nothing behind."""
    log: Path
    """What the server says."""

    @cached_property
    def pages(self) -> Pages:
        """Give all of them, by path."""
        return crawl(self.address)


@contextmanager
def serving(folder: Path) -> Iterator[Site]:
    """Serve the database of a folder until the `with` ends."""
    log = folder / "web.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [RUAMILL, "--config", "ruamill.toml", "web", "--port", "0"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout
            said = process.stdout.readline()
            assert said.startswith("http://127.0.0.1:"), said + log.read_text()
            yield Site(said.split()[0].rstrip("/"), log)
        finally:
            process.terminate()
