"""Make the corpora that are measured: how many mails or records in, files on disk out, the same each time.

`make_corpus.py S DIR` writes mails into DIR, `make_corpus.py L DIR` one large report. Beside the folder stands DIR.json,
written last: how much is in it, and the sign that it is whole.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from random import Random

from bench.report_mail import mail
from bench.report_xml import Report, pieces
from bench.reporters import REPORTER_WEIGHTS, REPORTERS, Reporter
from bench.senders import DOMAIN_WEIGHTS, DOMAINS, PolicyDomain, Sending, sending

SEED = 7489
MAILS = 5_000
RECORDS = 500_000
DAY = 86_400
FIRST_DAY = 1_767_225_600
"""2026-01-01, in seconds of the epoch."""
DAYS = 90
MAILS_A_FOLDER = 1_000

SIZES = ((1, 3), (4, 15), (16, 120), (121, 600), (601, 2_500))
SIZE_WEIGHTS = (620, 230, 120, 27, 3)
"""Most reports are tiny, a few are large, and these hold most of the records: about 20 a report."""

LARGE_REPORTER = next(reporter for reporter in REPORTERS if not reporter.indent)
LARGE_DOMAIN = PolicyDomain("own.example", "none")
"""Without indentation and about a short name, 500,000 records stay under 256 MiB of XML, ruamill's limit."""


def make_mails(folder: Path, mails: int) -> dict[str, int]:
    """Write mails as .eml files; mail number n is the same whatever their number."""
    records = 0
    for number in range(mails):
        rng = Random(f"{SEED} {number}")
        report, size = _report(rng, number, rng.choices(REPORTERS, REPORTER_WEIGHTS)[0]), _size(rng)
        xml = "".join(pieces(report, _records(rng, report, size))).encode()
        path = folder / f"{number // MAILS_A_FOLDER:03}" / f"{number:06}.eml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mail(report, xml, rng))
        records += size
    return {"mails": mails, "reports": mails, "records": records}


def make_large_report(folder: Path, records: int) -> dict[str, int]:
    """Write one report as .xml.gz, without ever holding it."""
    rng = Random(f"{SEED} large")
    report = Report(LARGE_REPORTER, LARGE_DOMAIN, "large", FIRST_DAY, FIRST_DAY + DAY - 1)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{report.file_stem}.xml.gz").open("wb") as file:
        packed = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
        with TextIOWrapper(packed, encoding="utf-8", newline="") as text:
            xml_bytes = sum(text.write(piece) for piece in pieces(report, _records(rng, report, records)))
    return {"reports": 1, "records": records, "xml_bytes": xml_bytes}


def _report(rng: Random, number: int, reporter: Reporter) -> Report:
    """Invent a report whose identity no other report of the corpus has."""
    begin = FIRST_DAY + rng.randrange(DAYS) * DAY
    domain = rng.choices(DOMAINS, DOMAIN_WEIGHTS)[0]
    return Report(reporter, domain, f"{begin}.{number}@{reporter.submitter}", begin, begin + DAY - 1)


def _size(rng: Random) -> int:
    """Draw the number of records: the class by its weight, within it small ones more often."""
    low, high = rng.choices(SIZES, SIZE_WEIGHTS)[0]
    return int(low * ((high + 1) / low) ** rng.random())


def _records(rng: Random, report: Report, size: int) -> Iterator[Sending]:
    return (sending(rng, report.domain) for _ in range(size))


def main() -> None:
    """Read the command line and write one corpus."""
    parser = argparse.ArgumentParser(description="Make a corpus to measure with.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    small = kinds.add_parser("S", help="many mails, most of them with small reports")
    small.add_argument("folder", type=Path)
    small.add_argument("--mails", type=int, default=MAILS)
    large = kinds.add_parser("L", help="one large report, xml.gz")
    large.add_argument("folder", type=Path)
    large.add_argument("--records", type=int, default=RECORDS)
    given = parser.parse_args()
    made = (
        make_mails(given.folder, given.mails)
        if given.kind == "S"
        else make_large_report(given.folder, given.records)
    )
    text = json.dumps(made)
    given.folder.with_name(f"{given.folder.name}.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
