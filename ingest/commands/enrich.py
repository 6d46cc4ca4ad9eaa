"""`ruamill enrich`: one run of look-ups, and everything judged anew."""

from collections.abc import Iterator
from threading import Event

import typer

from enrich.catalogue import CatalogueError
from enrich.offline import OfflineError
from ingest import logs, show
from ingest.configuration import ConfigurationError
from ingest.database import open_database
from ingest.enrichment import Enrichment
from ingest.judging import Judging
from ingest.lookups.looked import Looked
from ingest.settings import Settings
from ingest.signals import Listening
from ingest.status import DONE, TEMPORARY
from summary.words import counted

FAILED = "without an answer for now"


def run(settings: Settings, *, budget: int | None, json: bool) -> int:
    """Look up what waits, judge every domain, and print what was found."""
    logs.set_up(settings.log, quiet=True)
    database = open_database(settings)
    stop, looked = Event(), Looked()
    Listening(stop)
    try:
        judging = Judging(settings, database)
        with show.progress("Looking up") as bar:
            looked.advance, looked.expect = bar.advance, bar.expect
            if not Enrichment(settings.enrich, database).run(looked, stop, budget=budget):
                typer.echo("ruamill: another process is looking addresses up; let it finish", err=True)
                return TEMPORARY
        domains = judging.run(stop, anew=True)
    except (CatalogueError, OfflineError) as error:
        raise ConfigurationError(str(error)) from error
    if json:
        show.as_json({**looked.as_json(), "domains": domains})
    else:
        typer.echo("\n".join(_told(looked, domains)))
    return TEMPORARY if looked.closed and not looked.is_news else DONE


def _told(looked: Looked, domains: int) -> Iterator[str]:
    """Tell a person what was done, who is not asked for now, and what is left."""
    yield f"networks: {_addresses((looked.found, 'found'), (looked.not_found, 'in no register'), (looked.failed, FAILED))}"
    names = (looked.named, "found"), (looked.nameless, "have none"), (looked.names_failed, FAILED)
    yield f"names: {_addresses(*names)}"
    if looked.queries:
        yield f"asked: {', '.join(f'{who} {number:,}' for who, number in sorted(looked.queries.items()))}"
    for who, seconds in looked.closed.items():
        yield f"{who} wants not to be asked, or does not answer: again in {max(1, round(seconds / 60))} min"
    if looked.waiting:
        yield f"{_addresses((looked.waiting, 'still to be looked up'))}"
    yield f"{counted(domains, 'domain')} judged"


def _addresses(*counts: tuple[int, str]) -> str:
    """Count addresses by what became of them."""
    told = [f"{counted(number, 'address', 'addresses')} {what}" for number, what in counts if number]
    return ", ".join(told) or "nothing was due"
