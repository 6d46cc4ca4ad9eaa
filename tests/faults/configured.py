"""A Dovecot with a piece of configuration before its own, which may be exchanged while the tests run."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from tests.servers.dovecot import DovecotServer

END = "# ---\n"

DENIED = """
passdb {{
  driver = passwd-file
  deny = yes
  args = {file}
}}
"""
"""Users named in the file must not log in."""

EVERYTHING = frozenset({"MOVE", "UIDPLUS", "IDLE", "ESEARCH", "CONDSTORE", "QRESYNC", "LITERAL+", "UNSELECT"})
"""Capabilities beside the bare IMAP4rev1."""


@contextmanager
def dovecot_with(configuration: str, without: Collection[str] = ()) -> Iterator[DovecotServer]:
    """Start a server with such a configuration."""
    with DovecotServer(without=without) as server:
        configure(server, configuration)
        yield server


def configure(server: DovecotServer, configuration: str) -> None:
    """Put something before the configuration that the server has, in place of what was put there before."""
    file = server.directory / "dovecot.conf"
    usual = file.read_text().rpartition(END)[2]
    file.write_text(configuration + END + usual)
    server.restart()
