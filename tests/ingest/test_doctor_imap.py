"""`ruamill doctor` goes the way into a mailbox step by step: certificate, token, login, folders, rights."""

import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ingest.doctor import imap
from ingest.doctor.findings import Finding, Level, to_the_end
from ingest.doctor.network import Network, unencrypted
from ingest.settings import ImapSettings
from tests.ingest.doctor_kit import the, worst
from tests.ingest.mailbox_kit import account, report_mail
from tests.servers.dovecot import DovecotServer
from tests.servers.ports import free_port
from tests.servers.token_endpoint import Client, TokenEndpoint


def examine(server: DovecotServer, user: str, **changes: object) -> list[Finding]:
    settings = ImapSettings.model_validate(account(server, user, **changes))
    return list(to_the_end(imap.findings(settings, Network())))


def test_a_mailbox_that_is_right_is_left_as_it_is(dovecot_server: DovecotServer) -> None:
    dovecot_server.deliver("doctor", [report_mail(1).content, report_mail(2).content])
    found = examine(dovecot_server, "doctor")
    assert worst(found) is Level.NOTE  # its folders are not there yet
    assert "2 messages" in next(each.text for each in found if each.text.startswith("INBOX"))
    with dovecot_server.connect("doctor") as client:
        assert [name for *_, name in client.list_folders()] == ["INBOX"]
        client.select_folder("INBOX", readonly=True)
        assert len(client.search("UNSEEN")) == 2
        for name in ("Processed", "Failed", "Ignored"):
            client.create_folder(name)
    assert worst(examine(dovecot_server, "doctor")) is Level.OK
    starttls = {"tls": "starttls", "port": dovecot_server.imap_port}
    assert worst(examine(dovecot_server, "doctor", **starttls)) is Level.OK


def test_a_password_that_is_wrong(dovecot_server: DovecotServer) -> None:
    found = examine(dovecot_server, "doctor", password="wrong-one")  # noqa: S106 (nobody's)
    assert the(found, "login").level is Level.WRONG
    assert "wrong-one" not in str(found)
    assert found[-1].level is Level.SKIPPED


def test_a_connection_without_tls_is_warned_of_unless_it_stays_here(dovecot_server: DovecotServer) -> None:
    found = examine(dovecot_server, "doctor", tls="none", port=dovecot_server.imap_port)
    assert the(found, "TLS").level is Level.OK
    assert unencrypted("192.0.2.1", "the password").level is Level.WARNING
    assert unencrypted("fe80::1%eth0", "the password").level is Level.WARNING


def test_tls_on_the_port_without_it(dovecot_server: DovecotServer) -> None:
    found = the(examine(dovecot_server, "doctor", port=dovecot_server.imap_port), "greeting")
    assert found.level is Level.WRONG
    assert "belong together" in found.advice


def test_folders_that_are_missing(dovecot_server: DovecotServer) -> None:
    with dovecot_server.connect("folders") as client:
        client.create_folder("DMARC/Reports")
    found = the(examine(dovecot_server, "folders", folders="DMARC/Report", after="leave"), "folder")
    assert found.level is Level.WRONG
    assert found.advice.endswith("there are: DMARC/Reports")
    found = the(examine(dovecot_server, "folders", folders="DMARC", subfolders=True, after="leave"), "folder")
    assert (found.level, found.text) == (Level.OK, "DMARC/Reports: 0 messages there")


def test_a_name_that_has_no_address() -> None:
    settings = ImapSettings(host="imap.invalid", user="anna", password="x")  # noqa: S106
    found = list(to_the_end(imap.findings(settings, Network())))
    assert [(each.check, each.level) for each in found] == [
        ("name", Level.WRONG),
        ("the rest", Level.SKIPPED),
    ]


