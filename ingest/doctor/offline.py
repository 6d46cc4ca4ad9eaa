"""What is known about sending addresses without asking anybody: MMDB files, and the catalogue of services."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from enrich import catalogue
from enrich.catalogue import CatalogueError
from enrich.offline import OfflineError, contents
from ingest.doctor.findings import Finding, note, ok, warning, wrong
from ingest.known import unknown_services
from ingest.settings import Settings

STALE = timedelta(days=90)
"""An MMDB file that is older says too much of what was: some networks in a hundred have moved since."""


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at the files that are named, and at the services that domains are said to use."""
    if settings.enrich.queries == "off":
        yield note("queries", 'enrich = "off": nobody outside is asked about sending addresses')
    for path in settings.enrich.mmdb:
        yield _file(path, datetime.now(UTC))
    try:
        services = catalogue.load(settings.enrich.services)
    except CatalogueError as error:
        for slip in str(error).splitlines():
            yield wrong("services", slip, "mend it, and check the file: ruamill services --check FILE")
        return
    yield ok("services", f"{len(services.services)} services are known")
    for line in unknown_services(settings, services):
        text, _, advice = line.rpartition("; ")
        yield wrong("uses", text, advice)


def _file(path: Path, now: datetime) -> Finding:
    try:
        found = contents(path)
    except OfflineError as error:
        return wrong(
            "mmdb", str(error), "bring a good one, or take it out of enrich.mmdb: no address is looked up"
        )
    told = " and ".join(what for what, there in (("ASN", found.asn), ("country", found.country)) if there)
    text = f"{path}: {found.kind} of {found.built:%Y-%m-%d}, with {told or 'neither ASN nor country'}"
    if not told:
        return warning("mmdb", text, "name a file of MaxMind's or IPinfo's with ASN or country")
    if now - found.built > STALE:
        return warning("mmdb", text, "fetch a newer one: networks move")
    return ok("mmdb", text)
