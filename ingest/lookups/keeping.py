"""What a few answers come to: gathered as values, then written in one short transaction, each good for its time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import uniform

from enrich.values import Name, Network, NotFound
from ingest.lookups.looked import Looked
from store import lookups, networks
from store.database import Database
from store.lookups import Due, RegistryState
from store.networks import Cached

FOUND, NOT_FOUND, OFFLINE = timedelta(days=30), timedelta(days=7), timedelta(days=1)
NAMED, NAMELESS = timedelta(days=7), timedelta(days=2)
"""How long answers are good; what a file said, only until registries may be asked again."""
SPREAD = 0.1
"""The share of it that is left to chance: what was looked up together shall not all be due together."""
AGAIN, NAME_AGAIN, LONGEST = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
"""Until the next try after a failure, doubling up to the last."""
DOUBLINGS = 10
"""After which it is the last, whatever it began with."""


@dataclass(slots=True)
class Kept:
    """What is to be written together."""

    networks: list[tuple[Network | NotFound, list[Due]]] = field(default_factory=list)
    """Answers, and the addresses that each is for."""
    known: dict[Cached, list[Due]] = field(default_factory=lambda: defaultdict(list))
    """Addresses in networks that an earlier answer is good for."""
    failed: list[tuple[str, list[Due]]] = field(default_factory=list)
    """Why there is no answer, and for which addresses."""
    names: list[tuple[Due, Name | None]] = field(default_factory=list)
    names_failed: list[Due] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.is_urgent or self.known or self.names or self.names_failed)

    @property
    def is_urgent(self) -> bool:
        """Something of it was dear: registries allow few questions."""
        return bool(self.networks or self.failed)


def keep(
    database: Database, kept: Kept, looked: Looked, states: Mapping[str, RegistryState] | None = None
) -> None:
    """Write and count it, and how it stands with those who were asked. Raises DatabaseUnavailableError."""
    now = datetime.now(UTC)
    with database.writing() as connection:
        for answer, due in kept.networks:
            good_until = now + _good_for(answer)
            key = networks.put(connection, answer, now, good_until)
            note = lookups.found if isinstance(answer, Network) else lookups.not_found
            note(connection, _addresses(due), key, good_until)
        for cached, due in kept.known.items():
            note = lookups.found if cached.state == "found" else lookups.not_found
            note(connection, _addresses(due), cached.key, cached.good_until)
        for reason, due in kept.failed:
            lookups.failed(connection, _addresses(due), reason, now + _wait(AGAIN, due))
        for named, lifetime in ((True, NAMED), (False, NAMELESS)):
            names = [(due.source_ip, name) for due, name in kept.names if (name is not None) is named]
            lookups.named(connection, names, now + _about(lifetime))
        for each in kept.names_failed:
            lookups.name_failed(connection, [each.source_ip], now + _wait(NAME_AGAIN, [each]))
        lookups.write_registry_states(connection, states or {})
    _count(kept, looked)


def _count(kept: Kept, looked: Looked) -> None:
    answers = [(isinstance(answer, Network), due) for answer, due in kept.networks]
    answers += [(cached.state == "found", due) for cached, due in kept.known.items()]
    found = sum(len(due) for is_found, due in answers if is_found)
    not_found = sum(len(due) for is_found, due in answers if not is_found)
    failed = sum(len(due) for _, due in kept.failed)
    looked.found += found
    looked.not_found += not_found
    looked.failed += failed
    looked.named += sum(name is not None for _, name in kept.names)
    looked.nameless += sum(name is None for _, name in kept.names)
    looked.names_failed += len(kept.names_failed)
    looked.advance(found + not_found + failed)


def _addresses(due: Iterable[Due]) -> list[str]:
    return [each.source_ip for each in due]


def _good_for(answer: Network | NotFound) -> timedelta:
    if isinstance(answer, NotFound):
        return _about(NOT_FOUND)
    return OFFLINE if answer.registry is None else _about(FOUND)


def _about(lifetime: timedelta) -> timedelta:
    return lifetime * uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 (a moment, no secret)


def _wait(first: timedelta, due: Iterable[Due]) -> timedelta:
    failures = max(each.failures for each in due)
    return min(first * (1 << min(failures, DOUBLINGS)), LONGEST)
