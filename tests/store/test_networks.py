"""An answer of a registry serves for every address of its range, as long as it is good."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from enrich.values import Network, NotFound
from store import networks
from store.database import Database
from store.networks import Cached
from tests.store.kit import NOW, rows

DAY = timedelta(days=1)


def registered(first: str, last: str, owner: str = "Example Ltd") -> Network:
    return Network(
        first=ip_address(first),
        last=ip_address(last),
        registered="192.0.2.0 - 192.0.2.255",
        handle="NET-1",
        name="EXAMPLE",
        owner=owner,
        country="GB",
        registry="ripencc",
        asn=64_500,
        as_name="EXAMPLE-AS",
    )


def put(database: Database, answer: Network | NotFound) -> int:
    with database.writing() as connection:
        return networks.put(connection, answer, NOW, NOW + DAY)


def cached(database: Database, address: str) -> Cached | None:
    with database.reading() as connection:
        return networks.cached(connection, ip_address(address), NOW)


def test_every_address_of_a_range_has_its_answer_and_no_other(database: Database) -> None:
    put(database, registered("192.0.1.0", "192.0.1.255"))
    key = put(database, registered("192.0.2.16", "192.0.2.31"))
    assert cached(database, "192.0.2.16") == cached(database, "192.0.2.31") == Cached(key, "found", NOW + DAY)
    assert cached(database, "192.0.2.15") is None
    assert cached(database, "192.0.2.32") is None


def test_ipv6_and_ipv4_are_kept_apart(database: Database) -> None:
    four = put(database, registered("192.0.2.0", "192.0.2.255"))
    six = put(database, registered("2001:db8:7::", "2001:db8:7:ffff:ffff:ffff:ffff:ffff"))
    found = [cached(database, address) for address in ("192.0.2.9", "2001:db8:7:1::25", "::c000:209")]
    assert [it and it.key for it in found] == [four, six, None]


def test_the_narrowest_range_counts(database: Database) -> None:
    wide = put(database, registered("192.0.2.0", "192.0.2.255"))
    narrow = put(database, registered("192.0.2.64", "192.0.2.127"))
    first = put(database, registered("192.0.2.0", "192.0.2.15"))
    found = [cached(database, f"192.0.2.{host}") for host in (3, 20, 64, 127, 128)]
    assert [it and it.key for it in found] == [first, wide, narrow, narrow, wide]


def test_an_answer_that_is_no_longer_good_is_not_given(database: Database) -> None:
    wide = put(database, registered("192.0.2.0", "192.0.2.255"))
    with database.writing() as connection:
        networks.put(connection, registered("192.0.2.0", "192.0.2.15"), NOW - DAY, NOW)
    found = cached(database, "192.0.2.3")
    assert found
    assert found.key == wide


def test_a_new_answer_about_the_same_range_takes_the_place_of_the_old_one(database: Database) -> None:
    old = put(database, NotFound(ip_address("192.0.2.0"), ip_address("192.0.2.255"), "arin"))
    assert cached(database, "192.0.2.1") == Cached(old, "not_found", NOW + DAY)
    assert put(database, registered("192.0.2.0", "192.0.2.255")) == old
    assert cached(database, "192.0.2.1") == Cached(old, "found", NOW + DAY)
    assert rows(database, "SELECT owner, registry, as_name FROM network") == [
        ("Example Ltd", "ripencc", "EXAMPLE-AS")
    ]


def test_a_file_does_not_take_the_place_of_what_a_registry_said(database: Database) -> None:
    mine = registered("192.0.2.0", "192.0.2.255")
    key = put(database, mine)
    assert put(database, replace(mine, owner=None, registry=None)) == key
    assert rows(database, "SELECT owner, registry FROM network") == [("Example Ltd", "ripencc")]
    assert put(database, replace(mine, owner="Another Ltd")) == key
    assert rows(database, "SELECT owner, registry FROM network") == [("Another Ltd", "ripencc")]


@pytest.mark.parametrize("owner", ["Ünïcode 株式会社", "O'Neill; DROP TABLE network"])
def test_a_name_is_kept_as_it_is(database: Database, owner: str) -> None:
    put(database, replace(registered("192.0.2.0", "192.0.2.255"), owner=owner, asn=4_294_967_295))
    assert rows(database, "SELECT owner, asn FROM network") == [(owner, 4_294_967_295)]
