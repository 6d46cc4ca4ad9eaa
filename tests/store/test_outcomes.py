"""What became of the parts decides what became of the message."""

import pytest

from parsers.errors import CorruptError, NotAReportError, RefusedError, ReportError, UnsupportedError
from parsers.unpack import Refusal
from store.outcomes import Outcome, Verdict, decide, decide_failed

STORED, DUPLICATE, CONFLICT = Verdict
CORRUPT = CorruptError("cut off")


@pytest.mark.parametrize(
    ("verdicts", "errors", "outcome"),
    [
        ([STORED], [], Outcome.STORED),
        ([STORED, DUPLICATE, CONFLICT], [], Outcome.STORED),
        ([CONFLICT, DUPLICATE], [], Outcome.CONFLICT),
        ([DUPLICATE, DUPLICATE], [], Outcome.DUPLICATE),
        ([STORED], [CORRUPT], Outcome.PARTIAL),
        ([], [CORRUPT], Outcome.CORRUPT),
        ([], [CORRUPT, RefusedError("a bomb")], Outcome.REFUSED),
        ([], [UnsupportedError("TLS"), CORRUPT], Outcome.CORRUPT),
        ([], [NotAReportError("a mail"), UnsupportedError("TLS")], Outcome.UNSUPPORTED),
        ([], [NotAReportError("a mail")], Outcome.NOT_A_REPORT),
    ],
)
def test_the_outcome_of_a_message(
    verdicts: list[Verdict], errors: list[ReportError], outcome: Outcome
) -> None:
    assert decide(verdicts, [Refusal("a.gz", error) for error in errors])[0] is outcome


def test_every_part_that_was_not_taken_is_named() -> None:
    refusals = [Refusal("a.gz", CORRUPT), Refusal("b.zip", RefusedError("a bomb"))]
    assert decide([STORED], refusals)[1] == decide([], refusals)[1] == "a.gz: cut off; b.zip: a bomb"


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        (1, (Outcome.RETRY, "away (try 1 of 5)")),
        (4, (Outcome.RETRY, "away (try 4 of 5)")),
        (5, (Outcome.CORRUPT, "away (given up after 5 tries)")),
        (6, (Outcome.CORRUPT, "away (given up after 6 tries)")),
    ],
)
def test_a_failure_that_may_pass_is_tried_five_times(attempts: int, decision: tuple[Outcome, str]) -> None:
    assert decide_failed(attempts, "away") == decision
