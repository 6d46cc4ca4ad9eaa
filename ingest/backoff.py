"""How long to wait before the next try: failures in, seconds out."""

from random import uniform

FIRST = 1.0
"""Seconds after the first failure."""

SPREAD = 0.5
"""The share of a wait that is left to chance: what failed together shall not come back together."""


class Backoff:
    """Waits that double from one failure to the next, up to a limit, and begin anew after a success."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._next = FIRST

    def reset(self) -> None:
        """Take note of a success."""
        self._next = FIRST

    def failed(self, *, temporary: bool) -> float:
        """Take note of a failure; give the seconds to wait. What a person must mend is waited for at full length.

        So a wrong password is not tried every other second until the server locks the account.
        """
        wait = min(self._next, self._longest) if temporary else self._longest
        self._next = min(2 * wait, self._longest)
        return wait * uniform(1 - SPREAD, 1)  # noqa: S311 (a moment, no secret)
