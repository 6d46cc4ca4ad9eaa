"""What the tests of `reparse` write and read: reports of every kind, rows as an older parser left them, whole runs."""

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from fixtures.carriers import gzipped, zipped
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.reading import ReadReport
from store.database import Database
from store.reparse import Run, begin, finish, rebuild
from store.rereading import Batch, Judge, read_again
from tests.store.kit import NOW, content, feedback, record, report_mail, rows, take
from tests.store.test_damaged import WHOLE, cut
from tests.store.test_rollups import RECOUNTS, compare, reports

ROOT = Path(__file__).parents[2]
LATER = NOW + timedelta(hours=1)
VERSION = "1.0"
CONTENT = ("report", "report_xml", "record", "record_dkim", "record_spf", "record_reason", *RECOUNTS)
DEVIATIONS = """
SELECT message_key, report_key, code, place, action, raw, times FROM deviation
ORDER BY message_key, report_key IS NULL, report_key, position
"""
SPOILT = [
    "UPDATE report SET p = 'quarantine', pct = 7, reporter = 'Somebody', extra_contact_info = NULL WHERE id = :key",
    "UPDATE report SET email = NULL, errors = 'x', generator = 'y', version = '9', dialect = 'rfc9990' WHERE id = :key",
    "UPDATE report SET policy_domain = 'old.example', day = '2020-02-02', begins_at = NULL WHERE id = :key",
    "UPDATE report SET policy_domain = NULL, identity = :hash WHERE id = :key",
    "UPDATE report SET records = 0, messages = 0, xml_bytes = xml_bytes + 1 WHERE id = :key",
    "UPDATE report SET whole = NOT whole, sender_fits = true WHERE id = :key",
    "UPDATE record SET disposition = 'reject', dkim = NULL, messages = messages + 5 WHERE report_key = :key",
    "UPDATE record SET source_ip = '198.51.100.9', header_from = 'old.example' WHERE report_key = :key AND ordinal = 0",
    "UPDATE record SET source_ip = NULL WHERE report_key = :key AND ordinal = 1",
    "UPDATE record SET recomputed = 'agrees', null_path = true, spf = 'unknown', spf_raw = '?' WHERE report_key = :key",
    "DELETE FROM record WHERE report_key = :key AND ordinal > 0",
    "DELETE FROM record WHERE report_key = :key",
    "DELETE FROM record_dkim WHERE report_key = :key",
    "UPDATE record_spf SET result = NULL, scope = 'helo' WHERE report_key = :key",
    "DELETE FROM record_reason WHERE report_key = :key",
    "INSERT INTO record (report_key, ordinal, messages, dmarc_pass) VALUES (:key, 5000, 3, false)",
    "INSERT INTO record_dkim (report_key, ordinal, position) VALUES (:key, 0, 77)",
    "DELETE FROM deviation WHERE report_key = :key",
    "UPDATE deviation SET code = 'old-code', times = 9 WHERE report_key = :key",
]
"""What an older parser may have stored."""


def as_it_is(read: ReadReport, from_domain: str | None) -> ReadReport:
    """Judge nothing."""
    del from_domain
    return read


def foreign(*names: str) -> Judge:
    """Call reports about these domains foreign."""
    return lambda read, _: replace(read, foreign=read.header.policy.domain in names)


def batches(
    database: Database, run: Run, judge: Judge = as_it_is, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Batch]:
    """Read on where a run is."""
    return read_again(database, run.last_key, run.end_key, limits, judge)


def reparse(
    database: Database,
    judge: Judge = as_it_is,
    *,
    limits: Limits = DEFAULT_LIMITS,
    between: Callable[[], object] = lambda: None,
) -> Run:
    """Do a whole run; `between` reading and writing of each batch something else may happen."""
    run = begin(database, VERSION, LATER)
    for batch in batches(database, run, judge, limits):
        between()
        run = rebuild(database, run, batch)
        compare(database)
    run = finish(database, run, LATER)
    compare(database)
    return run


def everything(database: Database) -> dict[str, Any]:
    """Read all that a run may change."""
    return content(database, *CONTENT) | {"deviation": rows(database, DEVIATIONS)}


def spoil(database: Database, seed: int) -> None:
    """Leave rows behind as an older parser might have, with sums that are exact for them."""
    dice = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    keys = [key for (key,) in rows(database, "SELECT id FROM report ORDER BY id")]
    with database.writing() as connection:
        for number in range(40):
            values = {"key": dice.choice(keys), "hash": hashlib.sha256(b"%d %d" % (seed, number)).hexdigest()}
            statement = text(SPOILT[number % len(SPOILT)])
            connection.execute(statement, {name: values[name] for name in statement.compile().params})
    correct_sums(database)


def execute(database: Database, statement: str, **values: object) -> None:
    """Change the database, past everything that is under test."""
    with database.writing() as connection:
        connection.execute(text(statement), values)


def correct_sums(database: Database) -> None:
    """Make the rollups anew from the records."""
    for rollup, recount in RECOUNTS.items():
        execute(database, f"DELETE FROM {rollup}")  # noqa: S608 (our own names)
        execute(database, f"INSERT INTO {rollup} {recount}")


def fill(database: Database) -> dict[str, Any]:
    """Store reports of all kinds; give what must be there in the end."""
    xmls = [path.read_bytes() for path in sorted((ROOT / "fixtures/reports").glob("*.xml"))]
    archive = zipped({"r.xml": WHOLE.replace(b">damaged<", b">in a zip<")})
    mails = [
        cut(3),
        cut(7),
        WHOLE,
        report_mail(("r.xml.gz", gzipped(WHOLE.replace(b">damaged<", b">half<"))[:-60])),
        report_mail(("r.zip", archive[:-10])),
        report_mail(
            ("a.gz", gzipped(feedback("a"))), ("x.gz", b"\x1f\x8b broken"), ("b.gz", gzipped(feedback("b")))
        ),
        feedback("a", record("::c000:201", 5)),  # written otherwise by PostgreSQL; and a conflict
    ]
    found = list(reports(1))[:40]
    take(database, *xmls, *mails, *found)
    compare(database)
    return everything(database)


def reparse_quietly(database: Database) -> Run:
    """Do a whole run, and look at nothing meanwhile."""
    run = begin(database, VERSION, LATER)
    for batch in batches(database, run):
        run = rebuild(database, run, batch)
    return finish(database, run, LATER)
