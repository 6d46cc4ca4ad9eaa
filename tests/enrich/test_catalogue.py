"""The catalogue: what comes with ruamill is whole, a user's own goes before it, and each slip is named."""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest

from enrich.catalogue import CatalogueError, load, read

SHIPPED = files("enrich").joinpath("services.toml")

MET_BY_ALL = {
    *("microsoft365", "google_workspace", "zoho_mail", "amazon_ses", "sendgrid", "mailchimp", "mandrill"),
    *(
        "constant_contact",
        "salesforce",
        "salesforce_marketing_cloud",
        "hubspot",
        "outreach",
        "zendesk",
        "atlassian",
    ),
    *("mimecast", "proofpoint", "cisco_iphmx", "barracuda", "iis_smtp", "postfix", "exchange"),
}

SERVICE: Mapping[str, str] = {
    "name": '"Example Mailer"',
    "kind": '"bulk"',
    "url": '"https://www.example.org/"',
    "signs": "true",
    "aligns_spf": "false",
    "return_paths": '["bounce.example.org"]',
    "dkim_step": '"Publish the key that is shown under Settings > Domains."',
    "spf_step": '"It cannot send with a return path of yours."',
}


def table(key: str = "example_mailer", /, **changed: str | None) -> str:
    """Write a service in order, but for some keys: TOML, or None for one that is missing."""
    keys = {**SERVICE, **changed}
    return f"[{key}]\n" + "".join(f"{name} = {value}\n" for name, value in keys.items() if value is not None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.toml"


def slips(file: Path, text: str) -> list[str]:
    """Read a file that has slips; its name in front of each is taken for granted."""
    file.write_text(text)
    with pytest.raises(CatalogueError) as raised:
        read(file)
    lines = str(raised.value).splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines), lines
    return [line.removeprefix(f"{file}: ") for line in lines]


def test_what_comes_with_ruamill_is_in_order() -> None:
    services = load().services
    assert len(services) >= 120


def test_its_file_is_sorted_so_that_a_service_is_found_and_a_change_is_read() -> None:
    places = [(service.kind, key) for key, service in load().services.items()]
    assert places == sorted(places)


def test_it_knows_what_every_postmaster_meets() -> None:
    assert MET_BY_ALL - load().services.keys() == set()


def test_steps_name_places_and_records_not_feelings() -> None:
    for key, service in load().services.items():
        for step in (service.dkim_step, service.spf_step):
            assert len(step) < 500, key
            assert not re.search(r"\bplease\b|!", step, re.IGNORECASE), key


def test_a_service_in_order_is_read(file: Path) -> None:
    file.write_text(
        table(scans=None, selectors='["ex*", "pm"]', asns="[64500]", owners='["Example Mail, Inc."]')
    )
    (service,) = read(file).values()
    assert (service.name, service.kind, service.signs) == ("Example Mailer", "bulk", True)
    assert (service.selectors, service.asns) == (("ex*", "pm"), (64500,))
    assert not service.scans


def test_own_services_are_added_and_replace_those_of_the_same_key(file: Path) -> None:
    file.write_text(table() + table("mimecast", kind='"gateway"', return_paths='["mine.example.org"]'))
    services = load(file).services
    assert services["example_mailer"].name == "Example Mailer"
    assert services["mimecast"].return_paths == ("mine.example.org",)
    assert len(services) == len(load().services) + 1
    assert list(services)[-2:] == ["example_mailer", "mimecast"]


