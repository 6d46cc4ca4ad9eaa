"""The fixtures are whole and repeatable: what lies in fixtures/ is what its scripts write, and nothing lacks its pair."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from fixtures import make_mails

FIXTURES = Path(__file__).parents[1] / "fixtures"
REPORTS = sorted((FIXTURES / "reports").glob("*.xml"))
KEYS = [
    "dialect",
    "version",
    "reporter",
    "email",
    "extra_contact_info",
    "report_id",
    "begin",
    "end",
    "errors",
    "generator",
    "policy",
    "records",
    "deviations",
]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_sample_mailbox(folder: Path, *options: str) -> dict[str, bytes]:
    # -I -S: the standard library alone, from anywhere.
    script = FIXTURES / "make_sample_mailbox.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", script, folder, *options], check=True, capture_output=True, text=True
    )
    written = tree(folder)
    assert done.stdout.startswith(f"{len(written)} sample mails ")
    return written


def test_mails_and_refused_are_what_the_script_writes(tmp_path: Path) -> None:
    make_mails.main(tmp_path)
    for folder in ("mails", "refused"):
        assert tree(tmp_path / folder) == tree(FIXTURES / folder)


def test_sample_mailbox_is_repeatable(tmp_path: Path) -> None:
    once = write_sample_mailbox(tmp_path / "once")
    assert once == write_sample_mailbox(tmp_path / "again")
    assert {path.name for path in (tmp_path / "once").iterdir()} == {"tmp", "new", "cur"}


def test_sample_mailbox_comes_in_parts(tmp_path: Path) -> None:
    whole = write_sample_mailbox(tmp_path / "whole")
    parts = [
        write_sample_mailbox(tmp_path / option, option, "2026-11-09") for option in ("--before", "--since")
    ]
    assert all(parts)
    assert sorted(content for part in parts for content in part.values()) == sorted(whole.values())


def test_sample_mailbox_has_one_duplicate_and_moves_with_its_last_day(tmp_path: Path) -> None:
    usual = write_sample_mailbox(tmp_path / "usual")
    earlier = write_sample_mailbox(tmp_path / "earlier", "--until", "2026-03-31")
    assert sorted(Counter(usual.values()).values())[-2:] == [1, 2]
    assert not set(usual) & set(earlier)


@pytest.mark.parametrize("xml", REPORTS, ids=lambda path: path.stem)
def test_report_has_its_expected_values(xml: Path) -> None:
    expected = json.loads(xml.with_suffix(".json").read_text(encoding="utf-8"))
    assert list(expected) == KEYS


def test_each_report_travels_in_one_mail() -> None:
    expected = [json.loads(path.read_text()) for path in (FIXTURES / "mails").glob("*.json")]
    carried = Counter(name for mail in expected for name in mail["reports"])
    assert carried == Counter(path.stem for path in REPORTS)


def test_no_fixture_is_large() -> None:
    assert {name for name, content in tree(FIXTURES).items() if len(content) > 100_000} == set()
