"""`ruamill summary`: the letter as it would be now, on the terminal, in files, or on its way."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from ingest import logs, show
from ingest.configuration import ConfigurationError
from ingest.database import open_database
from ingest.letters.sending import send_now
from ingest.letters.writing import judge
from ingest.results import replacing
from ingest.settings import Settings
from ingest.status import DONE, TEMPORARY
from store.figures import Window
from summary import letter
from summary.bulletin import Bulletin, for_domains

DAY = timedelta(days=1)


def run(  # noqa: PLR0913 (an option is a parameter, see ingest.cli)
    settings: Settings,
    domains: Sequence[str],
    *,
    since: str | None,
    html: Path | None,
    text: Path | None,
    send: bool,
) -> int:
    """Judge what came in since then, and print the letter, write it into files, or send it."""
    logs.set_up(settings.log, quiet=True)
    if send:
        _check(settings)
    now = datetime.now(UTC)
    window = Window(_moment(since) if since else now - DAY, now)
    if window.after >= now:
        raise ConfigurationError(f"--since {since} is not past: the time is {now:%Y-%m-%dT%H:%M} UTC")
    with closing(open_database(settings)) as database, show.progress("Judging what came in"):
        news = judge(settings, database, window, now)
    if domains:
        news = _part(news, [it.lower().rstrip(".") for it in domains])
    zone = ZoneInfo(settings.summary.timezone)
    if html:
        _write(html, letter.html(news, zone))
    if text:
        _write(text, letter.text(news, zone))
    if send:
        return _send(settings, news)
    if not (html or text):
        typer.echo(letter.text(news, zone))
    return DONE


def _moment(since: str) -> datetime:
    try:
        found = datetime.fromisoformat(since)
    except ValueError:
        raise ConfigurationError(
            f'--since "{since}" is no moment: write it as 2026-11-01 or 2026-11-01T06:30'
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _check(settings: Settings) -> None:
    """Tell what is missing before anything is read."""
    if settings.smtp is None:
        raise ConfigurationError("--send needs a mail server: fill in [smtp] of ruamill.toml")
    if not settings.summary.recipients and not any(it.recipients for it in settings.domains.values()):
        raise ConfigurationError("--send needs somebody to send it to: set recipients in [summary]")


def _part(news: Bulletin, domains: Sequence[str]) -> Bulletin:
    reported = [it.figures.domain for it in news.domains]
    for domain in domains:
        if domain not in reported:
            raise ConfigurationError(show.nothing(domain, reported))
    return for_domains(news, domains)


def _write(path: Path, content: str) -> None:
    with replacing(path) as file:
        file.write(content.encode())
    typer.echo(f"the letter is in {show.printable(str(path))}", err=True)


def _send(settings: Settings, news: Bulletin) -> int:
    """Send it to everybody, whoever could not be reached is named."""
    status = DONE
    for recipient, error in send_now(settings, news):
        if error is None:
            typer.echo(f"sent to {show.printable(recipient)}: {show.printable(news.subject)}")
        else:
            typer.echo(f"ruamill: {show.printable(recipient)}: {show.printable(error.reason)}", err=True)
            status = TEMPORARY
    return status
