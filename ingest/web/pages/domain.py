"""`/domains/DOMAIN`: how one domain stands, who sends as it, and whether it is ready for the next policy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from ingest.web.charts import Chart, chart
from ingest.web.filters import Domain
from ingest.web.pages import days, readiness, reporters, sources
from ingest.web.pages.view import (
    Cell,
    Column,
    Crumb,
    NothingThereError,
    Place,
    Table,
    Tile,
    View,
    address,
)
from store.pages import domain as figures
from store.pages.domain import ReporterRow
from store.pages.values import ChartDay
from store.policies import Published, last_day, published
from store.readonly import Connection
from store.standing import load
from summary.findings.values import Level
from summary.letter.words import share
from summary.readiness import OWN, PERIODS
from summary.selectors import LISTED
from summary.sources import BY_URGENCY
from summary.standing import Line, Standing
from summary.standing_json import read
from summary.verdicts import Verdict
from summary.words import VERDICTS, counted

CHARTED: Final = 90
"""Days of the chart."""
_OWN: Final = OWN - {Verdict.BOUNCES}
_PASSED_ON: Final = frozenset({Verdict.FORWARDED, Verdict.RECIPIENT_GATEWAY})


@dataclass(frozen=True, slots=True)
class Judged:
    """What was judged of the period that is asked for."""

    level: Level
    sentence: str
    listing: sources.Listing
    """The sources that may need a person."""
    passed_on: tuple[sources.Group, ...]
    readiness: readiness.ReadinessPart
    at: str


@dataclass(frozen=True, kw_only=True)
class DomainView(View):
    """A domain."""

    domain: str
    asked: Domain
    policy: str | None
    last_day: date
    tiles: tuple[Tile, ...]
    chart: Chart | None
    judged: Judged | None
    """None: it was not judged yet."""
    periods: tuple[tuple[int, str], ...]
    verdicts: tuple[tuple[str | None, str], ...]
    services: tuple[tuple[str | None, str], ...]
    reports: str | None
    """Address of the domain's reports."""

    @property
    def filtered(self) -> bool:
        """Whether some sources are left out."""
        return self.asked.verdict is not None or self.asked.service is not None


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a domain."""

    policy: Published | None
    last_day: date
    days: tuple[ChartDay, ...]
    """Of 90 days."""
    reporters: tuple[ReporterRow, ...]
    """Of the period."""
    standing: Standing | None


def build(connection: Connection, asked: Domain, today: date) -> DomainView:
    """Show a domain. Raises NothingThereError."""
    last = last_day(connection, asked.domain, today)
    if last is None:
        raise NothingThereError(f"No report about {asked.domain} was taken in.")
    kept = load(connection, asked.domain, [asked.days])
    standing = read(kept) if kept else None
    charted = standing.days if standing else figures.series(connection, asked.domain, last, CHARTED)
    upto = standing.last_day if standing else last
    since = upto - timedelta(days=asked.days - 1)
    return view(
        Figures(
            policy=standing.policy if standing else published(connection, asked.domain, today),
            last_day=upto,
            days=charted,
            reporters=figures.reporters(connection, asked.domain, since, upto),
            standing=standing,
        ),
        asked,
    )


def view(found: Figures, asked: Domain) -> DomainView:
    """Say all of it. Pure."""
    standing = found.standing
    every = standing.lines[asked.days] if standing else ()
    chosen = [it for it in every if _is_chosen(it, asked)]
    judged = _judged(standing, chosen, asked) if standing else None
    return DomainView(
        title=asked.domain,
        place=Place.OVERVIEW,
        crumbs=(Crumb("Domains", "/"), Crumb(asked.domain)),
        tables={it.name: it for it in _tables(found, asked, chosen, judged)},
        domain=asked.domain,
        asked=asked,
        policy=_policy(found.policy),
        last_day=found.last_day,
        tiles=tuple(_tiles(found, asked, every)),
        chart=chart(found.days, CHARTED, found.last_day),
        judged=judged,
        periods=tuple((it, f"{it} days") for it in PERIODS),
        verdicts=_verdicts(every, asked),
        services=_services(every, asked),
        reports=address("reports", domain=asked.domain),
    )


def _is_chosen(line: Line, asked: Domain) -> bool:
    source = line.source
    return asked.verdict in (None, source.verdict) and asked.service in (None, source.service)


def _judged(standing: Standing, chosen: Sequence[Line], asked: Domain) -> Judged:
    own = [it for it in chosen if it.source.verdict not in _PASSED_ON]
    return Judged(
        level=standing.level,
        sentence=standing.sentence,
        listing=sources.listing(asked.domain, asked.days, own),
        passed_on=sources.groups(asked.domain, asked.days, chosen),
        readiness=readiness.part(standing.readiness),
        at=f"{standing.judged_at:%Y-%m-%d %H:%M}",
    )


def _policy(policy: Published | None) -> str | None:
    if policy is None:
        return None
    tags = [("p", policy.p), ("sp", policy.sp), ("np", policy.np), ("t", policy.testing == "y" and "y")]
    pct = [("pct", policy.pct)] if policy.pct not in (None, 100) else []
    return "; ".join(f"{tag}={value}" for tag, value in (*tags, *pct) if value) or None


# --- what it leads with


def _tiles(found: Figures, asked: Domain, lines: Sequence[Line]) -> Iterator[Tile]:
    """Give the figures of the period."""
    since = found.last_day - timedelta(days=asked.days - 1)
    within = [it for it in found.days if it.day >= since]
    messages, passing = sum(it.messages for it in within), sum(it.passing for it in within)
    yield Tile("Messages", f"{messages:,}", f"{counted(len(within), 'day')} reported of {asked.days}")
    yield Tile("Passing", share(passing, messages), f"{passing:,} messages")
    if found.standing:
        yield from _judged_tiles(lines)
        short = readiness.short(found.standing.readiness)
        yield Tile("Policy", found.standing.policy.p or "unknown", short, anchor="ready")


def _judged_tiles(lines: Sequence[Line]) -> Iterator[Tile]:
    _, failing = _sums(lines, _OWN)
    _, bounces = _sums(lines, {Verdict.BOUNCES})
    yield Tile(
        "Your own, failing",
        f"{failing:,}",
        f"and {counted(bounces, 'bounce')}" if bounces else None,
        "act" if failing else None,
    )
    unknown, _ = _sums(lines, {Verdict.UNKNOWN})
    yield Tile("Unknown senders", f"{unknown:,}", "what a strict policy stops")
    passed_on, _ = _sums(lines, _PASSED_ON)
    yield Tile("Forwarded", f"{passed_on:,}", "and recipients' gateways")


def _sums(lines: Sequence[Line], verdicts: frozenset[Verdict] | set[Verdict]) -> tuple[int, int]:
    within = [it.source for it in lines if it.source.verdict in verdicts]
    return sum(it.messages for it in within), sum(it.failing for it in within)


# --- what can be chosen


def _verdicts(lines: Sequence[Line], asked: Domain) -> tuple[tuple[str | None, str], ...]:
    there = {it.source.verdict for it in lines} | ({asked.verdict} if asked.verdict else set())
    return ((None, "All"), *((it, VERDICTS[it]) for it in BY_URGENCY if it in there))


def _services(lines: Sequence[Line], asked: Domain) -> tuple[tuple[str | None, str], ...]:
    there = {it.source.service: it.source.who for it in lines if it.source.service}
    if asked.service:
        there.setdefault(asked.service, asked.service)
    named = sorted(there.items(), key=lambda it: it[1].casefold())
    return ((None, "All"), *named)


# --- tables


def _tables(found: Figures, asked: Domain, chosen: Sequence[Line], judged: Judged | None) -> Iterator[Table]:
    yield sources.table(asked.domain, chosen)
    if judged:
        yield judged.readiness.touched
    if judged:
        yield _selectors(asked, found.standing)
    yield reporters.table(asked.domain, found.reporters)
    yield days.table(found.days)


def _selectors(asked: Domain, standing: Standing | None) -> Table:
    found = standing.selectors[asked.days] if standing else ()
    return Table(
        name="selectors",
        caption="DKIM selectors in use",
        columns=(
            Column("selector", "Selector", "code"),
            Column("domain", "Signing domain"),
            Column("messages", "Messages", "number"),
            Column("verified", "Verifying", "number"),
            Column("last_day", "Last seen", "day"),
        ),
        rows=tuple(
            (Cell(it.selector), Cell(it.domain), Cell(it.messages), Cell(it.verified), Cell(it.last_day))
            for it in found
        ),
        bound=f"Those {LISTED} with most messages." if len(found) == LISTED else None,
        empty=f"No message of these {asked.days} days had a signature of this domain.",
    )
