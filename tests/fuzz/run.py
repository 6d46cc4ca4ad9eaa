"""Fuzz for a while: seconds in; executions, coverage and findings out, the findings as files in the folder.

    python -m tests.fuzz.run --seconds 60 [--folder build/fuzz]

The corpus grows in the folder and is taken up by the next run. Exit status: 0 without findings, 1 with one, which ends
the run; 2 where the fuzzer itself fails.
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.seeds import write_seeds

ROOT = Path(__file__).parents[2]
DICTIONARY = Path(__file__).with_name("tokens.dict")
ROUND = 300
"""Seconds after which another process goes on: libxml2 keeps every name that this one has read."""
LONGEST_INPUT = 8_192
SLOWEST = 10
"""Seconds that one input may take."""
MOST_MIB = 1_024
"""Memory that the process may take."""
TOLD = 2_000
"""Characters of what the fuzzer said."""
FINDINGS = ("crash-*", "timeout-*", "oom-*")

_FIGURES = re.compile(r"^#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)/", re.MULTILINE)
_RAISED = re.compile(r"^ === Uncaught Python exception: ===\n(.*?)^==\d+==", re.MULTILINE | re.DOTALL)


class FuzzerFailedError(Exception):
    """The fuzzer did not run, or ended without its figures."""


@dataclass(frozen=True)
class Figures:
    """What one process did; coverage as libFuzzer counts it, of the whole corpus so far."""

    executions: int
    edges: int
    features: int
    corpus: int
    seconds: float


def fuzz(seconds: int, folder: Path) -> Iterator[Figures]:
    """Fuzz in rounds, the figures of each as it ends. Raises FuzzerFailedError."""
    corpus, seeds = folder / "corpus", folder / "seeds"
    corpus.mkdir(parents=True, exist_ok=True)
    write_seeds(seeds)
    for start in range(0, seconds, ROUND):
        started = time.monotonic()
        said = _round(min(ROUND, seconds - start), folder, corpus, seeds)
        figures = _FIGURES.findall(said)
        if not figures:
            raise FuzzerFailedError(said[-TOLD:])
        executions, edges, features, inputs = map(int, figures[-1])
        yield Figures(executions, edges, features, inputs, time.monotonic() - started)
        if findings(folder):
            (folder / "finding.txt").write_text(said)
            return


def findings(folder: Path) -> list[Path]:
    """List the inputs that broke a promise, took too long or too much memory."""
    return sorted(path for pattern in FINDINGS for path in folder.glob(pattern))


def _round(seconds: int, folder: Path, corpus: Path, seeds: Path) -> str:
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST_INPUT,
        "timeout": SLOWEST,
        "rss_limit_mb": MOST_MIB,
        "dict": DICTIONARY,
        "artifact_prefix": f"{folder}/",
    }
    words = [f"-{name}={value}" for name, value in options.items()]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.target", *words, corpus, seeds],
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
    )
    return done.stdout


def main(arguments: list[str] | None = None) -> int:
    """Fuzz, tell the figures, and give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    if old := findings(folder):
        _tell(f"{old[0]} is a finding of an earlier run: mend it, or move it away")
        return 1
    try:
        executions = _fuzz_and_tell(options.seconds, folder)
    except FuzzerFailedError as error:
        _tell(f"the fuzzer failed:\n{error}")
        return 2
    found = findings(folder)
    _tell(f"{executions} executions, {len(found)} findings")
    for path in found:
        _tell(f"{path}\n{_raised(folder)}")
    return 1 if found else 0


def _fuzz_and_tell(seconds: int, folder: Path) -> int:
    executions = 0
    for figures in fuzz(seconds, folder):
        executions += figures.executions
        _tell(
            f"{figures.executions} executions ({figures.executions / figures.seconds:.0f} a second), {figures.edges} edges,"
            f" {figures.features} features, {figures.corpus} inputs in the corpus"
        )
    return executions


def _raised(folder: Path) -> str:
    said = (folder / "finding.txt").read_text()
    raised = _RAISED.search(said)
    return raised[1] if raised else said[-TOLD:]


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 (what the program is for)


if __name__ == "__main__":
    sys.exit(main())
