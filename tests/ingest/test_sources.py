"""`ruamill sources`: who sends as a domain, as a postmaster sees it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.ingest import sample
from tests.ingest.program import PATIENCE, RUAMILL
from tests.ingest.terminal import on_terminal, printed
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, RECORD, feedback, record

COLUMNS = [
    "domain", "source", "service", "verdict", "messages", "passing", "failing", "pass rate", "addresses", "owner", "reason",
    "next step", "first day", "last day",
]  # fmt: skip
HOSTILE = "\N{CONTROL SEQUENCE INTRODUCER}31m\N{RIGHT-TO-LEFT OVERRIDE}\N{DELETE}"
LONG_ADDRESS = "2a01:111:f400:7e1b::60f"


def ruamill(*words: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [RUAMILL, *words],
        cwd=cwd,
        env=sample.OFFLINE,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def told(*words: str, cwd: Path) -> list[dict[str, Any]]:
    done = ruamill("sources", *words, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def lines(*words: str, cwd: Path) -> list[list[str]]:
    done = ruamill("sources", *words, cwd=cwd)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def seen(*words: str, cwd: Path, columns: int) -> list[str]:
    shown = on_terminal([RUAMILL, "sources", *words], cwd, columns=columns, environment=sample.OFFLINE)
    return printed(shown)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the sample mailbox, looked up."""
    return sample.make(tmp_path_factory.mktemp("demo"))


