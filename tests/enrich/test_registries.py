"""Registries and name servers that answer, refuse, lie, drip and hang, asked through ipwhois as it is."""

import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from enrich.addresses import parse
from enrich.registries import Registries
from enrich.values import BOOTSTRAP, ORIGIN, Answer, Failed, Limited, Network, NotFound, Origin
from fixtures.registries.server import Exchange, Records, Reply
from tests.servers.certificates import make_certificate
from tests.servers.registries import (
    DnsFault,
    FaultyServers,
    RdapFault,
    answers,
    breaks_off,
    document,
    drips,
    drips_body,
    fields,
    garbage,
    hangs,
    html,
    limited,
    nxdomain,
    oversized,
    parent_block,
    rate_limit_notice,
    redirect,
    resets,
    says,
    servfail,
    silence,
    truncated,
    without,
)

RECORDS = Records.load(Path(__file__).parents[2] / "fixtures" / "registries" / "networks.toml")
WEST = parse("8.8.8.8")
"""In the example's network of ARIN."""
ARIN = Origin("arin", 64500, "US")
PATIENCE = 20
"""Seconds that an answer may take where time is not what is tested."""


@pytest.fixture
def servers() -> Iterator[FaultyServers]:
    with FaultyServers(RECORDS) as running:
        yield running


def registries(servers: FaultyServers, timeout: float = PATIENCE) -> Registries:
    return Registries(base_urls=servers.base_urls, name_servers=servers.name_servers, timeout=timeout)


def asked_of_arin(servers: FaultyServers, fault: RdapFault, timeout: float = PATIENCE) -> Answer:
    """Ask for an address of ARIN's, while ARIN fails."""
    servers.play("arin", fault)
    return registries(servers, timeout).network(WEST, ARIN)


def test_a_look_up_costs_one_txt_and_one_rdap_query(servers: FaultyServers) -> None:
    asking = registries(servers)
    origin = asking.origin(WEST)
    assert origin == ARIN
    assert asking.network(WEST, ARIN) == Network(
        first=IPv4Address("8.8.8.0"),
        last=IPv4Address("8.8.8.255"),
        registered="8.8.8.0 - 8.8.8.255",
        handle="NET-8-8-8-0-2",
        name="EXAMPLE-WEST",
        owner="Example West Inc.",
        country="US",
        registry="arin",
        asn=64500,
    )
    assert servers.asked == [("origin", "8.8.8.8.origin.asn.cymru.com"), ("arin", "8.8.8.8")]


def test_an_address_that_nobody_announces_is_asked_of_the_bootstrap_server(servers: FaultyServers) -> None:
    asking, address = registries(servers), parse("2001:67c:2e8:1::25")
    assert asking.origin(address) is None
    network = asking.network(address, None)
    assert isinstance(network, Network)
    assert (network.owner, network.registry, network.asn) == ("Example Six B.V.", "ripencc", None)
    assert [who for who, _ in servers.asked] == ["origin", "bootstrap", "ripencc"]


def test_a_registry_that_is_not_in_charge_redirects(servers: FaultyServers) -> None:
    asking, address = registries(servers), parse("193.0.0.1")
    origin = asking.origin(address)
    assert isinstance(origin, Origin)
    network = asking.network(address, origin)
    assert isinstance(network, Network)
    assert (origin.registry, network.registry) == ("arin", "ripencc")
    assert (network.first, network.last) == (parse("193.0.0.0"), parse("193.0.0.255"))
    assert network.registered == "193.0.0.0 - 193.0.7.255"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_redirects_of_every_kind_lead_to_where_the_settings_say(
    servers: FaultyServers, status: int, scheme: str
) -> None:
    servers.play("apnic", redirect(f"{scheme}://rdap.arin.net/registry/ip/8.8.8.8", status))
    network = registries(servers).network(WEST, Origin("apnic", None, None))
    assert isinstance(network, Network)
    assert network.registry == "arin"


@pytest.mark.parametrize(
    ("location", "queries"),
    [
        ("https://rdap.arin.net/registry/ip/8.8.8.8", 2),
        ("file:///etc/passwd", 1),
        ("ftp://rdap.arin.net/x", 1),
        ("http://127.0.0.1:1/", 1),
        ("", 2),
    ],
)
def test_a_redirect_that_leads_nowhere_ends(servers: FaultyServers, location: str, queries: int) -> None:
    answer = asked_of_arin(servers, redirect(location))
    assert isinstance(answer, Failed)
    assert (answer.asked, len(servers.asked)) == ("arin", queries)


def test_a_registry_is_reached_though_whom_it_redirects_to_is_not(servers: FaultyServers) -> None:
    answer = asked_of_arin(servers, redirect("http://127.0.0.1:1/ip/8.8.8.8"))
    assert answer == Failed("arin", "Connection refused", reached=True)


def test_who_refuses_after_a_redirect_is_who_is_named(servers: FaultyServers) -> None:
    servers.play("ripencc", limited("30"))
    assert registries(servers).network(parse("193.0.0.1"), ARIN) == Limited("ripencc", 30)


