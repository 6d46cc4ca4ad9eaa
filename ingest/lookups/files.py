"""Addresses that nobody may be asked about in; what MMDB files say of them, out. Nothing is sent."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event

from enrich import addresses
from enrich.offline import Offline
from enrich.values import Network
from ingest.lookups.keeping import Kept, keep
from ingest.lookups.looked import Looked
from store import lookups, networks
from store.database import Database
from store.lookups import Due

PAGE = 5_000
"""Addresses that are taken from the queue at a time."""
AT_ONCE = 500
"""Addresses that one transaction writes."""


def look_into_files(database: Database, offline: Offline, looked: Looked, stop: Event) -> None:
    """Answer for every address that has no answer yet, as far as can be. Raises DatabaseUnavailableError."""
    seen: set[str] = set()
    while not stop.is_set():
        with database.reading() as connection:
            due = lookups.due(connection, datetime.now(UTC), PAGE + len(seen))
        new = [each for each in due if each.source_ip not in seen]
        if not new:
            return
        seen.update(each.source_ip for each in new)
        unanswered = [each for each in new if each.state != "found"]
        for start in range(0, len(unanswered), AT_ONCE):
            kept = _known(database, offline, unanswered[start : start + AT_ONCE])
            keep(database, kept, looked)


def _known(database: Database, offline: Offline, due: Sequence[Due]) -> Kept:
    kept, now = Kept(), datetime.now(UTC)
    found = defaultdict[Network, list[Due]](list)
    with database.reading() as connection:
        for each in due:
            address = addresses.parse(each.source_ip)
            if cached := networks.cached(connection, address, now):
                kept.known[cached].append(each)
            elif network := offline.network(address):
                found[network].append(each)
    kept.networks = list(found.items())
    return kept
