"""A throw-away Postfix on loopback: letters go in by SMTP with STARTTLS, and come out of a Maildir."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.certificates import make_certificate
from tests.servers.ports import free_port

PROGRAM = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
START_SECONDS = 20

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {commands}
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.org
mydestination =
alias_maps =
alias_database =
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {folder}/key.pem, {folder}/cert.pem
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing() -> str | None:
    """Say why Postfix cannot run here, and how to get it; None where it can."""
    if PROGRAM is None:
        return "no Postfix (Debian: apt-get install postfix)"
    return None if os.geteuid() == 0 else "only root can start Postfix"


class PostfixServer:
    """One Postfix, and one Maildir for every recipient at example.org."""

    host = "127.0.0.1"

    def __enter__(self) -> Self:
        assert PROGRAM
        # Below /tmp whatever TMPDIR says: others than root must get there, and names of sockets are short.
        self._home = tempfile.TemporaryDirectory(prefix="ruamill-postfix-", dir="/tmp")
        self._folder = Path(self._home.name)
        self._folder.chmod(0o755)
        self.port = free_port()
        self.ca_file = self._folder / "cert.pem"
        make_certificate(self.ca_file, self._folder / "key.pem")
        self._configure()
        self._postfix("start")
        self._wait_until(self._answers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._postfix("stop")
        self._home.cleanup()

    def letters(self, number: int) -> list[EmailMessage]:
        """Wait until so many letters have arrived, and give them."""
        new = self._folder / "mail" / "box" / "new"
        self._wait_until(lambda: new.is_dir() and len(list(new.iterdir())) >= number)
        raws = [file.read_bytes() for file in sorted(new.iterdir())]
        return [message_from_bytes(raw, EmailMessage, policy=policy.default) for raw in raws]

    def _configure(self) -> None:
        user = pwd.getpwnam("postfix")
        for name in ("queue", "data", "mail", "log", "etc"):
            (self._folder / name).mkdir()
        for name in ("data", "mail"):
            os.chown(self._folder / name, user.pw_uid, user.pw_gid)
        values = {"folder": self._folder, "uid": user.pw_uid, "gid": user.pw_gid, "port": self.port}
        commands = Path(str(PROGRAM)).parent
        (self._folder / "etc/main.cf").write_text(MAIN.format(**values, commands=commands))
        (self._folder / "etc/master.cf").write_text(MASTER.format(**values))

    def _postfix(self, word: str) -> None:
        command = [str(PROGRAM), "-c", str(self._folder / "etc"), word]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection((self.host, self.port), 1) as client:
            return client.recv(3) == b"220"
        return False

    def _wait_until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not true():
            log = self._folder / "log/mail.log"
            said = log.read_text() if log.exists() else "no log"
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
