"""The loop of one run: what is due is asked about, and each answer is kept as soon as it is there."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import TypeAlias

import structlog

from enrich import addresses
from enrich.offline import Offline, OfflineError
from enrich.values import BOOTSTRAP, NAMES, ORIGIN, Address, Failed, Name, Network, NotFound, Origin
from ingest.lookups.asking import Asking, Question, Reply
from ingest.lookups.groups import Group, Groups
from ingest.lookups.keeping import Kept, keep
from ingest.lookups.looked import Looked
from store import lookups, networks
from store.database import Database
from store.lookups import Due

PAGE = 5_000
"""Addresses that are taken from the queue at a time."""
LOW = 200
"""Questions in line, fewer than which more addresses are taken."""
AT_ONCE = 50
"""Groups whose addresses in known networks one transaction writes."""
WRITE_SECONDS = 0.5
"""How long a name waits to be written: it costs little to ask for it again."""
TICK_SECONDS = 0.2
"""Between two looks whether the run is to end."""
GRACE_SECONDS = 1.5
"""How long answers under way are waited for once the run is told to stop."""
PATIENCE_SECONDS = 60.0
"""The same when its time is over; each question has a time limit of its own."""

log = structlog.get_logger()

Origins: TypeAlias = dict[Address, Origin | None]
"""Who announces addresses whose registry could not be asked yet: left by one run to the next of the process."""


class Lookup:
    """One run, in the thread that calls."""

    def __init__(
        self, database: Database, asking: Asking, offline: Offline, looked: Looked, origins: Origins
    ) -> None:
        self._database = database
        self._asking = asking
        self._offline: Offline | None = offline
        self._origins = origins
        self._looked = looked
        self._groups = Groups()
        self._unnamed: dict[Address, Due] = {}
        self._more = {ORIGIN: True, NAMES: True}
        self._kept = Kept()
        self._written_at = time.monotonic()

    def run(self, stop: Event, deadline: float) -> None:
        """Go on until nobody can be asked anything more, the deadline (monotonic seconds) is over, or `stop` is set.

        Raises DatabaseUnavailableError.
        """
        while not (stop.is_set() or time.monotonic() >= deadline or self._is_done()):
            took_more = self._take_networks() or self._take_names()
            wait = self._asking.send()
            self._receive(0 if took_more else min(wait, TICK_SECONDS))
        self._finish(stop)
        self._remember_origins()

    def _remember_origins(self) -> None:
        left = (question for question in self._asking.left if question.asked not in {ORIGIN, NAMES})
        self._origins.clear()
        self._origins.update((question.address, question.origin) for question in left)

    def _is_done(self) -> bool:
        return self._asking.idle and not any(map(self._wants_more, self._more))

    def _wants_more(self, who: str) -> bool:
        return self._more[who] and self._asking.in_line(who) < LOW and self._asking.may_be_asked(who)

    def _finish(self, stop: Event) -> None:
        """Wait for what is under way; for a moment only when told to stop."""
        over = time.monotonic() + PATIENCE_SECONDS
        while self._asking.underway and time.monotonic() < over:
            if stop.is_set():
                over = min(over, time.monotonic() + GRACE_SECONDS)
            self._receive(TICK_SECONDS)
        self._write()

    def _take_networks(self) -> bool:
        """Take more addresses whose network is due, if they are wanted; tell whether there were any."""
        if not self._wants_more(ORIGIN):
            return False
        waiting = self._groups.waiting
        with self._database.reading() as connection:
            due = lookups.due(connection, datetime.now(UTC), PAGE + waiting)
        new = self._groups.add(due)
        self._looked.expect(self._groups.waiting - waiting)
        self._more[ORIGIN] = self._groups.waiting > waiting
        self._ask_about(new)
        return self._more[ORIGIN]

    def _take_names(self) -> bool:
        """Do the same for addresses whose name is due."""
        if not self._wants_more(NAMES):
            return False
        self._write()  # or those that have their name already are due once more
        with self._database.reading() as connection:
            due = lookups.due_names(connection, datetime.now(UTC), PAGE + len(self._unnamed))
        parsed = {addresses.parse(each.source_ip): each for each in due}
        new = {address: each for address, each in parsed.items() if address not in self._unnamed}
        self._unnamed |= new
        self._more[NAMES] = bool(new)
        for address in new:
            self._asking.line_up(Question(NAMES, address))
        return self._more[NAMES]

    def _ask_about(self, groups: Sequence[Group]) -> None:
        """Let one address speak for each group, once those of known networks are out of it."""
        for start in range(0, len(groups), AT_ONCE):
            some = groups[start : start + AT_ONCE]
            kept = self._known(some)
            if kept:
                keep(self._database, kept, self._looked)
        for group in groups:
            if group.waiting:
                self._ask(group.speaker)

    def _known(self, groups: Iterable[Group]) -> Kept:
        kept, now = Kept(), datetime.now(UTC)
        with self._database.reading() as connection:
            for group in groups:
                while group.waiting and (known := networks.cached(connection, group.speaker, now)):
                    kept.known[known] += self._groups.take(group, [group.speaker])
        return kept

    def _ask(self, address: Address) -> None:
        if address in self._origins:
            self._ask_registry(address, self._origins[address])
        else:
            self._asking.line_up(Question(ORIGIN, address))

    def _ask_registry(self, address: Address, origin: Origin | None) -> None:
        registry = origin.registry if origin else BOOTSTRAP
        self._asking.line_up(Question(registry, address, origin))

    def _receive(self, seconds: float) -> None:
        """Wait for answers so long, and take those that are there; what a registry says is written at once."""
        left_over = [
            group for it in self._asking.answers(seconds) if (group := self._take(*it)) and group.waiting
        ]
        if self._kept.is_urgent or time.monotonic() - self._written_at > WRITE_SECONDS:
            self._write()
        self._ask_about(left_over)

    def _take(self, question: Question, reply: Reply) -> Group | None:
        """Take one answer; give the group that it was for, if there is one."""
        address = question.address
        if question.asked == NAMES:
            self._take_name(self._unnamed.pop(address), reply)
        elif isinstance(reply, Failed):
            group = self._groups.of(address)
            self._kept.failed.append((reply.reason, self._groups.take(group, group.waiting)))
        elif isinstance(reply, (Network, NotFound)):
            return self._take_network(address, reply)
        elif reply is None or isinstance(reply, Origin):
            self._ask_registry(address, reply)
        return None

    def _take_name(self, due: Due, reply: Reply) -> None:
        if isinstance(reply, Failed):
            self._kept.names_failed.append(due)
        else:
            self._kept.names.append((due, reply if isinstance(reply, Name) else None))

    def _take_network(self, address: Address, answer: Network | NotFound) -> Group:
        group, first, last = self._groups.of(address), addresses.key(answer.first), addresses.key(answer.last)
        within = [it for it in group.waiting if it == address or first <= addresses.key(it) <= last]
        self._kept.networks.append((self._completed(address, answer), self._groups.take(group, within)))
        return group

    def _completed(self, address: Address, answer: Network | NotFound) -> Network | NotFound:
        """Add the name of the autonomous system, which registries do not tell, from a file."""
        known = self._in_files(address)
        if isinstance(answer, NotFound) or known is None or answer.asn not in {None, known.asn}:
            return answer
        return replace(answer, asn=known.asn, as_name=known.as_name)

    def _in_files(self, address: Address) -> Network | None:
        """Look into the files. One that turns out to be damaged must not cost us the registry's answer."""
        try:
            return self._offline.network(address) if self._offline else None
        except OfflineError as error:
            log.warning("mmdb_unusable", error=str(error))
            self._offline = None
            return None

    def _write(self) -> None:
        states = self._asking.changed_states()
        if self._kept or states:
            keep(self._database, self._kept, self._looked, states)
        self._kept = Kept()
        self._written_at = time.monotonic()
