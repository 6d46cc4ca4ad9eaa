"""Settings and a domain in, what is known of it beforehand out."""

from collections.abc import Iterator
from difflib import get_close_matches

from enrich.catalogue import Catalogue
from ingest.settings import Settings
from summary.hosts import Known


def known(settings: Settings, domain: str, catalogue: Catalogue) -> Known:
    """Give what is configured about a domain, or else about the nearest above it."""
    found = settings.of_domain(domain)
    return Known(catalogue, found.uses, found.networks, frozenset(settings.domains))


def unknown_services(settings: Settings, catalogue: Catalogue) -> Iterator[str]:
    """Name each service that a domain is said to use and that the catalogue does not have, and the nearest that it has."""
    for domain, own in settings.domains.items():
        for key in own.uses:
            if key not in catalogue.services:
                near = get_close_matches(key, catalogue.services, n=1)
                advice = f'did you mean "{near[0]}"?' if near else "`ruamill services` lists them"
                yield f'[domains."{domain}"] uses: there is no service "{key}" in the catalogue; {advice}'
