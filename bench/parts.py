"""The parts of the benchmark: where and how much in, tables of what was measured and of what was wanted out."""

import sys
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from shlex import split

from bench.compared import CPU, PEAK, RECORDS, WALL, beside, ratios, row, table
from bench.contest import FLOOR, Entrant, Taken, environment, race, ruamill
from bench.corpora import ROOT, Corpus, large_report, mails
from bench.databases import Engine
from bench.mailboxes import dovecot, polling
from bench.measure import Figures, measure
from bench.parsedmarc import NotInstalledError, Parsedmarc, files, installed
from bench.tables import Aim, Row, Table, aims, spread

STARTS = {
    "ruamill --help": 0.4,
    "ruamill ingest, one mail, a new database": 1.0,
    "ruamill ingest, one mail, an existing database": 1.0,
}
"""Seconds that they shall take at most."""
LARGE_MIB = 114
"""120 million bytes."""
SAME = 1.05
"""What shall be no larger than something else may be by so much: two runs of one thing differ too."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    mails: int
    peer_mails: int
    """Those of them that parsedmarc gets: it takes its time."""
    records: int
    """Of the one large report."""
    growth: int
    """Reports that a database grows to."""
    step: int
    rounds: int
    starts: int


FULL = Scale(mails=5_000, peer_mails=2_000, records=500_000, growth=200_000, step=5_000, rounds=4, starts=10)
QUICK = Scale(mails=500, peer_mails=100, records=50_000, growth=4_000, step=500, rounds=2, starts=3)


@dataclass(frozen=True, slots=True)
class Bench:
    """What the parts share."""

    command: str
    """How ruamill is started."""
    work: Path
    sqlite: Engine
    postgresql: Engine | None
    """None where there is no server."""
    scale: Scale
    pictures: Path
    """Where they are drawn."""

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Give SQLite, and PostgreSQL where there is one."""
        return (self.sqlite, self.postgresql) if self.postgresql else (self.sqlite,)

    def race(self, *entrants: Entrant) -> list[Taken]:
        """Measure the entrants in turn."""
        return race(entrants, self.scale.rounds, self.work)

    def parsedmarc(self) -> Parsedmarc | None:
        """Give the peer; None where it cannot be had, which is said."""
        try:
            return installed(self.work)
        except NotInstalledError as reason:
            print(f"parsedmarc is left out: {reason}")
            return None


def against_floor(bench: Bench) -> list[Table]:
    """Set ruamill beside the floor."""
    source, ours = mails(bench.scale.mails), ruamill(bench.command)
    rows: list[Row] = []
    wanted = []
    for engine in bench.engines:
        floor, it = bench.race(Entrant(FLOOR, source, engine), Entrant(ours, source, engine))
        rows += [_named(floor), _named(it), *beside(it, floor)]
        wanted.append(Aim(f"CPU seconds, ruamill / floor, {engine.name}", 1.6, ratios(CPU, it, floor)))
    return [table(_content(source), bench.scale.rounds, rows), *aims(wanted)]


def workers(bench: Bench) -> list[Table]:
    """Set ruamill in one process beside itself in several."""
    source, numbers = mails(bench.scale.mails), range(1, max(2, cpu_count() or 1) + 1)
    rows: list[Row] = []
    wanted = []
    for engine in bench.engines:
        taken = bench.race(*(Entrant(ruamill(bench.command, number), source, engine) for number in numbers))
        rows += [row(f"--workers {number}", it) for number, it in zip(numbers, taken, strict=True)]
        faster = ratios(WALL, taken[0], taken[1])
        wanted.append(Aim(f"wall time, 1 worker / 2, {engine.name}", 1.7, faster, at_least=True))
    return [table(_content(source), bench.scale.rounds, rows), *aims(wanted)]


