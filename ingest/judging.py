"""What came in and what was looked up in; what each source is to each domain, in the database for whoever asks it, out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from threading import Event

from enrich.catalogue import load
from ingest.known import known
from ingest.settings import Settings
from store.database import Database
from store.health import newest_reports
from store.policies import last_day, policy_domains
from store.verdicts import write_services, write_verdicts
from summary.sources import look

PERIOD = timedelta(days=30)
"""Up to the last day that was reported about a domain."""


class Judging:
    """The verdicts of one process: the first time about every domain, then where something is new.

    Raises CatalogueError.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._catalogue = load(settings.enrich.services)
        self._newest = 0
        """Key of the newest report that was judged."""
        self._anew = True

    def run(self, stop: Event, *, anew: bool) -> int:
        """Judge the domains with new reports, or `anew` all; give how many. Leaves off once `stop` is set.

        Raises DatabaseUnavailableError.
        """
        self._anew |= anew
        with self._database.reading() as connection:
            newest = newest_reports(connection, self._newest)
            domains = policy_domains(connection)
        chosen = [domain for domain in domains if self._anew or domain in newest.moments]
        services: dict[str, tuple[str, str] | None] = {}
        for number, domain in enumerate(chosen):
            if stop.is_set():
                return number
            for address, service in self._judge(domain).items():
                services[address] = services.get(address) or service
        self._write_services(services)
        self._newest, self._anew = newest.upto, False
        return len(chosen)

    def _judge(self, domain: str) -> Mapping[str, tuple[str, str] | None]:
        now = datetime.now(UTC)
        with self._database.reading() as connection:
            last = last_day(connection, domain, now.date()) or now.date()
        first = last - PERIOD + timedelta(days=1)
        judgement = look(self._database, domain, first, last, known(self._settings, domain, self._catalogue))
        write_verdicts(self._database, domain, judgement.addresses, now)
        return judgement.services

    def _write_services(self, services: Mapping[str, tuple[str, str] | None]) -> None:
        """Note which service each address is; only who looked at all domains can tell that it is none."""
        told = {address: it for address, it in services.items() if it is not None or self._anew}
        write_services(self._database, told)
