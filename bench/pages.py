"""The pages over years of data: databases that bench.years filled in, what each page of `ruamill web` takes out.

    python -m bench.pages --postgresql postgresql://… --sqlite years.db
    python -m bench.pages --postgresql postgresql://… --sqlite years.db --write     # and into docs/performance.md

Every page is asked for over HTTP, of a really running `ruamill web`. Domains are judged first where they never were.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import Final
from urllib.parse import urlencode, urlsplit

from sqlalchemy import Connection, func, select

from bench.corpora import ROOT
from bench.machine import description
from bench.tables import Table, markdown, put, show
from bench.years_ask import LARGEST, MIDDLE
from bench.years_reports import DOMAINS
from ingest.judging import Judging
from ingest.settings import Settings
from store.database import Database
from store.migrate import upgrade
from store.schema import domain_standing, message, report, source_verdict

RUAMILL = Path(sys.executable).with_name("ruamill")
PERFORMANCE = ROOT / "docs" / "performance.md"
ASKED: Final = {"largest": LARGEST, "middle": MIDDLE, "smallest": DOMAINS[-1].name}
"""By the mail that bench.years made up for them."""
TIMES: Final = 3
PATIENCE_SECONDS: Final = 60


class PageFailedError(Exception):
    """A page was answered with something else than itself."""


@dataclass(frozen=True, slots=True)
class Took:
    """What a page took."""

    seconds: tuple[float, ...]
    size: int
    """Bytes."""

    def told(self) -> str:
        """Tell the best time and the worst, in milliseconds."""
        return f"{min(self.seconds) * 1000:.0f} ({max(self.seconds) * 1000:.0f})"


def judged(database: Database) -> None:
    """Judge the domains, unless that was done."""
    with database.reading() as connection:
        standing = connection.scalar(select(func.count()).select_from(domain_standing))
    if not standing:
        print(f"{database.name}: judging every domain", flush=True)
        Judging(Settings(), database).run(Event(), anew=True)


def of_all(connection: Connection) -> dict[str, str]:
    """Name the pages that are about no single domain."""
    newest = connection.scalar(select(func.max(message.c.id)))
    return {
        "overview": "/",
        "reports": "/reports",
        "reports, two years ago": "/reports?to=2024-02-01",
        "ledger": "/ledger",
        "ledger, one outcome": "/ledger?outcome=conflict",
        "a message": f"/ledger/{newest}",
        "conflicts": "/conflicts",
        "about": "/about",
    }


def of_domain(connection: Connection, domain: str) -> dict[str, str]:
    """Name the pages of a domain, of its busiest source and address, and of its newest report.

    Not the report's XML: bench.years keeps bytes in its place that are none.
    """
    judged = source_verdict.c
    mine = select(judged.who).where(judged.policy_domain == domain)
    who = connection.scalar(mine.group_by(judged.who).order_by(func.sum(judged.messages).desc()).limit(1))
    busiest = select(judged.source_ip).where(judged.policy_domain == domain).order_by(judged.messages.desc())
    address = connection.scalar(busiest.limit(1))
    newest = select(report.c.id, report.c.reporter).where(report.c.policy_domain == domain, report.c.counted)
    key, reporter = connection.execute(
        newest.order_by(report.c.day.desc(), report.c.id.desc()).limit(1)
    ).one()
    return {
        **{f"domain, {days} days": f"/domains/{domain}?days={days}" for days in (7, 30, 90)},
        "domain, CSV of its sources": f"/domains/{domain}?format=csv&table=sources",
        **{
            f"source, {days} days": f"/domains/{domain}/source?{urlencode({'who': who, 'days': days})}"
            for days in (7, 30, 90)
        },
        "address": f"/addresses/{address}",
        "reports": f"/reports?domain={domain}",
        "reports of one reporter": f"/reports?{urlencode({'domain': domain, 'reporter': reporter})}",
        "report": f"/reports/{key}",
    }


@contextmanager
def serving(url: str) -> Iterator[HTTPConnection]:
    """Run `ruamill web` on a database, and connect to it."""
    command = [str(RUAMILL), "--database", url, "web", "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            yield HTTPConnection(urlsplit(said.split()[0]).netloc, timeout=PATIENCE_SECONDS)
        finally:
            process.terminate()


def ask(pages: HTTPConnection, path: str) -> Took:
    """Ask for a page, as often as is to be, and read it whole. Raises PageFailedError."""
    seconds, size = [], 0
    for _ in range(TIMES):
        started = time.perf_counter()
        pages.request("GET", path)
        answer = pages.getresponse()
        size = len(answer.read())
        seconds.append(time.perf_counter() - started)
        if answer.status != 200:  # noqa: PLR2004 (HTTP's own number)
            raise PageFailedError(f"{path}: status {answer.status}")
    return Took(tuple(seconds), size)


def measured(name: str, url: str) -> tuple[Table, Table]:
    """Ask for every page of one database."""
    database = Database(url)
    upgrade(database)
    judged(database)
    with database.reading() as connection:
        every = of_all(connection)
        domains = [of_domain(connection, domain) for domain in ASKED.values()]
    with serving(url) as pages:
        rows = [(page, *_cells([ask(pages, path)])) for page, path in every.items()]
        of_each = [(page, *_cells([ask(pages, domain[page]) for domain in domains])) for page in domains[0]]
    unit = "milliseconds, best of three (worst); KiB"
    return (
        Table(f"{name}, pages about everything: {unit}", ("page", "time", "KiB"), tuple(rows)),
        Table(
            f"{name}, pages of a domain: {unit} of the largest",
            ("page", *ASKED, "KiB"),
            tuple(of_each),
        ),
    )


def _cells(took: Sequence[Took]) -> list[str]:
    """Write down what a page took for each domain, and how large it is for the first."""
    return [*(it.told() for it in took), f"{took[0].size / 1024:,.0f}"]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure the pages over years of data.")
    parser.add_argument("--postgresql", metavar="URL", required=True, help="database that bench.years filled")
    parser.add_argument("--sqlite", metavar="FILE", type=Path, required=True, help="the same: a file")
    parser.add_argument(
        "--write", action="store_true", help=f"put the figures into {PERFORMANCE.relative_to(ROOT)}"
    )
    return parser.parse_args()


def main() -> None:
    """Ask for every page of both databases, print, and write the figures down if asked to."""
    given = arguments()
    machine = description()
    print(machine)
    urls = {"PostgreSQL": given.postgresql, "SQLite": f"sqlite:///{given.sqlite}"}
    tables = [table for name, url in urls.items() for table in measured(name, url)]
    for table in tables:
        show(table)
    if given.write:
        put(PERFORMANCE, "pages", [f"Measured on {machine}.", *map(markdown, tables)])


if __name__ == "__main__":
    main()
