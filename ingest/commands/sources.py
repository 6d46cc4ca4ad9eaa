"""`ruamill sources`: who sends as a domain, and what to do about it."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import typer

from enrich import catalogue
from ingest import logs, prose, show
from ingest.commands import source_table
from ingest.database import open_database
from ingest.known import known, unknown_services
from ingest.settings import Settings
from ingest.status import DONE
from store.database import Database
from store.policies import Published, last_day, policy_domains, published, reported_days
from summary.hosts import Known
from summary.sources import Judgement, SourceLine, look
from summary.verdicts import Verdict
from summary.words import counted

DAYS = 30
"""Days that were reported, where nobody says how many."""
SHOWN = 50
"""Sources of a domain in a table, where nobody says how many."""
COLUMNS = (
    "domain",
    "source",
    "service",
    "verdict",
    "messages",
    "passing",
    "failing",
    "pass rate",
    "addresses",
    "owner",
    "reason",
    "next step",
    "first day",
    "last day",
)
ADDRESS_COLUMNS = ("domain", "source", "verdict", "address", "name", "messages", "failing")


@dataclass(frozen=True, slots=True)
class Sources:
    """Who sends as one domain in a period."""

    domain: str
    policy: Published | None
    first_day: date
    last_day: date
    reported_days: int
    judgement: Judgement

    def lines(self, *, failing: bool) -> list[SourceLine]:
        """Give its sources; those alone that fail, or stand on one leg."""
        return [it for it in self.judgement.lines if not failing or _wants_a_look(it)]


def run(  # noqa: PLR0913 (one for each option)
    settings: Settings,
    domain: str | None,
    *,
    days: int | None,
    failing: bool,
    addresses: bool,
    limit: int | None,
    json: bool,
    today: date | None = None,
) -> int:
    """Print each domain's sources, what needs a person first."""
    logs.set_up(settings.log, quiet=True)
    services = catalogue.load(settings.enrich.services)
    database = open_database(settings)
    today = today or datetime.now(UTC).date()
    with database.reading() as connection:
        reported = policy_domains(connection)
    asked = reported if domain is None else [name for name in reported if name == domain.lower().rstrip(".")]
    every = []
    with show.progress("Judging domains", len(asked)) as bar:
        for name in asked:
            every.append(_sources(database, name, days or DAYS, today, known(settings, name, services)))
            bar.advance(1)
    every.sort(key=_urgency)
    if not asked:
        typer.echo(show.nothing(domain, reported), err=True)
    shown = [(it, it.lines(failing=failing)) for it in every]
    if json:
        show.as_json([_as_json(it, lines[:limit]) for it, lines in shown])
        return DONE
    if sys.stdout.isatty():
        _tell(shown, addresses=addresses, limit=limit or SHOWN)
    else:
        _write(shown, addresses=addresses, limit=limit or SHOWN)
    _note(shown, limit or SHOWN, asks=settings.enrich.queries == "on")
    for line in unknown_services(settings, services):
        typer.echo(show.printable(line), err=True)
    return DONE


def _sources(database: Database, domain: str, days: int, today: date, beforehand: Known) -> Sources:
    with database.reading() as connection:
        last = last_day(connection, domain, today) or today
        first = last - timedelta(days=days - 1)
        number = reported_days(connection, domain, first, last)
        policy = published(connection, domain, today)
    judgement = look(database, domain, first, last, beforehand)
    return Sources(domain, policy, first, last, number, judgement)


def _urgency(found: Sources) -> tuple[bool, int, str]:
    """Put first where there is something to do, then the most messages."""
    lines = found.judgement.lines
    return not any(it.next_step for it in lines), -sum(it.messages for it in lines), found.domain


def _wants_a_look(line: SourceLine) -> bool:
    return line.verdict is Verdict.FRAGILE or (line.verdict is not Verdict.PASSING and line.failing > 0)


def _note(shown: Iterable[tuple[Sources, Sequence[SourceLine]]], limit: int, *, asks: bool) -> None:
    """Say what is not shown, and what is not known yet."""
    waiting: set[str] = set()
    for found, lines in shown:
        waiting |= found.judgement.waiting
        if len(lines) > limit:
            more = f"{found.domain}: {limit:,} of {len(lines):,} sources; show all with --limit {len(lines)}"
            typer.echo(show.printable(more), err=True)
    if waiting and asks:
        addresses = counted(len(waiting), "address", "addresses")
        typer.echo(f"Nobody was asked yet who owns {addresses}: `ruamill enrich` asks.", err=True)


# --- on a terminal


def _tell(shown: Iterable[tuple[Sources, Sequence[SourceLine]]], *, addresses: bool, limit: int) -> None:
    for number, (found, lines) in enumerate(shown):
        if number:
            typer.echo()
        _head(found)
        source_table.show(lines[:limit], addresses=addresses)
        if not lines:
            typer.echo("\nNothing fails, and nothing stands on one leg.")


def _head(found: Sources) -> None:
    lines = found.judgement.lines
    messages, passing = sum(it.messages for it in lines), sum(it.passing for it in lines)
    rate = f", {passing / messages:.1%} pass" if messages else ""
    policy = f"p={found.policy.p or 'unknown'}" if found.policy else "policy unknown"
    days = counted(found.reported_days, "day")
    prose.heading(
        found.domain,
        f" · {policy} · {counted(messages, 'message')}{rate} · {days} to {found.last_day}",
    )


# --- in a pipe


def _write(shown: Iterable[tuple[Sources, Sequence[SourceLine]]], *, addresses: bool, limit: int) -> None:
    lines = [line for _, every in shown for line in every[:limit]]
    if not lines:
        return
    if addresses:
        show.table(ADDRESS_COLUMNS, [row for line in lines for row in _address_rows(line)])
    else:
        show.table(COLUMNS, [_row(line) for line in lines])


def _row(line: SourceLine) -> list[show.Value]:
    return [
        line.domain,
        line.who,
        line.service,
        line.verdict.value,
        line.messages,
        line.passing,
        line.failing,
        line.passing / line.messages if line.messages else None,
        len(line.addresses),
        line.owner,
        line.reason,
        line.next_step,
        line.first_day,
        line.last_day,
    ]


def _address_rows(line: SourceLine) -> Iterator[list[show.Value]]:
    for it in line.addresses:
        yield [line.domain, line.who, line.verdict.value, it.key, it.name, it.messages, it.failing]


def _as_json(found: Sources, lines: Sequence[SourceLine]) -> dict[str, Any]:
    return {
        "domain": found.domain,
        "policy": found.policy and asdict(found.policy),
        "first_day": found.first_day,
        "last_day": found.last_day,
        "reported_days": found.reported_days,
        "addresses_waiting": len(found.judgement.waiting),
        "sources": [asdict(line) for line in lines],
    }
