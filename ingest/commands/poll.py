"""`ruamill poll`: one pass over the configured mailboxes."""

from threading import Event

import typer

from ingest import logs, show
from ingest.configuration import ConfigurationError
from ingest.database import open_database
from ingest.mailboxes import MailboxUnavailableError
from ingest.settings import AnyMailbox, Settings
from ingest.status import DONE, of_error, of_tally
from ingest.tally import Tally
from ingest.visit import visit


def run(settings: Settings, names: list[str], *, json: bool, strict: bool) -> int:
    """Poll the mailboxes in turn, and print the tally. One that is away does not keep the others waiting."""
    logs.set_up(settings.log, quiet=True)
    chosen = choose(settings, names)
    database = open_database(settings)
    tally = Tally()
    failures = []
    for box in chosen:
        with show.progress(box.name) as bar:
            tally.advance, tally.expect = bar.advance, bar.expect
            try:
                visit(box, settings, database, tally, Event())
            except MailboxUnavailableError as error:
                typer.echo(f"ruamill: {error}", err=True)
                failures.append(of_error(error) or DONE)
    show.tally(tally, json=json)
    return min(failures) if failures else of_tally(tally, strict=strict)


def choose(settings: Settings, names: list[str]) -> list[AnyMailbox]:
    """Choose the mailboxes that are named; all where none is."""
    known = {box.name: box for box in settings.mailbox}
    if not known:
        raise ConfigurationError(
            "no mailbox is configured: add a [[mailbox]] to ruamill.toml (docs/operating.md)"
        )
    for name in names:
        if name not in known:
            raise ConfigurationError(f'no mailbox is called "{name}"; there are: {", ".join(known)}')
    return [known[name] for name in names] if names else list(known.values())
