"""What the threads tell and what the database says in, the content of /healthz and of /metrics out."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.monitoring.figures import MailboxFigures
from ingest.monitoring.gauges import Gauges
from ingest.monitoring.watch import Standing, State, Watch
from store.migrate import HEAD

NOTHING = MailboxFigures("", None, None, None, None, None)
"""Of a mailbox before the database was looked at."""


def health(watch: Watch, gauges: Gauges) -> dict[str, Any]:
    """Say how everything is; `problems` is empty if nothing needs a person."""
    standings = watch.standings()
    problems = [gauges.problem, *(it.problem(watch.patience) for it in standings)]
    found = list(dict.fromkeys(filter(None, problems)))
    return {
        "program": "ruamill",
        "version": version("ruamill"),
        "status": "failing" if found else "ok",
        "problems": found,
        "database": {
            "name": gauges.name,
            "reachable": gauges.is_up,
            "schema": gauges.seen.revision,
            "wanted_schema": HEAD,
            "error": gauges.problem,
        },
        "mailboxes": {
            it.name: _mailbox(it, gauges.seen.mailboxes.get(it.name, NOTHING), datetime.now(UTC))
            for it in standings
        },
    }


def _mailbox(standing: Standing, figures: MailboxFigures, now: datetime) -> dict[str, Any]:
    polled_at = _last_poll(standing, figures)
    return {
        "state": standing.state,
        "last_poll_at": polled_at,
        "last_poll_seconds": _age(polled_at, now),
        "last_poll_messages": standing.polled_messages,
        "last_error": standing.error,
        "last_error_at": standing.error_at,
        "waiting": figures.waiting,
        "oldest_unread_at": figures.oldest_at,
        "oldest_unread_seconds": _age(figures.oldest_at, now),
    }


def _last_poll(standing: Standing, figures: MailboxFigures) -> datetime | None:
    """Take the last poll of this process, or of another: before a restart, or while this one stands by."""
    return max(filter(None, (standing.polled_at, figures.last_poll_at)), default=None)


def _age(moment: datetime | None, now: datetime) -> int | None:
    return None if moment is None else max(0, int((now - moment).total_seconds()))


def metrics(watch: Watch, gauges: Gauges) -> bytes:
    """Write everything in the text format of Prometheus, version 0.0.4."""
    return generate_latest(_Everything(watch, gauges))


class _Everything(Collector):
    """What this process has counted, and the gauges of this moment."""

    def __init__(self, watch: Watch, gauges: Gauges) -> None:
        self._standings = watch.standings()
        self._gauges = gauges
        self._seen = gauges.seen

    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()
        yield from self._of_mailboxes()
        yield from self._of_database()
        yield from self._of_lookups()
        yield from self._of_letters()

    def _of_mailboxes(self) -> Iterator[Metric]:
        polled = [
            (it.name, _last_poll(it, self._seen.mailboxes.get(it.name, NOTHING))) for it in self._standings
        ]
        figures = self._seen.mailboxes.values()
        yield _gauge(
            "mailbox_state",
            "What the daemon does about a mailbox: 1 for the state it is in",
            ["mailbox", "state"],
            (((it.name, state), it.state is state) for it in self._standings for state in State),
        )
        yield _gauge(
            "mailbox_refused",
            "1 where a login, a right or a folder was refused: a person must mend it",
            ["mailbox"],
            (((it.name,), it.refused) for it in self._standings),
        )
        yield _gauge(
            "last_poll_timestamp_seconds",
            "End of the last poll that went through, of this process or of another",
            ["mailbox"],
            (((name,), moment) for name, moment in polled),
        )
        yield _gauge(
            "waiting_messages",
            "Messages without an outcome",
            ["mailbox"],
            (((it.name,), it.waiting) for it in figures),
        )
        yield _gauge(
            "oldest_unread_timestamp_seconds",
            "When the oldest of the waiting messages arrived; none while nothing waits",
            ["mailbox"],
            (((it.name,), it.oldest_at) for it in figures),
        )

    def _of_database(self) -> Iterator[Metric]:
        yield _gauge("database_up", "1 while the database answers", [], [((), self._gauges.is_up)])
        yield _gauge("database_bytes", "Size of the database", [], [((), self._seen.bytes)])
        yield _gauge(
            "conflicts",
            "Reports that contradict a counted one and wait for a decision: `ruamill conflicts`",
            [],
            [((), self._seen.conflicts)],
        )
        yield _gauge(
            "last_report_timestamp_seconds",
            "When the last aggregate report about a domain was stored; 0 where none was",
            ["domain"],
            (((name,), moment or 0) for name, moment in self._seen.newest.items()),
        )

    def _of_lookups(self) -> Iterator[Metric]:
        registries = self._seen.registries.items()
        now = datetime.now(UTC)
        yield _gauge(
            "lookups",
            "Sending addresses by the state of their look-up",
            ["state"],
            (((state,), number) for state, number in self._seen.lookups.items()),
        )
        yield _gauge(
            "registry_closed",
            "1 while a registry, or the name servers, are left in peace because they refused or did not answer",
            ["registry"],
            (((who,), it.closed_until is not None and it.closed_until > now) for who, it in registries),
        )
        queries = CounterMetricFamily(
            "ruamill_lookup_queries", "Questions to registries and name servers", labels=["registry"]
        )
        for who, it in registries:
            queries.add_metric([who], it.queries)
        yield queries

    def _of_letters(self) -> Iterator[Metric]:
        yield _gauge(
            "undelivered_letters",
            "Letters and alerts that are still tried, or were given up in the last seven days",
            ["state"],
            (((state,), number) for state, number in self._seen.letters.items()),
        )
        yield _gauge(
            "last_letter_timestamp_seconds",
            "When the last letter was taken by the mail server",
            [],
            [((), self._seen.last_letter_at)],
        )


def _gauge(
    name: str,
    text: str,
    labels: list[str],
    samples: Iterable[tuple[tuple[str, ...], datetime | float | None]],
) -> Metric:
    """Make a gauge; a value that is not known is left out, a moment is told in seconds of Unix time."""
    gauge = GaugeMetricFamily(f"ruamill_{name}", text, labels=labels)
    for values, value in samples:
        if value is not None:
            gauge.add_metric(values, value.timestamp() if isinstance(value, datetime) else float(value))
    return gauge
