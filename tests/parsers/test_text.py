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


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ("[192.0.2.1]", "192.0.2.1"),
        ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:25", "2001:db8::1"),
        ("192.0.2.1:25", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192. 0 .2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]", "192.0.2.1"),
    ],
)
def test_what_stands_around_an_address_is_taken_off_and_told(sent: str, address: str) -> None:
    assert text.read_address(sent) == (address, "decorated-address")


@pytest.mark.parametrize(
    "sent", ["192.0.2.1 5", "192.0.2.1 192.0.2.2", "[192.0.2.1", "2001:db8::1:25:x", "%", "[]"]
)
def test_no_address_is_made_up_of_what_is_none(sent: str) -> None:
    assert text.read_address(sent) == (None, "unreadable-address")


@pytest.mark.parametrize(("sent", "number"), [("0", 0), ("0042", 42), ("+7", 7), ("-1", -1)])
def test_a_number_is_read_in_decimal_digits(sent: str, number: int) -> None:
    assert text.integer(sent) == number


@pytest.mark.parametrize(
    "sent", [None, "", "1.0", "1e3", "1_000", "1 000", "0x10", "١٢", "٣", "--1", "9" * 20, "9" * 100_000]
)
def test_what_is_no_number_is_none(sent: str | None) -> None:
    assert text.integer(sent) is None


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("1793577600", None),
        ("01793577600", None),
        ("1793577600.0", "date-fraction"),
        ("1793577600.999", "date-fraction"),
        ("1793577600.", "date-fraction"),
        ("1793577600000", "date-milliseconds"),
        ("1793577600999", "date-milliseconds"),
        ("2026-11-02", "date-iso"),
        ("2026-11-02 00:00", "date-iso"),
        ("2026-11-02T00:00:00Z", "date-iso"),
        ("2026-11-02T02:00:00.500+02:00", "date-iso"),
    ],
)
def test_a_moment_is_utc_and_its_form_is_told(sent: str, code: str | None) -> None:
    assert text.moment(sent) == (datetime(2026, 11, 2, tzinfo=UTC), code)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "-1",
        "yesterday",
        "1793577600000000",
        "999999999999",
        "1e9",
        ".5",
        "2026-13-01",
        "0001-01-01T00:00+14:00",
    ],
)
def test_what_is_no_moment_is_none(sent: str) -> None:
    assert text.moment(sent)[0] is None


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


@given(anything | st.text(alphabet="0123456789.:-TZ+ ", max_size=30))
@always_the_same
def test_any_text_is_a_moment_in_utc_or_none(sent: str) -> None:
    moment, _ = text.moment(sent)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("sent", "domain", "codes"),
    [
        ("_dmarc.example.org", "_dmarc.example.org", ()),
        ("EXAMPLE.org.", "example.org", ("letter-case", "trailing-dot")),
        ("müller.example", "xn--mller-kva.example", ("u-label",)),
        ("日本。example", "xn--wgv71a.example", ("u-label",)),
        ("bad_byte\u2018", "bad_byte\u2018", ("unreadable-domain",)),
        ("a.example, b.example", "a.example", ("several-domains",)),
        ("someone@a.example", "a.example", ("mailbox-for-domain",)),
        ("Some One <someone@a.example>", "a.example", ("letter-case", "mailbox-for-domain")),
        ("192.0.2.1", "192.0.2.1", ("ip-for-domain",)),
        ("[192.0.2.1]", "[192.0.2.1]", ("ip-for-domain",)),
        ("NULL", None, ("placeholder",)),
        ("(null)", None, ("placeholder",)),
        ("no domain", "no domain", ("unreadable-domain",)),
        ("a..example", "a..example", ("unreadable-domain",)),
    ],
)
def test_a_domain_tells_what_departed(sent: str, domain: str | None, codes: tuple[str, ...]) -> None:
    assert text.read_domain(sent) == (domain, codes)


@pytest.mark.parametrize(
    ("sent", "mailbox", "code"),
    [
        ("a@b.example", "a@b.example", None),
        ("<a@b.example>", "a@b.example", "decorated-address"),
        ("Reports <a@b.example>", "a@b.example", "decorated-address"),
        ("mailto:a@b.example", "a@b.example", "decorated-address"),
        ("the postmaster", "the postmaster", "unreadable-mailbox"),
        ("a@b.example, c@d.example", "a@b.example, c@d.example", "unreadable-mailbox"),
        ("a@" * 100_000, "a@" * 100_000, "unreadable-mailbox"),
    ],
)
def test_a_mailbox_is_taken_out_of_what_stands_around_it(sent: str, mailbox: str, code: str | None) -> None:
    assert text.mailbox(sent) == (mailbox, code)
