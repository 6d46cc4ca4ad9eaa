"""What the database knows, and what is configured, in; the figures of each mailbox, domain and registry out. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nlargest
from operator import itemgetter

from enrich.values import BOOTSTRAP, NAMES, ORIGIN, REGISTRIES
from ingest.settings import AnyMailbox, EnrichSettings, ImapSettings
from store.health import FolderState
from store.lookups import RegistryState

ASKED = (*REGISTRIES, BOOTSTRAP, ORIGIN, NAMES)
"""Who is asked about addresses."""

MOST_DOMAINS = 200
"""Domains that are told apart where none is configured: reports are written by strangers, who can make up any number."""

GONE_AFTER = timedelta(days=1)
"""A subfolder that was not even tried for so long, while the mailbox was polled, is there no more."""


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
        if key := _configured(name, domains):
            newest[key] = max(moment, newest.get(key, moment))
    return dict(nlargest(MOST_DOMAINS, newest.items(), key=itemgetter(1))) if not domains else newest


def _configured(name: str, domains: Sequence[str]) -> str | None:
    """Name the configured domain that a policy domain is, or lies below; the nearest, where several are."""
    above = [own for own in domains if name == own or name.endswith(f".{own}")]
    return max(above, key=len, default=None) if domains else name


def of_registries(settings: EnrichSettings, states: Mapping[str, RegistryState]) -> dict[str, RegistryState]:
    """Tell of everyone who is asked, of those too who never were; of nobody where look-ups are off."""
    return {who: states.get(who, RegistryState()) for who in ASKED} if settings.queries == "on" else {}
