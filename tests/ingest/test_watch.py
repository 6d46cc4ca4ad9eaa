"""What the mailboxes' threads tell, and when a person should look into it."""

from dataclasses import dataclass

import pytest
from prometheus_client import REGISTRY

from ingest.monitoring.watch import STUCK_SECONDS, Standing, State, Watch
from ingest.tally import Tally

POLL_SECONDS = 300
PATIENCE = 900


@dataclass
class Clock:
    """A monotonic clock that moves when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Give the time, as `time.monotonic` does."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> Watch:
    return Watch(["box", "other"], POLL_SECONDS, clock)


def standing(watch: Watch) -> Standing:
    return next(it for it in watch.standings() if it.name == "box")


def problem(watch: Watch) -> str | None:
    return standing(watch).problem(watch.patience)


def test_a_mailbox_that_was_not_polled_yet_is_well(watch: Watch, clock: Clock) -> None:
    clock.now += STUCK_SECONDS - 1
    assert problem(watch) is None
    assert standing(watch).state is State.STARTING
    assert standing(watch).polled_at is None


def test_a_poll_that_went_through_is_remembered(watch: Watch, clock: Clock) -> None:
    watch.enter("box", State.POLLING)
    watch.polled("box", Tally())
    watch.enter("box", State.WAITING)
    clock.now += 10
    assert standing(watch).polled_seconds == 10
    assert standing(watch).polled_messages == 0
    assert standing(watch).state is State.WAITING
    assert problem(watch) is None


def test_an_outage_is_no_problem_before_three_polls_have_failed(watch: Watch, clock: Clock) -> None:
    watch.failed("box", "no answer in time")
    clock.now += PATIENCE - 1
    watch.failed("box", "connection refused")
    assert problem(watch) is None
    assert standing(watch).error == "connection refused"
    clock.now += 1
    assert problem(watch) == "box: connection refused"


def test_a_short_period_does_not_make_it_impatient() -> None:
    assert Watch([], 1).patience == 300


def test_a_refusal_is_a_problem_at_once_and_ends_with_the_next_poll(watch: Watch) -> None:
    watch.failed("box", "login refused", refused=True)
    watch.enter("box", State.AWAY)
    assert problem(watch) == "box: login refused"
    watch.enter("box", State.POLLING)
    assert problem(watch) == "box: login refused"
    watch.polled("box", Tally())
    assert problem(watch) is None
    assert standing(watch).error is None


def test_a_long_poll_is_well_as_long_as_it_takes_messages(watch: Watch, clock: Clock) -> None:
    """A first one over 100,000 messages takes hours, and its connection is cut now and then."""
    for _ in range(20):
        watch.enter("box", State.POLLING)
        clock.now += 600
        watch.beat("box")
        watch.failed("box", "the connection was lost")
        watch.enter("box", State.AWAY)
        assert problem(watch) is None
    clock.now += PATIENCE
    watch.beat("box")
    assert problem(watch) == "box: the connection was lost"


def test_a_sign_of_life_while_nothing_is_polled_is_no_progress(watch: Watch, clock: Clock) -> None:
    watch.failed("box", "connection refused")
    watch.enter("box", State.AWAY)
    for _ in range(20):
        clock.now += 60
        watch.beat("box")
    assert problem(watch) == "box: connection refused"


def test_a_daemon_that_stands_by_is_well_whatever_was_before(watch: Watch, clock: Clock) -> None:
    watch.failed("box", "login refused", refused=True)
    watch.enter("box", State.STANDING_BY)
    clock.now += STUCK_SECONDS
    assert problem(watch) is None


def test_a_thread_without_a_sign_of_life_is_stuck(watch: Watch, clock: Clock) -> None:
    watch.enter("box", State.POLLING)
    clock.now += STUCK_SECONDS + 1
    watch.beat("other")
    assert watch.stuck() == ["box"]
    assert problem(watch) == "box: no sign of life for 15 minutes: restart ruamill, and report this"
    watch.beat("box")
    assert watch.stuck() == []


def test_polls_are_counted_by_their_end_from_0_on() -> None:
    def polls(result: str) -> float | None:
        labels = {"mailbox": "counted", "result": result}
        return REGISTRY.get_sample_value("ruamill_polls_total", labels)

    assert polls("done") is None
    watch = Watch(["counted"], POLL_SECONDS)
    assert [polls(result) for result in ("done", "failed", "refused")] == [0, 0, 0]
    watch.polled("counted", Tally())
    watch.polled("counted", Tally())
    watch.failed("counted", "no answer")
    watch.failed("counted", "login refused", refused=True)
    assert [polls(result) for result in ("done", "failed", "refused")] == [2, 1, 1]
