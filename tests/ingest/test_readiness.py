"""`ruamill readiness`: the answer first."""

import json
import re
from pathlib import Path

import pytest

from tests.ingest import sample
from tests.ingest.program import RUAMILL
from tests.ingest.terminal import on_terminal, printed
from tests.ingest.test_sources import ruamill


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the sample mailbox, looked up."""
    return sample.make(tmp_path_factory.mktemp("demo"))


def seen(domain: str, cwd: Path, columns: int) -> list[str]:
    shown = on_terminal([RUAMILL, "readiness", domain], cwd, columns=columns, environment=sample.OFFLINE)
    return printed(shown)


def test_the_answer_comes_first(demo: Path) -> None:
    done = ruamill("readiness", "Example.ORG", cwd=demo)
    assert (done.returncode, done.stderr) == (0, "")
    answer, policy, _, heads, *rows = done.stdout.splitlines()
    assert answer == (
        "example.org: Not yet ready for p=reject: 8.1% of your own mail fails (Mimecast), where 0.5% is bearable; "
        "p=quarantine was reported for 5 days, and it takes 14 to tell."
    )
    assert policy == "p=quarantine; sp=none; np=none: reported so from 2026-11-11 to 2026-11-15"
    assert heads.split("\t") == ["a stricter policy touches", "7 days", "30 days", "90 days"]
    assert rows[0].split("\t")[1:] == ["287 (6.5%)", "556 (6.9%)", "876 (3.0%)"]


def test_who_stands_in_the_way_and_what_to_do(demo: Path) -> None:
    text = ruamill("readiness", "example.org", cwd=demo).stdout
    assert re.search(
        r"^In the way: Mimecast: 556 of 556 messages fail\. .*→ Mimecast Administration Console",
        text,
        re.MULTILINE,
    )
    assert re.search(
        r"^To mend first: Mimecast: 1,695 messages\. .*→ As for Mimecast above\.$", text, re.MULTILINE
    )
    assert re.search(
        r"^To mend first: your own servers: 455 messages\. .*→ IIS SMTP cannot sign", text, re.MULTILINE
    )
    assert re.search(r"^To mend first: Microsoft 365: 228 of 228 messages fail", text, re.MULTILINE)
    assert re.search(r"^To decide: Constant Contact: 354 of 354 messages fail.*→ Ask who", text, re.MULTILINE)
    assert re.search(
        r"^Once it is ready: Publish p=reject\. To try it first: p=reject; t=y", text, re.MULTILINE
    )


def test_subdomains_have_their_own_lines(demo: Path) -> None:
    text = ruamill("readiness", "example.org", cwd=demo).stdout
    assert (
        "Subdomains that send (sp=none): news.example.org (0 of 23,316 fail), shop.example.org (0 of" in text
    )
    assert (
        "→ Ready for sp=quarantine: in 30 days it would have touched 40 of 8,402 messages, 0 of them your own."
        in text
    )
    assert (
        "Subdomains that never passed (np=none): invoice.example.org (40 of 40 fail) → np=reject stops"
        in text
    )


@pytest.mark.parametrize("columns", [80, 200])
def test_it_fits_the_terminal(demo: Path, columns: int) -> None:
    shown = seen("example.org", demo, columns)
    assert shown[0].startswith("example.org: Not yet ready for p=reject: 8.1% of your own mail fails")
    assert max(map(len, shown)) <= max(columns, 86)  # the policy stands in one line
    assert "In the way: Mimecast" in shown


def test_a_parked_domain_under_reject(demo: Path) -> None:
    shown = ruamill("readiness", "example.net", cwd=demo).stdout
    assert shown.startswith(
        "example.net: p=reject is in force, the strictest policy, and none of your own mail fails.\n"
    )
    assert "Publish" not in shown


def test_as_json(demo: Path) -> None:
    found = json.loads(ruamill("readiness", "example.org", "--json", cwd=demo).stdout)
    assert (found["ready"], found["next_policy"]) == (False, "reject")
    assert [it["who"] for it in found["blockers"]] == ["Mimecast"]
    assert [it["days"] for it in found["periods"]] == [7, 30, 90]
    assert found["published"]["since"] == "2026-11-11"


def test_an_unknown_domain(demo: Path) -> None:
    done = ruamill("readiness", "exmaple.org", cwd=demo)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "No reports about exmaple.org; there are reports about example.net, example.org\n"
    assert json.loads(ruamill("readiness", "exmaple.org", "--json", cwd=demo).stdout) is None
