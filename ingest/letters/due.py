"""The settings, the moment and what was told already in; which letters are due, to whom, about what and since when, out.

Pure. A letter ends at the moment that was set for it, not at that of its writing: so two daemons write the same one.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ingest.settings import Settings, SummarySettings, nearest
from store.figures import Window

DAY, WEEK = timedelta(days=1), timedelta(days=7)

SETTLED = timedelta(minutes=2)
"""After its moment a letter is written: the clock of another host that stores reports may be late."""

LONGEST = timedelta(days=30)
"""Who was told nothing for longer, because nothing could be sent or they were no reader, is told of so many days."""

EVERYTHING = "all"
"""The topic of a letter about all domains of its reader."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who gets a letter, and about what."""

    kind: Literal["daily", "weekly"]
    recipient: str
    topic: str
    """The domain of a letter for each, else EVERYTHING."""
    domains: tuple[str, ...] | None
    """The configured ones that it is about, with what is below each; None: every domain."""

    def about(self, names: Iterable[str], configured: Collection[str]) -> list[str]:
        """Choose its own among policy domains."""
        if self.domains is None:
            return list(names)
        return [name for name in names if nearest(name, configured) in self.domains]


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter that is due."""

    subscription: Subscription
    window: Window
    is_first: bool
    """Whether nothing like it was ever written."""


def readers(settings: Settings) -> Mapping[str, Sequence[str] | None]:
    """Name who gets letters, each with the configured domains that are theirs; None: every domain."""
    recipients = settings.summary.recipients
    if not settings.domains:
        return dict.fromkeys(recipients)
    found: dict[str, list[str]] = defaultdict(list)
    for domain, own in settings.domains.items():
        for recipient in own.recipients or recipients:
            found[recipient].append(domain)
    return found


def subscriptions(settings: Settings) -> Iterator[Subscription]:
    """Give every letter that somebody gets day by day, or week by week."""
    for recipient, domains in readers(settings).items():
        for topic, about in _topics(domains, each=settings.summary.letters == "each"):
            daily = Subscription("daily", recipient, topic, about)
            yield daily
            if settings.summary.weekly:
                yield replace(daily, kind="weekly")


def _topics(domains: Sequence[str] | None, *, each: bool) -> list[tuple[str, tuple[str, ...] | None]]:
    if domains is None or not each:
        return [(EVERYTHING, None if domains is None else tuple(domains))]
    return [(domain, (domain,)) for domain in domains]


def due(
    settings: Settings,
    now: datetime,
    started: datetime,
    done: Mapping[Subscription, datetime],
    told: Callable[[Subscription], datetime | None],
) -> Iterator[Letter]:
    """Give the letters whose moment has come and is not `done`; those that were missed are made up by one over all of it.

    `told` says up to when somebody was told of something. What never was begins a day (a week) before its first moment
    after `started`: who sets up ruamill at noon is not told of a morning before there was anything.
    """
    for it in subscriptions(settings):
        until = _moment(settings.summary, it.kind, now - SETTLED)
        if done.get(it) == until:
            continue
        last, before = _last(settings.summary, it, told), until - (DAY if it.kind == "daily" else WEEK)
        if last is not None and last - now > DAY:
            last = before  # the clock was ahead: what was told then is no reason to be silent until that day
        if last is None and until >= started:
            yield Letter(it, Window(before, until), is_first=True)
        elif last is not None and last < until:
            yield Letter(it, Window(max(last, until - LONGEST), until), is_first=False)


def _last(
    summary: SummarySettings, subscription: Subscription, told: Callable[[Subscription], datetime | None]
) -> datetime | None:
    """Tell up to when somebody knows; where quiet days have no letter, the weekly one has told of them.

    By letters of the other form too: `letters` may have been set anew since.
    """
    kinds = [subscription.kind]
    if summary.quiet and summary.weekly and subscription.kind == "daily":
        kinds.append("weekly")
    others = subscription.domains or () if subscription.topic == EVERYTHING else (EVERYTHING,)
    topics = (subscription.topic, *others)
    moments = (told(replace(subscription, kind=kind, topic=topic)) for kind in kinds for topic in topics)
    return max(filter(None, moments), default=None)


def _moment(summary: SummarySettings, kind: Literal["daily", "weekly"], now: datetime) -> datetime:
    """Give the last moment up to now at which such a letter was wanted: one on each day, whatever the clocks do.

    Where they skip the time of day it is as much later, where they repeat it it is the first (PEP 495).
    """
    zone = ZoneInfo(summary.timezone)
    today = now.astimezone(zone).date()
    days = (today - back * DAY for back in range(9))
    wanted = (day for day in days if kind == "daily" or DAYS[day.weekday()] == summary.weekly)
    moments = (datetime.combine(day, time.fromisoformat(summary.at), zone).astimezone(UTC) for day in wanted)
    return next(moment for moment in moments if moment <= now)
