"""What this process counts and times for /metrics, in the library's registry: messages, reports, records, polls.

What stands in the database is read when it is asked for: `ingest.monitoring.gauges`. docs/monitoring.md explains each of them.
"""

from collections.abc import Iterable
from enum import StrEnum
from importlib.metadata import version

from prometheus_client import Counter, Histogram, Info, disable_created_metrics

from store.outcomes import Outcome
from store.preparing import Prepared
from store.writer import Decision

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter: nobody asks for it


class Result(StrEnum):
    """How a poll ended."""

    DONE = "done"
    FAILED = "failed"
    """Something was away."""
    REFUSED = "refused"
    """A person must mend it: a login, a right, a folder."""


MESSAGES = Counter("ruamill_messages", "Messages with their outcome committed", ["mailbox", "outcome"])
REPORTS = Counter("ruamill_reports", "Reports stored", ["kind"])
RECORDS = Counter("ruamill_records", "Records of aggregate reports stored")
POLLS = Counter("ruamill_polls", "Polls, and tries to begin one, that ended", ["mailbox", "result"])
POLL_SECONDS = Histogram(
    "ruamill_poll_seconds",
    "Duration of a poll over all folders of a mailbox",
    ["mailbox"],
    buckets=(0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600),
)
PARSE_SECONDS = Histogram(
    "ruamill_parse_seconds",
    "Duration of reading one message: unpacking, checking and parsing what is attached",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
)
Info("ruamill_build", "The version that runs").info({"version": version("ruamill")})

KINDS = ("aggregate", "tls", "failure")


def expect(mailboxes: Iterable[str]) -> None:
    """Let the series of these mailboxes begin at 0: Prometheus sees no increase in a series that begins at 1."""
    for kind in KINDS:
        REPORTS.labels(kind)
    for mailbox in mailboxes:
        POLL_SECONDS.labels(mailbox)
        for outcome in Outcome:
            MESSAGES.labels(mailbox, outcome.value)
        for result in Result:
            POLLS.labels(mailbox, result.value)


def count(message: Prepared, decision: Decision) -> None:
    """Count one message that was committed."""
    MESSAGES.labels(message.sighting.place.source, decision.outcome.value).inc()
    REPORTS.labels("aggregate").inc(decision.reports)
    REPORTS.labels("tls").inc(decision.tls_reports)
    REPORTS.labels("failure").inc(decision.failure_reports)
    RECORDS.inc(decision.records)
