"""The floor: a folder of mails in, the same rows as ruamill stores out, with nothing done that is not needed for them.

It reads each file, finds the attachment, inflates it, walks the XML once and inserts in bulk. It checks nothing, keeps
no ledger, no raw XML and no rollups, knows no duplicates, and falls over at the first mail that is not a report.
`floor.py DIR --database sqlite:///NEW_FILE | postgresql://…` prints one line of JSON.
"""

import argparse
import json
import resource
import time
import zlib
from email import message_from_bytes
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from bench.floor_tables import open_database
from bench.floor_xml import Rows, parse

REPORTS_A_BATCH = 100
MOST_BYTES = 256 << 20
GZIP = 16 + zlib.MAX_WBITS


def attachment(mail: bytes) -> bytes:
    """Find the report in a mail: the part that is neither text nor multipart."""
    for part in message_from_bytes(mail).walk():
        if part.get_content_maintype() == "application":
            return bytes(part.get_payload(decode=True))
    raise ValueError("a mail without an attachment: the floor reads only corpora of make_corpus.py")


def inflate(packed: bytes) -> bytes:
    """Decompress a gzip stream or the one member of a zip, to so many bytes at most."""
    if packed.startswith(b"PK"):
        with ZipFile(BytesIO(packed)) as archive, archive.open(archive.infolist()[0]) as member:
            return member.read(MOST_BYTES)
    return zlib.decompressobj(GZIP).decompress(packed, MOST_BYTES)


def ingest(folder: Path, url: str) -> tuple[int, int]:
    """Put a folder of mails into an empty database; tell the reports and the records."""
    insert = open_database(url)
    reports = records = 0
    rows = Rows()
    for path in sorted(folder.rglob("*.eml")):
        parse(inflate(attachment(path.read_bytes())), reports, rows)
        reports += 1
        if reports % REPORTS_A_BATCH == 0:
            records += len(rows.record)
            insert(rows)
            rows = Rows()
    insert(rows)
    return reports, records + len(rows.record)


def main() -> None:
    """Read the command line, ingest, and print what it took; CPU seconds and peak are those of the whole process."""
    parser = argparse.ArgumentParser(description="The floor under ruamill's speed.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--database", required=True, help="sqlite:///NEW_FILE or postgresql://… of an empty database"
    )
    given = parser.parse_args()
    started = time.perf_counter()
    reports, records = ingest(given.folder, given.database)
    result = {
        "reports": reports,
        "records": records,
        "cpu_seconds": round(time.process_time(), 3),
        "wall_seconds": round(time.perf_counter() - started, 3),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
