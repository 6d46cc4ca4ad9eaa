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
from store.preparing import Prepared
from store.writer import Decision, write

BATCH_MESSAGES = 100
BATCH_BYTES = 8 << 20
"""Of mail and of XML together: what a batch holds in memory is a small multiple of it."""

log = structlog.get_logger()


def process(
    arrivals: Iterable[Arrival], settings: Settings, database: Database, tally: Tally
) -> Generator[list[tuple[Prepared, Decision]]]:
    """Store messages, batch by batch, in order; what is yielded is committed. Raises DatabaseUnavailableError."""
    with closing(read_all(arrivals, rules(settings), settings.workers or 1)) as read:
        for batch in _batches(read):
            decided = list(zip(batch, write(database, batch), strict=True))
            for message, decision in decided:
                tally.add(message, decision)
                metrics.count(message, decision)
                _tell(message, decision)
            yield decided


def _batches(read: Iterable[Taken]) -> Iterator[list[Prepared]]:
    batch: list[Prepared] = []
    weight = 0
    for taken in read:
        metrics.PARSE_SECONDS.observe(taken.seconds)
        message = taken.message
        if taken.defect:
            log.error("defect", uid=message.sighting.uid, exception=taken.defect)
        batch.append(message)
        weight += message.size + message.xml_bytes
        if len(batch) >= BATCH_MESSAGES or weight >= BATCH_BYTES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _tell(message: Prepared, decision: Decision) -> None:
    place, headers = message.sighting.place, message.headers
    rejected = decision.outcome in (Outcome.CORRUPT, Outcome.REFUSED, Outcome.RETRY)
    (log.warning if rejected else log.info)(
        "message",
        source=place.source,
        folder=place.folder,
        uid=message.sighting.uid,
        message_id=headers and headers.message_id,
        bytes=message.size,
        outcome=decision.outcome.value,
        reason=decision.reason,
        reports=decision.reports,
        records=decision.records,
    )