NOT_FOUND = NotFound(parse("8.8.8.0"), parse("8.8.8.255"), "arin")


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (says(404), NOT_FOUND),
        (says(404, b'{"errorCode": 404}', Content_Type="application/rdap+json"), NOT_FOUND),
        (parent_block(), NOT_FOUND),
        (parent_block("8.0.0.0/7", "SOME-BLOCK"), NOT_FOUND),
        (parent_block("8.0.0.0/8", "IANA-BLK"), NOT_FOUND),
        (limited(), Limited("arin", None)),
        (limited("7"), Limited("arin", 7)),
        (limited("0"), Limited("arin", 0)),
        (limited("soon"), Limited("arin", None)),
        (limited("-7"), Limited("arin", None)),
        (limited("Fri, 31 Dec 1999 23:59:59 GMT"), Limited("arin", 0)),
        (limited("Fri, 31 Dec 99999999999999999999 23:59:59 GMT"), Limited("arin", None)),
        (rate_limit_notice, Limited("arin", None)),
        (says(403), Limited("arin", None)),
        (says(503, Retry_After="120"), Limited("arin", 120)),
        (says(503), Failed("arin", "HTTP status 503", reached=False)),
        (says(502), Failed("arin", "HTTP status 502", reached=False)),
        (says(500), Failed("arin", "HTTP status 500")),
        (says(400), Failed("arin", "HTTP status 400")),
        (html(500), Failed("arin", "HTTP status 500")),
        (html(404), Failed("arin", "HTTP status 404")),
        (html(200), Failed("arin", "the answer is an HTML page")),
        (says(200, b"{"), Failed("arin", "the answer is no JSON")),
        (says(204), Failed("arin", "the answer is no JSON")),
        (document(lambda _answer: []), Failed("arin", "the answer is JSON, but no object")),
        (without("startAddress"), Failed("arin", "the answer is JSON without a startAddress")),
        (
            fields(startAddress="9.0.0.0", endAddress="9.0.0.255"),
            Failed("arin", "ValueError: the answer is about 9.0.0.0 - 9.0.0.255"),
        ),
        (oversized(), Failed("arin", "the answer is more than 1048576 bytes")),
        (breaks_off, Failed("arin", "the answer is no JSON")),
        (resets, Failed("arin", "Connection reset by peer", reached=False)),
    ],
)
def test_what_goes_wrong_becomes_a_value(servers: FaultyServers, fault: RdapFault, answer: Answer) -> None:
    assert asked_of_arin(servers, fault) == answer
    assert len(servers.asked) == 1