def fill(folder: Path, *reports: bytes) -> Path:
    for number, report in enumerate(reports):
        (folder / f"{number}.xml").write_bytes(report)
    done = ruamill("ingest", *sorted(folder.glob("*.xml")), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a database of two domains, two days and three addresses, none of them looked up."""
    tomorrow = FIRST_OF_NOVEMBER + DAY
    failing = record("192.0.2.1", 1).replace("pass<", "fail<")
    return fill(
        tmp_path_factory.mktemp("stored"),
        feedback("1", record("192.0.2.1", 2), failing, record(LONG_ADDRESS, 1_234_567)),
        feedback("2", record("192.0.2.1", 4), begin=tomorrow, end=tomorrow + DAY - 1),
        feedback("3", record("198.51.100.7", 0), domain="example.net"),
    )


# -- the sample mailbox, line by line

SAMPLE = [
    ("example.org", "Mimecast", "Mimecast Services Limited", "failing_own", "0.0%", "s=mimecast20240216) does not verify", "Mimecast Administration Console"),
    ("example.org", "Mimecast", "Mimecast Services Limited", "fragile", "100.0%", "SPF alone", "Mimecast Administration Console"),
    ("example.org", "your own servers", "-", "fragile", "100.0%", "no DKIM signature", "IIS SMTP cannot sign"),
    ("example.org", "Microsoft 365", "Microsoft Corporation", "bounces", "0.0%", "return path is empty", "automatic replies signed with DKIM as example.org"),
    ("example.org", "Constant Contact", "Constant Contact, Inc", "unknown", "0.0%", "Nothing shows that you use it", "Ask who of you uses Constant Contact"),
    ("example.org", "OVHcloud servers", "OVH Sp. z o. o.", "unknown", "0.0%", "Nothing ties it to you", "a stricter policy stops it"),
    ("example.org", "Hetzner", "Hetzner Online GmbH", "unknown", "0.0%", "Nothing ties it to you", "a stricter policy stops it"),
    ("example.org", "DigitalOcean", "DigitalOcean, LLC", "unknown", "0.0%", "invoice.example.org has no SPF record", "a stricter policy stops it"),
    ("example.org", "Mailchimp", "The Rocket Science Group, LLC", "passing", "100.0%", "d=news.example.org s=k2", "-"),
    ("example.org", "Microsoft 365", "Microsoft Corporation", "passing", "100.0%", "s=selector1) and SPF pass", "-"),
    ("example.org", "Amazon SES", "Amazon Technologies Inc.", "passing", "100.0%", "d=shop.example.org", "-"),
    ("example.org", "Salesforce Marketing Cloud (ExactTarget)", "Salesforce.com, Inc.", "passing", "100.0%", "d=crm.example.org s=10dkim1", "-"),
    ("example.org", "Google Workspace and Gmail", "Google LLC", "passing", "100.0%", "d=nordic.example.org s=google", "-"),
    ("example.org", "Groups.io", "Linode", "forwarded", "0.0%", "from a mailing list", "-"),
    ("example.org", "Proofpoint Email Protection", "Proofpoint, Inc.", "recipient_gateway", "0.0%", "nothing of yours is wrong", "-"),
    ("example.net", "DigitalOcean", "DigitalOcean, LLC", "unknown", "0.0%", "receivers rejected it", "-"),
    ("example.net", "Hetzner", "Hetzner Online GmbH", "unknown", "0.0%", "receivers rejected it", "-"),
]  # fmt: skip


def test_the_sample_mailbox(demo: Path) -> None:
    heads, *rows = lines(cwd=demo)
    found = [dict(zip(heads, row, strict=True)) for row in rows]
    assert heads == COLUMNS
    assert [(it["domain"], it["source"], it["owner"], it["verdict"], it["pass rate"]) for it in found] == [
        case[:5] for case in SAMPLE
    ]
    for it, (*_, reason, step) in zip(found, SAMPLE, strict=True):
        assert reason in it["reason"]
        assert step in it["next step"]


def test_every_message_is_in_one_line(demo: Path) -> None:
    (org, net) = told(cwd=demo)
    assert (org["domain"], org["policy"]["p"], org["reported_days"], org["addresses_waiting"]) == (
        "example.org",
        "quarantine",
        14,
        0,
    )
    assert (net["domain"], net["policy"]["p"], net["last_day"]) == ("example.net", "reject", "2026-11-13")
    for domain in (org, net):
        for line in domain["sources"]:
            assert line["messages"] == line["passing"] + line["failing"]
            assert line["messages"] == sum(it["messages"] for it in line["addresses"])
            assert line["messages"] == sum(it["messages"] for it in line["authors"])
    assert sum(line["messages"] for line in org["sources"]) == 16_445


def test_what_stands_in_json(demo: Path) -> None:
    (org,) = told("Example.ORG.", "--limit", "1", cwd=demo)
    (line,) = org["sources"]
    assert (line["service"], line["owner"], line["certain"]) == (
        "mimecast",
        "Mimecast Services Limited",
        True,
    )
    assert line["identifiers"] == ["DKIM d=example.org s=mimecast20240216 fail", "SPF example.com pass"]
    assert [it["key"] for it in line["addresses"]] == ["91.220.42.77", "195.130.217.73"]


@pytest.mark.parametrize("columns", [80, 109, 110, 200])
def test_a_terminal_of_any_width(demo: Path, columns: int) -> None:
    shown = seen("example.org", cwd=demo, columns=columns)
    assert max(map(len, shown)) <= columns
    assert shown[0] == "example.org · p=quarantine · 16,445 messages, 88.0% pass · 14 days to 2026-11-15"
    assert shown[2].split()[:4] == ["source", "messages", "pass", "verdict"]
    text = " ".join(" ".join(shown).split())
    assert re.search(
        r"Mimecast +556 0\.0% yours, failing Mimecast Services Limited · 91\.220\.42\.77 and 1 other address",
        text,
    )
    assert "→ As for Mimecast above." in text
    assert re.search(
        r"Hetzner +51 0\.0% unknown Hetzner Online GmbH · 88\.99\.38\.204 As for OVHcloud servers above: nothing ties",
        text,
    )
    assert re.search(r"1 forwarder +115 0\.0% forwarded Others pass your mail on\.", text)
    assert "(Groups.io)" in text
    assert re.search(r"1 gateway +131 0\.0% recipients'", text)


def test_what_there_is_to_do_stands_first(demo: Path) -> None:
    shown = seen(cwd=demo, columns=120)
    heads = [line.partition(" ")[0] for line in shown if " · p=" in line]
    assert heads == ["example.org", "example.net"]


def test_only_what_fails_or_stands_on_one_leg(demo: Path) -> None:
    verdicts = {row[3] for row in lines("--failing", cwd=demo)[1:]}
    assert verdicts == {"failing_own", "fragile", "bounces", "unknown", "forwarded", "recipient_gateway"}


def test_addresses(demo: Path) -> None:
    rows = lines("example.org", "--addresses", "--limit", "1", cwd=demo)
    assert rows == [
        ["domain", "source", "verdict", "address", "name", "messages", "failing"],
        [
            "example.org",
            "Mimecast",
            "failing_own",
            "91.220.42.77",
            "eu-smtp-delivery-77.mimecast.com",
            "280",
            "280",
        ],
        ["example.org", "Mimecast", "failing_own", "195.130.217.73", "eu-smtp-1.mimecast.com", "276", "276"],
    ]
    shown = "\n".join(seen("example.org", "--addresses", cwd=demo, columns=200))
    assert re.search(r"91\.220\.42\.77 +280 failing +eu-smtp-delivery-77\.mimecast\.com", shown)


def test_nobody_was_looked_up(tmp_path: Path) -> None:
    folder = sample.make(tmp_path, looked_up=False)
    done = ruamill("sources", cwd=folder)
    assert done.stderr == "Nobody was asked yet who owns 28 addresses: `ruamill enrich` asks.\n"
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert ["example.org", "Constant Contact", "constant_contact", "unknown"] in [row[:4] for row in rows]
    assert ["example.org", "addresses without a known owner", "-", "unknown"] in [row[:4] for row in rows]


# -- small databases


def test_a_report_that_says_little(stored: Path) -> None:
    rows = lines("example.org", cwd=stored)[1:]
    assert [row[:11] for row in rows] == [
        ["example.org", "192.0.2.1", "-", "failing_own", "1", "0", "1", "0.0%", "1", "-",
         "It has no DKIM signature, and SPF does not pass."],
        ["example.org", LONG_ADDRESS, "-", "passing", "1234567", "1234567", "0", "100.0%", "1", "-", "DKIM and SPF pass."],
        ["example.org", "192.0.2.1", "-", "passing", "6", "6", "0", "100.0%", "1", "-", "DKIM and SPF pass."],
    ]  # fmt: skip
    assert [row[-2:] for row in rows] == [
        ["2026-11-01", "2026-11-01"],
        ["2026-11-01", "2026-11-01"],
        ["2026-11-01", "2026-11-02"],
    ]


def test_messages_of_nought(stored: Path) -> None:
    assert lines("example.net", cwd=stored)[1][4:8] == ["0", "0", "0", "-"]
    assert "example.net · p=none · 0 messages · 1 day to 2026-11-01" in seen(
        "example.net", cwd=stored, columns=80
    )


def test_the_last_days(stored: Path) -> None:
    (row,) = lines("example.org", "--days", "1", cwd=stored)[1:]
    assert (row[1], row[4], row[-1]) == ("192.0.2.1", "4", "2026-11-02")


def test_that_there_are_more_is_told(stored: Path) -> None:
    done = ruamill("sources", "--limit", "2", cwd=stored)
    assert len(done.stdout.splitlines()) == 4
    assert done.stderr.splitlines()[0] == "example.org: 2 of 3 sources; show all with --limit 3"


def test_nothing_fails(stored: Path) -> None:
    assert "Nothing fails, and nothing stands on one leg." in seen(
        "example.net", "--failing", cwd=stored, columns=80
    )
    assert lines("example.net", "--failing", cwd=stored) == []


def test_an_unknown_domain_names_the_known_ones(stored: Path) -> None:
    done = ruamill("sources", "exmaple.org", cwd=stored)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "No reports about exmaple.org; there are reports about example.net, example.org\n"
    assert told("exmaple.org", cwd=stored) == []


def test_an_empty_database_says_what_to_do(tmp_path: Path) -> None:
    done = ruamill("sources", "example.org", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "No reports yet: store some with `ruamill ingest` or `ruamill poll`.\n"


# -- what strangers write


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a report that tries to steer a terminal."""
    signed = RECORD.replace("s1<", f"{HOSTILE}<").replace("bounce.example.net", f"{HOSTILE}.example.net")
    return fill(tmp_path_factory.mktemp("hostile"), feedback("1", signed, domain=f"{HOSTILE}.example"))


@pytest.mark.parametrize("words", [[], ["--addresses"], ["--json"], ["x"]])
@pytest.mark.parametrize("columns", [80, 200])
def test_no_report_steers_the_terminal(hostile: Path, words: list[str], columns: int) -> None:
    text = "".join(seen(*words, cwd=hostile, columns=columns))
    assert "example" in text
    assert text.isprintable()


def test_lines_in_a_pipe_stay_lines(hostile: Path) -> None:
    text = ruamill("sources", cwd=hostile).stdout
    assert {char for char in text if not char.isprintable()} == {"\n", "\t"}
    (found,) = told(cwd=hostile)
    assert found["domain"] == f"{HOSTILE}.example"


ALIKE = """
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip>
      <count>12</count>
      <policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated>
    </row>
    <identifiers><header_from>example.org</header_from></identifiers>
    <auth_results>
      <dkim><domain>example.org</domain><result>none</result></dkim>
      <spf><domain>example.org</domain><result>none</result></spf>
    </auth_results>
  </record>"""


def test_a_signature_and_a_check_that_read_alike(tmp_path: Path) -> None:
    (found,) = told(cwd=fill(tmp_path, feedback("1", ALIKE)))
    (line,) = found["sources"]
    assert line["identifiers"] == ["DKIM d=example.org s=- none", "SPF example.org none"]


def test_a_service_that_is_not_in_the_catalogue(stored: Path, tmp_path: Path) -> None:
    config = tmp_path / "ruamill.toml"
    config.write_text(
        f'database = "sqlite:///{stored}/ruamill.db"\nenrich = "off"\n[domains."example.org"]\nuses = ["mimcast"]\n'
    )
    done = ruamill("--config", config, "sources", cwd=tmp_path)
    assert done.stderr == (
        '[domains."example.org"] uses: there is no service "mimcast" in the catalogue; did you mean "mimecast"?\n'
    )
