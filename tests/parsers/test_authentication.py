"""The DMARC verdict on a mail is taken from the server that is trusted, whatever anybody else wrote into it."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.authentication import AuthenticationResults, MethodResult, parse, verdict

GOOGLE = (
    "mx.google.com; dkim=pass header.i=@inselpost.example header.s=s1 header.b=Ab3+/xY=; "
    "spf=pass (google.com: domain of dmarc@inselpost.example designates 192.0.2.1 as permitted sender) "
    "smtp.mailfrom=dmarc@inselpost.example; dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=inselpost.example"
)
MICROSOFT = (
    "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=inselpost.example; dkim=pass (signature was verified) "
    "header.d=inselpost.example;dmarc=pass action=none header.from=inselpost.example;compauth=pass reason=100"
)
MICROSOFT_UNTIL_2021 = (
    "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=inselpost.example; example.org; dkim=pass (signature was verified) "
    "header.d=inselpost.example;example.org; dmarc=pass action=none header.from=inselpost.example;"
)
OPENDMARC = "mx.example.org; dmarc=pass (p=none dis=none) header.from=inselpost.example"
RSPAMD = (
    "mx.example.org; dkim=pass header.d=inselpost.example header.s=s1 header.b=AbCdEfGh; "
    "dmarc=pass (policy=reject) header.from=inselpost.example; spf=pass (mx.example.org: domain of "
    "dmarc@inselpost.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=dmarc@inselpost.example"
)
YAHOO = (
    "atlas210.free.mail.bf1.yahoo.com; dkim=pass header.i=@inselpost.example header.s=s1; spf=pass "
    "smtp.mailfrom=inselpost.example; dmarc=pass(p=REJECT) header.from=inselpost.example;"
)
FASTMAIL = (
    "mx6.messagingengine.com; x-csa=none; x-me-sender=none; dkim=pass (2048-bit rsa key sha256) "
    "header.d=inselpost.example header.i=@inselpost.example header.b=AbCd; "
    "dmarc=pass policy.published-domain-policy=reject policy.applied-disposition=none "
    "policy.evaluated-disposition=none (p=reject,d=none,d.eval=none) policy.policy-from=p "
    "header.from=inselpost.example; iprev=pass smtp.remote-ip=192.0.2.1 (mail.inselpost.example)"
)
MIMECAST = (
    "relay.mimecast.com; dkim=pass header.d=inselpost.example header.s=s1 header.b=AbCd; "
    "dmarc=pass (policy=reject) header.from=inselpost.example; "
    'spf=pass (relay.mimecast.com: domain of "dmarc;"@inselpost.example designates 192.0.2.1 as permitted sender) '
    "smtp.mailfrom=dmarc@inselpost.example"
)
CISCO = "esa1.example.org; spf=Pass smtp.mailfrom=dmarc@inselpost.example; dmarc=Pass (p=reject dis=none) d=inselpost.example"
PROOFPOINT = "ppops.net; spf=pass smtp.mailfrom=x@inselpost.example; dmarc=pass header.from=inselpost.example"


@pytest.mark.parametrize(
    ("field", "server"),
    [
        (GOOGLE, "mx.google.com"),
        (MICROSOFT, "microsoft365"),
        (MICROSOFT_UNTIL_2021, "microsoft365"),
        (OPENDMARC, "mx.example.org"),
        (RSPAMD, "mx.example.org"),
        (YAHOO, "atlas210.free.mail.bf1.yahoo.com"),
        (FASTMAIL, "mx6.messagingengine.com"),
        (MIMECAST, "relay.mimecast.com"),
        (CISCO, "esa1.example.org"),
        (PROOFPOINT, "ppops.net"),
    ],
)
def test_the_fields_of_many_servers_are_read(field: str, server: str) -> None:
    assert verdict([field], [server], "inselpost.example") == "pass"
    assert (
        verdict([field.replace("dmarc=", "dmarc = ")], ["other.example", server], "inselpost.example")
        == "pass"
    )
    assert verdict([field], [server], "example.net") == ("unknown" if "header.from" in field else "pass")
    assert verdict([field], ["example.org"], "inselpost.example") is None
    assert verdict([field], [], "inselpost.example") is None


def test_a_field_becomes_values() -> None:
    field = (
        'Mail.Example.ORG 1; spf/1 = pass reason = "no; \\"really\\"" smtp.mailfrom(the address)=a@b.example;'
        " dkim=fail (bad (very) signature) header.i=@b.example header.b=xY="
    )
    assert parse(field) == AuthenticationResults(
        "mail.example.org",
        (
            MethodResult("spf", "pass", (("reason", 'no; "really"'), ("smtp.mailfrom", "a@b.example"))),
            MethodResult("dkim", "fail", (("header.i", "@b.example"), ("header.b", "xY"))),
        ),
        closed=True,
    )


@pytest.mark.parametrize(
    ("field", "authserv_id"),
    [
        ("mx.example.org; none", "mx.example.org"),
        ("mx.example.org 1; none", "mx.example.org"),
        ("mx.example.org1;none", "mx.example.org1"),
        ('"mx.example.org"; none', "mx.example.org"),
        ("(the (outer)) mx.example.org (server) 1 (version); none", "mx.example.org"),
        ("mx.example.org", "mx.example.org"),
        ("mx.example.org by hand; none", ""),
        ("mx.example.org or; none", ""),
        ("; none", ""),
        ("", ""),
        ("(mx.example.org; none", ""),
        ("spf=pass", None),
    ],
)
def test_the_server_is_named_before_the_first_semicolon(field: str, authserv_id: str | None) -> None:
    assert parse(field).authserv_id == authserv_id


@pytest.mark.parametrize("result", ["fail", "none", "temperror", "permerror", "policy"])
def test_other_results_are_given_as_they_are(result: str) -> None:
    assert verdict([f"mx; dmarc={result.upper()} header.from=x.example"], ["MX"], "example.org") == result


@pytest.mark.parametrize("result", ["bestguesspass", "passed", "", '"', "pass;dmarc=fail", "fail;dmarc=pass"])
def test_what_is_no_result_is_unknown_or_nothing(result: str) -> None:
    assert verdict([f"mx; dmarc={result}"], ["mx"], "example.org") in {"unknown", None}


@pytest.mark.parametrize(
    "field", ["mx; none", "mx; spf=pass", "mx; x-dmarc=pass", "mx; dmarc", "mx;", "mx", ""]
)
def test_without_a_dmarc_result_there_is_no_verdict(field: str) -> None:
    assert verdict([field], ["mx"], "example.org") is None


# --- whose pass it is


@pytest.mark.parametrize(
    "value",
    [
        "example.org",
        "Example.ORG",
        "example.org.",
        '"example.org"',
        "dmarc@example.org",
        "example.org (the author)",
    ],
)
def test_a_pass_for_the_author_is_a_pass(value: str) -> None:
    assert verdict([f"mx; dmarc=pass header.from={value}"], ["mx"], "example.org") == "pass"


@pytest.mark.parametrize(
    "value",
    [
        "example.net",
        "mail.example.org",
        "",
        '""',
        "(example.org)",
        "org",
        "example.org header.from=example.net",
    ],
)
def test_a_pass_for_another_author_is_none(value: str) -> None:
    field = f"mx; dmarc=pass header.from={value}"
    assert verdict([field], ["mx"], "example.org") == "unknown"


def test_a_pass_is_none_where_the_author_is_not_known() -> None:
    assert verdict([OPENDMARC], ["mx.example.org"], None) == "unknown"
    assert verdict(["mx; dmarc=pass"], ["mx"], None) == "unknown"


def test_a_fail_is_a_fail_whoever_the_author_is() -> None:
    assert verdict(["mx; dmarc=fail header.from=example.net"], ["mx"], None) == "fail"


# --- what strangers write


@pytest.mark.parametrize(
    "forged",
    [
        "mx.example.net; dmarc=pass header.from=example.org",
        "mx.example.org.example.net; dmarc=pass header.from=example.org",
        "example.net mx.example.org; dmarc=pass header.from=example.org",
        "mx.example.org example.net; dmarc=pass header.from=example.org",
        "(mx.example.org); dmarc=pass header.from=example.org",
        "dmarc=pass header.from=example.org",
        "; dmarc=pass header.from=example.org",
        '""; dmarc=pass header.from=example.org',
        "microsoft365; dmarc=pass header.from=example.org",
    ],
)
def test_a_field_of_anybody_else_never_counts(forged: str) -> None:
    ours = "mx.example.org; dmarc=fail header.from=example.org"
    assert verdict([forged], ["mx.example.org"], "example.org") is None
    assert verdict([forged, ours], ["mx.example.org"], "example.org") == "fail"


@pytest.mark.parametrize("forged", ["microsoft365; dmarc=pass", '"microsoft365"; dmarc=pass', "; dmarc=pass"])
def test_nobody_can_call_himself_microsoft365(forged: str) -> None:
    assert verdict([forged], ["microsoft365"], "example.org") is None


def test_the_topmost_field_of_a_trusted_server_counts() -> None:
    passed, failed = "mx; dmarc=pass header.from=example.org", "mx; dmarc=fail header.from=example.org"
    assert verdict([failed, passed], ["mx"], "example.org") == "fail"
    assert verdict([passed, failed], ["mx"], "example.org") == "pass"
    assert verdict(["mx; spf=pass", "other; dmarc=pass", failed], ["mx"], "example.org") == "fail"
    assert verdict([passed, MICROSOFT], ["microsoft365"], "inselpost.example") == "pass"


@pytest.mark.parametrize(
    "address",
    [
        "x; dmarc=pass header.from=example.org",
        "x; dmarc=pass header.from=example.org (",
        'x; dmarc=pass header.from=example.org "',
        "x); dmarc=pass header.from=example.org (",
        "(; dmarc=pass header.from=example.org",
        '"; dmarc=pass header.from=example.org',
        "=x; dmarc=pass header.from=example.org; dmarc=",
    ],
)
def test_an_address_with_a_result_in_it_makes_no_pass(address: str) -> None:
    """The server should have quoted it."""
    field = f"mx; spf=none smtp.mailfrom={address}; dmarc=fail (p=reject) header.from=example.org"
    assert verdict([field], ["mx"], "example.org") in {"unknown", "fail", None}


@pytest.mark.parametrize("rest", ["(", "(()", '"', 'reason="x\\"', "(\\)"])
def test_a_field_that_never_ends_is_no_pass(rest: str) -> None:
    assert verdict([f"mx; dmarc=pass header.from=example.org {rest}"], ["mx"], "example.org") == "unknown"
    assert verdict([f"mx; dmarc=fail header.from=example.org {rest}"], ["mx"], "example.org") == "fail"


LENGTH = 40_000
PATIENCE = 5.0
"""CPU seconds: a hundred times what it takes."""
HOSTILE = [
    "(", ")", "()", '"', '""', '"\\', "\\", "(\\", ";", "=", "a=", "a;", "a=;", " ", "a ", ".", "a.",
    "mx;", ";dmarc=pass", "dmarc=pass header.from=x;", "header.from=x ", "\t\r\n", "\0", "ü",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("start", ["", "mx; dmarc=pass ", "mx; (", 'mx; "'])
def test_a_hostile_field_is_read_in_time_linear_to_its_length(start: str, piece: str) -> None:
    """A millisecond or two for 4,096 characters; what looked back at each of 40,000 would take minutes."""
    field = (start + piece * LENGTH)[:LENGTH]
    started = process_time()
    verdict([field], ["mx", "microsoft365"], "x")
    assert process_time() - started < PATIENCE


@given(
    st.lists(st.text(alphabet='mx;:=()"\\ .dmarcpsfheo1/@\t\x00', max_size=200), max_size=4),
    st.none() | st.just("x"),
)
def test_anything_can_be_read(fields: list[str], from_domain: str | None) -> None:
    found = verdict(fields, ["mx", "microsoft365"], from_domain)
    assert found in {None, "pass", "fail", "none", "policy", "temperror", "permerror", "unknown"}
    assert found != "pass" or from_domain == "x"
