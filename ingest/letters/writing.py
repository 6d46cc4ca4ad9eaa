"""Letters that are due in; each gathered, judged and laid out, with the bytes that every try sends, out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.utils import make_msgid
from zoneinfo import ZoneInfo

from enrich.catalogue import load
from ingest.known import known
from ingest.letters.due import DAY, WEEK, Letter, Subscription, subscriptions
from ingest.settings import Settings, SmtpSettings, SummarySettings
from store.database import Database
from store.figures import Window
from store.outbox import Parcel
from summary.bulletin import Bulletin, Level, Thresholds, bulletin, for_domains
from summary.gathering import gather
from summary.letter import Envelope, compose

ABOUT_A_WEEK = WEEK - DAY / 2
"""A week is an hour short where clocks go forward."""


def write(
    settings: Settings, database: Database, letters: Iterable[Letter], now: datetime
) -> Iterator[Parcel]:
    """Write the letters, but for those without news where only news is wanted; none without [smtp].

    Raises DatabaseUnavailableError, CatalogueError.
    """
    if settings.smtp is None:
        return
    by_window: dict[Window, list[Letter]] = defaultdict(list)
    for letter in letters:
        by_window[letter.window].append(letter)
    for window, those in by_window.items():
        whole = judge(settings, database, window, now)
        for letter in those:
            news = _part(whole, letter.subscription, settings)
            if _is_wanted(settings.summary, letter, news):
                yield _parcel(settings.smtp, settings.summary.timezone, letter.subscription, news)


def write_now(settings: Settings, whole: Bulletin) -> Iterator[Parcel]:
    """Write what everybody who gets the letter gets of a bulletin; none without [smtp], or without a domain in it."""
    if settings.smtp is None:
        return
    for subscription in subscriptions(settings):
        news = _part(whole, subscription, settings)
        if subscription.kind == "daily" and news.domains:
            yield _parcel(settings.smtp, settings.summary.timezone, subscription, news)


def judge(settings: Settings, database: Database, window: Window, now: datetime) -> Bulletin:
    """Judge what a window brought about all domains. Raises DatabaseUnavailableError, CatalogueError."""
    catalogue = load(settings.enrich.services)
    figures, judged = gather(database, window, None, lambda domain: known(settings, domain, catalogue), now)
    return bulletin(figures, judged, thresholds(settings.summary), now)


def thresholds(summary: SummarySettings) -> Thresholds:
    """Give what is worth a look by the settings."""
    return Thresholds(
        drop_points=summary.drop_points,
        drop_messages=summary.drop_messages,
        silent_days=summary.silent_days,
        new_source_messages=summary.new_source_messages,
    )


def _part(whole: Bulletin, subscription: Subscription, settings: Settings) -> Bulletin:
    names = [news.figures.domain for news in whole.domains]
    return for_domains(whole, subscription.about(names, settings.domains))


def _is_wanted(summary: SummarySettings, letter: Letter, news: Bulletin) -> bool:
    """Tell whether it is sent: with `quiet` what has news, the first of all, and one a week as a sign of life."""
    if not summary.quiet or letter.is_first or letter.subscription.kind == "weekly":
        return True
    if news.level is not Level.WELL:
        return True
    return summary.weekly is None and letter.window.until - letter.window.after >= ABOUT_A_WEEK


def _parcel(smtp: SmtpSettings, timezone: str, subscription: Subscription, news: Bulletin) -> Parcel:
    host = smtp.sender.rpartition("@")[2]
    envelope = Envelope(
        sender=smtp.sender,
        recipient=subscription.recipient,
        reply_to=smtp.reply_to,
        message_id=make_msgid(domain=host),
        date=news.written_at,
        timezone=ZoneInfo(timezone),
        list_id=f"ruamill.{host}",
    )
    return Parcel(
        kind=subscription.kind,
        channel="mail",
        recipient=subscription.recipient,
        topic=subscription.topic,
        begins_at=news.window.after,
        ends_at=news.window.until,
        message_id=envelope.message_id,
        subject=news.subject,
        content=compose(news, envelope).as_bytes(),
    )
