"""`ruamill query`: one question to the database, in SQL or by its name, and the answer in the form that is wanted."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from math import isfinite
from pathlib import Path

import typer

from ingest import logs, prose, results, show
from ingest.configuration import ConfigurationError
from ingest.results import Form
from ingest.settings import Settings
from ingest.status import DONE
from store.asking import Session, asking, parameters
from store.database import Database
from store.questions import questions
from store.views import VIEWS
from summary.words import counted

DAYS = timedelta(days=30)
"""What is asked about unless it is said: that many days, the last of them included."""
LIMITS: Mapping[Form, int] = {"table": 1_000, "csv": 1_000_000, "json": 1_000_000, "parquet": 1_000_000}
ONE_DAY = timedelta(days=1)
DOMAINS = "SELECT DISTINCT policy_domain FROM domain_days WHERE policy_domain <> '' ORDER BY policy_domain"
DAYS_OF = "SELECT count(*) AS days FROM domain_days WHERE policy_domain = :domain"
LAST_DAY = "SELECT max(day) AS day FROM domain_days WHERE day <= :until"
NAMED = 20
"""Domains that are named to choose from."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it was put."""

    sql: str
    wanted: frozenset[str]
    """Its parameters: domain, since, until."""
    title: str = ""
    text: str = ""


def run(  # noqa: PLR0913 (an option is a parameter, see ingest.cli)
    settings: Settings,
    sql: str | None,
    *,
    name: str | None,
    domain: str | None,
    since: str | None,
    until: str | None,
    form: Form | None,
    output: Path | None,
    limit: int | None,
    timeout: float,
    names: bool,
    today: date | None = None,
) -> int:
    """Ask, and write the answer to standard output or into a file."""
    logs.set_up(settings.log, quiet=True)
    if names:
        return _list()
    form = form or _usual(output)
    results.check(form, to_file=output is not None)
    if not isfinite(timeout):
        raise ConfigurationError("--timeout must be a number of seconds: give it as long as it may take")
    given = _given(domain, since, until)
    asked = _asked(sql, name, given)
    database = Database(settings.database.get_secret_value())
    if output and output.resolve() in database.files:
        raise ConfigurationError(f"{output} is the database itself: name another file")
    with asking(database, timeout) as session:
        values = _values(session, asked, given, today or datetime.now(UTC).date())
        answer = session.ask(asked.sql, values, limit=limit or LIMITS[form])
        if output is None:
            _introduce(asked, values, form)
            rows = results.show(answer.columns, answer, form)
        else:
            rows = results.save(answer.columns, answer, form, output)
        if not rows and "domain" in values:
            _doubt(session, values["domain"])
    _tell(rows, form, output, truncated=answer.truncated)
    return DONE


def _usual(output: Path | None) -> Form:
    """Choose the form that nobody named: by the file's name, else for whoever reads it."""
    if output is None:
        return "table" if sys.stdout.isatty() else "csv"
    return next((form for form in results.FORMS if output.suffix.lower() == f".{form}"), "csv")


# -- the question


def _given(domain: str | None, since: str | None, until: str | None) -> dict[str, str]:
    given = {
        "domain": domain and domain.lower().rstrip("."),
        "since": since and day("--since", since).isoformat(),
        "until": until and day("--until", until).isoformat(),
    }
    return {name: value for name, value in given.items() if value}


