"""Mail that arrives all the time, at a random pace: reports for the most part, in every shape, and other mail."""

from collections.abc import Iterator
from itertools import count
from random import Random
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from tests.ingest.mailbox_kit import (
    Post,
    again,
    corrupt_mail,
    half_good_mail,
    mail_of_two,
    notice_mail,
    ordinary_mail,
    report_mail,
    tls_mail,
)
from tests.soak.house import REPORTS, SHARED, STEADY, House

KINDS = {
    report_mail: 820,
    mail_of_two: 60,
    half_good_mail: 20,
    corrupt_mail: 20,
    tls_mail: 20,
    notice_mail: 10,
    ordinary_mail: 10,
}
"""Kind of mail -> how often, of 1,000; the other 40 come a second time."""
BURST = 50
"""Mails that come at once now and then, as reporters send them by night."""


class Arrivals:
    """A thread that delivers mail; what came is known afterwards, by mailbox."""

    def __init__(self, house: House, chance: Random, per_second: float) -> None:
        self.posts: dict[str, list[Post]] = {STEADY: [], SHARED: []}
        self._house = house
        self._chance = chance
        self._per_second = per_second
        self._numbers = _numbers()
        self._delivering = Lock()
        self._end = Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Let no more come."""
        self._end.set()
        self._thread.join()

    @property
    def number(self) -> int:
        """How many mails came so far."""
        return sum(map(len, self.posts.values()))

    def probe(self) -> list[str]:
        """Deliver a report into each mailbox, and give the numbers by which to find them."""
        with self._delivering:
            numbers = [next(self._numbers) for _ in self.posts]
            for user, number in zip(self.posts, numbers, strict=True):
                self._deliver(user, [report_mail(number)])
        return [str(number) for number in numbers]

    def _run(self) -> None:
        while not self._end.wait(self._chance.expovariate(self._per_second)):
            with self._delivering:
                burst = BURST if self._chance.random() < 1 / (4 * BURST) else 1
                self._deliver(
                    self._chance.choice([STEADY, SHARED]), [self._some_mail() for _ in range(burst)]
                )

    def _some_mail(self) -> Post:
        known = [post for posts in self.posts.values() for post in posts[-100:] if post.outcome == "stored"]
        kinds, weights = [*KINDS, None], [*KINDS.values(), 1_000 - sum(KINDS.values()) if known else 0]
        [kind] = self._chance.choices(kinds, weights)
        return kind(next(self._numbers)) if kind else again(self._chance.choice(known))

    def _deliver(self, user: str, posts: list[Post]) -> None:
        contents = [post.content for post in posts]
        if self._chance.random() < 0.2 and self._house.reports_folder.acquire(blocking=False):
            try:
                self._house.dovecot.deliver(user, contents, REPORTS)
            finally:
                self._house.reports_folder.release()
        else:
            self._house.dovecot.deliver(user, contents)
        self.posts[user] += posts


def _numbers() -> Iterator[int]:
    """Count, leaving out what `mail_of_two` and its like take for their second report."""
    for thousands in count(0, 10_000):
        yield from range(thousands, thousands + 5_000)
