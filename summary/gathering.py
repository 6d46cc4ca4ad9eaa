"""A window in; its figures, and what was judged of each domain that it brought reports about, out: of one state of the database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

from store.database import Database
from store.evidence import Evidence, Machine, evidence, machines
from store.figures import EARLIER, Figures, Window, figures
from store.policies import Published, published, reported_days
from summary.findings.values import Judged
from summary.hosts import Known
from summary.readiness import PERIODS, Readiness, readiness
from summary.sources import LEARNING, SourceLine, judge


def gather(
    database: Database,
    window: Window,
    domains: Sequence[str] | None,
    known_of: Callable[[str], Known],
    now: datetime,
) -> tuple[Figures, dict[str, Judged]]:
    """Read and judge what a window brought, about some policy domains or about all. Raises DatabaseUnavailableError.

    `known_of` gives what is configured about a domain (`ingest.known.known`).
    """
    with database.reading() as connection:
        found = figures(connection, window, domains, now)
        judged = {
            domain: _Judging(
                domain,
                known_of(domain),
                partial(evidence, connection, domain),
                partial(machines, connection, domain),
                partial(reported_days, connection, domain),
            ).judged(policy, window)
            for domain in (it.domain for it in found.domains if it.reports)
            if (policy := published(connection, domain, now.astimezone(UTC).date()))
        }
    return found, judged


@dataclass(frozen=True, slots=True)
class _Judging:
    """One domain, and how what was reported of it is read."""

    domain: str
    known: Known
    evidence: Callable[..., list[Evidence]]
    machines: Callable[[date], dict[str, Machine]]
    reported_days: Callable[[date, date], int]

    def judged(self, policy: Published, window: Window) -> Judged:
        """Judge the sources of the window, those of the days before it, and how ready the domain is."""
        periods = {days: self.evidence(_first(policy.day, days), policy.day) for days in PERIODS}
        learnt = self.evidence(policy.day - LEARNING, policy.day)
        before = Window(window.after - EARLIER, window.after)
        return Judged(
            lines=self._lines(self.evidence(window=window), learnt),
            earlier=self._lines(self.evidence(window=before), learnt),
            readiness=self._readiness(policy, periods),
        )

    def _readiness(self, policy: Published, periods: Mapping[int, Sequence[Evidence]]) -> Readiness:
        """Tell it as `summary.readiness.look` does: by what was learnt in the longest period."""
        lines = {days: self._lines(pieces, periods[max(PERIODS)]) for days, pieces in periods.items()}
        reported = {days: self.reported_days(_first(policy.day, days), policy.day) for days in PERIODS}
        return readiness(self.domain, policy, lines, reported)

    def _lines(self, pieces: Sequence[Evidence], learnt: Sequence[Evidence]) -> tuple[SourceLine, ...]:
        """Judge by what was learnt, and of machines that it has nothing about by what is judged."""
        if not pieces:
            return ()
        seen = {it.source_ip for it in learnt}
        context = [*learnt, *(it for it in pieces if it.source_ip not in seen)]
        found = self.machines(min(it.first_day for it in context))
        return judge(self.domain, pieces, found, self.known, learnt_from=context).lines


def _first(last: date, days: int) -> date:
    """Give the first of so many days."""
    return last - timedelta(days=days - 1)
