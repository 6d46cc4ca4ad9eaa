"""Everything that runs in a soak: a mail server, a database, a relay before each, and the daemons between them.

One daemon has a mailbox to itself and is never stopped: its memory is what is measured. Two more share another mailbox,
so that one of them stands by, and may be killed.
"""

import json
import os
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

import psycopg

from tests.ingest.mailbox_kit import account
from tests.ingest.program import RUAMILL, Program, wait_until
from tests.servers.dovecot import DovecotServer
from tests.servers.postgres import PostgresServer
from tests.servers.relay import Relay

STEADY, SHARED = "steady", "shared"
"""The two mailboxes."""
REPORTS = "Reports"
"""A folder beside INBOX that is polled too."""
PRIVATE = "Private"
"""A folder of the person whose mailbox it is."""

POLL_SECONDS = 5
TIMEOUT = 5
"""Seconds after which a silent server is given up."""
STOP_SECONDS = 15


class Keeper:
    """One `ruamill run`, started again whenever it was stopped; its log goes to a file."""

    def __init__(self, folder: Path, database: str, mailbox: dict[str, object], number: int) -> None:
        self.name = f"{mailbox['user']} {number}"
        self.log = folder / f"{mailbox['user']}-{number}.log"
        self.starts = 0
        home = folder / f"{mailbox['user']}-{number}"
        home.mkdir()
        Program(home, database, mailbox, poll_seconds=POLL_SECONDS)
        self._command = [str(RUAMILL), "--config", str(home / "ruamill.toml"), "run"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it says something: from then on it listens to signals."""
        with self.log.open("ab") as log:
            said = log.tell()
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.starts += 1
        wait_until(lambda: self.log.stat().st_size > said)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end; it must do so in time, and with status 0."""
        status = self._end(signal.SIGTERM)
        if status:
            raise RuntimeError(f"daemon {self.name} ended with status {status}: see {self.log}")

    def _end(self, number: signal.Signals) -> int:
        assert self._process
        self._process.send_signal(number)
        return self._process.wait(STOP_SECONDS)

    @property
    def runs(self) -> bool:
        """Whether it runs. Raises RuntimeError if it ended by itself."""
        assert self._process
        status = self._process.poll()
        if status not in (None, -signal.SIGKILL, 0):
            raise RuntimeError(f"daemon {self.name} died, status {status}: see {self.log}")
        return status is None

    def resident_mib(self) -> float:
        """Give its resident memory (proc(5), VmRSS)."""
        assert self._process
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def works(self) -> bool:
        """Tell whether it holds the mailbox, as far as its log says."""
        events = [event for event in self._last_events() if event in ("standing_by", "poll")]
        return events[-1:] == ["poll"]

    def _last_events(self) -> list[str]:
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 65_536))
            lines = log.read().splitlines()[1:]
        return [json.loads(line)["event"] for line in lines if line.startswith(b"{")]


class House:
    """All of it, by `with`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports_folder = Lock()
        """Held while mail comes into Reports, and while the folder is away."""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.dovecot = stack.enter_context(DovecotServer())
            self.postgres = stack.enter_context(PostgresServer(tls=True))
            self.url = self.postgres.create_database()
            mail, database = self.dovecot.imaps_port, self.postgres.port
            self.mail_relay = stack.enter_context(Relay("127.0.0.1", mail, hears=False))
            self.database_relay = stack.enter_context(Relay("127.0.0.1", database, hears=False))
            self._furnish()
            self.steady, *self.pair = (
                self._keeper(user, n) for user, n in ((STEADY, 1), (SHARED, 1), (SHARED, 2))
            )
            for keeper in self.keepers:
                stack.callback(keeper.kill)
                keeper.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def keepers(self) -> list[Keeper]:
        """Give all daemons."""
        return [self.steady, *self.pair]

    def make_whole(self) -> None:
        """Start what was killed for good. Raises RuntimeError if a daemon ended by itself."""
        for keeper in self.keepers:
            if not keeper.runs:
                keeper.start()

    def _furnish(self) -> None:
        for user in (STEADY, SHARED):
            with self.dovecot.connect(user) as client:
                for folder in (REPORTS, PRIVATE):
                    client.create_folder(folder)

    def _keeper(self, user: str, number: int) -> Keeper:
        name = self.url.rpartition("/")[2]
        url = f"postgresql://postgres@127.0.0.1:{self.database_relay.port}/{name}?sslmode=require"
        timeouts = {"connect_timeout": TIMEOUT, "read_timeout": TIMEOUT}
        folders = ["INBOX", REPORTS]
        box = account(self.dovecot, user, port=self.mail_relay.port, folders=folders, **timeouts)
        return Keeper(self.folder, url, dict(box), number)

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, straight. Raises psycopg.OperationalError while it is away."""
        with psycopg.connect(self.url, connect_timeout=5) as connection:
            return connection.execute(query.encode(), values).fetchall()
