"""`ruamill doctor` tries what is beside mailboxes and database: mail server, names, registries, the daemon."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from fixtures.registries.server import Network as Registered
from fixtures.registries.server import Records
from ingest.doctor import daemon, lookups, offline, smtp
from ingest.doctor.findings import Finding, Level, to_the_end
from ingest.doctor.network import Network
from ingest.settings import EnrichSettings, MonitorSettings, Settings, SmtpSettings
from tests.ingest.doctor_kit import the, worst
from tests.servers.ports import free_port
from tests.servers.registries import (
    DnsFault,
    FaultyServers,
    answers,
    hangs,
    html,
    limited,
    nxdomain,
    resets,
    says,
    servfail,
)
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

RECORDS = Records(
    tuple(
        Registered(ip_address(address), ip_address(address), who, f"NET-{who}", asn=64500)
        for who, address in lookups.ASKED_ABOUT.items()
        if who != "bootstrap"
    ),
    names={ip_address(lookups.ADDRESS): ("a.root-servers.net",)},
)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServers]:
    monkeypatch.delenv("https_proxy", raising=False)
    with FaultyServers(RECORDS) as servers:
        yield servers


def enrich(servers: FaultyServers, **changes: object) -> EnrichSettings:
    """Give settings by which these servers are asked."""
    usual = {"rdap_base_urls": servers.base_urls, "name_servers": servers.name_servers}
    return EnrichSettings.model_validate(usual | changes)


def test_name_servers(servers: FaultyServers) -> None:
    found = list(lookups.name_servers(enrich(servers)))
    assert [each.check for each in found] == ["names", "origins"]
    assert worst(found) is Level.OK
    assert servers.name_servers[0] in found[0].text


@pytest.mark.parametrize("fault", [answers("search.provider.example."), nxdomain, servfail])
def test_name_servers_that_tell_something_else(fault: DnsFault, servers: FaultyServers) -> None:
    servers.play("PTR", fault)
    assert the(list(lookups.name_servers(enrich(servers))), "names").level is Level.WARNING


@pytest.mark.parametrize("fault", [nxdomain, servfail])
def test_origins_that_cannot_be_asked_for(fault: DnsFault, servers: FaultyServers) -> None:
    servers.play("origin", fault)
    found = the(list(lookups.name_servers(enrich(servers))), "origins")
    assert found.level is Level.WARNING
    assert "origin.asn.cymru.com" in found.advice


def test_name_servers_that_say_nothing() -> None:
    settings = EnrichSettings(name_servers=(f"127.0.0.1:{free_port()}",), timeout=0.2)
    found = list(lookups.name_servers(settings))
    assert {each.level for each in found} == {Level.WARNING}
    assert "enrich.name_servers" in found[0].advice


def test_registries(servers: FaultyServers) -> None:
    found = the(list(lookups.registries(enrich(servers))), "registries")
    assert found.level is Level.OK
    assert found.text == "arin, ripencc, apnic, lacnic, afrinic, bootstrap: reached"


def test_registries_that_do_not_answer_as_they_should(servers: FaultyServers) -> None:
    servers.play("ripencc", limited())
    servers.play("apnic", html())
    servers.play("lacnic", resets)
    servers.play("afrinic", says(404))
    found = {each.text.partition(":")[0]: each for each in lookups.registries(enrich(servers))}
    assert found.pop("arin, bootstrap").level is Level.OK
    assert {each.level for each in found.values()} == {Level.WARNING}
    assert "too often" in found["ripencc"].text
    assert "something else" in found["apnic"].advice
    assert "https_proxy" in found["lacnic"].advice
    assert "rdap_base_urls" in found["afrinic"].advice
    host = urlsplit(servers.base_urls["lacnic"]).netloc
    assert host in found["lacnic"].advice


def test_registries_that_say_nothing(servers: FaultyServers) -> None:
    for who in lookups.ASKED_ABOUT:
        servers.play(who, hangs)
    started = time.monotonic()
    found = list(lookups.registries(enrich(servers, timeout=0.2)))
    assert time.monotonic() - started < 5
    assert {each.level for each in found} == {Level.WARNING}


@pytest.mark.parametrize("place", ["enrich.proxy", "https_proxy"])
def test_a_proxy_is_named_without_its_password(
    place: str, servers: FaultyServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = "http://anna:sesame@proxy.example:3128"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    if place == "https_proxy":
        monkeypatch.setenv("https_proxy", proxy)
    settings = enrich(servers, timeout=2, **({"proxy": proxy} if place == "enrich.proxy" else {}))
    found = the(list(lookups.registries(settings)), "proxy")
    assert f"proxy.example:3128 ({place})" in found.text
    assert "sesame" not in str(found)


# --- what is known without asking


def look_offline(**enrich: object) -> list[Finding]:
    domains = enrich.pop("domains", {})
    return list(offline.findings(Settings.model_validate({"enrich": enrich, "domains": domains})))


def test_the_catalogue_is_known() -> None:
    [found] = look_offline()
    assert (found.check, found.level) == ("services", Level.OK)


def test_look_ups_that_are_off_are_noted() -> None:
    assert the(look_offline(queries="off"), "queries").level is Level.NOTE


def test_services_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    file.write_text("[our_mailer]\nname = 7\n")
    found = [each for each in look_offline(services=file) if each.check == "services"]
    assert {each.level for each in found} == {Level.WRONG}
    assert all(each.text.startswith(f"{file}: our_mailer") for each in found)


def test_a_domain_that_uses_what_nobody_knows() -> None:
    domains = {"example.org": {"uses": ["google_workspace", "gogle_workspace"]}, "example.net": {}}
    found = the(look_offline(domains=domains), "uses")
    assert found.level is Level.WRONG
    assert 'there is no service "gogle_workspace"' in found.text
    assert found.advice == 'did you mean "google_workspace"?'


def write_mmdb(path: Path, record: dict[str, str], built: datetime | None = None) -> Path:
    writer = MMDBWriter(6, "Test-Data", ipv4_compatible=True)
    writer.insert_network(IPSet(["192.0.2.0/24"]), record)
    writer.to_db_file(str(path))
    if built:
        content = path.read_bytes()
        epoch = content.index(b"build_epoch") + len(b"build_epoch") + 2  # behind its type
        path.write_bytes(content[:epoch] + int(built.timestamp()).to_bytes(4) + content[epoch + 4 :])
    return path


def test_files_of_networks(tmp_path: Path) -> None:
    good = write_mmdb(tmp_path / "good.mmdb", {"asn": "AS64500", "country_code": "DE"})
    other = write_mmdb(tmp_path / "other.mmdb", {"is_anonymous": "yes"})
    old = write_mmdb(tmp_path / "old.mmdb", {"asn": "AS64500"}, datetime(2024, 2, 3, tzinfo=UTC))
    none = tmp_path / "none.mmdb"
    found = [each for each in look_offline(mmdb=[good, other, old, none]) if each.check == "mmdb"]
    assert [each.level for each in found] == [Level.OK, Level.WARNING, Level.WARNING, Level.WRONG]
    assert "with ASN and country" in found[0].text
    assert "neither ASN nor country" in found[1].text
    assert "of 2024-02-03" in found[2].text
    assert str(none) in found[3].text


# --- the daemon


class Unwell(BaseHTTPRequestHandler):
    """Answers as a daemon that is not well."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b'{"problems": ["tired"]}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Say nothing."""


@pytest.fixture
def unwell() -> Iterator[int]:
    """Give the port of a daemon that is not well."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Unwell) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_daemon_is_asked_how_it_is(unwell: int) -> None:
    def ask_at(port: int, **changes: Any) -> Finding:
        return the(list(daemon.findings(MonitorSettings(port=port, **changes))), "monitor")

    assert ask_at(unwell).level is Level.WARNING
    assert "not well: tired" in ask_at(unwell, host="0.0.0.0").text  # noqa: S104 (where a daemon may listen)
    assert ask_at(free_port()).level is Level.NOTE
    assert ask_at(unwell, enabled=False).level is Level.NOTE
    with SmtpServer("none") as other:
        assert "something else" in ask_at(other.port).text
