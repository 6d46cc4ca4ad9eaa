"""What came in and what was looked up in; what each source is to each domain, and how the domain stands, in the database out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Event

from enrich.catalogue import load
from ingest.known import known
from ingest.letters.writing import thresholds
from ingest.settings import Settings
from store import standing
from store.database import Database
from store.health import newest_reports
from store.policies import policy_domains
from store.verdicts import write_services, write_verdicts
from summary import standing_json
from summary.standing import look


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
        now, beforehand = datetime.now(UTC), known(self._settings, domain, self._catalogue)
        found = look(self._database, domain, beforehand, thresholds(self._settings.summary), now)
        if found is None:
            return {}
        stands, judgement = found
        write_verdicts(self._database, domain, judgement.addresses, now)
        standing.keep(self._database, standing_json.write(stands))
        return judgement.services

    def _write_services(self, services: Mapping[str, tuple[str, str] | None]) -> None:
        """Note which service each address is; only who looked at all domains can tell that it is none."""
        told = {address: it for address, it in services.items() if it is not None or self._anew}
        write_services(self._database, told)
