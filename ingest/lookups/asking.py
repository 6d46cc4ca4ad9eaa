"""Questions in, answers out: a line for each who is asked, at the pace that each allows, and threads that ask.

One that is slow or away keeps nobody waiting: the threads only ask, and lines, pace and budget are whose calls they are.
Threads end with the process, even in the middle of a question.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeAlias

import structlog

from enrich.pace import LONGEST_RETRY_AFTER, Pace
from enrich.values import NAMES, ORIGIN, Address, Answer, Failed, Limited, Name, Origin
from store.lookups import RegistryState

THREADS: Final = {ORIGIN: 4, NAMES: 8}
"""Name servers now and then do not answer, and one such question must not hold up the rest; a registry is asked one
thing at a time."""
ORIGINS_EACH, NAMES_EACH = 3, 10
"""For each registry query of the budget. Origins run ahead of a registry that is slow, to find work for the others."""
AT_ONCE: Final = 200
"""Answers that are given out together: what one transaction keeps."""

log = structlog.get_logger()

Reply: TypeAlias = Origin | Name | Answer | None


@dataclass(frozen=True, slots=True)
class Question:
    """What a thread asks."""

    asked: str
    """A registry, BOOTSTRAP, ORIGIN or NAMES."""
    address: Address
    origin: Origin | None = None
    """Who announces the address: what a registry's answer has to say besides."""


