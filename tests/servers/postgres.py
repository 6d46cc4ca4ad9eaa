"""A throw-away PostgreSQL cluster on loopback: URLs of fresh, empty databases come out."""

import os
import pwd
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from tests.servers.ports import free_port

PROGRAMS = max(
    Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), default=None
)
"""Debian keeps the server's programs out of PATH, one folder a version."""


def missing() -> str | None:
    """Say why no PostgreSQL can be started here; None if one can."""
    if not PROGRAMS or not (PROGRAMS / "initdb").exists():
        return "PostgreSQL is not installed (apt-get install --no-install-recommends postgresql)"
    return None


class PostgresServer:
    """One cluster with its own folder and port. Nothing is synced to the disk: it is thrown away."""

    def __init__(self) -> None:
        self.port = free_port()
        self._numbers = count()
        # PostgreSQL refuses to run as root.
        self._account = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())

    def __enter__(self) -> Self:
        # Short for the socket in it.
        self.directory = Path(tempfile.mkdtemp(prefix="ruamill-postgres-", dir="/tmp"))
        os.chown(self.directory, self._account.pw_uid, self._account.pw_gid)
        self._run(
            "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"
        )
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.directory)

    def start(self) -> None:
        """Start the server and wait until it answers. Raises RuntimeError with its log if it does not."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.directory} -F"
        self._run(
            "pg_ctl", "start", "--wait", "--silent", f"--log={self.directory}/log", f"--options={options}"
        )

    def stop(self) -> None:
        """Stop at once, as in a power cut: open connections break. Does nothing if it is stopped."""
        if (self.directory / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate")

    def restart(self) -> None:
        """Stop and start on the same port with the same databases."""
        self.stop()
        self.start()

    def url(self, database: str) -> str:
        """Give the SQLAlchemy URL of a database in this cluster."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> None:
        assert PROGRAMS, missing()
        done = subprocess.run(
            [PROGRAMS / program, *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.directory,
            env={**os.environ, "PGDATA": str(self.directory / "data")},
            user=self._account.pw_uid,
            group=self._account.pw_gid,
        )
        if done.returncode:
            log = self.directory / "log"
            raise RuntimeError(f"{program} failed:\n{done.stdout}{log.read_text() if log.exists() else ''}")
