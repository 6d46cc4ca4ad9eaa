"""Reads one file as ruamill does and tells what became of it, and what that took.

    python -m tests.hostile.reader FILE NAME

Leaves JSON on standard output: what is said of each report and each refusal, the records taken, CPU seconds, and by how
many MiB the process grew beyond one that had read an ordinary report.
"""

import json
import re
import sys
from pathlib import Path
from time import process_time

from parsers.errors import ParserExhaustedError, ReportError
from parsers.feedback import learn_names
from parsers.reading import ReadReport, read

ORDINARY = Path(__file__).parents[2] / "fixtures" / "mails" / "google.eml"


def peak() -> float:
    """Give the largest resident set so far in MiB: this process's own, where ru_maxrss begins with its parent's."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


def read_through(report: ReadReport) -> tuple[str, int]:
    """Read a report to its end, as it is done when it is stored: say what becomes of it, and how many records are."""
    try:
        return "report", sum(len(block) for block in report.open().blocks())
    except ReportError as error:
        return f"{error.outcome}: {error}", 0


def become(raw: bytes, name: str) -> tuple[list[str], int]:
    """Say what becomes of everything in a message or file, and give the records taken."""
    try:
        reading = read(raw, name)
        reports = [read_through(report) for report in reading.reports]
    except ParserExhaustedError as error:
        return [f"exhausted: {error}"], 0
    others = [type(each).__name__ for each in (*reading.tls_reports, *reading.failures)]
    refusals = [f"{refusal.error.outcome}: {refusal.error}" for refusal in reading.refusals]
    return [*(said for said, _ in reports), *others, *refusals], sum(number for _, number in reports)


def main() -> None:
    """Read the file that is named."""
    file, name = sys.argv[1:]
    learn_names()
    become(ORDINARY.read_bytes(), "ordinary")
    idle, begun = peak(), process_time()
    said, records = become(Path(file).read_bytes(), name)
    taken = {"said": said, "records": records, "cpu_seconds": process_time() - begun, "mib": peak() - idle}
    sys.stdout.write(json.dumps(taken))


if __name__ == "__main__":
    main()
