"""`ruamill conflicts`: reports that contradict each other, how they differ, and what a person decides."""

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, astuple
from datetime import timedelta

import typer

from ingest import logs, prose, show
from ingest.configuration import ConfigurationError
from ingest.database import open_database
from ingest.settings import Settings
from ingest.status import DONE
from store.conflicts import Conflict, ConflictError, Copy, conflict, conflicts, waiting
from store.database import Database
from store.decisions import Decision, decide
from store.differences import Differences, Line, differences
from summary.contradictions import advise
from summary.words import counted

SHOWN = 10
"""Conflicts on a terminal."""
LINES, ALL_LINES = 20, 1_000
"""Lines that differ: on a terminal, elsewhere."""
COLUMNS = (
    "report",
    "decision",
    "reporter",
    "report id",
    "domain",
    "begins",
    "ends",
    "records",
    "messages",
    "passing",
    "came in",
    "mail",
    "other",
    "other records",
    "other messages",
    "other passing",
    "other came in",
    "other mail",
)
MEANINGS = {
    Decision.LEAVE: "{other} stays counted, {this} is left out",
    Decision.REPLACE: "{this} is counted in the place of {other}",
    Decision.ADD: "both are counted: two different reports under one name",
}
STATES = {
    "left": "left out",
    "replaced": "left out: {other} is counted in its place",
    "replacing": "counted in the place of {other}",
    "added": "counted beside {other}",
    None: "waits for a decision",
}
"""By report.decision."""


def run(settings: Settings, report: int | None, decision: str | None, *, every: bool, json: bool) -> int:
    """List conflicts, show one, or decide one; what cannot be decided ends as wrong use."""
    logs.set_up(settings.log, quiet=True)
    decided = None if decision is None else _decision(decision)
    try:
        with closing(open_database(settings)) as database:
            if report is None:
                _list(database, every=every, json=json)
            elif decided is None:
                _show(database, report, json=json)
            else:
                _decide(database, report, decided, json=json)
    except ConflictError as error:
        raise ConfigurationError(str(error)) from None
    return DONE


def _decision(word: str) -> Decision:
    if word not in list(Decision):
        raise ConfigurationError(f'"{word}" is no decision; there are: {", ".join(Decision)}')
    return Decision(word)


# --- all of them


def _list(database: Database, *, every: bool, json: bool) -> None:
    with database.reading() as connection:
        found = conflicts(connection, decided=every)
    if json:
        show.as_json([asdict(it) for it in found])
    elif not found:
        typer.echo(
            "No report contradicts another one." if every else "No report waits for a decision.", err=True
        )
    elif sys.stdout.isatty():
        _tell(found)
    else:
        show.table(COLUMNS, [_row(it) for it in found])


def _tell(found: Sequence[Conflict]) -> None:
    for it in found[:SHOWN]:
        _head(it)
        _tell_commands(it)
        typer.echo()
    if len(found) > SHOWN:
        typer.echo(f"{SHOWN} of {len(found):,} are shown, the newest first; all with --json", err=True)


def _row(found: Conflict) -> list[show.Value]:
    this, other = found.this, found.other
    both = [found.reporter, found.report_id, found.policy_domain]
    period = [moment and f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (found.begins_at, found.ends_at)]
    others = [other.key, *_figures(other), _mail(other)] if other else [None] * 6
    return [this.key, this.decision, *both, *period, *_figures(this), _mail(this), *others]


def _figures(copy: Copy) -> list[show.Value]:
    passing = copy.passing / copy.messages if copy.messages else None
    return [copy.records, copy.messages, passing, f"{copy.ingested_at:%Y-%m-%d %H:%M}"]


def _mail(copy: Copy) -> str:
    """Say what brought a report, and what speaks against it."""
    doubts = [
        f"DMARC {copy.dmarc}" if copy.dmarc and copy.dmarc != "pass" else "",
        "not of the reporter's domain" if copy.sender_fits is False else "",
    ]
    origin = copy.sender or ("a file" if copy.source == "file" else f"mailbox {copy.source}")
    return ", ".join(filter(None, [origin, *doubts]))


