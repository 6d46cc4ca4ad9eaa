"""Mending: answers as registries send them in, answers that ipwhois reads out."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipwhois.net import Net
from ipwhois.rdap import RDAP

from enrich.mending import UnreadableError, cleaned, mended

ANSWER: dict[str, Any] = {
    "objectClassName": "ip network",
    "handle": "NET-8-8-8-0-2",
    "startAddress": "8.8.8.0",
    "endAddress": "8.8.8.255",
    "ipVersion": "v4",
    "name": "EXAMPLE",
    "country": "US",
}


def looked_up(answer: object) -> dict[str, Any]:
    """Let ipwhois read a mended answer."""
    document = json.loads(mended(json.dumps(answer).encode()))
    found: dict[str, Any] = RDAP(Net("8.8.8.8")).lookup(
        response=document, asn_data={"asn_registry": "arin"}, root_ent_check=False
    )
    return found


def contacts(*entities: object) -> list[tuple[list[str], str | None, str | None]]:
    """Give roles, name and kind of each contact that ipwhois finds."""
    found = looked_up(ANSWER | {"entities": entities})["objects"].values()
    return [(each["roles"], each["contact"]["name"], each["contact"]["kind"]) for each in found]


@pytest.mark.parametrize(
    "slip",
    [
        {"parentHandle": None},
        {"handle": None},
        {"handle": 7},
        {"name": None, "country": None, "type": None, "status": None},
        {"entities": None},
        {"entities": [None, 7, {}, {"handle": None, "roles": None, "vcardArray": None}]},
        {
            "entities": [
                {"handle": "A", "vcardArray": ["vcard"]},
                {"vcardArray": ["vcard", [["fn"], [], None]]},
            ]
        },
        {"remarks": None, "notices": None, "links": [{}], "events": [{}]},
        {"remarks": [{"title": None, "description": None}, {"description": "text"}, {"description": [None]}]},
        {"notices": [{"title": None}, {}, None]},
        {"startAddress": "008.008.008.000", "endAddress": "008.008.008.255"},
        {"startAddress": "8.8.8.0/24", "endAddress": "8.8.8.255/24"},
        {"ipVersion": None},
        {"ipVersion": "v6"},
    ],
)
def test_a_slip_costs_no_more_than_its_own_field(slip: dict[str, object]) -> None:
    found = looked_up(ANSWER | slip)["network"]
    assert (found["start_address"], found["end_address"]) == ("8.8.8.0", "8.8.8.255")


def test_a_missing_handle_is_empty() -> None:
    assert (
        looked_up({name: value for name, value in ANSWER.items() if name != "handle"})["network"]["handle"]
        == ""
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<!DOCTYPE html><p>Back soon", "an HTML page"),
        (b"", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "JSON, but no object"),
        (b"null", "JSON, but no object"),
        (b'{"errorCode": 404}', "JSON without a startAddress"),
        (b'{"startAddress": null, "endAddress": null}', "JSON without a startAddress"),
        (b'{"startAddress": "8.8.8.0"}', "JSON without a endAddress"),
        (b'{"startAddress": "8.8.8.0", "endAddress": "::1"}', "a network from 8.8.8.0 to ::1"),
        (b'{"startAddress": "8.8.8.9", "endAddress": "8.8.8.0"}', "a network from 8.8.8.9 to 8.8.8.0"),
    ],
)
def test_what_is_no_network_is_told(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as error:
        mended(body)
    assert str(error.value) == reason


def test_an_answer_in_latin_1_and_one_with_a_byte_order_mark_are_read() -> None:
    latin = json.dumps(ANSWER | {"name": "Sao Paulo"}).encode().replace(b"Sao", b"S\xe3o")
    assert json.loads(mended(latin))["name"] == "S\N{REPLACEMENT CHARACTER}o Paulo"
    assert json.loads(mended(b"\xef\xbb\xbf" + json.dumps(ANSWER).encode()))["name"] == "EXAMPLE"


@pytest.mark.parametrize("answer", [{}, ANSWER])
@pytest.mark.parametrize("title", ["Rate Limit Notice", "rate limit notice "])
def test_a_rate_limit_notice_is_what_the_answer_says(title: str, answer: dict[str, Any]) -> None:
    notices = [{"title": "Terms of Use", "description": ["x"]}, {"title": title}]
    assert json.loads(mended(json.dumps(answer | {"notices": notices}).encode())) == {
        "notices": [{"title": "Rate Limit Notice"}]
    }


def test_names_come_from_fn_or_else_from_org() -> None:
    def card(*properties: list[object]) -> dict[str, object]:
        return {"handle": "A", "roles": ["Registrant"], "vcardArray": ["vcard", list(properties)]}

    organisation: list[object] = ["org", {"type": "work"}, "text", ["Example Inc.", "Networks"]]
    assert contacts(
        card(["fn", {}, "text", " Example  Ltd "], organisation, ["kind", {}, "text", "org"])
    ) == [(["registrant"], "Example Ltd", "org")]
    assert contacts(card(["fn", {}, "text", ""], organisation)) == [(["registrant"], "Example Inc.", None)]
    assert contacts(card(["FN", {}, "text", "Example"])) == [(["registrant"], "Example", None)]
    assert contacts(card(["fn", {}, "text", {"no": "text"}])) == [(["registrant"], None, None)]


def test_entities_without_a_handle_or_with_the_same_are_kept_apart() -> None:
    named = {"vcardArray": ["vcard", [["fn", {}, "text", "Example"]]]}
    found = contacts({"handle": "A"}, {"handle": "A", **named}, {}, named)
    assert [name for _, name, _ in found] == [None, "Example", None, "Example"]


def test_persons_are_not_passed_on() -> None:
    card = [
        ["fn", {}, "text", "A"],
        ["email", {}, "text", "a@example.com"],
        ["tel", {}, "uri", "tel:+1-555-0100"],
    ]
    entity = {"handle": "A", "roles": ["abuse"], "vcardArray": ["vcard", card]}
    answer = mended(json.dumps(ANSWER | {"entities": [entity]}).encode())
    assert b"example.com" not in answer
    assert b"555" not in answer


def test_a_name_can_be_shown_anywhere() -> None:
    assert cleaned("Ex\x1b[31mample\x00\n  \N{RIGHT-TO-LEFT OVERRIDE}Inc.\u2028") == "Ex [31mample Inc."
    assert len(cleaned("x" * 1000)) == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "handle",
    "ipVersion",
    "name",
    "type",
    "country",
    "parentHandle",
    "status",
    "remarks",
    "notices",
    "links",
)
ENTITY = st.fixed_dictionaries(
    {}, optional={"handle": JSON, "roles": JSON, "vcardArray": JSON, "entities": JSON}
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON)), st.lists(ENTITY | JSON, max_size=4))
def test_ipwhois_reads_whatever_was_mended(slips: dict[str, object], entities: list[object]) -> None:
    found = looked_up(ANSWER | {"entities": entities} | slips)
    assert found["network"]["start_address"] == "8.8.8.0"
    assert len(found["objects"]) == len([entity for entity in entities if isinstance(entity, dict)])


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_mended_or_unreadable(body: bytes) -> None:
    with suppress(UnreadableError):
        json.loads(mended(body))
