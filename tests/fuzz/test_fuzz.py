"""The fuzzer itself: a short run finds nothing, its seeds are good, and what it checks would be noticed."""

import os
import platform
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from parsers.errors import CorruptError
from parsers.reading import Reading, read
from parsers.unpack import Refusal
from parsers.values import Report
from tests.fuzz import promises
from tests.fuzz.inputs import LIMITS, Input
from tests.fuzz.run import ROOT
from tests.fuzz.seeds import seeds
from tests.parsers import small_reports

SECONDS = 30
SEEDS = dict(seeds())


def missing() -> str | None:
    """Say why there is no fuzzer here. With CI=true it must be there wherever it can be installed."""
    if find_spec("atheris"):
        return None
    installable = sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info < (3, 15)
    if installable and os.environ.get("CI") == "true":
        return None
    return "atheris is not installed: it has wheels for Linux on x86_64 with Python 3.11 to 3.14 (pip install 'atheris>=3')"


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_a_short_run_finds_nothing(tmp_path: Path) -> None:
    words = ["--seconds", str(SECONDS), "--folder", str(tmp_path / "fuzz")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", *words],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=10 * SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(r"^(\d+) executions, 0 findings$", done.stdout, re.MULTILINE)
    assert told, done.stdout
    assert int(told[1]) > len(SEEDS)


def test_a_seed_is_the_input_it_was_made_of() -> None:
    assert {name: Input.of(seed.data()) for name, seed in SEEDS.items()} == SEEDS


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xff\xff\xff", b"\0\1\2\3<feedback>"])
def test_any_bytes_are_an_input(data: bytes) -> None:
    chosen = Input.of(data)
    promises.check(read(chosen.message(), "1", LIMITS[chosen.limits]), LIMITS[chosen.limits])


@pytest.mark.parametrize("name", SEEDS)
def test_every_seed_keeps_the_promises(name: str) -> None:
    seed = SEEDS[name]
    limits = LIMITS[seed.limits]
    promises.check(read(seed.message(), "1", limits), limits)


# --- what would be noticed

GOOD = read(small_reports.report(small_reports.record()), "1")
[REPORT] = GOOD.reports


def with_report(changed: Report) -> Reading:
    return replace(GOOD, reports=(replace(REPORT, report=changed),))


def refused(name: str, reason: str) -> Reading:
    return Reading(None, (), (Refusal(name, CorruptError(reason)),))


WHOLE = small_reports.read(small_reports.report(small_reports.record()))
BROKEN = {
    "no decision": Reading(None, (), ()),
    "a reason that says nothing": refused("1", ""),
    "a name of two lines": refused("a\nb", "gzip stream is cut off"),
    "a name that no column takes": refused("a\0", "gzip stream is cut off"),
    "a lost record": with_report(replace(WHOLE, records=())),
    "a verdict that nobody knows": replace(GOOD, dmarc="perhaps"),
    "other bytes kept": replace(
        GOOD, reports=(replace(REPORT, document=replace(REPORT.document, sha256="0")),)
    ),
}


@pytest.mark.parametrize("breach", BROKEN)
def test_a_broken_promise_is_noticed(breach: str) -> None:
    with pytest.raises(AssertionError):
        promises.check(BROKEN[breach], LIMITS[0])


def test_a_pass_that_nobody_sent_is_noticed() -> None:
    [sent] = WHOLE.records
    with pytest.raises(AssertionError):
        promises.check_record(replace(sent, dkim="pass", dkim_raw="hardfail"), LIMITS[0])
