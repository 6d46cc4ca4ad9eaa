"""One pass over one mailbox: whatever waits is fetched, stored, committed, and only then moved away."""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime
from threading import Event

import structlog

from ingest.mailboxes import (
    Destination,
    Mailbox,
    MailboxUnavailableError,
    NotSettledError,
    Unfetched,
    Waiting,
)
from ingest.pipeline import BATCH_BYTES, BATCH_MESSAGES, process
from ingest.reading import Arrival
from ingest.settings import MailboxSettings, Settings
from ingest.tally import Tally
from parsers.reading import too_large
from store import mailboxes
from store.database import Database
from store.ledger import Place, Sighting, known
from store.outcomes import Outcome

PIECE = 500
"""Messages that the ledger, or the mailbox, is asked about at once."""

TOLD_SECONDS = 30.0
"""Between two lines of the log about a poll that takes long."""

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

log = structlog.get_logger()


def destination(outcome: Outcome, settings: MailboxSettings) -> Destination:
    """Decide where a message goes."""
    if outcome is Outcome.NOT_A_REPORT:
        return Destination.IGNORED if settings.not_a_report == "ignore" else Destination.STAY
    return _DESTINATIONS[outcome]


class Poll:
    """One pass over the open folder of a mailbox."""

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
        self._fetching: Future[list[Arrival] | None] = Future()
        """The batch that is fetched next."""
        self._fetched = False
        self._unfetched: list[Arrival] = []
        self._again: list[str] = []
        """Messages that must be tried again, and have no outcome yet."""
        self._unsettled: list[str] = []
        """Messages with an outcome that are not where it sends them: the server would not have it."""
        self._refusal: NotSettledError | None = None

    def run(self, stop: Event) -> None:
        """Take everything that waits; leave off between two batches once `stop` is set.

        Raises MailboxUnavailableError, DatabaseUnavailableError: whatever was not settled is found again next time.
        NotSettledError comes at the end, when all is stored.
        """
        last, waiting = self._look(stop)
        if stop.is_set() or not self._drain(waiting, stop):
            return
        for outcomes in self._stored(self._blamed()):
            self._settle(outcomes)
        self._note_end(last)
        if self._refusal is not None:
            stay = f"{len(self._unsettled)} messages stay in {self._place.folder}, though their outcome is stored"
            message = f"{self._refusal}; {stay}"
            raise NotSettledError(message, self._unsettled, temporary=self._refusal.temporary)

    def _look(self, stop: Event) -> tuple[int, list[str]]:
        """Give the last UID, and those that have no outcome; settle the others, as we were stopped before we did."""
        last = self._start()
        waiting: list[str] = []
        for window in self._box.waiting(last):
            for uids in _pieces(window):
                if stop.is_set():
                    return last, waiting
                waiting += self._unknown(uids)
            last = max([last, *map(_number, window)])
        return last, waiting

    def _start(self) -> int:
        """Give the UID to begin above: messages that stay in place are not listed again at every poll."""
        if self._handling.after == "move":
            return 0
        with self._database.reading() as connection:
            return mailboxes.last_uid(connection, self._place)

    def _unknown(self, uids: Sequence[str]) -> list[str]:
        """Settle what has its outcome already (we were stopped between commit and move), and give the rest."""
        with self._database.reading() as connection:
            entries = known(connection, self._place, uids)
        outcomes = {
            uid: entry.outcome for (uid, _), entry in entries.items() if entry.outcome is not Outcome.RETRY
        }
        self._settle(outcomes.items())
        return [uid for uid in uids if uid not in outcomes]

    def _drain(self, waiting: Sequence[str], stop: Event) -> bool:
        """Take what waits, and tell from time to time how far it has come; false if told to stop.

        The mailbox is asked for one thing at a time: what is stored is moved once the fetch under way has ended.
        """
        started = told = time.monotonic()
        self._tally.expect(len(waiting))
        left = dict.fromkeys(waiting)
        if left:
            self._note_waiting(waiting)
        with closing(self._arrivals(waiting, stop)) as arrivals, closing(self._stored(arrivals)) as stored:
            for outcomes in stored:
                wait([self._fetching])
                self._settle(outcomes)
                for uid, _ in outcomes:
                    del left[uid]
                if (now := time.monotonic()) - told > TOLD_SECONDS:
                    told = now
                    self._tell(len(waiting) - len(left), len(waiting), now - started)
                    self._note_waiting([*left, *self._again])
        if left and stop.is_set():
            self._note_waiting([*left, *self._again])
            return False
        return True

    def _arrivals(self, waiting: Sequence[str], stop: Event) -> Generator[Arrival]:
        """Fetch what waits, each batch while the one before is read and stored."""
        batches = self._batches(waiting)
        with ThreadPoolExecutor(1, "fetch") as thread:
            self._fetching = thread.submit(next, batches, None)
            while (batch := self._fetching.result()) is not None and not stop.is_set():
                self._fetching = thread.submit(next, batches, None)
                yield from batch

    def _batches(self, waiting: Sequence[str]) -> Iterator[list[Arrival]]:
        for piece in _pieces(waiting):
            for group in _groups(self._box.measure(piece)):
                yield list(self._fetch(group))

    def _stored(self, arrivals: Iterable[Arrival]) -> Generator[list[tuple[str, Outcome]]]:
        """Store messages, and give what became of each."""
        with closing(process(arrivals, self._settings, self._database, self._tally)) as batches:
            for decided in batches:
                outcomes = [(message.sighting.uid, decision.outcome) for message, decision in decided]
                self._again += [uid for uid, outcome in outcomes if outcome is Outcome.RETRY]
                yield outcomes

    def _fetch(self, group: Sequence[Waiting]) -> Iterator[Arrival]:
        sizes = {waiting.uid: waiting.size for waiting in group}
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
        try:
            self._box.settle(destinations)
        except NotSettledError as error:  # no reason to leave what is new unread
            self._unsettled += error.uids
            self._refusal = self._refusal or error
        self._tally.advance(0)  # a sign of life: to move messages may take minutes

    def _tell(self, done: int, of: int, seconds: float) -> None:
        place, speed = self._place, round(done / seconds, 1)
        log.info("progress", source=place.source, folder=place.folder, done=done, of=of, per_second=speed)

    def _note_waiting(self, uids: Sequence[str]) -> None:
        oldest = self._oldest(uids)
        with self._database.writing() as connection:
            mailboxes.note_waiting(connection, self._place, len(uids), oldest)

    def _note_end(self, last: int) -> None:
        undone = [*self._again, *self._unsettled]
        if undone:
            last = max(0, min(map(_number, undone)) - 1)
        oldest = self._oldest(self._again)
        with self._database.writing() as connection:
            mailboxes.note_waiting(connection, self._place, len(self._again), oldest)
            mailboxes.note_poll(connection, self._place, last, datetime.now(UTC))

    def _oldest(self, uids: Sequence[str]) -> datetime | None:
        """Tell since when the oldest waits; they are in order, so it is the first or the last."""
        ends = self._box.measure(list(dict.fromkeys([*uids[:1], *uids[-1:]])))
        return min((waiting.arrived for waiting in ends if waiting.arrived), default=None)


def _number(uid: str) -> int:
    """Give a UID as a number; the keys of other kinds of mailbox have no order."""
    return int(uid) if uid.isdigit() else 0


def _pieces(uids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(uids), PIECE):
        yield uids[first : first + PIECE]


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
