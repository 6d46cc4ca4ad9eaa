"""A password file and what browsers send in, the name of whoever logged in out; guesses cost little time, and much patience.

The file is as `htpasswd -B` writes it: `name:$2y$…`, a line each.
"""

import re
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from hmac import digest
from http import HTTPStatus
from pathlib import Path
from secrets import token_bytes
from typing import Final

import bcrypt
import structlog
from anyio import Lock, sleep
from anyio.to_thread import run_sync

from ingest.configuration import ConfigurationError
from ingest.web.metrics import REFUSED_LOGINS
from ingest.web.problems import Problem, RefusedError

HASH: Final = re.compile(r"\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}")
"""bcrypt's, of a cost from 4 to 14: one of 14 takes a second."""
LONGEST: Final = 72
"""Bytes of a password that bcrypt looks at; `htpasswd` cuts what is longer."""
PAUSE_SECONDS: Final = 0.5
"""After a wrong guess, and the next has to wait for it too: two guesses a second, whoever makes them."""
QUEUE: Final = 20
"""Logins that may wait for their turn."""
REMEMBERED: Final = 1_000
"""Logins that are known to be good; those need no turn."""

CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="ruamill", charset="UTF-8"'}
UNKNOWN: Final = Problem(
    HTTPStatus.UNAUTHORIZED,
    "Who are you?",
    "These pages want a name and a password.",
    "Load the page again and give them; who runs ruamill has written them into its password file.",
)
BUSY: Final = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Too many logins at once",
    "Somebody is guessing passwords, or many log in at the same moment.",
    "Try again in a minute.",
)
UNREADABLE: Final = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Nobody can log in now",
    "The password file cannot be used.",
    "The log of `ruamill web` says why.",
)

log = structlog.get_logger()


class Logins:
    """Who may look, by a file that is read again whenever it changes. Raises ConfigurationError for one that is no use."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._turn = Lock()
        self._waiting = 0
        self._secret = token_bytes(sha256().digest_size)
        self._good: OrderedDict[bytes, bytes] = OrderedDict()
        """A password, in a form that nobody can read, and the hash that it was good for."""
        self._state: object = None
        self._hashes = self._read()

    async def user(self, authorization: str | None, client: str) -> str:
        """Give the name that an Authorization field proves (RFC 7617). Raises RefusedError."""
        if (given := _basic(authorization)) is None:
            raise RefusedError(UNKNOWN, CHALLENGE)
        name, password = given
        hashes = self._current()
        key = digest(self._secret, f"{name}\0{password}".encode(), "sha256")
        if name in hashes and self._good.get(key) == hashes[name]:
            self._good.move_to_end(key)
            return name
        if not await self._proven(password, name, hashes):
            REFUSED_LOGINS.inc()
            # a name that is unknown may be a password, in the wrong place
            log.warning("login_refused", client=client, user=name if name in hashes else None)
            raise RefusedError(UNKNOWN, CHALLENGE)
        self._remember(key, hashes[name])
        return name

    async def _proven(self, password: str, name: str, hashes: Mapping[str, bytes]) -> bool:
        """Compare, one login after the other; an unknown name takes as long as a known one."""
        if self._waiting >= QUEUE:
            raise RefusedError(BUSY, {"Retry-After": "60"})
        self._waiting += 1
        try:
            async with self._turn:
                stored = hashes.get(name) or max(hashes.values(), key=_cost)
                right = await run_sync(bcrypt.checkpw, password.encode()[:LONGEST], stored)
                if not (right and name in hashes):
                    await sleep(PAUSE_SECONDS)
        finally:
            self._waiting -= 1
        return right and name in hashes

    def _remember(self, key: bytes, stored: bytes) -> None:
        self._good[key] = stored
        if len(self._good) > REMEMBERED:
            self._good.popitem(last=False)

    def _current(self) -> Mapping[str, bytes]:
        """Give the hashes by their names, as the file is now: what cannot be read lets nobody in."""
        try:
            if self._stat() != self._state:
                self._hashes = self._read()
        except ConfigurationError as error:
            log.error("users_file_failed", error=str(error))  # noqa: TRY400 (no defect)
            raise RefusedError(UNREADABLE) from error
        return self._hashes

    def _read(self) -> Mapping[str, bytes]:
        self._state, state = None, self._stat()
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise self._unreadable(error) from error
        found = {}
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                name, _, stored = line.partition(":")
                if not name or not HASH.fullmatch(stored.strip()):
                    raise ConfigurationError(
                        f"{self._file}, line {number}: it must be a name, a colon and a bcrypt hash of a cost up to 14; "
                        f"`htpasswd -B {self._file} NAME` writes one"
                    )
                found[name] = stored.strip().encode()
        if not found:
            raise ConfigurationError(
                f"{self._file} names nobody: `htpasswd -B {self._file} NAME` adds somebody"
            )
        self._state = state
        return found

    def _stat(self) -> object:
        try:
            found = self._file.stat()
        except OSError as error:
            raise self._unreadable(error) from error
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _unreadable(self, error: Exception) -> ConfigurationError:
        why = (isinstance(error, OSError) and error.strerror) or "it is no text in UTF-8"
        return ConfigurationError(f"[web] users_file {self._file} cannot be read ({why})")


def _cost(stored: bytes) -> int:
    return int(stored[4:6])


def _basic(authorization: str | None) -> tuple[str, str] | None:
    """Read `Basic bmFtZTpwYXNzd29yZA==`; None for anything else."""
    scheme, _, coded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = b64decode(coded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if colon and "\0" not in password else None
