"""`ruamill services`, as a person and as a script sees it."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from enrich.catalogue import load
from tests.ingest.program import RUAMILL, Program
from tests.ingest.terminal import on_terminal

OWN = """
[my_relay]
name = "Our relay"
kind = "relay"
url = "https://intranet.example.org/mail"
signs = true
aligns_spf = true
selectors = ["relay"]
dkim_step = "Ask the mail team to publish the relay's key."
spf_step = "Ask the mail team to add the relay's address."

[mimecast]
name = "Mimecast \\u202e \\u001b[31m"
kind = "gateway"
url = "https://intranet.example.org/mimecast"
signs = true
aligns_spf = true
names = ["mimecast.com"]
dkim_step = "Ask the mail team."
spf_step = "Ask the mail team."
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path, "sqlite://")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    return file


def printed(program: Program, *words: str | Path) -> str:
    done = program.run("services", *map(str, words))
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(program: Program, *words: str | Path) -> list[str]:
    done = program.run("services", *map(str, words))
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr.splitlines()


def test_all_are_listed_a_line_each(program: Program) -> None:
    header, *lines = printed(program).splitlines()
    assert header.split("\t") == ["service", "name", "kind", "signs as you", "aligns SPF"]
    rows = [line.split("\t") for line in lines]
    assert {row[0] for row in rows} == set(load().services)
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)


def test_one_is_told_whole(program: Program) -> None:
    lines = dict(line.split("\t") for line in printed(program, "microsoft365").splitlines())
    assert lines["name"] == "Microsoft 365"
    assert "onmicrosoft.com" in lines["its own signatures"]
    assert "selector1" in lines["selectors as you"]
    assert lines["when DKIM fails"].endswith(".")


def test_part_of_a_name_is_enough(program: Program) -> None:
    found = [line.split("\t")[0] for line in printed(program, "Sales").splitlines()[1:]]
    assert {"salesforce", "salesforce_marketing_cloud"} <= set(found)
    assert "mimecast" not in found


def test_a_script_gets_every_key(program: Program) -> None:
    (service,) = json.loads(printed(program, "mimecast", "--json"))
    assert (service["service"], service["kind"], service["scans"]) == ("mimecast", "gateway", True)
    assert len(json.loads(printed(program, "--json"))) == len(load().services)


def test_who_is_not_there_is_said(program: Program) -> None:
    assert refused(program, "nobody") == ["No service is called nobody; list all with `ruamill services`."]


def test_a_terminal_gets_columns_that_fit(tmp_path: Path) -> None:
    for words in (["services"], ["services", "mimecast"]):
        shown = on_terminal([RUAMILL, *words], tmp_path, columns=80)
        assert "Mimecast" in shown
        assert "\t" not in shown


def test_own_services_are_among_them(program: Program, own: Path) -> None:
    (own.parent / "ruamill.toml").write_text(f'[enrich]\nservices = "{own}"\n')
    assert printed(program, "my_relay").splitlines()[1] == "name\tOur relay"
    assert (
        printed(program, "mimecast").splitlines()[1]
        == "name\tMimecast \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}[31m"
    )


def test_a_file_is_checked_before_it_is_used(program: Program, own: Path) -> None:
    assert (
        printed(program, "--check", own)
        == f"{own} is in order: 2 services; instead of ruamill's own: mimecast\n"
    )
    answer = {"services": 2, "replaced": ["mimecast"], "slips": []}
    assert json.loads(printed(program, "--check", own, "--json")) == answer
    assert printed(program, "my_relay", "--check", own).startswith("service\tmy_relay\n")


def test_the_catalogue_itself_can_be_checked(program: Program) -> None:
    shipped = files("enrich").joinpath("services.toml")
    number = len(load().services)
    assert printed(program, "--check", str(shipped)) == f"{shipped} is in order: {number} services\n"


def test_slips_are_named_a_line_each(program: Program, own: Path) -> None:
    own.write_text(OWN.replace("https:", "http:"))
    slips = refused(program, "--check", own)
    assert [line.split(" must")[0] for line in slips] == [
        f"ruamill: {own}: my_relay.url:",
        f"ruamill: {own}: mimecast.url:",
    ]
    (own.parent / "ruamill.toml").write_text(f'[enrich]\nservices = "{own}"\n')
    assert refused(program) == slips


def test_a_script_gets_the_slips_too(program: Program, own: Path) -> None:
    own.write_text(OWN.replace("https:", "http:"))
    done = program.run("services", "--check", str(own), "--json")
    assert (done.returncode, len(json.loads(done.stdout)["slips"])) == (2, 2)
