"""Addresses: text in, who may be asked about them out."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipwhois.net import Net

from enrich.addresses import group, is_public, key, parse
from enrich.values import Address

ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6)
RESERVED = """
    0.0.0.0 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 169.254.0.1 172.16.0.1 192.0.0.9 192.0.2.1 192.88.99.1
    192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255
    :: ::1 ::ffff:10.0.0.1 64:ff9b::8.8.8.8 100::1 2001::1 2001:db8::1 2002:808:808::1 4000::1 fc00::1 fe80::1
    fe80::1%eth0 fec0::1 ff02::1
"""
PUBLIC = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.0 193.0.0.1 ::ffff:8.8.8.8 2001:4860:4860::8888 2a00::1"


@pytest.mark.parametrize("text", RESERVED.split())
def test_nobody_is_asked_about_an_address_that_no_registry_gives_out(text: str) -> None:
    assert not is_public(parse(text))


@pytest.mark.parametrize("text", PUBLIC.split())
def test_a_registered_address_is_public(text: str) -> None:
    assert is_public(parse(text))


@given(ADDRESSES)
def test_ipwhois_takes_whatever_is_public(address: Address) -> None:
    if is_public(address):
        Net(address)


def test_an_address_is_read_as_reporters_write_it() -> None:
    assert parse(" 8.8.8.8\n") == IPv4Address("8.8.8.8")
    assert parse("::ffff:8.8.8.8") == IPv4Address("8.8.8.8")
    assert parse("2001:DB8:0::1") == IPv6Address("2001:db8::1")
    with pytest.raises(ValueError, match="does not appear"):
        parse("1.2.3")


def test_a_group_is_a_24_or_a_48() -> None:
    assert group(parse("8.8.8.8")) == ip_network("8.8.8.0/24")
    assert group(parse("2001:67c:2e8:1::25")) == ip_network("2001:67c:2e8::/48")


def test_keys_hold_ipv4_where_ipv6_maps_it() -> None:
    assert key(parse("1.2.3.4")) == IPv6Address("::ffff:1.2.3.4").packed
    assert key(parse("2001:db8::1")) == IPv6Address("2001:db8::1").packed


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6, network="2000::/3"), st.data())
def test_keys_are_ordered_as_addresses_are(address: Address, data: st.DataObject) -> None:
    other = data.draw(st.ip_addresses(v=address.version))
    assert (key(address) < key(other)) == (int(address) < int(other))
    assert len(key(address)) == 16