@pytest.mark.parametrize(
    ("changed", "slip"),
    [
        ({"name": None}, "example_mailer.name: is missing: every service has one"),
        ({"name": '""'}, "example_mailer.name: must not be empty"),
        ({"name": "7"}, "example_mailer.name: must be text in quotes"),
        ({"kind": '"esp"'}, "example_mailer.kind: must be 'mailbox', 'bulk', "),
        ({"url": '"www.example.org"'}, "example_mailer.url: must be the address of a page such as "),
        ({"signs": '"perhaps"'}, "example_mailer.signs: must be true or false"),
        ({"scans": "true"}, 'example_mailer: scans is for a gateway: remove it, or write kind = "gateway"'),
        ({"dkim_step": '""'}, "example_mailer.dkim_step: must be one to three sentences that end with a full stop"),
        ({"spf_step": '"add it"'}, "example_mailer.spf_step: must be one to three sentences that end with"),
        ({"return_path": '["example.org"]'}, 'example_mailer.return_path: is no known key; did you mean "return_paths"?'),
        ({"colour": '"red"'}, "example_mailer.colour: is no known key; known here: name, kind, url, "),
        ({"names": '"example.org"'}, "example_mailer.names: must be a list in square brackets"),
        ({"names": '["*.example.org"]'}, 'example_mailer.names: "*.example.org" must be a domain name in lower case such'),
        ({"names": '["Example.org"]'}, 'example_mailer.names: "Example.org" must be a domain name in lower case such'),
        ({"names": '["co.uk"]'}, 'example_mailer.names: "co.uk" is a public suffix: name a domain that belongs to'),
        ({"selectors": '["*"]'}, 'example_mailer.selectors: "*" is too wide: it covers "default", which anybody may'),
        ({"selectors": '["s?"]'}, 'example_mailer.selectors: "s?" is too wide: it covers "s1", which anybody may'),
        ({"selectors": '["Em"]'}, 'example_mailer.selectors: "Em" must be a selector in lower case; * and ? stand'),
        ({"selectors": '["em", "em"]'}, "example_mailer.selectors: em is claimed by example_mailer already; leave it"),
        ({"owners": '["-"]'}, 'example_mailer.owners: "-" must be the words with which the registered owner begins'),
        ({"asns": "[0]"}, "example_mailer.asns: must be greater than or equal to 1"),
        ({"return_paths": None}, "example_mailer: cannot be recognised: give dkim_domains, selectors, return_paths, "),
        (
            {"names": '["a.example", "a.example"]'},
            "example_mailer.names: a.example is claimed by example_mailer already; leave it with the one that it tells",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_a_slip_is_named_with_what_to_write(file: Path, changed: dict[str, str | None], slip: str) -> None:
    (line,) = slips(file, table(**changed))
    assert line.startswith(slip)


def test_all_slips_are_named_at_once(file: Path) -> None:
    assert len(slips(file, table(name=None, kind='"esp"') + table("other", url=None, colour='"red"'))) == 4


@pytest.mark.parametrize("field", ["dkim_domains", "return_paths", "names"])
def test_two_services_cannot_claim_one_domain(file: Path, field: str) -> None:
    first, second = (table(key, **{"return_paths": None, field: '["a.example"]'}) for key in ("one", "two"))
    advice = "a.example is claimed by one already; leave it with the one that it tells"
    assert slips(file, first + second) == [f"two.{field}: {advice}"]


def test_one_may_claim_a_domain_below_that_of_another(file: Path) -> None:
    file.write_text(
        table("one", names='["a.example"]', return_paths=None) + table("two", names='["b.a.example"]')
    )
    assert set(read(file)) == {"one", "two"}


def test_a_relay_on_the_premises_has_nothing_to_be_recognised_by(file: Path) -> None:
    file.write_text(table(kind='"relay"', return_paths=None))
    assert "example_mailer" in read(file)


@pytest.mark.parametrize("key", ["Example", "example-mailer", '"a.b"', "1st"])
def test_a_key_is_lower_case_words(file: Path, key: str) -> None:
    (line,) = slips(file, table(key))
    assert line.endswith('the key must be lower-case words such as "example_mailer"')


def test_a_key_outside_a_table_is_told_from_a_service(file: Path) -> None:
    assert slips(file, 'name = "Example"') == ["name: must be a table: write [key] above its keys"]


def test_a_file_that_cannot_be_read_is_named(file: Path) -> None:
    with pytest.raises(CatalogueError, match=r"own\.toml: No such file or directory; check the path"):
        load(file)
    assert "Cannot declare" in slips(file, table() + table())[0]
    file.write_bytes(b'name = "\xff"')
    with pytest.raises(CatalogueError, match=r"own\.toml: .*utf-8"):
        read(file)
