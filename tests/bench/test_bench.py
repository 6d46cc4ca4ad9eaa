"""What the benchmark counts, and when it is content."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from lxml import etree

from bench.guard import BOUND, MOST_ROUNDS, ROUNDS, Seen
from bench.measure import CommandFailedError, Figures, measure
from bench.plot import Panel, svg
from bench.tables import Aim

BUSY = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
LARGE = "import sys\nheld = bytearray(40 << 20)\nprint(flush=True)\nsys.stdin.read()"
THREE = f"""
import subprocess, sys, time
held = bytearray(40 << 20)
command, pipe = [sys.executable, "-c", {LARGE!r}], subprocess.PIPE
others = [subprocess.Popen(command, stdin=pipe, stdout=pipe) for _ in range(2)]
for each in others:
    each.stdout.readline()
time.sleep(1)  # it is looked at ten times a second
for each in others:
    each.communicate()
"""


def run(program: str, tmp_path: Path) -> Figures:
    return measure([sys.executable, "-c", program], cwd=tmp_path, environment=os.environ)


def test_what_a_command_leaves_behind_is_counted(tmp_path: Path) -> None:
    left = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {BUSY!r}])"
    assert run(left, tmp_path).cpu_seconds >= 0.5


def test_memory_is_that_of_all_processes_together(tmp_path: Path) -> None:
    assert 120 < run(THREE, tmp_path).peak_mib < 200


def test_a_command_that_fails_has_no_figures(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match="exit status 3"):
        run("raise SystemExit(3)", tmp_path)


def seen(floor: Sequence[float], ruamill: Sequence[float]) -> Seen:
    return Seen(list(floor), list(ruamill))


def test_the_guard_is_content_after_a_few_rounds() -> None:
    assert not seen([1.0] * (ROUNDS - 1), [BOUND] * (ROUNDS - 1)).is_enough
    assert seen([1.0] * ROUNDS, [BOUND] * ROUNDS).is_enough


def test_the_guard_goes_on_before_it_fails() -> None:
    slow = [1.5 * BOUND] * (MOST_ROUNDS - 1)
    assert not seen([1.0] * len(slow), slow).is_enough
    assert seen([1.0] * MOST_ROUNDS, [*slow, 1.5 * BOUND]).is_enough


def test_the_guard_takes_the_least_of_each() -> None:
    assert seen([9.0, 1.0, 2.0], [3.0, 2.0, 8.0]).ratio == 2.0


def test_an_aim_is_held_to_the_median() -> None:
    assert Aim("seconds", 2, [1, 2, 9]).holds
    assert not Aim("seconds", 2, [1, 3, 9]).holds
    assert Aim("speed", 2, [1, 3, 9], at_least=True).row == ("speed", "at least 2", "3.00 (1.00-9.00)", "yes")


def test_a_plot_is_svg_with_its_words_escaped() -> None:
    panel = Panel("<both>", "reports", {"a": [(0, 1), (1000, 3)], "b": [(0, 0.5), (1000, 0.5)]})
    drawn = svg([panel, panel], "what & why")
    root = etree.fromstring(drawn.encode())
    assert root.findtext("{*}title") == "what & why"
    assert "<both>" in {each.text for each in root.iterfind("{*}text")}
