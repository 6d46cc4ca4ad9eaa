"""The pace: what became of questions in, seconds to wait out; the clock is an argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich.pace import Pace
from enrich.values import NAMES, ORIGIN

START = 1000.0


def asked_within(pace: Pace, who: str, seconds: float) -> list[float]:
    """Ask as often as the pace lets; the moments at which it did."""
    now, moments = START, []
    while now < START + seconds:
        wait = pace.wait(who, now)
        if wait == 0:
            moments.append(now)
        now += wait
    return moments


@pytest.mark.parametrize(
    ("who", "a_minute", "at_once"),
    [("lacnic", 8, 1), ("arin", 60, 5), ("bootstrap", 60, 5), (ORIGIN, 3000, 5), (NAMES, 3000, 5)],
)
def test_each_is_asked_at_its_own_rate(who: str, a_minute: int, at_once: int) -> None:
    moments = asked_within(Pace(), who, 600)
    assert moments.count(START) == at_once
    assert a_minute * 10 <= len(moments) <= a_minute * 10 + at_once


@given(st.floats(0, 120), st.floats(0, 60))
def test_no_minute_holds_more_than_lacnic_grants(idle: float, later: float) -> None:
    pace = Pace()
    pace.wait("lacnic", START - idle)
    moments = asked_within(pace, "lacnic", 180)
    assert len([moment for moment in moments if START + later <= moment < START + later + 60]) <= 10


def test_the_rates_can_be_set() -> None:
    moments = asked_within(Pace({"ripencc": 6}), "ripencc", 60)
    assert moments == [START + 10 * number for number in range(6)]


def test_retry_after_is_obeyed() -> None:
    pace = Pace()
    pace.limited("ripencc", 120, START)
    assert pace.closed_for("ripencc", START + 20) == 100
    assert pace.wait("ripencc", START + 20) == 100
    assert pace.wait("arin", START + 20) == 0
    assert pace.wait("ripencc", START + 120) == 0
    assert pace.failures("ripencc") == 1


@pytest.mark.parametrize(("told", "obeyed"), [(0, 1), (10**9, 86_400), (float("inf"), 86_400)])
def test_retry_after_is_believed_within_bounds(told: float, obeyed: float) -> None:
    pace = Pace()
    pace.limited("arin", told, START)
    assert pace.closed_for("arin", START) == obeyed


def test_a_limit_without_a_time_doubles_the_pause_until_there_is_an_answer() -> None:
    pace, now, pauses = Pace(), START, []
    for _ in range(8):
        pace.limited("lacnic", None, now)
        pauses.append(pace.closed_for("lacnic", now))
        now += pauses[-1]
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    pace.answered("lacnic")
    assert pace.failures("lacnic") == 0
    pace.limited("lacnic", None, now)
    assert pace.closed_for("lacnic", now) == 60


def test_after_a_pause_one_question_goes_first() -> None:
    pace = Pace()
    pace.limited("arin", 60, START)
    assert pace.wait("arin", START + 60) == 0
    assert pace.wait("arin", START + 60) == 1


def test_three_questions_that_reach_nobody_close_and_so_does_each_one_after() -> None:
    pace = Pace()
    for _ in range(2):
        pace.failed("afrinic", START, reached=False)
    assert pace.closed_for("afrinic", START) == 0
    pace.failed("afrinic", START, reached=False)
    assert pace.closed_for("afrinic", START) == 60
    pace.failed("afrinic", START + 60, reached=False)
    assert pace.closed_for("afrinic", START + 60) == 120
    assert pace.failures("afrinic") == 4


def test_questions_under_way_when_it_closes_do_not_close_it_for_longer() -> None:
    pace = Pace()
    for _ in range(20):
        pace.failed(NAMES, START, reached=False)
    assert pace.closed_for(NAMES, START) == 60


def test_bad_answers_close_only_in_numbers() -> None:
    pace = Pace()
    for _ in range(9):
        pace.failed("apnic", START, reached=True)
    assert pace.closed_for("apnic", START) == 0
    pace.failed("apnic", START, reached=True)
    assert pace.closed_for("apnic", START) == 60


def test_dead_zones_in_any_number_do_not_close_the_name_servers() -> None:
    pace = Pace()
    for _ in range(400):
        pace.failed(NAMES, START, reached=True)
    assert pace.closed_for(NAMES, START) == 0


def test_one_that_is_reached_again_is_counted_anew() -> None:
    pace = Pace()
    for reached in (False, False, True, False, False):
        pace.failed("arin", START, reached=reached)
    assert pace.closed_for("arin", START) == 0


def test_a_pause_goes_on_in_the_next_process() -> None:
    pace = Pace()
    pace.close_for("lacnic", 300, START)
    assert pace.wait("lacnic", START + 100) == 200
    assert pace.wait("lacnic", START + 300) == 0
