"""Reverse names, asked of a name server on loopback."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address, ip_network

import dns.resolver
import pytest

from enrich.names import Names
from enrich.values import Address, Failed, Name
from fixtures.registries.server import Records
from tests.servers.ports import free_port
from tests.servers.registries import (
    DnsFault,
    FaultyServers,
    answers,
    garbage,
    nxdomain,
    servfail,
    silence,
)

MAIL, SHARED, LIAR, ALIAS = map(ip_address, ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.65"))
SIX, NAMELESS, MANY = map(ip_address, ("2001:db8::25", "192.0.2.4", "192.0.2.5"))

RECORDS = Records(
    names={
        MAIL: ("mail.example.com",),
        SIX: ("mail.example.com", "mx6.example.com"),
        SHARED: ("b.example.com", "c.example.com"),
        ALIAS: ("alias.example.com",),
    },
    unconfirmed={
        LIAR: ("mail.example.com",),
        SHARED: ("a.example.com",),
        MANY: tuple(f"host-{number:03}.example.com" for number in range(200)),
    },
    delegated=(ip_network("192.0.2.64/26"),),
)


@pytest.fixture
def servers() -> Iterator[FaultyServers]:
    with FaultyServers(RECORDS) as servers:
        yield servers


def look(servers: FaultyServers, address: Address, timeout: float = 20) -> Name | Failed | None:
    return Names(name_servers=servers.name_servers, timeout=timeout).name(address)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (MAIL, Name("mail.example.com", confirmed=True)),
        (SIX, Name("mail.example.com", confirmed=True)),
        (SHARED, Name("b.example.com", confirmed=True)),
        (LIAR, Name("mail.example.com", confirmed=False)),
        (ALIAS, Name("alias.example.com", confirmed=True)),
        (NAMELESS, None),
    ],
)
def test_a_name_is_confirmed_by_its_own_addresses(
    address: Address, expected: Name | None, servers: FaultyServers
) -> None:
    assert look(servers, address) == expected


def test_of_many_names_a_few_are_looked_at(servers: FaultyServers) -> None:
    assert look(servers, MANY) == Name("host-000.example.com", confirmed=False)
    assert servers.queries["A"] == 5


def test_only_the_addresses_of_its_kind_are_asked_for(servers: FaultyServers) -> None:
    look(servers, SIX)
    assert (servers.queries["A"], servers.queries["AAAA"]) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        ".",
        "localhost.",
        "10.0.0.1.",
        "mail\\032server.example.com.",
        "evil\\.example.com.",
        "\\027\\091\\050\\074.example.com.",
        "b\\195\\188cher.example.com.",
        "<script>.example.com.",
    ],
)
def test_what_no_host_may_be_called_is_no_name(text: str, servers: FaultyServers) -> None:
    servers.play("PTR", answers(text))
    assert look(servers, MAIL) is None


def test_names_are_told_in_lower_case(servers: FaultyServers) -> None:
    servers.play("PTR", answers("Mail.EXAMPLE.com."))
    assert look(servers, MAIL) == Name("mail.example.com", confirmed=True)


def test_a_name_that_does_not_exist_confirms_nothing(servers: FaultyServers) -> None:
    servers.play("A", nxdomain)
    assert look(servers, MAIL) == Name("mail.example.com", confirmed=False)


@pytest.mark.parametrize("kind", ["PTR", "A"])
@pytest.mark.parametrize("fault", [servfail, garbage, silence])
def test_what_fails_may_be_asked_again(kind: str, fault: DnsFault, servers: FaultyServers) -> None:
    servers.play(kind, fault)
    found = look(servers, MAIL, timeout=0.3)
    assert isinstance(found, Failed)
    assert found.asked == "names"
    assert found.reached, "the name servers are there, it is one zone that fails"
    servers.heal(kind)
    assert look(servers, MAIL) == Name("mail.example.com", confirmed=True)


def test_name_servers_that_are_away_are_told_from_a_zone_that_fails() -> None:
    found = Names(name_servers=[f"127.0.0.1:{free_port()}"], timeout=0.2).name(MAIL)
    assert found == Failed("names", "no answer from the name servers in time", reached=False)


def test_one_of_two_name_servers_is_enough(servers: FaultyServers) -> None:
    away = f"127.0.0.1:{free_port()}"
    names = Names(name_servers=[away, *servers.name_servers], timeout=20)
    assert names.name(NAMELESS) is None


def test_waiting_has_an_end(servers: FaultyServers) -> None:
    servers.play("A", silence)
    started = time.monotonic()
    assert isinstance(look(servers, SHARED, timeout=0.5), Failed)
    assert time.monotonic() - started < 5


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not ask resolv.conf")
def test_a_machine_without_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    read = dns.resolver.Resolver.read_resolv_conf
    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", lambda it, _: read(it, "/nowhere"))
    found = Names().name(MAIL)
    assert isinstance(found, Failed)
    assert "enrich.name_servers" in found.reason
    assert not found.reached


def test_several_threads_ask_at_once(servers: FaultyServers) -> None:
    names = Names(name_servers=servers.name_servers, timeout=30)
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(names.name, [MAIL, SIX, NAMELESS, LIAR] * 100))
    assert found[:4] * 100 == found
    assert found[0] == Name("mail.example.com", confirmed=True)
