"""`ruamill export`: views into files, one for each day; all of them from one state of the database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal

import typer

from ingest import logs, results, show
from ingest.commands.query import day as read_day
from ingest.configuration import ConfigurationError
from ingest.settings import Settings
from ingest.status import DONE
from store.asking import Session, Value, asking
from store.database import Database
from store.views import VIEWS
from summary.words import counted

ALL = "all"
"""Every view that analysts see; those with raw mail have to be named."""
SECONDS = 86_400.0
"""How long the database may think."""
AT_ONCE = 250_000
"""Rows that are asked for at once, by whole days: the database sorts them, and more of them it sorts on the disk."""


@dataclass(frozen=True, slots=True)
class _Job:
    """Where to, in which form, and from which day until which."""

    folder: Path
    form: Literal["csv", "parquet"]
    since: date
    until: date
    today: date

    def file(self, view: str, day: Value) -> Path:
        """Name the file of a view and a day."""
        return self.folder / view / f"{view}-{day}.{self.form}"


def run(  # noqa: PLR0913 (an option is a parameter, see ingest.cli)
    settings: Settings,
    views: Sequence[str],
    folder: Path,
    *,
    form: Literal["csv", "parquet"],
    since: str | None,
    until: str | None,
    today: date | None = None,
) -> int:
    """Write the files, and say how many they are."""
    logs.set_up(settings.log, quiet=True)
    results.check(form, to_file=True)
    names = _names(views)
    first = read_day("--since", since) if since else date.min
    last = read_day("--until", until) if until else date.max
    if first > last:
        raise ConfigurationError(f"--since {first} is after --until {last}")
    job = _Job(folder, form, first, last, today or datetime.now(UTC).date())
    files = rows = 0
    database = Database(settings.database.get_secret_value())
    with asking(database, SECONDS) as session, show.progress("Exporting") as bar:
        for name in names:
            for written in _export(session, name, job, bar):
                files, rows = files + 1, rows + written
                bar.advance(1)
    typer.echo(f"{counted(files, 'file')} with {counted(rows, 'row')} below {show.printable(str(folder))}")
    return DONE


def _names(views: Sequence[str]) -> list[str]:
    """Name each view once, in the order in which they were. Raises ConfigurationError."""
    named = [it for name in views for it in (_shown() if name == ALL else [name])]
    for name in named:
        if name not in VIEWS:
            nearest = get_close_matches(name, VIEWS, 1)
            meant = f'did you mean "{nearest[0]}"?' if nearest else f"there are: {', '.join(VIEWS)}"
            raise ConfigurationError(f'no view is called "{name}"; {meant}')
    return list(dict.fromkeys(named))


def _shown() -> list[str]:
    return [name for name, view in VIEWS.items() if view.shown]


def _export(session: Session, name: str, job: _Job, bar: show.Bar) -> Iterator[int]:
    """Write one view; give the number of rows of each file, once it is there."""
    results.make_folder(job.folder / name)
    day = VIEWS[name].day
    if day is None:
        bar.expect(1)
        answer = session.ask(f"SELECT * FROM {name}")  # noqa: S608 (our own names)
        yield results.save(answer.columns, answer, job.form, job.file(name, job.today))
        return
    within = f"FROM {name} WHERE {day} BETWEEN :since AND :until"
    period = {"since": str(job.since), "until": str(job.until)}
    days = list(session.ask(f"SELECT {day}, count(*) {within} GROUP BY {day} ORDER BY {day}", period))
    bar.expect(len(days))
    for since, until in _stretches(days):
        answer = session.ask(f"SELECT * {within} ORDER BY {day}", {"since": str(since), "until": str(until)})
        place = [column.name for column in answer.columns].index(day)
        for each, rows in groupby(answer, key=itemgetter(place)):
            yield results.save(answer.columns, rows, job.form, job.file(name, each))


def _stretches(days: Sequence[tuple[Value, ...]]) -> Iterator[tuple[Value, Value]]:
    """Cut days, each with its number of rows, into stretches that are asked for at once."""
    stretch: list[Value] = []
    held = 0
    for day, rows in days:
        number = rows if isinstance(rows, int) else 0
        if stretch and held + number > AT_ONCE:
            yield stretch[0], stretch[-1]
            stretch, held = [], 0
        stretch.append(day)
        held += number
    if stretch:
        yield stretch[0], stretch[-1]
