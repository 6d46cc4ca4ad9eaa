"""`ruamill doctor` tries what is beside mailboxes and database: mail server, names, registries, the daemon."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.resolver import Resolver

from ingest.doctor import daemon, lookups, smtp
from ingest.doctor.findings import Finding, Level, to_the_end
from ingest.doctor.network import Network
from ingest.settings import MonitorSettings, SmtpSettings
from tests.ingest.doctor_kit import the, worst
from tests.servers.ports import free_port
from tests.servers.smtp import SmtpServer

# --- the mail server for the letter


def try_smtp(server: SmtpServer, **changes: object) -> list[Finding]:
    usual: dict[str, object] = {"host": server.host, "port": server.port, "ca_file": server.ca_file}
    login = {"user": server.user, "password": server.password, "sender": "dmarc@example.org"}
    settings = SmtpSettings.model_validate(usual | login | changes)
    found = list(to_the_end(smtp.findings(settings, Network())))
    assert server.password not in str(found)
    assert not server.letters
    return found


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_mail_server_that_takes_the_letter(tls: Any) -> None:
    with SmtpServer(tls) as server:
        found = try_smtp(server, tls=tls)
        assert worst(found) is Level.OK
        assert "20 MiB" in the(found, "sender").text
        assert server.senders == ["dmarc@example.org"]


def test_a_mail_server_that_refuses() -> None:
    with SmtpServer(refused=("dmarc@example.org",)) as server:
        found = the(try_smtp(server), "sender")
        assert found.level is Level.WRONG
        assert "not from that address" in found.text
        found = the(try_smtp(server, password="wrong-one"), "login")  # noqa: S106 (nobody's)
        assert found.level is Level.WRONG
        assert "wrong-one" not in str(found)
        assert the(try_smtp(server, user=None), "sender").advice.endswith("set user and password")
        assert the(try_smtp(server, ca_file=None), "certificate").level is Level.WRONG
        assert the(try_smtp(server, tls="implicit"), "greeting").level is Level.WRONG


def test_a_mail_server_without_tls_or_login() -> None:
    with SmtpServer("none", login=False) as server:
        assert "STARTTLS" in the(try_smtp(server), "greeting").advice
        assert "no login" in the(try_smtp(server, tls="none"), "login").advice
        found = try_smtp(server, tls="none", user=None, password=None)
        assert worst(found) is Level.OK
        assert the(found, "sender").level is Level.OK


# --- name servers and registries


@contextmanager
def name_server(name: str) -> Iterator[Callable[[], Resolver]]:
    """Answer every question for a name of an address with this one; give what asks here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        thread = Thread(target=_answer, args=(listening, name))
        thread.start()
        resolver = Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = listening.getsockname()[1]
        yield lambda: resolver
        thread.join()


def _answer(listening: socket.socket, name: str) -> None:
    question, asker = listening.recvfrom(512)
    query = dns.message.from_wire(question)
    response = dns.message.make_response(query)
    if name:
        response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "PTR", name))
    else:
        response.set_rcode(dns.rcode.NXDOMAIN)
    listening.sendto(response.to_wire(), asker)


@pytest.mark.parametrize(
    ("name", "level"),
    [("a.root-servers.net.", Level.OK), ("search.provider.example.", Level.WARNING), ("", Level.WARNING)],
)
def test_name_servers(name: str, level: Level) -> None:
    with name_server(name) as resolver:
        assert the(list(lookups.name_servers(resolver)), "names").level is level


def test_a_name_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "DNS_SECONDS", 0.2)
    resolver = Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], free_port()
    assert the(list(lookups.name_servers(lambda: resolver)), "names").level is Level.WARNING


class Pages(BaseHTTPRequestHandler):
    """Answers by the first part of the path."""

    def do_GET(self) -> None:
        """Answer."""
        kind = self.path.split("/")[1]
        self.send_response({"busy": 429, "healthz": 503}.get(kind, 200))
        self.end_headers()
        self.wfile.write(
            {"portal": b"<html>log in here", "healthz": b'{"problems": ["tired"]}'}.get(kind, b"{}")
        )

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Say nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """Start a web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_registries(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("https_proxy", raising=False)
    bases = {"good": f"{web}rdap/", "busy": f"{web}busy/", "portal": f"{web}portal/"}
    bases |= {"away": f"http://127.0.0.1:{free_port()}/", "as good": f"{web}registry/"}
    found = {each.text.partition(":")[0]: each for each in lookups.registries(bases)}
    assert found["good, as good"].level is Level.OK
    assert {found[name].level for name in ("busy", "portal", "away")} == {Level.WARNING}
    assert "429" in found["busy"].text
    assert "something else" in found["portal"].text


def test_the_registries_are_those_of_ipwhois() -> None:
    assert lookups.REGISTRIES["ripencc"] == "https://rdap.db.ripe.net/"
    assert lookups.REGISTRIES["lacnic"] == "https://rdap.lacnic.net/rdap/"
    assert len(lookups.REGISTRIES) == 5


def test_a_proxy_is_named_without_its_password(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://anna:sesame@proxy.example:3128")
    found = the(list(lookups.registries({"good": f"{web}rdap/"})), "proxy")
    assert "proxy.example:3128" in found.text
    assert "sesame" not in str(found)


def test_registries_that_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "REGISTRY_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        started = time.monotonic()
        found = list(lookups.registries({"one": base, "two": base}))
    assert time.monotonic() - started < 5
    assert {each.level for each in found} == {Level.WARNING}


# --- the daemon


def test_a_daemon_is_asked_how_it_is(web: str) -> None:
    def ask_at(port: int, **changes: Any) -> Finding:
        return the(list(daemon.findings(MonitorSettings(port=port, **changes))), "monitor")

    port = int(web.rpartition(":")[2].rstrip("/"))
    assert ask_at(port).level is Level.WARNING
    assert "not well: tired" in ask_at(port, host="0.0.0.0").text  # noqa: S104 (where a daemon may listen)
    assert ask_at(free_port()).level is Level.NOTE
    assert ask_at(port, enabled=False).level is Level.NOTE
    with SmtpServer("none") as other:
        assert "something else" in ask_at(other.port).text
