"""The access tokens of an account: its settings in, a token that is good for a login out, renewed in time."""

import time
from collections.abc import Callable

from ingest.oauth.grants import Grant
from ingest.settings import ImapSettings, SmtpSettings

EARLY = 300.0
"""Seconds before its end at which a token is not used for a login any more."""


class Tokens:
    """What opens one account, for as long as the process lives; used by one thread."""

    def __init__(self, ask: Callable[[], Grant]) -> None:
        self._ask = ask
        self._token = ""
        self._due = self._ends = time.monotonic()
        self.new = False
        """Whether the token that was given last was fetched just then: to ask again would bring nothing better."""

    def current(self) -> str:
        """Give a token that lives for five minutes more, or for half its life if that is short.

        Raises MailboxUnavailableError if a new one is needed and the provider gives none.
        """
        if time.monotonic() >= self._due:
            return self.renew()
        self.new = False
        return self._token

    def renew(self) -> str:
        """Give a new token, whatever is left of the one before. Raises MailboxUnavailableError."""
        asked = time.monotonic()
        self._due = self._ends = asked
        grant = self._ask()
        self._token, self.new = grant.token, True
        self._ends = asked + grant.seconds
        self._due = self._ends - min(EARLY, grant.seconds / 2)
        return self._token

    @property
    def given(self) -> str:
        """The token that was given last; empty before the first."""
        return self._token

    def seconds_left(self) -> float:
        """Tell how long the token that was given last is good; 0 without one."""
        return max(0.0, self._ends - time.monotonic())


def tokens_for(settings: ImapSettings | SmtpSettings) -> Tokens | None:
    """Give the tokens of an account; None where a password opens it, or nothing need. Nothing is asked for yet."""
    if settings.oauth is None or settings.user is None:
        return None
    from ingest.oauth.providers import asking  # noqa: PLC0415 (its libraries take 0.3 s; a password needs none)

    return Tokens(asking(settings.oauth, settings.user))