def _head(found: Conflict) -> None:
    """Print who contradicts whom, and what both say."""
    other = found.other
    about = f"{found.reporter or 'no reporter named'} about {found.policy_domain or 'no domain'}, {_period(found)}"
    prose.heading(f"Report {found.this.key}: {about}", f" · {_state(found)}")
    copies = [*([other] if other else []), found.this]
    rows: list[list[show.Value]] = [[copy.key, _standing(copy), *_figures(copy)] for copy in copies]
    show.table(["report", "", "records", "messages", "pass", "came in, UTC"], rows)
    for copy in copies:
        typer.echo(show.printable(f"{copy.key} came from {_mail(copy)}"))


def _period(found: Conflict) -> str:
    begin, end = found.begins_at, found.ends_at
    last = (end - timedelta(seconds=1)).date() if end else found.day
    return f"{found.day} to {last}" if begin and last > found.day else f"{found.day}"


def _state(found: Conflict) -> str:
    if found.is_piece:
        return "left out: only a damaged copy"
    return STATES[found.this.decision].format(
        other=found.other.key if found.other else "one that was removed"
    )


def _standing(copy: Copy) -> str:
    return ("counted" if copy.counted else "not counted") + ("" if copy.whole else ", damaged")


def _tell_commands(found: Conflict, *, first: str | None = "how they differ") -> None:
    this, other = found.this.key, found.other
    lines = [(f"ruamill conflicts {this}", first)] if first and other else []
    for decision in Decision if other else [Decision.LEAVE]:
        meaning = MEANINGS[decision].format(
            this=this, other=other.key if other else "the one that was removed"
        )
        lines.append((f"ruamill conflicts {this} {decision}", meaning))
    typer.echo()
    width = max(len(command) for command, _ in lines)
    for command, meaning in lines:
        typer.echo(f"  {command:{width}}  {meaning}")


# --- one


def _show(database: Database, key: int, *, json: bool) -> None:
    limit = LINES if sys.stdout.isatty() and not json else ALL_LINES
    with database.reading() as connection:
        found = conflict(connection, key)
        how = differences(connection, found.other.key, key, limit) if found.other else None
    advice = advise(found, how) if found.waits else None
    if json:
        show.as_json(
            {**asdict(found), "differences": how and asdict(how), "advice": advice and asdict(advice)}
        )
        return
    _head(found)
    if how:
        typer.echo()
        _tell_differences(found, how)
    if advice:
        typer.echo()
        prose.paragraph(f"What speaks for {advice.decision}", advice.reason)
    _tell_commands(found, first=None)


def _tell_differences(found: Conflict, how: Differences) -> None:
    """Print what stands in one and not in the other: the counted one's first, then this one's."""
    names = [str(found.other.key) if found.other else "", str(found.this.key)]
    for name, (first, second) in how.head.items():
        typer.echo(show.printable(f"{name}: {first or '-'} in {names[0]}, {second or '-'} in {names[1]}"))
    typer.echo(
        f"{counted(how.same, 'line')} the same in both, {how.changed:,} with other counts, "
        f"{how.only_first:,} only in {names[0]}, {how.only_second:,} only in {names[1]}"
    )
    if not how.lines:
        return
    rows: list[list[show.Value]] = [_line(it) for it in how.lines]
    show.table(
        ["source", "author domain", "return path", "recipients", "disposition", "dkim", "spf", *names],
        rows,
        spare=["recipients", "return path", "disposition"],
    )
    if how.differing > len(rows):
        typer.echo(f"{len(rows):,} of {how.differing:,} lines that differ, the largest first", err=True)


def _line(line: Line) -> list[show.Value]:
    return list(astuple(line))


def _decide(database: Database, key: int, decision: Decision, *, json: bool) -> None:
    found = decide(database, key, decision)
    with database.reading() as connection:
        more = waiting(connection)
    if json:
        show.as_json(asdict(found))
        return
    typer.echo(f"Report {key}: {_state(found)}.")
    if more:
        typer.echo(f"{counted(more, 'more waits', 'more wait')} for a decision: `ruamill conflicts`")
