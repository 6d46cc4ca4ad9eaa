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

from tests.servers.certificates import make_certificate
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
    """One cluster with its own folder and port. Nothing is synced to the disk: it is thrown away.

    `tls` lets clients ask for it, by sslmode=require in their URL.
    """

    def __init__(self, *, tls: bool = False) -> None:
        self._tls = tls
        self.port = free_port()
        self._numbers = count()
        self.account = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        """Whose processes they are: PostgreSQL refuses to run as root."""

    def __enter__(self) -> Self:
        # Short for the socket in it.
        self.directory = Path(tempfile.mkdtemp(prefix="ruamill-postgres-", dir="/tmp"))
        os.chown(self.directory, self.account.pw_uid, self.account.pw_gid)
        self._run(
            "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"
        )
        if self._tls:
            self._secure()
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
        if self._tls:
            options += f" -c ssl=on -c ssl_cert_file={self._certificate} -c ssl_key_file={self._key}"
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

    def create_database(self, folder: Path | None = None) -> str:
        """Make an empty database, with its tables in a folder of its own if one is named, and return its URL."""
        name = f"test_{next(self._numbers)}"
        if folder:
            self._execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
        self._execute(f"CREATE DATABASE {name}{f' TABLESPACE {name}' if folder else ''}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    @property
    def _certificate(self) -> Path:
        return self.directory / "cert.pem"

    @property
    def _key(self) -> Path:
        return self.directory / "key.pem"

    def _secure(self) -> None:
        make_certificate(self._certificate, self._key)
        self._key.chmod(0o600)
        os.chown(self._key, self.account.pw_uid, self.account.pw_gid)

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
            user=self.account.pw_uid,
            group=self.account.pw_gid,
        )
        if done.returncode:
            log = self.directory / "log"
            raise RuntimeError(f"{program} failed:\n{done.stdout}{log.read_text() if log.exists() else ''}")
