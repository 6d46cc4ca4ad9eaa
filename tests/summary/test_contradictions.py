"""What speaks for a decision about two reports that contradict each other: the first that holds."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from store.conflicts import Conflict, Copy
from store.decisions import Decision
from store.differences import Differences
from summary.contradictions import advise

NOW = datetime(2026, 11, 3, tzinfo=UTC)
OTHER = Copy(1, True, None, True, 3, 30, 20, NOW, "box", "r@reporter.example", "pass", True)  # noqa: FBT003 (in the order of its fields)
THIS = replace(OTHER, key=2, counted=False, ingested_at=NOW + timedelta(hours=1))
CONFLICT = Conflict("", "Reporter", "1", "example.org", NOW, NOW, date(2026, 11, 3), THIS, OTHER)
LEAVE, REPLACE, ADD = Decision


def differences(same: int, changed: int, only_first: int, only_second: int) -> Differences:
    return Differences(same, changed, only_first, only_second, (), {})


MIXED = differences(5, 2, 1, 1)


@pytest.mark.parametrize(
    ("how", "decision"),
    [
        (differences(3, 0, 0, 0), LEAVE),
        (differences(0, 0, 2, 3), ADD),
        (differences(2, 0, 0, 3), REPLACE),
        (differences(2, 0, 3, 0), LEAVE),
        (differences(2, 1, 0, 0), REPLACE),
        (MIXED, REPLACE),
    ],
)
def test_what_they_say_decides(how: Differences, decision: Decision) -> None:
    assert advise(CONFLICT, how).decision is decision


def test_the_later_one_is_the_correction() -> None:
    earlier = replace(CONFLICT, this=replace(THIS, ingested_at=NOW - timedelta(days=1)))
    assert advise(earlier, MIXED).decision is LEAVE


@pytest.mark.parametrize(("dmarc", "sender_fits"), [("fail", True), ("pass", False), (None, False)])
def test_a_forged_mail_outweighs_what_it_says(dmarc: str | None, sender_fits: bool) -> None:
    this, other = (replace(it, dmarc=dmarc, sender_fits=sender_fits) for it in (THIS, OTHER))
    assert advise(replace(CONFLICT, this=this), MIXED).decision is LEAVE
    assert advise(replace(CONFLICT, other=other), differences(2, 0, 3, 0)).decision is REPLACE
    assert advise(replace(CONFLICT, this=this, other=other), MIXED).decision is REPLACE


def test_a_whole_report_outweighs_a_damaged_one() -> None:
    damaged = replace(THIS, whole=False)
    assert advise(replace(CONFLICT, this=damaged), MIXED).decision is LEAVE
    found = replace(CONFLICT, other=replace(OTHER, whole=False))
    assert advise(found, differences(2, 0, 3, 0)).decision is REPLACE


def test_of_one_that_was_removed_nothing_can_be_taken_back() -> None:
    assert advise(replace(CONFLICT, other=None), None).decision is LEAVE
