"""`ruamill retry`: kept messages once more, after an upgrade or a change of the settings."""

import zlib
from collections.abc import Iterator

from ingest import logs, show
from ingest.configuration import ConfigurationError
from ingest.database import open_database
from ingest.pipeline import process
from ingest.reading import Arrival
from ingest.settings import Settings
from ingest.status import of_tally
from ingest.tally import Tally
from store.database import Database
from store.ledger import Kept, count_kept, kept
from store.outcomes import KEPT, Outcome

BY_DEFAULT = (Outcome.CORRUPT, Outcome.UNSUPPORTED)
PAGE = 20


def run(settings: Settings, names: list[str], *, json: bool, strict: bool) -> int:
    """Read the kept bytes of messages with these outcomes again, and print the tally."""
    logs.set_up(settings.log, quiet=True)
    outcomes = [_outcome(name) for name in names] or list(BY_DEFAULT)
    database = open_database(settings)
    with database.reading() as connection:
        total = count_kept(connection, outcomes)
    tally = Tally()
    with show.progress("Reading again", total) as bar:
        tally.advance = bar.advance
        for _ in process(_arrivals(database, outcomes), settings, database, tally):
            pass
    show.tally(tally, json=json)
    return of_tally(tally, strict=strict)


def _outcome(name: str) -> Outcome:
    known = sorted(outcome.value for outcome in KEPT)
    if name not in known:
        raise ConfigurationError(f'no message is kept as "{name}"; there are: {", ".join(known)}')
    return Outcome(name)


def _arrivals(database: Database, outcomes: list[Outcome]) -> Iterator[Arrival]:
    """Give the kept messages page by page: each is written again while the next ones are read."""
    last = 0
    while page := _page(database, outcomes, last):
        last = page[-1].key
        for message in page:
            raw = zlib.decompress(message.packed)
            yield Arrival(message.sighting, raw, len(raw))


def _page(database: Database, outcomes: list[Outcome], above: int) -> list[Kept]:
    with database.reading() as connection:
        return kept(connection, outcomes, above, PAGE)