class Asking:
    """Everyone who is asked in one run, for the one thread that makes it."""

    def __init__(
        self,
        ask: Callable[[Question], Reply],
        pace: Pace,
        budget: int,
        states: Mapping[str, RegistryState],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._pace = pace
        self._budget = budget
        self._clock = clock
        self._states = dict(states)
        self._changed: set[str] = set()
        self._lines: defaultdict[str, deque[Question]] = defaultdict(deque)
        self._inboxes: dict[str, SimpleQueue[Question | None]] = {}
        self._underway: Counter[str] = Counter()
        self._replies: SimpleQueue[tuple[Question, Reply]] = SimpleQueue()
        self.queries: Counter[str] = Counter()
        for who, state in states.items():
            self._stay_closed(who, state)

    def _stay_closed(self, who: str, state: RegistryState) -> None:
        """Obey what another process, or this one before it ended, was told."""
        if state.closed_until is not None:
            left = (state.closed_until - datetime.now(UTC)).total_seconds()
            if left > 0:  # no longer than anybody may ask for: the clock may have been ahead then
                self._pace.close_for(who, min(left, LONGEST_RETRY_AFTER), self._clock())

    def line_up(self, question: Question) -> None:
        """Take a question, to be asked when its turn comes."""
        self._lines[question.asked].append(question)

    def in_line(self, who: str) -> int:
        """Count the questions that wait for one."""
        return len(self._lines[who])

    @property
    def underway(self) -> int:
        """Questions that were asked and have no answer yet."""
        return self._underway.total()

    @property
    def idle(self) -> bool:
        """Nothing is under way, and nobody who may be asked has anybody waiting."""
        return not self.underway and not any(
            line and self.may_be_asked(who) for who, line in self._lines.items()
        )

    def may_be_asked(self, who: str) -> bool:
        """Tell whether one is neither closed nor asked enough in this run."""
        return not self._is_spent(who) and self.closed_for(who) <= 0

    def closed_for(self, who: str) -> float:
        """Give the seconds for which one is not asked."""
        return self._pace.closed_for(who, self._clock())

    def _is_spent(self, who: str) -> bool:
        names, origins = self.queries[NAMES], self.queries[ORIGIN]
        if who == NAMES:
            return names >= NAMES_EACH * self._budget
        if who == ORIGIN and origins >= ORIGINS_EACH * self._budget:
            return True
        return self.queries.total() - names - origins >= self._budget

    def send(self) -> float:
        """Ask what may be asked now; give the seconds after which the pace lets more be asked."""
        return min((self._send(who) for who in list(self._lines)), default=inf)

    def _send(self, who: str) -> float:
        line = self._lines[who]
        while line and self._underway[who] < THREADS.get(who, 1) and self.may_be_asked(who):
            wait = self._pace.wait(who, self._clock())
            if wait > 0:
                return wait
            self._inbox(who).put(line.popleft())
            self._underway[who] += 1
            self.queries[who] += 1
        return inf

    def _inbox(self, who: str) -> "SimpleQueue[Question | None]":
        if who not in self._inboxes:
            self._inboxes[who] = SimpleQueue()
            for _ in range(THREADS.get(who, 1)):
                Thread(target=self._work, args=(self._inboxes[who],), daemon=True).start()
        return self._inboxes[who]

    def _work(self, inbox: "SimpleQueue[Question | None]") -> None:
        while (question := inbox.get()) is not None:
            try:
                reply = self._ask(question)
            except Exception as error:
                log.exception("defect", asked=question.asked, address=str(question.address))
                reply = Failed(question.asked, f"defect: {type(error).__name__}: {error}")
            self._replies.put((question, reply))

    def answers(self, seconds: float) -> list[tuple[Question, Reply]]:
        """Wait for answers, and give those that are there; where somebody was asked too often, the question waits."""
        answers: list[tuple[Question, Reply]] = []
        for question, reply in self._received(seconds):
            self._learn(question, reply)
            if isinstance(reply, Limited):
                self._lines[reply.asked].appendleft(_later(question, reply.asked))
            else:
                answers.append((question, reply))
        return answers

    def _received(self, seconds: float) -> Iterator[tuple[Question, Reply]]:
        try:
            yield self._replies.get(timeout=seconds)
            for _ in range(AT_ONCE - 1):
                yield self._replies.get_nowait()
        except Empty:
            return

    def _learn(self, question: Question, reply: Reply) -> None:
        """Let the pace follow from an answer, and note how it stands with whoever gave it."""
        who = question.asked
        self._underway[who] -= 1
        self._note(who, queries=self._state(who).queries + 1)
        if isinstance(reply, (Failed, Limited)):
            self._refused(reply)
        else:
            self._pace.answered(who)
            self._note(who, failures=0, closed_until=None, last_error=None, last_error_at=None)

    def _refused(self, reply: Failed | Limited) -> None:
        """Keep away for a while from whoever wants it, or is not there: it need not be the one that was asked first."""
        who, now, was_closed = reply.asked, self._clock(), self.closed_for(reply.asked) > 0
        error = reply.reason if isinstance(reply, Failed) else "asked too often"
        if isinstance(reply, Limited):
            self._pace.limited(who, reply.retry_after, now)
        elif not was_closed:  # several were under way when the first failed: one outage, one closing
            self._pace.failed(who, now, reached=reply.reached)
        seconds, moment = self.closed_for(who), datetime.now(UTC)
        if seconds and not was_closed:
            log.warning("registry_closed", registry=who, seconds=round(seconds), error=error)
        until = moment + timedelta(seconds=seconds) if seconds else None
        failures = self._pace.failures(who)
        self._note(who, failures=failures, closed_until=until, last_error=error, last_error_at=moment)

    def _state(self, who: str) -> RegistryState:
        return self._states.get(who, RegistryState())

    def _note(self, who: str, **changes: Any) -> None:  # noqa: ANN401 (fields of RegistryState)
        self._states[who] = replace(self._state(who), **changes)
        self._changed.add(who)

    def changed_states(self) -> dict[str, RegistryState]:
        """Give how it stands with those whose answers came since the last call."""
        changed = {who: self._states[who] for who in self._changed}
        self._changed.clear()
        return changed

    @property
    def left(self) -> list[Question]:
        """What is still in line."""
        return [question for line in self._lines.values() for question in line]

    @property
    def closed(self) -> dict[str, float]:
        """Who is not asked now, and for how many seconds."""
        seconds = {who: self.closed_for(who) for who in self._states}
        return {who: each for who, each in seconds.items() if each > 0}

    def close(self) -> None:
        """Let the threads end, each after the question that it is at."""
        for who, inbox in self._inboxes.items():
            for _ in range(THREADS.get(who, 1)):
                inbox.put(None)


def _later(question: Question, registry: str) -> Question:
    """Ask the same of the registry that a redirect led to, once it lets itself be asked."""
    if registry == question.asked:
        return question
    origin = question.origin or Origin(registry, None, None)
    return Question(registry, question.address, replace(origin, registry=registry))
