"""Messages' bytes in, committed outcomes out: read, gather into batches, write, tell. Knows no mailbox and no folder."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import structlog

from ingest.acceptance import accept
from ingest.monitoring import metrics
from ingest.settings import Settings
from ingest.tally import Tally
from parsers.errors import ParserExhaustedError, ReportError
from parsers.feedback import learn_names
from parsers.message import read_headers
from parsers.reading import Reading, read
from parsers.unpack import Refusal
from store.database import Database
from store.ledger import Sighting
from store.outcomes import Outcome
from store.writer import Decision, Incoming, write

BATCH_MESSAGES = 100
BATCH_BYTES = 8 << 20
"""Of mail and of XML together: what a batch holds in memory is a small multiple of it."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it comes out of a mailbox or a file."""

    sighting: Sighting
    raw: bytes
    size: int
    refused: ReportError | None = None
    """Why it was not fetched whole; raw then holds at most its header section."""
    problem: str | None = None
    """Why it could not be fetched this time."""


def process(
    arrivals: Iterable[Arrival], settings: Settings, database: Database, tally: Tally
) -> Iterator[list[tuple[Incoming, Decision]]]:
    """Store messages, batch by batch; what is yielded is committed. Raises DatabaseUnavailableError."""
    learn_names()
    for batch in _batches(arrivals, settings):
        decided = list(zip(batch, write(database, batch), strict=True))
        for incoming, decision in decided:
            tally.add(incoming, decision)
            metrics.count(incoming, decision)
            _tell(incoming, decision)
        yield decided


def _batches(arrivals: Iterable[Arrival], settings: Settings) -> Iterator[list[Incoming]]:
    batch: list[Incoming] = []
    weight = 0
    for arrival in arrivals:
        with metrics.PARSE_SECONDS.time():
            incoming = _read(arrival, settings)
        batch.append(incoming)
        weight += incoming.size + sum(report.document.size for report in incoming.reading.reports)
        if len(batch) >= BATCH_MESSAGES or weight >= BATCH_BYTES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _read(arrival: Arrival, settings: Settings) -> Incoming:
    """Read one message. A defect of ours must not stop the others: it leaves the message for another try."""
    if arrival.problem is not None:
        return _unread(arrival, arrival.problem)
    if arrival.refused is not None:
        return _refused(arrival, arrival.refused)
    try:
        reading = read(arrival.raw, arrival.sighting.uid, settings.limits)
        reading = accept(reading, settings.accept, tuple(settings.domains))
    except ParserExhaustedError as error:
        return _unread(arrival, str(error))
    except Exception as error:
        log.exception("defect", uid=arrival.sighting.uid)
        return _unread(arrival, f"defect while reading: {type(error).__name__}: {error}")
    return Incoming(arrival.sighting, arrival.raw, arrival.size, reading)


def _unread(arrival: Arrival, problem: str) -> Incoming:
    return Incoming(arrival.sighting, arrival.raw, arrival.size, Reading(None, (), ()), problem)


def _refused(arrival: Arrival, error: ReportError) -> Incoming:
    headers = read_headers(arrival.raw) if arrival.raw else None
    reading = Reading(headers, (), (Refusal(arrival.sighting.uid, error),))
    return Incoming(arrival.sighting, b"", arrival.size, reading)


def _tell(incoming: Incoming, decision: Decision) -> None:
    place, headers = incoming.sighting.place, incoming.reading.headers
    rejected = decision.outcome in (Outcome.CORRUPT, Outcome.REFUSED, Outcome.RETRY)
    (log.warning if rejected else log.info)(
        "message",
        source=place.source,
        folder=place.folder,
        uid=incoming.sighting.uid,
        message_id=headers and headers.message_id,
        bytes=incoming.size,
        outcome=decision.outcome.value,
        reason=decision.reason,
        reports=decision.reports,
        records=decision.records,
    )
