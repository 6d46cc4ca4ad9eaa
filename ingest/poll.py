"""One pass over one mailbox: whatever waits is fetched, stored, committed, and only then moved away."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from threading import Event

from ingest.mailboxes import Destination, Mailbox, MailboxUnavailableError, Unfetched, Waiting
from ingest.pipeline import BATCH_BYTES, BATCH_MESSAGES, Arrival, process
from ingest.settings import MailboxSettings, Settings
from ingest.tally import Tally
from parsers.reading import too_large
from store import mailboxes
from store.database import Database
from store.ledger import Place, Sighting, known
from store.outcomes import Outcome

_DESTINATIONS = {
    Outcome.STORED: Destination.PROCESSED,
    Outcome.PARTIAL: Destination.PROCESSED,
    Outcome.DUPLICATE: Destination.PROCESSED,
    Outcome.CONFLICT: Destination.PROCESSED,
    Outcome.UNSUPPORTED: Destination.IGNORED,
    Outcome.CORRUPT: Destination.FAILED,
    Outcome.REFUSED: Destination.FAILED,
    Outcome.RETRY: Destination.STAY,
}


def destination(outcome: Outcome, settings: MailboxSettings) -> Destination:
    """Decide where a message goes."""
    if outcome is Outcome.NOT_A_REPORT:
        return Destination.IGNORED if settings.not_a_report == "ignore" else Destination.STAY
    return _DESTINATIONS[outcome]


class Poll:
    """One pass over one open mailbox."""

    def __init__(
        self, box: Mailbox, handling: MailboxSettings, settings: Settings, database: Database, tally: Tally
    ) -> None:
        self._box = box
        self._handling = handling
        self._settings = settings
        self._database = database
        self._limits = settings.limits
        self._tally = tally
        self._place = Place(box.name, box.folder, box.uidvalidity)
        self._fetched = False
        self._unfetched: list[Arrival] = []

    def run(self, stop: Event) -> None:
        """Take everything that waits; leave off between two batches once `stop` is set.

        Raises MailboxUnavailableError, DatabaseUnavailableError: whatever was not settled is found again next time.
        """
        last = self._start()
        undecided: list[int] = []
        for window in self._box.waiting(last):
            for batch in _groups(self._unknown(window)):
                if stop.is_set():
                    return
                undecided += self._take(self._fetch(batch))
            last = max([last, *(_number(waiting.uid) for waiting in window)])
        undecided += self._take(self._blamed())
        if undecided:
            last = max(0, min(undecided) - 1)
        with self._database.writing() as connection:
            mailboxes.note_poll(connection, self._place, last, datetime.now(UTC))

    def _start(self) -> int:
        """Give the UID to begin above: messages that stay in place are not listed again at every poll."""
        if self._handling.after == "move":
            return 0
        with self._database.reading() as connection:
            return mailboxes.last_uid(connection, self._place)

    def _unknown(self, window: list[Waiting]) -> list[Waiting]:
        """Settle what has its outcome already (we were stopped between commit and move), and give the rest."""
        with self._database.reading() as connection:
            entries = known(connection, self._place, [waiting.uid for waiting in window])
        outcomes = {
            uid: entry.outcome for (uid, _), entry in entries.items() if entry.outcome is not Outcome.RETRY
        }
        self._settle(outcomes.items())
        return [waiting for waiting in window if waiting.uid not in outcomes]

    def _take(self, arrivals: Iterable[Arrival]) -> list[int]:
        """Store messages and move them; give the UIDs that must be tried again."""
        again: list[int] = []
        for decided in process(arrivals, self._settings, self._database, self._tally):
            outcomes = [(incoming.sighting.uid, decision.outcome) for incoming, decision in decided]
            self._settle(outcomes)
            again += [_number(uid) for uid, outcome in outcomes if outcome is Outcome.RETRY]
        return again

    def _fetch(self, batch: list[Waiting]) -> Iterator[Arrival]:
        sizes = {waiting.uid: waiting.size for waiting in batch}
        for uid, size in [(uid, size) for uid, size in sizes.items() if size > self._limits.mail_bytes]:
            del sizes[uid]
            header = self._box.fetch_header(uid)
            yield Arrival(Sighting(self._place, uid), header, size, refused=too_large(size, self._limits))
        if sizes:
            for uid, raw in self._box.fetch(list(sizes)):
                sighting = Sighting(self._place, uid)
                if isinstance(raw, Unfetched):
                    self._unfetched.append(Arrival(sighting, b"", sizes[uid], problem=raw.reason))
                else:
                    self._fetched = True
                    yield Arrival(sighting, raw, len(raw))

    def _blamed(self) -> list[Arrival]:
        """Give what cannot be fetched though others can; where nothing can, it is no fault of the messages."""
        if self._unfetched and not self._fetched:
            message = f"{self._box.name}: no message can be fetched: {self._unfetched[0].problem}"
            raise MailboxUnavailableError(message, temporary=True)
        return self._unfetched

    def _settle(self, outcomes: Iterable[tuple[str, Outcome]]) -> None:
        destinations: dict[Destination, list[str]] = {}
        for uid, outcome in outcomes:
            destinations.setdefault(destination(outcome, self._handling), []).append(uid)
        self._box.settle(destinations)


def _number(uid: str) -> int:
    """Give a UID as a number; the keys of other kinds of mailbox have no order."""
    return int(uid) if uid.isdigit() else 0


def _groups(waiting: Iterable[Waiting]) -> Iterator[list[Waiting]]:
    """Cut what waits into pieces of bounded number and size."""
    group: list[Waiting] = []
    size = 0
    for each in waiting:
        if group and (len(group) >= BATCH_MESSAGES or size + each.size > BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(each)
        size += each.size
    if group:
        yield group
