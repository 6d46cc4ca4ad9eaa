"""What a registry says about a network: its JSON in, owner and range out."""

import json
from typing import Any

import pytest
from ipwhois.net import Net
from ipwhois.rdap import RDAP

from enrich.addresses import parse
from enrich.mending import mended
from enrich.registered import registered
from enrich.values import Network, NotFound, Origin


def read(
    answer: dict[str, Any], address: str = "193.0.0.1", origin: Origin | None = None
) -> Network | NotFound:
    """Read an answer as the registries' own way goes."""
    whole = {"handle": "H", "startAddress": "193.0.0.0", "endAddress": "193.0.7.255", **answer}
    document = json.loads(mended(json.dumps(whole).encode()))
    net = Net(address)
    found = RDAP(net).lookup(response=document, asn_data={"asn_registry": "arin"}, root_ent_check=False)
    return registered(found, parse(address), origin, "ripencc")


def owner(answer: dict[str, Any]) -> str | None:
    """Give the owner of a network."""
    network = read(answer)
    assert isinstance(network, Network)
    return network.owner


def entity(role: str, name: str, kind: str | None, handle: str | None = None) -> dict[str, Any]:
    """Write a contact."""
    card: list[object] = [["fn", {}, "text", name]]
    if kind:
        card.append(["kind", {}, "text", kind])
    return {"handle": handle or f"{role}-{name}", "roles": [role], "vcardArray": ["vcard", card]}


REGISTRANT = entity("registrant", "Example Inc.", "org")
ABUSE = entity("abuse", "Abuse Department", "group")
PERSON = entity("administrative", "Jo Doe", "individual")
MAINTAINER = entity("registrant", "EXAMPLE-MNT", "individual", "EXAMPLE-MNT")
DESCRIPTION = {"title": "description", "description": ["Example of Oslo", "Street 1"]}


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        pytest.param({"entities": [ABUSE, REGISTRANT]}, "Example Inc.", id="ARIN"),
        pytest.param({"entities": [MAINTAINER, PERSON, REGISTRANT, ABUSE]}, "Example Inc.", id="RIPE with org:"),
        pytest.param(
            {"entities": [MAINTAINER, PERSON, ABUSE], "remarks": [{"description": ["Example of Oslo"]}]},
            "Example of Oslo",
            id="RIPE with descr: alone",
        ),
        pytest.param(
            {
                "entities": [MAINTAINER, PERSON],
                "remarks": [
                    {"description": ["Abuse contact for '193.0.0.0 - 193.0.7.255' is 'abuse@example.com'"]},
                    {"description": ["*****", "Geofeed https://example.com/geo.csv", "noc@example.com"]},
                    {"description": ["For abuse see https://example.com", "Example of Oslo"]},
                ],
            },
            "Example of Oslo",
            id="RIPE, what names nobody before",
        ),
        pytest.param({"entities": [PERSON, ABUSE], "remarks": [DESCRIPTION]}, "Example of Oslo", id="APNIC, old"),
        pytest.param(
            {"entities": [ABUSE], "remarks": [{"title": "remarks", "description": ["Send spam reports"]}]},
            "Abuse Department",
            id="a remark is no description",
        ),
        pytest.param(
            {"entities": [entity("registrant", "Exemplo Ltda", None, "BR-EXEM-LACNIC"), ABUSE]},
            "Exemplo Ltda",
            id="LACNIC, without a kind",
        ),
        pytest.param({"entities": [entity("technical", "Host AS", "org"), ABUSE], "remarks": [DESCRIPTION]}, "Host AS", id="organisation"),
        pytest.param({"entities": [ABUSE, PERSON]}, "Jo Doe", id="nobody but persons"),
        pytest.param({"entities": [ABUSE]}, "Abuse Department", id="nobody but the abuse contact"),
        pytest.param({"entities": [MAINTAINER]}, None, id="nobody but a maintainer"),
        pytest.param({}, None, id="nobody"),
    ],
)  # fmt: skip
def test_the_owner_is_the_registrant_or_who_comes_nearest(answer: dict[str, Any], name: str | None) -> None:
    assert owner(answer) == name


@pytest.mark.parametrize(
    ("first", "last", "address", "scope"),
    [
        ("8.0.0.0", "8.255.255.255", "8.8.8.8", ("8.8.8.0", "8.8.8.255")),
        ("8.8.8.0", "8.8.8.255", "8.8.8.8", ("8.8.8.0", "8.8.8.255")),
        ("8.8.8.8", "8.8.8.15", "8.8.8.8", ("8.8.8.8", "8.8.8.15")),
        ("8.8.7.200", "8.8.8.9", "8.8.8.8", ("8.8.8.0", "8.8.8.9")),
        ("2a00::", "2a00:ffff::", "2a00:1:2:3::4", ("2a00:1:2::", "2a00:1:2:ffff:ffff:ffff:ffff:ffff")),
        ("2a00:1:2:3::", "2a00:1:2:3::ff", "2a00:1:2:3::4", ("2a00:1:2:3::", "2a00:1:2:3::ff")),
    ],
)
def test_an_answer_is_used_no_further_than_the_24_or_48(
    first: str, last: str, address: str, scope: tuple[str, str]
) -> None:
    network = read({"startAddress": first, "endAddress": last}, address)
    assert isinstance(network, Network)
    assert (network.first, network.last) == tuple(map(parse, scope))
    assert network.registered == f"{first} - {last}"


@pytest.mark.parametrize(
    "answer",
    [
        {"startAddress": "128.0.0.0", "endAddress": "255.255.255.255"},
        {"startAddress": "192.0.0.0", "endAddress": "193.255.255.255"},
        {"name": "NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK"},
        {"name": "IANA-BLK"},
        {"name": "IANA-NETBLOCK-193"},
        {"name": "EU-ZZ-193"},
        {"name": "ERX-NETBLOCK"},
        {"name": "APNIC-ERX-193-0-0-0"},
        {"status": ["administrative"]},
        {
            "startAddress": "193.0.0.0",
            "endAddress": "193.255.255.255",
            "entities": [entity("registrant", "RIPE Network Coordination Centre", "org")],
        },
    ],
)
def test_a_parent_block_is_nobodys_network(answer: dict[str, Any]) -> None:
    assert read({"entities": [REGISTRANT], **answer}) == NotFound(
        parse("193.0.0.0"), parse("193.0.0.255"), "ripencc"
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"entities": [entity("registrant", "RIPE Network Coordination Centre", "org")]},
        {"startAddress": "193.0.0.0", "endAddress": "193.255.255.255", "name": "EXAMPLE-WHOLE-8"},
        {"name": "PERX-NET"},
        {"status": ["active"]},
    ],
)
def test_a_registry_has_machines_of_its_own_and_some_have_a_whole_8(answer: dict[str, Any]) -> None:
    assert isinstance(read(answer), Network)


def test_what_the_origin_knows_completes_the_answer() -> None:
    origin = Origin("arin", 64500, "US")
    network = read({}, origin=origin)
    assert isinstance(network, Network)
    assert (network.asn, network.country, network.handle, network.registry) == (64500, "US", "H", "ripencc")
    network = read({"country": "no", "handle": None}, origin=origin)
    assert isinstance(network, Network)
    assert (network.country, network.handle) == ("NO", None)
    network = read({"country": "EU # not one"})
    assert isinstance(network, Network)
    assert network.country is None


def test_an_answer_about_other_addresses_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the answer is about 193\.0\.0\.0 - 193\.0\.7\.255"):
        read({}, "8.8.8.8")
