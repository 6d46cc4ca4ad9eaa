"""Writes what hostile inputs cost into docs/hardening.md: `python -m tests.hostile.figures`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.hostile.containers import CONTAINERS
from tests.hostile.documents import DOCUMENTS
from tests.hostile.inputs import NAME
from tests.hostile.mails import MAILS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "hardening.md"
BEGIN, END = "<!-- hostile:begin -->", "<!-- hostile:end -->"
SHOWN = 40
"""The most expensive ones; the others are told in one line."""


def measured(content: bytes, file: Path) -> Any:
    """Read an input in a process of its own; give what was said and what it took."""
    file.write_bytes(content)
    command = [sys.executable, "-m", "tests.hostile.reader", str(file), NAME]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def row(name: str, taken: Any) -> str:
    """Write the row of one input; of several documents the first one speaks."""
    outcome, _, reason = taken["said"][-1].partition(": ")
    words = reason.replace("|", "\\|") or f"{taken['records']} records"
    return f"| {name} | {outcome} | {words} | {taken['cpu_seconds']:.2f} | {taken['mib']:.0f} |"


def table() -> str:
    """Measure all of them, and write the table."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, hostile in (CONTAINERS | DOCUMENTS | MAILS).items():
            found[name] = measured(hostile.make(), Path(folder) / "hostile")
    dearest = sorted(found, key=lambda name: found[name]["cpu_seconds"], reverse=True)
    shown, rest = dearest[:SHOWN], [found[name] for name in dearest[SHOWN:]]
    most = {what: max(each[what] for each in rest) for what in ("cpu_seconds", "mib")}
    return "\n".join(
        (
            "| input | outcome | reason | CPU s | MiB above idle |",
            "| --- | --- | --- | ---: | ---: |",
            *(row(name, found[name]) for name in shown),
            "",
            f"{len(rest)} more take at most {most['cpu_seconds']:.2f} CPU s and {most['mib']:.0f} MiB.",
        )
    )


def main() -> None:
    """Replace the table that stands in the document."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