def day(option: str, text: str) -> date:
    """Read a day as YYYY-MM-DD. Raises ConfigurationError."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ConfigurationError(f'{option} "{text}" is no day: write it as 2026-11-01') from None


def _asked(sql: str | None, name: str | None, given: Mapping[str, str]) -> Asked:
    if (sql is None) == (name is None):
        raise ConfigurationError("give one SELECT or --name NAME; `ruamill query --list` names the questions")
    asked = _written(sql) if sql is not None else _named(name or "", given)
    for other in given.keys() - asked.wanted:
        raise ConfigurationError(f"the question has no :{other}: leave --{other} out")
    return asked


def _written(sql: str) -> Asked:
    if sql == "-":
        sql = sys.stdin.buffer.read().decode(errors="surrogateescape")
    return Asked(sql, parameters(sql))


def _named(name: str, given: Mapping[str, str]) -> Asked:
    if question := questions().get(name):
        return Asked(question.sql, question.parameters, question.title, question.text)
    if view := VIEWS.get(name):
        columns = {"domain": "policy_domain", "since": view.day, "until": view.day}
        tests = {"domain": "=", "since": ">=", "until": "<="}
        wanted = [it for it in given if columns[it] in view.columns]
        where = " AND ".join(f"{columns[it]} {tests[it]} :{it}" for it in wanted)
        sql = f"SELECT * FROM {name}{f' WHERE {where}' if where else ''}"  # noqa: S608 (our own names)
        return Asked(sql, frozenset(wanted), view.comment)
    nearest = get_close_matches(name, [*questions(), *VIEWS], 1)
    meant = f'did you mean "{nearest[0]}"?' if nearest else "`ruamill query --list` names them"
    raise ConfigurationError(f'no question or view is called "{name}"; {meant}')


# -- its parameters


def _values(session: Session, asked: Asked, given: Mapping[str, str], today: date) -> dict[str, str]:
    """Give each parameter its value: the one given, else the only domain and the last days that were reported."""
    values = dict(given)
    if "domain" in asked.wanted and "domain" not in values:
        values["domain"] = _only_domain(session)
    if "until" in asked.wanted - values.keys() or "since" in asked.wanted - values.keys():
        values.setdefault("until", _last_day(session, values.get("domain"), today).isoformat())
        values.setdefault("since", (date.fromisoformat(values["until"]) - DAYS + ONE_DAY).isoformat())
    if values.get("since", "") > values.get("until", "9999"):
        raise ConfigurationError(f"--since {values['since']} is after --until {values['until']}")
    return values


def _only_domain(session: Session) -> str:
    answer = session.ask(DOMAINS, limit=NAMED)
    domains = [str(domain) for (domain,) in answer]
    if not domains:
        raise ConfigurationError("nothing was reported yet: `ruamill ingest` or `ruamill poll` first")
    if len(domains) > 1:
        more = ", …" if answer.truncated else ""
        raise ConfigurationError(
            f"the question wants --domain DOMAIN: {', '.join(map(show.printable, domains))}{more}"
        )
    return domains[0]


def _doubt(session: Session, domain: str) -> None:
    """Say where nothing was reported about a domain: its name may be misspelt."""
    ((days,),) = session.ask(DAYS_OF, {"domain": domain})
    if not days:
        typer.echo(show.nothing(domain, [str(it) for (it,) in session.ask(DOMAINS, limit=NAMED)]), err=True)


def _last_day(session: Session, domain: str | None, today: date) -> date:
    """Give the newest reported day; those in the future are of reporters whose clocks are wrong."""
    about = " AND policy_domain = :domain" if domain else ""
    values = {"until": today.isoformat()} | ({"domain": domain} if domain else {})
    ((newest,),) = session.ask(f"{LAST_DAY}{about}", values)
    return newest if isinstance(newest, date) else today


# -- what is told around the answer


def _introduce(asked: Asked, values: Mapping[str, str], form: Form) -> None:
    """Say on a terminal what is answered, and for whom."""
    if form != "table" or not asked.title or not sys.stdout.isatty():
        return
    about = values.get("domain", "")
    if {"since", "until"} <= values.keys():
        about = f"{about}{about and ', '}{values['since']} to {values['until']}"
    prose.paragraph(asked.title, ". ".join(filter(None, [about, asked.text])))
    typer.echo()


def _tell(rows: int, form: Form, output: Path | None, *, truncated: bool) -> None:
    """Say on standard error what the answer itself does not show."""
    if output is not None:
        typer.echo(f"{counted(rows, 'row')} in {show.printable(str(output))}", err=True)
    elif form == "table" and not rows:
        typer.echo("no rows", err=True)
    if truncated:
        typer.echo(f"only the first {counted(rows, 'row')}; more with --limit", err=True)


def _list() -> int:
    """Print what can be asked by its name."""
    wanted = {
        it.name: " ".join(f"--{name}" for name in ("domain", "since", "until") if name in it.parameters)
        for it in questions().values()
    }
    show.table(
        ["question", "answers", "takes"],
        [[it.name, it.title, wanted[it.name]] for it in questions().values()],
    )
    typer.echo()
    show.table(["view", "holds"], [[name, view.comment] for name, view in VIEWS.items()])
    return DONE
