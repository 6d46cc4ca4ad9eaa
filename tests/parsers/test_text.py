"""The text of one element becomes a value, or None; whatever it is, nothing is raised."""

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import text

anything = st.text(max_size=80)
always_the_same = settings(derandomize=True, deadline=None)


@pytest.mark.parametrize(
    ("sent", "compared"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        (".", None),
        ("", None),
        (None, None),
    ],
)
def test_a_domain_is_lower_case_without_the_last_dot(sent: str | None, compared: str | None) -> None:
    assert text.domain(sent) == compared


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("0000:0000:0000:0000:0000:ffff:192.168.100.200", "192.168.100.200"),
    ],
)
def test_an_address_is_canonical(sent: str, canonical: str) -> None:
    assert text.address(sent) == canonical


@pytest.mark.parametrize(
    "sent", ["", "192.0.2", "192.0.2.1/24", "192.0.2.01", "mail.example.org", "3221225985", "1" * 100_000]
)
def test_what_is_no_address_is_none(sent: str) -> None:
    assert text.address(sent) is None


def test_an_address_with_a_zone_is_none_because_no_database_takes_it() -> None:
    assert text.address("fe80::1%eth0") is None


@pytest.mark.parametrize(("sent", "number"), [("0", 0), ("0042", 42), ("+7", 7), ("-1", -1)])
def test_a_number_is_read_in_decimal_digits(sent: str, number: int) -> None:
    assert text.integer(sent) == number


@pytest.mark.parametrize(
    "sent", [None, "", "1.0", "1e3", "1_000", "1 000", "0x10", "١٢", "٣", "--1", "9" * 20, "9" * 100_000]
)
def test_what_is_no_number_is_none(sent: str | None) -> None:
    assert text.integer(sent) is None


def test_an_epoch_is_utc() -> None:
    assert text.epoch("1793577600") == (datetime(2026, 11, 2, tzinfo=UTC), False)


@pytest.mark.parametrize("sent", ["1793577600.0", "1793577600.999", "1793577600."])
def test_a_fraction_of_a_second_is_cut_off_and_told(sent: str) -> None:
    assert text.epoch(sent) == (datetime(2026, 11, 2, tzinfo=UTC), True)


@pytest.mark.parametrize(
    "sent", [None, "", "-1", "yesterday", "2026-11-02", "1793577600000000", "999999999999", "1e9", ".5"]
)
def test_what_is_no_epoch_is_none(sent: str | None) -> None:
    assert text.epoch(sent) == (None, False)


@pytest.mark.parametrize(
    ("sent", "bare"), [("<a@b>", "a@b"), (" < a > ", "a"), ("a", "a"), ("<>", None), ("", None), (None, None)]
)
def test_a_report_id_loses_its_angle_brackets(sent: str | None, bare: str | None) -> None:
    assert text.report_id(sent) == bare


@given(anything)
@always_the_same
def test_a_domain_brought_to_its_form_stays_as_it_is(sent: str) -> None:
    once = text.domain(sent)
    assert text.domain(once) == once


@given(anything)
@always_the_same
def test_no_text_is_an_address_unless_it_is_one(sent: str) -> None:
    found = text.address(sent)
    assert found is None or str(ip_address(found)) == found


@given(st.ip_addresses())
@always_the_same
def test_every_address_is_read_and_stays_as_it_is(address: object) -> None:
    once = text.address(str(address))
    assert once is not None
    assert text.address(once) == once


@given(anything | st.text(alphabet="0123456789+-. e", max_size=30))
@always_the_same
def test_any_text_is_a_number_or_none(sent: str) -> None:
    number = text.integer(sent)
    assert number is None or text.integer(str(number)) == number


@given(anything | st.text(alphabet="0123456789.", max_size=20))
@always_the_same
def test_any_text_is_a_moment_in_utc_or_none(sent: str) -> None:
    moment, _ = text.epoch(sent)
    assert moment is None or moment.tzinfo is UTC
