"""Messages' bytes in, committed outcomes out: read, gather into batches, write, tell. Knows no mailbox and no folder."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing

import structlog

from ingest.monitoring import metrics
from ingest.reading import Arrival, Taken, rules
from ingest.settings import Settings
from ingest.tally import Tally
from ingest.workers import read_all
from store.database import Database
from store.outcomes import Outcome
from store.writer import Decision, Incoming, write

BATCH_MESSAGES = 100
BATCH_BYTES = 8 << 20
"""Of mail and of XML together: what a batch holds in memory is a small multiple of it."""

log = structlog.get_logger()


def process(
    arrivals: Iterable[Arrival], settings: Settings, database: Database, tally: Tally
) -> Generator[list[tuple[Incoming, Decision]]]:
    """Store messages, batch by batch, in order; what is yielded is committed. Raises DatabaseUnavailableError."""
    with closing(read_all(arrivals, rules(settings), settings.workers or 1)) as read:
        for batch in _batches(read):
            decided = list(zip(batch, write(database, batch), strict=True))
            for incoming, decision in decided:
                tally.add(incoming, decision)
                metrics.count(incoming, decision)
                _tell(incoming, decision)
            yield decided


def _batches(read: Iterable[Taken]) -> Iterator[list[Incoming]]:
    batch: list[Incoming] = []
    weight = 0
    for taken in read:
        metrics.PARSE_SECONDS.observe(taken.seconds)
        incoming = taken.incoming
        if taken.defect:
            log.error("defect", uid=incoming.sighting.uid, exception=taken.defect)
        batch.append(incoming)
        weight += incoming.size + sum(report.document.size for report in incoming.reading.reports)
        if len(batch) >= BATCH_MESSAGES or weight >= BATCH_BYTES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


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
