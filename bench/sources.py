"""Ask who sends: a database of many addresses in, how long each question takes that an analyst or a judging run asks out.

    python -m bench.sources
    python -m bench.sources --records 30000 --addresses 10000

The reports are stored as `ruamill` stores them; networks, names and verdicts are invented. Each question is asked in a
process of its own, so that the peak of its memory is its own.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, text

from bench.corpora import ROOT
from bench.databases import Engine, postgresql, sqlite
from bench.machine import description
from bench.make_corpus import DAY, FIRST_DAY, SEED
from bench.report_xml import Report, pieces
from bench.reporters import REPORTER_WEIGHTS, REPORTERS
from bench.senders import DOMAINS, IPV4_BASE, Sending, sending
from bench.tables import Table, show
from enrich.values import Name, Network
from parsers.reading import read
from store import lookups, networks, verdicts
from store.database import Database
from store.evidence import evidence, machines
from store.ledger import Place, Sighting
from store.migrate import upgrade
from store.policies import published
from store.preparing import Incoming, Prepared, prepare
from store.verdicts import SourceVerdict
from store.writer import write

RECORDS_A_REPORT = 20
BATCH = 100
DAYS = 30
DOMAIN = DOMAINS[0]
NOW = datetime.fromtimestamp(FIRST_DAY + DAYS * DAY, UTC)
LAST_DAY = (NOW - timedelta(days=1)).date()
BEGINNING = datetime.fromtimestamp(FIRST_DAY, UTC).date()
LATER = NOW + timedelta(days=30)
NETWORK = 256
"""Addresses of one network."""
UNUSUAL = 0.1
"""Share of records that say something else than most of their address do."""
VERDICTS = ("passing", "passing", "passing", "failing_own", "unknown", "forwarded")


def reports(records: int, addresses: int) -> Iterator[bytes]:
    """Write reports about one domain, in which every address comes once before any comes again."""
    rng = Random(f"{SEED} sources")
    senders = _senders(rng, records, addresses)
    for number in range(records // RECORDS_A_REPORT):
        reporter = rng.choices(REPORTERS, REPORTER_WEIGHTS)[0]
        begin = FIRST_DAY + rng.randrange(DAYS) * DAY
        report = Report(reporter, DOMAIN, f"sources.{number}", begin, begin + DAY - 1)
        yield "".join(pieces(report, islice(senders, RECORDS_A_REPORT))).encode()


def _senders(rng: Random, records: int, addresses: int) -> Iterator[Sending]:
    """Let an address say the same again and again, as a machine does, and now and then something else."""
    for number in range(records):
        host = number if number < addresses else int(addresses * rng.random() ** 2)
        usual = Random(host if rng.random() >= UNUSUAL else number)
        yield replace(
            sending(usual, DOMAIN),
            address=str(IPv4Address(IPV4_BASE + host)),
            messages=min(int(rng.paretovariate(1.1)), 50_000),
        )


def fill(database: Database, records: int, addresses: int) -> None:
    """Store the reports."""
    upgrade(database)
    stored = (_prepared(number, xml) for number, xml in enumerate(reports(records, addresses)))
    while batch := list(islice(stored, BATCH)):
        write(database, batch, NOW)


def _prepared(number: int, xml: bytes) -> Prepared:
    sighting = Sighting(Place("bench", "INBOX", 1), str(number))
    return prepare(Incoming(sighting, xml, len(xml), read(xml, f"{number}.xml")))


def look_up(connection: Connection) -> Sized:
    """Find the network and the name of everything that waits."""
    due = [IPv4Address(each.source_ip) for each in lookups.due(connection, NOW, 10**9)]
    by_network: dict[IPv4Network, list[str]] = {}
    for address in due:
        by_network.setdefault(IPv4Network((address, 24), strict=False), []).append(str(address))
    for network, addresses in by_network.items():
        key = networks.put(connection, _network(network), NOW, LATER)
        lookups.found(connection, addresses, key, LATER)
        names = [(it, Name(f"mta-{it}.service.example", confirmed=True)) for it in addresses]
        lookups.named(connection, names, LATER)
    return due


def _network(range_: IPv4Network) -> Network:
    number = int(range_.network_address) // NETWORK % 97
    return Network(
        first=range_[0],
        last=range_[-1],
        registered=f"{range_[0]} - {range_[-1]}",
        handle=f"NET-{number}",
        name=f"SERVICE-{number}",
        owner=f"Service {number} Ltd",
        country="GB",
        registry="ripencc",
        asn=64_500 + number,
    )


def judge(database: Database) -> Sized:
    """Judge every address, one in ten twice."""
    with database.reading() as connection:
        addresses = sorted(machines(connection, DOMAIN.name, BEGINNING))
    rng = Random(SEED)
    judged = [
        SourceVerdict(
            source_ip=address,
            verdict=verdict,
            service=None,
            who=f"Service {number % 97} Ltd",
            messages=10,
            failing=1,
            reason="One sentence that says why, as long as such sentences are as a rule.",
            next_step="One sentence that says what to do about it, in the words of its administrator.",
            evidence=f"d={DOMAIN.name} s=selector{number % 7}",
            first_day=BEGINNING,
            last_day=LAST_DAY,
        )
        for number, address in enumerate(addresses)
        for verdict in {rng.choice(VERDICTS), "passing" if number % 10 else "bounces"}
    ]
    verdicts.write_verdicts(database, DOMAIN.name, judged, NOW)
    return judged


def _view(query: str) -> Callable[[Connection], Sized]:
    values: dict[str, Any] = {"domain": DOMAIN.name, "address": str(IPv4Address(IPV4_BASE + 77))}
    named = {name: value for name, value in values.items() if f":{name}" in query}
    return lambda connection: connection.execute(text(f"SELECT * FROM {query}"), named).all()  # noqa: S608 (QUESTIONS)


def _at_once(change: Callable[[Connection], Sized]) -> Callable[[Database], Sized]:
    def commit(database: Database) -> Sized:
        with database.writing() as connection:
            return change(connection)

    return commit


def _answer(question: Callable[[Connection], Sized]) -> Callable[[Database], Sized]:
    def read(database: Database) -> Sized:
        with database.reading() as connection:
            return question(connection)

    return read


CHANGES: dict[str, Callable[[Database], Sized]] = {
    "take the new addresses": _at_once(lambda it: range(lookups.take_new(it, lambda _: True))),
    "look up all of them": _at_once(look_up),
    "write their verdicts": judge,
}
"""What is asked first, and committed."""

QUESTIONS: dict[str, Callable[[Connection], Sized]] = {
    "evidence of 30 days": lambda it: evidence(it, DOMAIN.name, BEGINNING, LAST_DAY),
    "its machines": lambda it: machines(it, DOMAIN.name, BEGINNING),
    "the published policy": lambda it: [published(it, DOMAIN.name, LAST_DAY)],
    "1,000 addresses that are due": lambda it: lookups.due(it, LATER + timedelta(days=1), 1_000),
    "sources": _view("sources"),
    "sources, the 20 largest of a domain": _view(
        "sources WHERE policy_domain = :domain ORDER BY messages DESC LIMIT 20"
    ),
    "sources, one address": _view("sources WHERE source_ip = :address"),
    "source_days": _view("source_days"),
    "failing_sources": _view("failing_sources"),
    "new_sources": _view("new_sources"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question took."""

    rows: int
    seconds: float
    peak_mib: float