def test_retry_after_may_be_a_date(servers: FaultyServers) -> None:
    answer = asked_of_arin(
        servers, limited(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    )
    assert isinstance(answer, Limited)
    assert answer.retry_after is not None
    assert 3600 - PATIENCE < answer.retry_after <= 3600


@pytest.mark.parametrize("fault", [hangs, drips(), drips_body()])
def test_a_registry_that_hangs_or_drips_is_left_when_the_time_is_up(
    servers: FaultyServers, fault: RdapFault
) -> None:
    started = time.monotonic()
    answer = asked_of_arin(servers, fault, timeout=0.5)
    assert answer == Failed("arin", "no answer in time", reached=False)
    # Byte by byte, the answer would take half a minute.
    assert time.monotonic() - started < PATIENCE / 2


def test_a_registry_that_drips_fast_enough_is_heard(servers: FaultyServers) -> None:
    assert isinstance(asked_of_arin(servers, drips(0.001)), Network)


def test_slips_of_registries_cost_no_more_than_their_field(servers: FaultyServers) -> None:
    slips = fields(parentHandle=None, handle=None, name=None, entities=[None, {"roles": None}])
    network = asked_of_arin(servers, slips)
    assert isinstance(network, Network)
    assert (network.handle, network.name, network.owner) == (None, None, None)
    assert (network.first, network.country) == (parse("8.8.8.0"), "US")


def test_nobody_at_home(servers: FaultyServers) -> None:
    asking = Registries(base_urls={"arin": "http://127.0.0.1:1/"}, name_servers=servers.name_servers)
    assert asking.network(WEST, ARIN) == Failed("arin", "Connection refused", reached=False)


@pytest.mark.parametrize(
    ("fault", "origin"),
    [
        (nxdomain, None),
        (answers('"64500 | 8.8.8.0/24 | US | | 2010-01-01"'), None),
        (answers('"64500 | 8.8.8.0/24 | US | iana | 2010-01-01"'), None),
        (answers('"64500 64501 | 8.8.8.0/24 | US | arin | 2010-01-01"'), ARIN),
        (answers('"NA | 8.8.8.0/24 |  | arin | "'), Origin("arin", None, None)),
        (
            answers(
                '"64499 | 8.0.0.0/9 | US | ripencc | 1992-12-01"',
                '"64500 | 8.8.8.0/24 | US | arin | 2014-03-14"',
                '"64498 | 8.8.0.0/16 | US | | "',
            ),
            ARIN,
        ),
    ],
)
def test_origins_are_read_as_they_come(
    servers: FaultyServers, fault: DnsFault, origin: Origin | None
) -> None:
    servers.play("origin", fault)
    assert registries(servers).origin(WEST) == origin


@pytest.mark.parametrize(
    ("fault", "reached", "reason"),
    [
        (servfail, True, "NoNameservers: All nameservers failed to answer the query"),
        (silence, False, "no answer in time"),
        (garbage, False, "no answer in time"),
        (answers('"no origin"'), True, "ASNParseError: Parsing failed"),
        (answers('"64500 | no network | US | arin | 2010-01-01"'), True, "ValueError: 'no network'"),
    ],
)
def test_name_servers_that_fail_are_told_from_an_address_without_an_origin(
    servers: FaultyServers, fault: DnsFault, reached: bool, reason: str
) -> None:
    servers.play("origin", fault)
    answer = registries(servers, timeout=0.5).origin(WEST)
    assert isinstance(answer, Failed)
    assert (answer.asked, answer.reached) == (ORIGIN, reached)
    assert answer.reason.startswith(reason)


def test_a_lost_datagram_is_sent_again(servers: FaultyServers) -> None:
    servers.play("origin", silence)
    with ThreadPoolExecutor(1) as pool:
        origin = pool.submit(registries(servers, timeout=6).origin, WEST)
        while not servers.asked:
            time.sleep(0.01)
        servers.heal("origin")
        assert origin.result() == ARIN
    assert servers.queries["origin"] == 2


def test_a_truncated_origin_is_asked_for_by_tcp(servers: FaultyServers) -> None:
    servers.play("origin", truncated)
    assert registries(servers).origin(WEST) is None
    assert servers.queries["origin"] == 2


def test_questions_say_who_asks(servers: FaultyServers) -> None:
    Registries(base_urls=servers.base_urls, contact="https://example.com/abuse").network(WEST, ARIN)
    registries(servers).network(WEST, ARIN)
    named, plain = sorted(map(str, servers.user_agents), key=len, reverse=True)
    assert named == f"{plain} (+https://example.com/abuse)"
    assert plain.startswith("ruamill/")


def test_a_mirror_is_asked_under_its_own_name(servers: FaultyServers) -> None:
    hosts = []

    def remember(exchange: Exchange, honest: Reply) -> Reply:
        hosts.append(exchange.headers["Host"])
        return honest

    assert isinstance(asked_of_arin(servers, remember), Network)
    assert f"http://{hosts[0]}/arin/" == servers.base_urls["arin"]


def test_registries_are_asked_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make_certificate(certificate, key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with FaultyServers(RECORDS, context) as servers:
        doubted = registries(servers).network(WEST, ARIN)
        assert isinstance(doubted, Failed)
        assert "certificate verify failed" in doubted.reason
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert isinstance(registries(servers).network(WEST, ARIN), Network)
        assert asked_of_arin(servers, drips(), timeout=1) == Failed(
            "arin", "no answer in time", reached=False
        )


def test_a_proxy_is_asked_for_mirrors_and_never_shows_its_password() -> None:
    lines = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            lines.append((self.path, self.headers["Proxy-Authorization"] is not None))
            self.send_error(407)

        def do_CONNECT(self) -> None:
            self.do_GET()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            asking = Registries(
                base_urls={"arin": "http://mirror.example/arin/"},
                proxy=f"http://user:s3cret@127.0.0.1:{server.server_port}",
                timeout=PATIENCE,
            )
            mirror = asking.network(WEST, ARIN)
            registry = asking.network(WEST, Origin("ripencc", None, None))
        finally:
            server.shutdown()
            thread.join()
    assert lines == [("http://mirror.example/arin/ip/8.8.8.8", True), ("rdap.db.ripe.net:443", True)]
    assert mirror == Failed("arin", "HTTP status 407")
    assert isinstance(registry, Failed)
    assert "407" in registry.reason
    assert "s3cret" not in repr((mirror, registry, asking))


def test_several_threads_ask_at_once(servers: FaultyServers) -> None:
    asking = registries(servers)
    questions = [(WEST, ARIN), (parse("193.0.0.1"), ARIN), (parse("9.9.9.9"), None)] * 20
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda question: asking.network(*question), questions))
    owners = [answer.owner if isinstance(answer, Network) else answer for answer in found]
    nothing = NotFound(parse("9.9.9.0"), parse("9.9.9.255"), BOOTSTRAP)
    assert owners == ["Example West Inc.", "Example East B.V.", nothing] * 20


def test_nothing_is_raised_for_an_address_that_ipwhois_refuses(servers: FaultyServers) -> None:
    asking = registries(servers)
    for answer in (asking.origin(parse("10.0.0.1")), asking.network(parse("10.0.0.1"), None)):
        assert isinstance(answer, Failed)
        assert "IPDefinedError" in answer.reason
    assert servers.asked == []
