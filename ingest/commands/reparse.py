"""`ruamill reparse`: rows rebuilt from the kept XML, after an upgrade that reads more or a change of `domains`."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import typer

from ingest import logs, show
from ingest.acceptance import accept
from ingest.database import open_database
from ingest.settings import AcceptSettings, Settings
from ingest.status import DONE, TEMPORARY
from parsers.errors import ParserExhaustedError
from parsers.feedback import learn_names
from parsers.message import MailHeaders
from parsers.reading import Reading, ReadReport
from store.database import Database
from store.locks import lock
from store.reparse import LOCK, Run, begin, finish, rebuild
from store.rereading import Batch, Change, Reread, Unreadable, count_reports, newest_key, read_again
from summary.words import counted

NAMED = 1_000
"""Reports that are named as unreadable; more are only counted."""
EXAMPLES = 3
"""Examples of each kind of change that a dry run shows."""
SHOWN = 100
"""Characters of a value in an example."""


@dataclass(frozen=True, slots=True)
class Example:
    """What would change in one report."""

    report: str
    change: Change


@dataclass(slots=True)
class Told:
    """What is told at the end."""

    reports: int = 0
    changed: int = 0
    unreadable: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    named: list[Unreadable] = field(default_factory=list)
    """Of those that this process met."""
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def name(self, batch: Batch) -> None:
        """Keep the names of what could not be read."""
        self.named += batch.unreadable[: NAMED - len(self.named)]

    def count(self, batch: Batch) -> None:
        """Count what would change."""
        self.reports += len(batch.reread) + len(batch.unreadable)
        self.unreadable += len(batch.unreadable)
        for reread in batch.reread:
            self.changed += bool(reread.changes.counts)
            self.changes += reread.changes.counts
            self._keep_examples(reread)

    def _keep_examples(self, reread: Reread) -> None:
        for what, change in reread.changes.examples.items():
            examples = self.examples.setdefault(what, [])
            if len(examples) < EXAMPLES:
                examples.append(Example(reread.name, change))

    def take(self, run: Run) -> None:
        """Take over the figures of a run."""
        self.reports, self.changed, self.unreadable = run.reports, run.changed, run.unreadable
        self.changes = Counter(run.changes)


def run(settings: Settings, *, dry_run: bool, restart: bool, json: bool) -> int:
    """Read every kept report again and rebuild the rows that differ, or only tell what would change."""
    logs.set_up(settings.log, quiet=True)
    learn_names()
    database = open_database(settings)
    started, told = time.monotonic(), Told()
    try:
        status = _look(settings, database, told) if dry_run else _work(settings, database, told, restart)
    except ParserExhaustedError as error:
        typer.echo(f"ruamill: {error}; run `ruamill reparse` again: it goes on", err=True)
        return TEMPORARY
    if status == DONE:
        _tell(told, time.monotonic() - started, dry_run=dry_run, json=json)
    return status


def _look(settings: Settings, database: Database, told: Told) -> int:
    with database.reading() as connection:
        end = newest_key(connection)
        total = count_reports(connection, 0, end)
    with show.progress("Comparing", total) as bar:
        for batch in _read(settings, database, 0, end):
            told.name(batch)
            told.count(batch)
            bar.advance(len(batch.reread) + len(batch.unreadable))
    return DONE


def _work(settings: Settings, database: Database, told: Told, restart: bool) -> int:
    with lock(database, LOCK) as held:
        if held is None:
            typer.echo("ruamill: another process reads the reports again; let it finish", err=True)
            return TEMPORARY
        run = begin(database, version("ruamill"), datetime.now(UTC), restart=restart)
        if run.reports:
            when = f"{run.started_at:%Y-%m-%d %H:%M} UTC"
            typer.echo(f"going on with the run of {when}, after {run.reports:,} reports", err=True)
        with database.reading() as connection:
            total = count_reports(connection, run.last_key, run.end_key)
        with show.progress("Reading again", total) as bar:
            for batch in _read(settings, database, run.last_key, run.end_key):
                run = rebuild(database, run, batch)
                told.name(batch)
                bar.advance(len(batch.reread) + len(batch.unreadable))
        told.take(finish(database, run, datetime.now(UTC)))
    return DONE


def _read(settings: Settings, database: Database, after: int, upto: int) -> Iterable[Batch]:
    judge = partial(_judged, tuple(settings.domains))
    return read_again(database, after, upto, settings.limits, judge)


def _judged(domains: tuple[str, ...], read: ReadReport, from_domain: str | None) -> ReadReport:
    """Judge a report as `accept` does, but refuse none: what is stored stays."""
    headers = MailHeaders(None, None, None, None, from_domain, ())
    return accept(Reading(headers, (read,), ()), AcceptSettings(), domains).reports[0]


def _tell(told: Told, seconds: float, *, dry_run: bool, json: bool) -> None:
    if json:
        show.as_json(_as_json(told, seconds, dry_run=dry_run))
        return
    verbs = ("would change", "cannot be read") if dry_run else ("changed", "could not be read")
    numbers = f"{told.changed:,} {verbs[0]}, {told.unreadable:,} {verbs[1]}"
    typer.echo(f"{counted(told.reports, 'report')} read again: {numbers}")
    if told.changes:
        typer.echo()
        show.table(["what changes" if dry_run else "what changed", "rows"], sorted(told.changes.items()))
    for example in (it for examples in told.examples.values() for it in examples):
        typer.echo(show.printable(_line(example)))
    for each in told.named:
        typer.echo(show.printable(f"report {each.name}: {each.reason}; its rows stay as they are"))


def _line(example: Example) -> str:
    change = example.change
    values = "" if " " in change.what else f": {_value(change.old)} -> {_value(change.new)}"
    return f"report {example.report}: {change.what} {change.row}".rstrip() + values


def _value(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _as_json(told: Told, seconds: float, *, dry_run: bool) -> dict[str, Any]:
    examples = [it for each in told.examples.values() for it in each]
    return {
        "dry_run": dry_run,
        "reports": told.reports,
        "changed": told.changed,
        "unreadable": told.unreadable,
        "changes": dict(sorted(told.changes.items())),
        "unreadable_reports": [asdict(it) for it in told.named],
        "examples": [{"report": it.report, **asdict(it.change)} for it in examples],
        "seconds": round(seconds, 3),
    }
