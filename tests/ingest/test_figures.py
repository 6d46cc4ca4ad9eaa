"""What is told of each configured mailbox and domain, and of the registries."""

from datetime import UTC, datetime, timedelta

from ingest.monitoring.figures import (
    MOST_DOMAINS,
    MailboxFigures,
    newest_by_domain,
    of_mailboxes,
    of_registries,
)
from ingest.settings import EnrichSettings, ImapSettings
from store.health import FolderState
from store.lookups import RegistryState

NOW = datetime(2026, 11, 3, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def state(folder: str, source: str = "box", **values: object) -> FolderState:
    usual: dict[str, object] = {
        "last_poll_at": NOW,
        "last_error": None,
        "last_error_at": None,
        "waiting": 0,
        "oldest_waiting_at": None,
    }
    return FolderState(source, folder, **{**usual, **values})  # type: ignore[arg-type]  # the keys of the class


def box(**values: object) -> ImapSettings:
    return ImapSettings.model_validate(
        {"name": "box", "host": "imap.example.org", "user": "u", "password": "p", **values}
    )


def figures(*states: FolderState, **values: object) -> MailboxFigures:
    [found] = of_mailboxes([box(**values)], states)
    return found


def test_the_folders_of_a_mailbox_are_summed_up() -> None:
    found = figures(
        state("INBOX", waiting=3, oldest_waiting_at=NOW - HOUR, last_poll_at=NOW - HOUR),
        state("Reports", waiting=4, oldest_waiting_at=NOW - 2 * HOUR),
        state("INBOX", source="another", waiting=100),
        folders=["INBOX", "Reports"],
    )
    assert found == MailboxFigures("box", NOW, 7, NOW - 2 * HOUR, None, None)


def test_a_mailbox_that_was_never_polled_is_told_too() -> None:
    assert figures() == MailboxFigures("box", None, None, None, None, None)


def test_the_last_error_is_that_of_any_folder() -> None:
    older, newer = NOW - HOUR, NOW
    found = figures(
        state("INBOX", last_error="no answer", last_error_at=older),
        state("Reports", last_error="no such folder", last_error_at=newer),
        folders=["INBOX", "Reports"],
    )
    assert (found.error, found.error_at) == ("no such folder", newer)


def test_a_folder_that_is_configured_no_more_is_not_told() -> None:
    old = state("Reports", waiting=100, last_error="no such folder", last_error_at=NOW)
    found = figures(state("INBOX", waiting=1), old)
    assert (found.waiting, found.error) == (1, None)
    assert figures(state("INBOX/2025", waiting=5)).waiting is None
    assert figures(state("INBOX/2025", waiting=5), subfolders=True).waiting == 5


def test_a_subfolder_that_is_there_no_more_is_forgotten_after_a_day() -> None:
    long_ago = NOW - timedelta(days=2)
    gone = state("INBOX/2025", waiting=5, last_poll_at=long_ago)
    assert figures(state("INBOX"), gone, subfolders=True).waiting == 0
    first_poll_runs = state("INBOX/2025", waiting=5, last_poll_at=None)
    assert figures(state("INBOX"), first_poll_runs, subfolders=True).waiting == 5
    everything_is_old = state("INBOX", last_poll_at=long_ago, waiting=2)
    assert figures(everything_is_old, gone, subfolders=True).waiting == 7


def test_configured_domains_are_told_with_those_below_them_and_no_others() -> None:
    own = ("example.org", "mail.example.org")
    found = {
        "example.org": NOW - HOUR,
        "a.example.org": NOW,
        "b.mail.example.org": NOW - 2 * HOUR,
        "x.test": NOW,
    }
    assert newest_by_domain(own, {}, found) == {"example.org": NOW, "mail.example.org": NOW - 2 * HOUR}
    assert newest_by_domain(own, {}, {"notexample.org": NOW}) == {}


def test_what_was_known_stays_unless_something_newer_came() -> None:
    known = {"example.org": NOW, "example.net": NOW - HOUR}
    found = {"example.org": NOW - HOUR, "example.net": NOW}
    assert newest_by_domain((), known, found) == {"example.org": NOW, "example.net": NOW}


def test_strangers_cannot_make_up_any_number_of_domains() -> None:
    found = {f"{number}.example": NOW - number * HOUR for number in range(1000)}
    told = newest_by_domain((), {}, found)
    assert len(told) == MOST_DOMAINS
    assert min(told.values()) == NOW - (MOST_DOMAINS - 1) * HOUR


def test_everyone_who_is_asked_is_told_unless_nobody_is() -> None:
    state = RegistryState(queries=7, failures=1)
    found = of_registries(EnrichSettings(), {"arin": state})
    assert set(found) >= {"arin", "ripencc", "apnic", "lacnic", "afrinic", "bootstrap", "origin", "names"}
    assert (found["arin"], found["names"]) == (state, RegistryState())
    assert of_registries(EnrichSettings(queries="off"), {"arin": state}) == {}
