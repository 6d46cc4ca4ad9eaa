"""What the database knows, and what is configured, in; the figures of each mailbox, domain and registry out. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nlargest
from operator import itemgetter

from enrich.values import BOOTSTRAP, NAMES, ORIGIN, REGISTRIES
from ingest.settings import AnyMailbox, EnrichSettings, ImapSettings, nearest
from store.health import FolderState
from store.lookups import RegistryState
from store.outbox import Undelivered

ASKED = (*REGISTRIES, BOOTSTRAP, ORIGIN, NAMES)
"""Who is asked about addresses."""

MOST_DOMAINS = 200
"""Domains that are told apart where none is configured: reports are written by strangers, who can make up any number."""

GONE_AFTER = timedelta(days=1)
"""A subfolder that was not even tried for so long, while the mailbox was polled, is there no more."""

NAMED = 3
"""Recipients that are named, the rest is counted."""

LATE_AFTER = timedelta(hours=1)
"""A letter that waits for so long wants a person: a server that puts off what it does not know takes it sooner."""

LOST_UNTIL = timedelta(days=7)
"""For so long after it was written, a letter that was given up wants a person."""


@dataclass(frozen=True, slots=True)
class MailboxFigures:
    """One configured mailbox over all its folders."""

    name: str
    last_poll_at: datetime | None
    """End of the last poll that went through, whoever polled."""
    waiting: int | None
    """Messages without an outcome; None before it was first looked at."""
    oldest_at: datetime | None
    """When the oldest of them arrived."""
    error: str | None
    """What last went wrong in a folder, and has not gone well since."""
    error_at: datetime | None


def of_mailboxes(boxes: Iterable[AnyMailbox], states: Sequence[FolderState]) -> list[MailboxFigures]:
    """Sum up the folders that are read; of those that were read once, nothing is told any more."""
    return [_of_mailbox(box.name, _still_read(box, states)) for box in boxes]


def _still_read(box: AnyMailbox, states: Sequence[FolderState]) -> list[FolderState]:
    configured = [it for it in states if it.source == box.name and _is_configured(box, it.folder)]
    last = max((it.last_poll_at for it in configured if it.last_poll_at), default=None)
    return [it for it in configured if last is None or _seen_at(it, last) > last - GONE_AFTER]


def _is_configured(box: AnyMailbox, folder: str) -> bool:
    if not isinstance(box, ImapSettings):
        return True
    return folder in box.folders or (box.subfolders and folder.startswith(box.folders))


def _seen_at(state: FolderState, otherwise: datetime) -> datetime:
    """Tell when a folder was last opened, or tried; one whose first poll still runs says nothing of it."""
    return max(filter(None, (state.last_poll_at, state.last_error_at)), default=otherwise)


def _of_mailbox(name: str, folders: Sequence[FolderState]) -> MailboxFigures:
    waiting = [it.waiting for it in folders if it.waiting is not None]
    errors = [(it.last_error_at, it.last_error) for it in folders if it.last_error and it.last_error_at]
    error_at, error = max(errors, default=(None, None))
    return MailboxFigures(
        name=name,
        last_poll_at=max((it.last_poll_at for it in folders if it.last_poll_at), default=None),
        waiting=sum(waiting) if waiting else None,
        oldest_at=min((it.oldest_waiting_at for it in folders if it.oldest_waiting_at), default=None),
        error=error,
        error_at=error_at,
    )


def newest_by_domain(
    domains: Sequence[str], known: Mapping[str, datetime], found: Mapping[str, datetime]
) -> dict[str, datetime]:
    """Bring what is known of each domain up to date by the newest reports about policy domains.

    With `domains` configured it is told of these, those below them included; without, of the MOST_DOMAINS that were
    reported last.
    """
    newest = dict(known)
    for name, moment in found.items():
        if key := nearest(name, domains) if domains else name:
            newest[key] = max(moment, newest.get(key, moment))
    return dict(nlargest(MOST_DOMAINS, newest.items(), key=itemgetter(1))) if not domains else newest


def of_registries(settings: EnrichSettings, states: Mapping[str, RegistryState]) -> dict[str, RegistryState]:
    """Tell of everyone who is asked, of those too who never were; of nobody where look-ups are off."""
    return {who: states.get(who, RegistryState()) for who in ASKED} if settings.queries == "on" else {}


def lost_letters(undelivered: Iterable[Undelivered], now: datetime) -> list[Undelivered]:
    """Choose the letters and alerts that were given up lately."""
    return [it for it in undelivered if it.next_try_at is None and now - it.claimed_at < LOST_UNTIL]


def late_letters(undelivered: Iterable[Undelivered], now: datetime) -> list[Undelivered]:
    """Choose the letters and alerts that are still tried, and should have arrived by now."""
    return [it for it in undelivered if it.next_try_at is not None and now - it.claimed_at > LATE_AFTER]


def troubles_with_letters(undelivered: Sequence[Undelivered], now: datetime) -> Iterator[str]:
    """Name what keeps letters and alerts from arriving, each cause once."""
    for error, those in _by_error(late_letters(undelivered, now)).items():
        since = f"{min(it.claimed_at for it in those):%Y-%m-%d %H:%M} UTC"
        why = error or "nobody sends it: start `ruamill run`, with [smtp] set"
        yield f"mail to {_recipients(those)} is tried since {since}: {why}"
    for error, those in _by_error(lost_letters(undelivered, now)).items():
        yield f"mail to {_recipients(those)} was given up: {error}"


def _by_error(letters: Iterable[Undelivered]) -> Mapping[str, list[Undelivered]]:
    found: dict[str, list[Undelivered]] = defaultdict(list)
    for it in letters:
        found[it.error or ""].append(it)
    return found


def _recipients(letters: Iterable[Undelivered]) -> str:
    names = list(dict.fromkeys(it.recipient for it in letters))
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
