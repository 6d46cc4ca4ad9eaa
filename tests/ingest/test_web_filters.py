"""The address of a page read: every way in which it can be wrong ends in a sentence, and nothing else."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.web import filters
from ingest.web.filters import Asked, BadParameterError
from store.outcomes import Outcome
from summary.findings.values import Level
from summary.verdicts import Verdict

PAGES = [
    filters.overview,
    filters.domain,
    filters.source,
    filters.address,
    filters.reports,
    filters.report,
    filters.ledger,
    filters.message,
]
NAMES = [
    "domain",
    "ip",
    "key",
    "days",
    "verdict",
    "service",
    "who",
    "page",
    "after",
    "reporter",
    "from",
    "to",
]
NAMES += ["outcome", "mailbox", "level", "sort"]


def asked(*query: tuple[str, str], **path: str) -> Asked:
    return Asked(path, query)


def test_without_parameters_each_page_has_its_own_way() -> None:
    assert filters.overview(asked()) == filters.Overview(None, "verdict")
    assert filters.domain(asked(domain="example.org")) == filters.Domain("example.org", 30, None, None)
    assert filters.reports(asked()) == filters.Reports(None, None, None, None, None)
    assert filters.ledger(asked()) == filters.Ledger(None, None, None)


def test_what_is_asked_for_is_read() -> None:
    assert filters.overview(asked(("level", "act"), ("sort", "rate"))) == filters.Overview(Level.ACT, "rate")
    given = asked(("days", "7"), ("verdict", "failing_own"), ("service", "mimecast"), domain="Example.ORG.")
    assert filters.domain(given) == filters.Domain("example.org", 7, Verdict.FAILING_OWN, "mimecast")
    given = asked(("who", "A & B"), ("after", "12.3"), domain="example.org")
    assert filters.source(given) == filters.Source("example.org", "A & B", 30, "12.3")
    given = asked(("domain", "Example.org"), ("from", "2026-11-01"), ("to", "2026-11-01"), ("reporter", "R"))
    day = date(2026, 11, 1)
    assert filters.reports(given) == filters.Reports("example.org", "R", day, day, None)
    assert filters.report(asked(("after", "49"), key="7")) == filters.Report(7, 49)
    given = asked(("outcome", "corrupt"), ("mailbox", "dmarc"))
    assert filters.ledger(given) == filters.Ledger(Outcome.CORRUPT, "dmarc", None)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_an_address_is_read_in_every_form(written: str, canonical: str) -> None:
    assert filters.address(asked(ip=written)) == filters.Address(canonical)


def test_what_a_form_sends_for_no_choice_is_none() -> None:
    assert filters.overview(asked(("level", ""), ("sort", ""))) == filters.overview(asked())


@pytest.mark.parametrize(
    ("page", "given", "sentence"),
    [
        (filters.overview, asked(("level", "worst")), "“level” is none of act, look, well"),
        (
            filters.overview,
            asked(("sort", "p"), ("level", "")),
            "“sort” is none of verdict, messages, rate, domain",
        ),
        (filters.domain, asked(("days", "31"), domain="a.example"), "“days” is none of 7, 30, 90"),
        (filters.domain, asked(("days", "٣٠"), domain="a.example"), "“days” is none of 7, 30, 90"),
        (filters.domain, asked(domain="..."), "“domain” is missing"),
        (filters.source, asked(domain="a.example"), "“who” is missing"),
        (filters.source, asked(("who", "x" * 1001), domain="a"), "“who” is longer than 1,000 characters"),
        (
            filters.source,
            asked(("who", "x"), ("after", "1' OR 1=1"), domain="a"),
            "“after” is not one that ruamill",
        ),
        (filters.report, asked(("after", "0"), key="1"), "“after” is not a number such as 12"),
        (
            filters.source,
            asked(("who", "a\0b"), domain="a"),
            r"“who” holds a character that no text has \(NUL\)",
        ),
        (filters.address, asked(ip="192.0.2.256"), "this is no IP address"),
        (filters.reports, asked(("from", "20261101")), "“from” is not a day such as 2026-11-05"),
        (filters.reports, asked(("to", "2026-02-30")), "“to”: there is no day 2026-02-30"),
        (
            filters.reports,
            asked(("from", "2026-11-02"), ("to", "2026-11-01")),
            "2026-11-02, is after the last",
        ),
        (filters.report, asked(key="seven"), "“key” is not a number"),
        (filters.report, asked(key="-1"), "“key” is not a number"),
        (filters.report, asked(key="9" * 19), "“key” is not a number"),
        (filters.ledger, asked(("outcome", "lost")), "“outcome” is none of stored, partial"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(
    page: Callable[[Asked], object], given: Asked, sentence: str
) -> None:
    with pytest.raises(BadParameterError, match=sentence):
        page(given)


def test_a_parameter_that_stands_twice_is_refused() -> None:
    with pytest.raises(BadParameterError, match="“days” stands in the address more than once"):
        asked(("days", "7"), ("days", "30"))
    with pytest.raises(BadParameterError, match="“domain” stands"):
        asked(("domain", "example.net"), domain="example.org")


def test_a_parameter_that_a_page_does_not_have_is_refused() -> None:
    given = asked(("day", "7"))
    filters.overview(given)
    with pytest.raises(BadParameterError, match="this page has no “day”"):
        given.end()


@given(st.sampled_from(PAGES), st.lists(st.tuples(st.sampled_from(NAMES), st.text())))
def test_whatever_stands_in_an_address_is_read_or_told(
    page: Callable[[Asked], object], query: Sequence[tuple[str, str]]
) -> None:
    with suppress(BadParameterError):
        page(Asked({}, query))