def test_a_server_that_is_away_is_asked_once() -> None:
    settings = ImapSettings(host="127.0.0.1", port=free_port(), user="anna", password="x")  # noqa: S106
    network = Network()
    first, second = (list(to_the_end(imap.findings(settings, network))) for _ in range(2))
    assert the(first, "connection").level is Level.WRONG
    assert {each.level for each in second} == {Level.SKIPPED}


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "TALK_SECONDS", 0.2)
    monkeypatch.setattr(imap, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = ImapSettings(host="127.0.0.1", port=port, user="anna", password="x")  # noqa: S106
        network = Network()
        first, second = (list(to_the_end(imap.findings(settings, network))) for _ in range(2))
    assert the(first, "greeting").level is Level.WRONG
    assert the(second, "connection").level is Level.SKIPPED


# --- certificates


def sign(certificate: Path, key: Path, days: float, address: str) -> None:
    """Write a certificate, its own authority, that ends in so many days, or has ended."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    end = datetime.now(UTC) + timedelta(days=days)
    names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address(address))]
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
    signed = (
        builder.not_valid_before(end - timedelta(days=60))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, SHA256())
    )
    certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize(
    ("days", "address", "level", "words"),
    [
        (30.5, "127.0.0.1", Level.OK, "30 days"),
        (5.5, "127.0.0.1", Level.WARNING, "5 days left"),
        (-1, "127.0.0.1", Level.WRONG, "expired"),
        (30, "127.0.0.2", Level.WRONG, "IP address mismatch"),
    ],
)
def test_certificates(days: float, address: str, level: Level, words: str, dovecot: DovecotServer) -> None:
    sign(dovecot.ca_file, dovecot.directory / "key.pem", days, address)
    dovecot.restart()
    for tls in ({}, {"tls": "starttls", "port": dovecot.imap_port}):
        found = the(examine(dovecot, "anna", **tls), "certificate")
        assert found.level is level
        assert words in found.text


@pytest.fixture(scope="module")
def dovecot() -> Iterator[DovecotServer]:
    """Start a server that tests may set up as they like."""
    with DovecotServer() as server:
        yield server


def test_an_authority_that_is_not_known(dovecot_server: DovecotServer) -> None:
    found = the(examine(dovecot_server, "doctor", ca_file=None), "certificate")
    assert found.level is Level.WRONG
    assert "ca_file" in found.advice


# --- what a server does not have, or does not allow


def test_a_server_without_extensions() -> None:
    with DovecotServer(without={"MOVE", "UIDPLUS", "IDLE"}) as server:
        found = [each for each in examine(server, "anna") if each.check == "extensions"]
        assert [each.level for each in found] == [Level.WARNING, Level.NOTE]
        quiet = examine(server, "anna", after="flag", idle=False)
        assert not [each for each in quiet if each.check == "extensions"]


ACL = """
protocol imap {{
  mail_plugins = acl imap_acl
}}
plugin {{
  acl = vfile:{directory}/acl
}}
"""
RIGHTS = """
INBOX user=reader lr
INBOX user=clerk lrstwei
Processed user=clerk lr
INBOX user=keeper lrwstei
"""


@pytest.fixture(scope="module")
def strict() -> Iterator[DovecotServer]:
    """Start a server with access control lists."""
    with DovecotServer() as server:
        restrict(server)
        yield server


def restrict(server: DovecotServer) -> None:
    """Have the server obey RIGHTS."""
    (server.directory / "acl").write_text(RIGHTS.lstrip())
    add_settings(server, ACL.format(directory=server.directory))


def add_settings(server: DovecotServer, text: str) -> None:
    with (server.directory / "dovecot.conf").open("a") as file:
        file.write(text)
    server.restart()


def test_a_folder_that_is_read_only(strict: DovecotServer) -> None:
    found = next(each for each in examine(strict, "reader") if each.check == "folder")
    assert found.level is Level.WRONG
    assert found.text == "INBOX: reader may not mark as deleted (t), expunge (e)"
    found = next(each for each in examine(strict, "reader", after="flag") if each.check == "folder")
    assert found.text == "INBOX: reader may not mark as read (s), flag (w)"


def test_a_folder_that_is_read_only_where_nobody_tells_the_rights() -> None:
    with DovecotServer(without={"ACL"}) as server:
        restrict(server)
        found = next(each for each in examine(server, "reader") if each.check == "folder")
        assert (found.level, found.text) == (Level.WRONG, "INBOX is read-only for reader")


def test_reading_takes_no_more_than_the_right_to_read(strict: DovecotServer) -> None:
    assert worst(examine(strict, "reader", after="leave")) is Level.OK


def test_a_folder_that_takes_nothing(strict: DovecotServer) -> None:
    with strict.connect("clerk") as client:
        client.create_folder("Processed")
    found = examine(strict, "clerk")
    assert [each.level for each in found if each.check == "folder"] == [
        Level.OK,
        Level.WRONG,
        Level.NOTE,
        Level.NOTE,
    ]


def test_a_folder_that_cannot_be_made(strict: DovecotServer) -> None:
    found = examine(strict, "keeper", processed="INBOX/Processed")
    refused = next(each for each in found if each.level is Level.WRONG)
    assert "create INBOX/Processed yourself" in refused.advice


def test_a_server_that_keeps_all_folders_below_the_inbox() -> None:
    with DovecotServer() as server:
        add_settings(server, "namespace inbox {\n  prefix = INBOX/\n}\n")
        refused = [each for each in examine(server, "anna") if each.level is Level.WRONG]
        assert [each.advice for each in refused] == [
            f'write "INBOX/{name}" instead' for name in ("Processed", "Failed", "Ignored")
        ]
        below = {name: f"INBOX/{name}" for name in ("processed", "failed", "ignored")}
        assert worst(examine(server, "anna", **below)) is Level.NOTE


# --- tokens

TENANT, CLIENT = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"
SCOPE = "https://outlook.office365.com/.default"
CLAIMS = {
    "aud": "https://outlook.office365.com",
    "tid": TENANT,
    "appid": CLIENT,
    "oid": "12121212-3434-5656-7878-909090909090",
    "roles": ["IMAP.AccessAsApp"],
}


@pytest.fixture(scope="module")
def entra() -> Iterator[TokenEndpoint]:
    """Start a token endpoint that grants what Microsoft's does."""
    with TokenEndpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def exchange(entra: TokenEndpoint) -> Iterator[DovecotServer]:
    """Start a server that takes its tokens."""
    with DovecotServer(issuer=entra.issuer, mechanisms="xoauth2") as server:
        yield server


def by_token(
    exchange: DovecotServer, entra: TokenEndpoint, claims: Mapping[str, object] = CLAIMS
) -> list[Finding]:
    """Examine the mailbox of dmarc with a token of these claims."""
    entra.clients[CLIENT] = client_of(claims)
    found = examine(exchange, "dmarc", password=None, oauth=oauth_of(entra))
    assert "open-sesame" not in str(found)
    assert not any(token in str(found) for token in entra.issued)
    return found


def client_of(claims: Mapping[str, object]) -> Client:
    subject = str(claims.get("sub", "dmarc"))
    form, secret = "client_secret_post", "open-sesame"
    return Client(form, "client_credentials", subject, scope=SCOPE, secret=secret, claims=claims)


def oauth_of(entra: TokenEndpoint) -> dict[str, object]:
    """Give the table [mailbox.oauth]."""
    application = {"provider": "microsoft365", "tenant": TENANT, "client_id": CLIENT}
    return {**application, "client_secret": "open-sesame", "authority": entra.url, "ca_file": entra.ca_file}


def test_a_token_that_is_right(exchange: DovecotServer, entra: TokenEndpoint) -> None:
    found = by_token(exchange, entra)
    assert worst(found) is Level.NOTE
    assert "good for 60 minutes" in the(found, "token").text


@pytest.mark.parametrize(
    ("claims", "words", "advice"),
    [
        ({"aud": "https://graph.microsoft.com"}, "not for Exchange Online", "set scope"),
        ({"roles": ["Mail.Read"]}, "lacks the role IMAP.AccessAsApp", "API permissions"),
        ({"tid": CLIENT}, "of the tenant", "check tenant"),
    ],
)
def test_a_token_that_exchange_would_refuse(
    exchange: DovecotServer, entra: TokenEndpoint, claims: dict[str, object], words: str, advice: str
) -> None:
    refused = next(each for each in by_token(exchange, entra, CLAIMS | claims) if each.level is Level.WRONG)
    assert refused.check == "token"
    assert words in refused.text
    assert advice in refused.advice


def test_a_mailbox_that_is_not_open_to_the_token(exchange: DovecotServer, entra: TokenEndpoint) -> None:
    refused = the(by_token(exchange, entra, CLAIMS | {"sub": "somebody-else"}), "login")
    assert refused.level is Level.WRONG
    assert (
        "Add-MailboxPermission -Identity dmarc -User 12121212-3434-5656-7878-909090909090" in refused.advice
    )


def test_a_token_that_is_wrong_and_refused(exchange: DovecotServer, entra: TokenEndpoint) -> None:
    found = by_token(exchange, entra, CLAIMS | {"sub": "somebody-else", "roles": []})
    assert the(found, "login").advice.startswith("mend the token first")


def test_a_secret_that_is_wrong(exchange: DovecotServer, entra: TokenEndpoint) -> None:
    entra.clients[CLIENT] = client_of(CLAIMS)
    refused = examine(
        exchange, "dmarc", password=None, oauth=oauth_of(entra) | {"client_secret": "close-sesame"}
    )
    assert the(refused, "token").level is Level.WRONG
    assert "client_secret" in the(refused, "token").text
    assert "sesame" not in str(refused)


def test_a_token_endpoint_that_is_away(exchange: DovecotServer, entra: TokenEndpoint) -> None:
    away = oauth_of(entra) | {"authority": f"https://localhost:{free_port()}"}
    assert the(examine(exchange, "dmarc", password=None, oauth=away), "token").level is Level.WRONG


class Exchange(StreamRequestHandler):
    """Says what Exchange Online says where a login is right and not enough; no other server can be brought to it."""

    server: "ExchangeServer"

    def handle(self) -> None:
        """Answer each command."""
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, command = line.upper().split()[:2]
            if command == b"CAPABILITY":
                self.wfile.write(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n")
            elif command == b"AUTHENTICATE":
                self.wfile.write(b"+ \r\n")
                self.rfile.readline()
            answer = self.server.answers.get(command, b"OK done")
            self.wfile.write(b"%s %s\r\n" % (tag, answer))


class ExchangeServer(ThreadingTCPServer):
    """Listens on loopback."""

    daemon_threads = True

    def __init__(self, **answers: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.answers = {command.encode(): answer for command, answer in answers.items()}


@pytest.mark.parametrize(
    ("answers", "check", "advice"),
    [
        ({"AUTHENTICATE": b"NO User is not enabled for IMAP."}, "login", "IMAP is switched off for dmarc"),
        (
            {"LIST": b"BAD User is authenticated but not connected."},
            "folders",
            "Add-MailboxPermission -Identity dmarc",
        ),
        ({"AUTHENTICATE": b"NO [UNAVAILABLE] Server busy"}, "login", "try again later"),
    ],
)
def test_a_mailbox_without_the_protocol_or_the_permission(
    entra: TokenEndpoint, answers: dict[str, bytes], check: str, advice: str
) -> None:
    entra.clients[CLIENT] = client_of(CLAIMS)
    with ExchangeServer(**answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        values = {"host": "127.0.0.1", "port": server.server_address[1], "tls": "none", "user": "dmarc"}
        settings = ImapSettings.model_validate({**values, "oauth": oauth_of(entra)})
        found = list(to_the_end(imap.findings(settings, Network())))
        server.shutdown()
        thread.join()
    assert the(found, check).level is Level.WRONG
    assert advice in the(found, check).advice
