"""A domain's keys are those that sign in its name; how often they verify is counted message by message."""

from dataclasses import replace
from datetime import date

from store.evidence import Evidence, Signature
from summary.selectors import LISTED, Selector, selectors
from tests.summary.kit import DOMAIN, FIRST, LAST, evidence


def signed(messages: int, *signatures: tuple[str, str | None, str]) -> Evidence:
    """Give messages with signatures: domain, selector, result."""
    piece = evidence("192.0.2.1", messages=messages)
    return replace(piece, signatures=tuple(Signature(*it) for it in signatures))


def test_keys_are_told_with_most_messages_first() -> None:
    found = selectors(
        DOMAIN,
        [
            signed(5, (DOMAIN, "one", "pass"), ("example.net", "theirs", "pass")),
            signed(2, (DOMAIN, "one", "fail")),
            signed(9, (f"news.{DOMAIN}", "two", "fail")),
            signed(1, (DOMAIN, None, "pass")),
            signed(4),
        ],
    )
    assert found == (
        Selector(f"news.{DOMAIN}", "two", 9, 0, FIRST, LAST),
        Selector(DOMAIN, "one", 7, 5, FIRST, LAST),
        Selector(DOMAIN, None, 1, 1, FIRST, LAST),
    )


def test_a_message_that_is_signed_twice_with_a_key_counts_once() -> None:
    twice = signed(3, (DOMAIN, "one", "fail"), (DOMAIN, "one", "pass"))
    assert selectors(DOMAIN, [twice]) == (Selector(DOMAIN, "one", 3, 3, FIRST, LAST),)


def test_the_days_are_those_of_all_evidence() -> None:
    early = replace(signed(1, (DOMAIN, "one", "pass")), first_day=date(2026, 10, 1))
    late = replace(early, first_day=LAST, last_day=date(2026, 12, 1))
    (found,) = selectors(DOMAIN, [late, early])
    assert (found.first_day, found.last_day) == (date(2026, 10, 1), date(2026, 12, 1))


def test_strangers_cannot_make_the_list_endless() -> None:
    forged = [signed(1, (DOMAIN, f"forged{number}", "fail")) for number in range(2 * LISTED)]
    found = selectors(DOMAIN, [*forged, signed(7, (DOMAIN, "one", "pass"))])
    assert (len(found), found[0].selector) == (LISTED, "one")
