"""A throw-away Dovecot 2.3 on loopback: raw mails go in, what stands in which folder comes out."""

import grp
import itertools
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Collection, Iterable
from email import message_from_bytes
from pathlib import Path
from types import TracebackType
from typing import Self

from imapclient import IMAPClient

from tests.servers.certificates import make_certificate
from tests.servers.ports import free_port
from tests.servers.token_endpoint import Issuer

PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
LIBRARY = Path("/usr/lib/dovecot")
START_SECONDS = 15

CAPABILITIES = (
    "IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE SORT THREAD=REFERENCES MULTIAPPEND UNSELECT CHILDREN NAMESPACE "
    "UIDPLUS LIST-EXTENDED CONDSTORE QRESYNC ESEARCH ESORT WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE SPECIAL-USE"
)
"""The longer part of what Dovecot 2.3 says it can do."""

CONFIGURATION = """
protocols = imap lmtp
listen = 127.0.0.1
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log

# Any user name, one password. Without the two zeros every refused login would delay the next one from 127.0.0.1.
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}/mail/%u allow_all_users=yes
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}

ssl = yes
ssl_cert = <{directory}/cert.pem
ssl_key = <{directory}/key.pem

first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 100
mailbox_idle_check_interval = 1 secs
namespace inbox {{
  inbox = yes
  separator = /
}}

service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@localhost
}}
"""

WITH_FEWER_CAPABILITIES = """
# Dovecot says this before the login too; left alone it keeps most of its list until after.
imap_capability = {capabilities}
"""

WITH_TOKENS = """
auth_mechanisms = plain login {mechanisms}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {directory}/oauth2.conf.ext
}}
"""

TOKENS = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={directory}/keys/
issuers = {issuer}
username_attribute = sub
username_format = %Lu
"""
"""Dovecot looks at a token's signature, its times, its issuer, and whom it speaks for."""

