"""Mailboxes that are measured: a corpus in, a user of a throw-away Dovecot who has its mails unread in his INBOX out."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bench.contest import Contender
from bench.corpora import Corpus
from tests.servers.dovecot import DovecotServer, missing


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """A Dovecot in which every run finds a mailbox of its own."""

    server: DovecotServer
    _numbers: Iterator[int] = field(default_factory=count)

    def filled(self, source: Corpus) -> str:
        """Deliver a corpus to a new user, and give his name."""
        user = f"reports{next(self._numbers)}"
        self.server.deliver(user, (path.read_bytes() for path in sorted(source.folder.rglob("*.eml"))))
        return user


@contextmanager
def dovecot() -> Iterator[Mailboxes | None]:
    """Start a Dovecot, where one can be started."""
    if reason := missing():
        print(f"Dovecot is left out: {reason}")
        yield None
    else:
        with DovecotServer() as server:
            yield Mailboxes(server)


def polling(command: str, mailboxes: Mailboxes, work: Path) -> Contender:
    """Ruamill's `poll`, however ruamill is started: over TLS, as it comes; the database comes by the environment."""

    def ready(source: Corpus, _: str) -> list[str]:
        config = work / "ruamill.toml"
        config.write_text(_configuration(mailboxes.server, mailboxes.filled(source)), encoding="utf-8")
        return [*shlex.split(command), "--config", str(config), "poll", "--json"]

    return Contender("ruamill", ready)


def _configuration(server: DovecotServer, user: str) -> str:
    """Write what ruamill is told; values of JSON mean the same in TOML."""
    mailbox = {
        "host": server.host,
        "port": server.imaps_port,
        "ca_file": str(server.ca_file),
        "user": user,
        "password": server.password,
    }
    return "\n".join(["[[mailbox]]", *(f"{key} = {json.dumps(value)}" for key, value in mailbox.items()), ""])