def sizes(bench: Bench) -> list[Table]:
    """Set one large report beside many mails, and these beside a tenth of them."""
    scale, ours = bench.scale, ruamill(bench.command)
    few, many, large = mails(scale.mails // 10), mails(scale.mails), large_report(scale.records)
    rows: list[Row] = []
    wanted = []
    for engine in bench.engines:
        tenth, whole, one = bench.race(*(Entrant(ours, source, engine) for source in (few, many, large)))
        rows += [row(_content(it.entrant.source), it, RECORDS) for it in (tenth, whole, one)]
        wanted += [
            Aim(f"MiB, the large report, {engine.name}", LARGE_MIB, PEAK(one), 0),
            Aim(f"MiB, the mails / a tenth of them, {engine.name}", SAME, ratios(PEAK, whole, tenth)),
            Aim(
                f"records / CPU s, the large report / the mails, {engine.name}",
                1,
                ratios(RECORDS, one, whole),
                at_least=True,
            ),
        ]
    return [table("Memory and size", scale.rounds, rows, "records"), *aims(wanted)]


def peer(bench: Bench) -> list[Table]:
    """Set ruamill beside parsedmarc, both reading a folder."""
    source, ours, theirs = mails(bench.scale.peer_mails), ruamill(bench.command), bench.parsedmarc()
    if not theirs:
        return []
    entrants = [Entrant(ours, source, bench.sqlite), Entrant(theirs.into_files(), source, files(bench.work))]
    if server := bench.postgresql:
        entrants += [Entrant(ours, source, server), Entrant(theirs.into_postgresql(), source, server)]
    taken = bench.race(*entrants)
    pairs = list(zip(taken[::2], taken[1::2], strict=True))
    rows = [line for our, their in pairs for line in (_named(our), _named(their), *beside(their, our))]
    wanted = [
        Aim("CPU seconds, parsedmarc / ruamill, PostgreSQL", 15, ratios(CPU, their, our), 1, at_least=True)
        for our, their in pairs[1:]
    ]
    return [table(_content(source), bench.scale.rounds, rows), *aims(wanted)]


def mailbox(bench: Bench) -> list[Table]:
    """Empty a mailbox into PostgreSQL, and set ruamill beside parsedmarc there."""
    with dovecot() as mailboxes:
        if not mailboxes or not bench.postgresql:
            print("the mailbox is left out: it takes Dovecot and PostgreSQL")
            return []
        many, few = mails(bench.scale.mails), mails(bench.scale.peer_mails)
        ours, theirs = polling(bench.command, mailboxes, bench.work), bench.parsedmarc()
        entrants = [Entrant(ours, source, bench.postgresql) for source in (many, few)]
        if theirs:
            entrants.append(Entrant(theirs.from_mailbox(mailboxes), few, bench.postgresql))
        whole, our, *their = bench.race(*entrants)
    rows = [
        row(f"{it.entrant.contender.name}, {it.entrant.source.reports:,} mails", it)
        for it in (whole, our, *their)
    ]
    rows += [line for it in their for line in beside(it, our)]
    wanted = [
        Aim("wall time, parsedmarc / ruamill", 8, ratios(WALL, it, our), 1, at_least=True) for it in their
    ]
    title = f"From a mailbox of {_content(many)}, and of {_content(few)}"
    return [table(title, bench.scale.rounds, rows), *aims(wanted)]


def starting(bench: Bench) -> list[Table]:
    """Tell how long it takes until something is done."""
    taken = _started(bench)
    seconds = {name: [it.wall_seconds for it in every] for name, every in taken.items()}
    cpu = {name: [it.cpu_seconds for it in every] for name, every in taken.items()}
    rows = [(name, spread(seconds[name], 2), spread(cpu[name], 2)) for name in taken]
    wanted = [Aim(f"wall s, {name}", bound, seconds[name]) for name, bound in STARTS.items()]
    title = f"Start: median of {bench.scale.starts} (least-greatest)"
    return [Table(title, ("", "wall s", "CPU s"), tuple(rows)), *aims(wanted)]


def _started(bench: Bench) -> dict[str, list[Figures]]:
    """Start in turn, each time to ingest another small mail: into a new database, and into one that is there."""
    files = mails(bench.scale.mails // 10).folder.rglob("*.eml")
    small = sorted(files, key=lambda file: (file.stat().st_size, file))[: bench.scale.starts + 1]
    taken: dict[str, list[Figures]] = {name: [] for name in ("python -c pass", *STARTS)}
    with bench.sqlite.fresh() as there:
        for file in small:
            with bench.sqlite.fresh() as new:
                commands = [
                    ([sys.executable, "-c", "pass"], new),
                    ([*split(bench.command), "--help"], new),
                    ([*split(bench.command), "ingest", str(file)], new),
                    ([*split(bench.command), "ingest", str(file)], there),
                ]
                for (command, url), every in zip(commands, taken.values(), strict=True):
                    every.append(measure(command, cwd=ROOT, environment=environment(url, bench.work)))
    return {name: every[1:] for name, every in taken.items()}  # the first fills the caches


def _named(taken: Taken) -> Row:
    return row(taken.entrant.contender.name, taken)


def _content(source: Corpus) -> str:
    """Tell what is in a corpus."""
    reports = "one report" if source.reports == 1 else f"{source.reports:,} mails"
    return f"{reports}, {source.records:,} records"