AS_ORDINARY_USER = """
# Without root Dovecot can neither change its user nor its root folder.
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def missing() -> str | None:
    """Say why no Dovecot can be started here; None if one can."""
    if not PROGRAM or not (LIBRARY / "imap").exists() or not (LIBRARY / "lmtp").exists():
        return (
            "Dovecot is not installed (apt-get install --no-install-recommends dovecot-imapd dovecot-lmtpd)"
        )
    version = subprocess.run([PROGRAM, "--version"], check=True, capture_output=True, text=True).stdout
    if not version.startswith("2.3."):
        return f"the configuration is for Dovecot 2.3, as in Debian 12; here is {version.split()[0]}"
    return None


class DovecotServer:
    """One server with its own folder, ports and certificate; a user's mailbox is made when it is first used.

    `without` names capabilities that the server does not advertise (MOVE, UIDPLUS): a client that obeys the
    protocol must not use them, though Dovecot would still understand. With `issuer` tokens of his are taken too,
    by the SASL mechanisms that are named.
    """

    host = "127.0.0.1"
    password = "secret"  # noqa: S105 (a password for nobody's mail)

    def __init__(
        self,
        *,
        without: Collection[str] = (),
        issuer: Issuer | None = None,
        mechanisms: str = "xoauth2 oauthbearer",
    ) -> None:
        self._without = frozenset(without)
        self._issuer = issuer
        self._mechanisms = mechanisms
        self.imap_port = free_port()
        """Plain, and STARTTLS."""
        self.imaps_port = free_port()
        """Implicit TLS."""
        self.lmtp_port = free_port()
        self._names = (f"{number:08}.ruamill" for number in itertools.count())

    def __enter__(self) -> Self:
        # Short for the sockets in it, and open to the owner of the mail: pytest's own folders are neither.
        self.directory = Path(tempfile.mkdtemp(prefix="ruamill-dovecot-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.ca_file = self.directory / "cert.pem"
        make_certificate(self.ca_file, self.directory / "key.pem")
        self._log = self.directory / "dovecot.log"
        self._write_configuration()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it greets. Raises RuntimeError with its log if it does not."""
        assert PROGRAM, missing()
        # left by a stop; Dovecot would wait for two minutes
        for lock in (self.directory / "mail").rglob("*.lock"):
            lock.unlink(missing_ok=True)
        command = [PROGRAM, "-F", "-c", str(self.directory / "dovecot.conf")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Dovecot did not start:\n{self._log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop at once, as in a power cut: open sessions end too, which Dovecot would let live on.

        Does nothing if it is stopped.
        """
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def restart(self) -> None:
        """Stop and start on the same ports with the same mail."""
        self.stop()
        self.start()

    def deliver(self, user: str, mails: Iterable[bytes], folder: str = "INBOX") -> None:
        """Put raw mails into a user's folder, unread, in this order; hundreds take a moment."""
        maildir = self._maildir(user, folder)
        for mail in mails:
            name = next(self._names)
            waiting = maildir / "tmp" / name
            waiting.write_bytes(mail)
            os.chown(waiting, *self._owner)
            waiting.rename(maildir / "new" / name)

    def connect(self, user: str) -> IMAPClient:
        """Log in over TLS; to be closed by the caller, best with `with`."""
        context = ssl.create_default_context(cafile=self.ca_file)
        client = IMAPClient(self.host, self.imaps_port, ssl_context=context, timeout=30)
        client.login(user, self.password)
        return client

    def messages(self, user: str) -> dict[str, list[str]]:
        """Read the Message-IDs in every folder, oldest first; mails only flagged as deleted are there too."""
        with self.connect(user) as client:
            return {folder: _message_ids(client, folder) for _, _, folder in client.list_folders()}

    @property
    def _owner(self) -> tuple[int, int]:
        """Whose mail it is: Dovecot never serves root's."""
        owner = pwd.getpwnam("dovecot") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        return owner.pw_uid, owner.pw_gid

    def _maildir(self, user: str, folder: str) -> Path:
        """Make the Maildir of a user's folder, unless Dovecot did."""
        root = self.directory / "mail" / user.lower() / "Maildir"
        maildir = root if folder == "INBOX" else root / f".{folder}"
        parts = [maildir / part for part in ("tmp", "new", "cur")]
        for directory in dict.fromkeys([root.parent, root, maildir, *parts]):
            if not directory.exists():
                directory.mkdir()
                os.chown(directory, *self._owner)
        return maildir

    def _write_configuration(self) -> None:
        uid, gid = self._owner
        (self.directory / "mail").mkdir()
        os.chown(self.directory / "mail", uid, gid)
        text = CONFIGURATION
        if os.geteuid() != 0:
            text += AS_ORDINARY_USER
        if self._without:
            text += WITH_FEWER_CAPABILITIES
        if self._issuer:
            text += WITH_TOKENS
            self._trust(self._issuer)
        values = {
            "directory": self.directory,
            "password": self.password,
            "uid": uid,
            "gid": gid,
            "user": pwd.getpwuid(uid).pw_name,
            "group": grp.getgrgid(gid).gr_name,
            "capabilities": " ".join(name for name in CAPABILITIES.split() if name not in self._without),
            "imap_port": self.imap_port,
            "imaps_port": self.imaps_port,
            "lmtp_port": self.lmtp_port,
            "mechanisms": self._mechanisms,
        }
        (self.directory / "dovecot.conf").write_text(text.format(**values))

    def _trust(self, issuer: Issuer) -> None:
        """Lay the issuer's key where tokens are looked up that name no client and no key: …/azp/alg/kid."""
        key = self.directory / "keys" / "default" / "HS256" / "default"
        key.parent.mkdir(parents=True)
        key.write_bytes(b64encode(issuer.key))
        settings = TOKENS.format(directory=self.directory, issuer=issuer.name)
        (self.directory / "oauth2.conf.ext").write_text(settings)

    def _greets(self) -> bool:
        try:
            with socket.create_connection((self.host, self.imap_port), timeout=5) as connection:
                return connection.recv(16).startswith(b"* OK")
        except OSError:
            return False


def _message_ids(client: IMAPClient, folder: str) -> list[str]:
    client.select_folder(folder, readonly=True)
    headers = client.fetch(client.search(), ["BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"])
    return [
        message_from_bytes(headers[uid][b"BODY[HEADER.FIELDS (MESSAGE-ID)]"]).get("Message-ID", "")
        for uid in sorted(headers)
    ]