def ask(url: str, question: str) -> Asked:
    """Ask in this process."""
    database = Database(url)
    answer = CHANGES.get(question) or _answer(QUESTIONS[question])
    started = time.perf_counter()
    rows = len(answer(database))
    seconds = time.perf_counter() - started
    return Asked(rows, seconds, _peak_mib())


def _peak_mib() -> float:
    """Read the largest resident set since the start of the program (proc(5), VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def measure(engine: Engine, records: int, addresses: int) -> Iterator[tuple[str, ...]]:
    """Fill a database and ask it everything, each question in a process of its own."""
    with engine.fresh() as url:
        print(f"{engine.name}: storing {records:,} records of {addresses:,} addresses")
        fill(Database(url), records, addresses)
        for question in [*CHANGES, *QUESTIONS]:
            command = [sys.executable, "-m", "bench.sources", "--database", url, "--ask", question]
            done = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE)
            asked = Asked(**json.loads(done.stdout))
            yield engine.name, question, f"{asked.rows:,}", f"{asked.seconds:.2f}", f"{asked.peak_mib:.0f}"


def main() -> None:
    """Measure on both engines, and print the table."""
    parser = argparse.ArgumentParser(description="Ask who sends.")
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--addresses", type=int, default=100_000)
    parser.add_argument(
        "--database", help="PostgreSQL server to use, postgresql://…, in place of a throw-away one"
    )
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask:
        asked = ask(given.database, given.ask)
        print(json.dumps({"rows": asked.rows, "seconds": asked.seconds, "peak_mib": asked.peak_mib}))
        return
    print(description())
    with TemporaryDirectory() as folder, postgresql(given.database) as server:
        engines = [engine for engine in (sqlite(Path(folder)), server) if engine]
        rows = [row for each in engines for row in measure(each, given.records, given.addresses)]
    title = f"{given.records:,} records of {given.addresses:,} addresses"
    show(Table(title, ("database", "question", "rows", "wall s", "peak MiB"), tuple(rows)))


if __name__ == "__main__":
    main()
