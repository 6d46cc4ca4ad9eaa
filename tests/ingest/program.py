"""ruamill as an operator runs it: a configuration file, a process, its exit status and its log."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

RUAMILL = Path(sys.executable).with_name("ruamill")
PATIENCE = 60
"""Seconds after which a process that should have ended, or said something, counts as stuck."""


class Program:
    """ruamill with one configuration; each mailbox as its table in ruamill.toml."""

    def __init__(
        self, folder: Path, database: str, *mailboxes: Mapping[str, object], poll_seconds: int = 1
    ) -> None:
        self.folder = folder
        self._config = folder / "ruamill.toml"
        tables = [f"[[mailbox]]\n{_toml(mailbox)}" for mailbox in mailboxes]
        self._config.write_text(
            "\n".join(
                [
                    _toml(
                        {"database": database, "enrich": "off"}
                    ),  # servers of our own turn it on, by the environment
                    *tables,
                    f"[schedule]\npoll_seconds = {poll_seconds}\n",
                    "[monitor]\nport = 0\n",
                ]
            )
        )

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command; it does not outlive the `with`."""
        with subprocess.Popen(
            [RUAMILL, "--config", self._config, *words],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with self.started(*words) as process:
            output, errors = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(words, process.returncode, output, errors)

    def poll(self) -> dict[str, Any]:
        """Poll, which must go through; give the tally."""
        done = self.run("poll", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        tally: dict[str, Any] = json.loads(done.stdout)
        return tally


def _toml(table: Mapping[str, object]) -> str:
    """Write the values of one table: those of JSON mean the same in TOML."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


class Daemon:
    """`ruamill run`, and what it logs."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._started = ExitStack()
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        self.process = self._started.enter_context(self._program.started("run"))
        self._reader = Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self._reader.join()
        self._started.close()

    def _read(self) -> None:
        assert self.process.stderr
        self.lines.extend(iter(self.process.stderr.readline, ""))

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the events of a name so far."""
        found = [json.loads(line) for line in list(self.lines)]
        return [event for event in found if event["event"] == name]

    def wait_for(self, name: str, number: int = 1) -> list[dict[str, Any]]:
        """Wait until so many events of a name were logged, and give them."""
        wait_until(lambda: len(self.events(name)) >= number or self.process.poll() is not None)
        found = self.events(name)
        assert len(found) >= number, "".join(self.lines)
        return found

    def stop(self) -> float:
        """Ask for the end as an operating system does; the seconds it takes. It must end with status 0."""
        started = time.monotonic()
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        self._reader.join()
        assert status == 0, "".join(self.lines)
        return time.monotonic() - started


def wait_until(true: Callable[[], object]) -> None:
    """Wait until something is so; whoever asks for the impossible is told."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.005)
