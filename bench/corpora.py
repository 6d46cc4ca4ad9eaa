"""The corpora that are measured: kind and size in, a folder and what is in it out, made when it is missing."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPORA = ROOT / "build" / "bench"


@dataclass(frozen=True, slots=True)
class Corpus:
    """A folder that make_corpus.py wrote, and what is in it."""

    folder: Path
    reports: int
    records: int


def mails(number: int) -> Corpus:
    """Give so many mails, most of them with small reports."""
    return _corpus("S", "--mails", number)


def large_report(records: int) -> Corpus:
    """Give one report with so many records."""
    return _corpus("L", "--records", records)


def _corpus(kind: str, option: str, size: int) -> Corpus:
    """Make a corpus in a process of its own, so that a broken-off one has no content file and is made again."""
    folder = CORPORA / f"{kind}-{size}"
    content = folder.with_name(f"{folder.name}.json")
    if not content.exists():
        print(f"making {folder.relative_to(ROOT)}")
        command = [sys.executable, "-m", "bench.make_corpus", kind, str(folder), option, str(size)]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    made = json.loads(content.read_text(encoding="utf-8"))
    return Corpus(folder, made["reports"], made["records"])
