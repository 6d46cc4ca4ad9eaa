"""Figures and judgements in, what the templates show out: without a database, without a browser."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

import pytest

from ingest.web import filters, rendering, words
from ingest.web.pages import domain, overview, sources
from ingest.web.pages.domain import DomainView
from ingest.web.pages.view import NothingThereError, Table, address, key_of
from store.pages.overview import DomainRow, Head
from store.pages.values import ChartDay
from store.policies import Published
from summary.findings.values import Level
from summary.readiness import PERIODS, readiness
from summary.sources import Share, SourceLine
from summary.standing import Line, Standing
from summary.verdicts import Cause, Verdict

LAST: Final = date(2026, 11, 15)
NOW: Final = datetime(2026, 11, 15, 12, tzinfo=UTC)
ASKED: Final = filters.Domain("example.org", 30, None, None)


# --- addresses


def test_whatever_a_stranger_called_himself_stays_one_part_of_an_address() -> None:
    assert address("domains", "a/../b?c=d#e%00") == "/domains/a%2F..%2Fb%3Fc%3Dd%23e%2500"
    assert address("reports", reporter="A & B", domain=None, from_=LAST) == (
        "/reports?reporter=A+%26+B&from=2026-11-15"
    )


def test_what_no_address_may_hold_leads_nowhere() -> None:
    assert address("domains", "a" * filters.LONGEST) is not None
    assert address("domains", "a" * (filters.LONGEST + 1)) is None


@pytest.mark.parametrize("after", ["x", "1.2", "-1", "1" * 19, "\N{ARABIC-INDIC DIGIT ONE}"])
def test_a_place_that_is_none(after: str) -> None:
    with pytest.raises(NothingThereError):
        key_of(after)


# --- words


@pytest.mark.parametrize(
    ("share", "said"), [(1.0, "100.0%"), (0.99999, "99.9%"), (0.0, "0.0%"), (0.29, "29.0%")]
)
def test_only_all_of_it_is_100_per_cent(share: float, said: str) -> None:
    assert words.rate(share) == said


@pytest.mark.parametrize(("change", "said"), [(0.012, "+1.2"), (-0.1, "\u221210.0"), (-0.0001, "0.0")])
def test_a_change_has_its_sign(change: float, said: str) -> None:
    assert words.points(change) == said


def test_a_strangers_string_is_shown_as_text() -> None:
    said = words.said(rendering.environment(), "<b>\u202e", 3)
    assert said == "<bdi>&lt;b…</bdi>"
    assert "\u202e" not in words.said(rendering.environment(), "a\u202eb")


def test_every_verdict_level_and_outcome_has_its_look() -> None:
    for kind in (*Level, *Verdict):
        assert words.SHAPES[kind]
    assert {verdict for verdict, _ in words.MEANINGS} == set(Verdict)


# --- the overview


def row(name: str, level: str | None, messages: int, passing: int, **more: object) -> DomainRow:
    head = Head(level, f"{name} is {level}.", "none", "n", NOW) if level else None
    made = DomainRow(
        name, LAST, messages, passing, 0, 0, (ChartDay(LAST, passing, messages - passing),), head
    )
    return replace(made, **more)  # type: ignore[arg-type]  # fields by their names


ROWS: Final = (
    row("a.example", "well", 500, 500),
    row("b.example", None, 900, 0),
    row("c.example", "act", 10, 9, earlier_messages=100, earlier_passing=100),
    row("d.example", "look", 20, 0),
    row("e.example", "act", 100, 99),
)


@pytest.mark.parametrize(
    ("sort", "order"),
    [("verdict", "ecdab"), ("messages", "baedc"), ("rate", "bdcea"), ("domain", "abcde")],
)
def test_domains_are_in_the_order_that_is_asked_for(sort: filters.Sort, order: str) -> None:
    shown = overview.view(ROWS, filters.Overview(None, sort)).rows
    assert "".join(it.domain[0] for it in shown) == order


def test_the_overview_says_how_many_want_what_whatever_is_shown() -> None:
    shown = overview.view(ROWS, filters.Overview(Level.LOOK, "verdict"))
    assert [it.domain for it in shown.rows] == ["d.example"]
    assert shown.sentence == "2 want action, 1 wants a look, 1 is well, 1 is not judged yet."


def test_the_change_is_against_the_days_before() -> None:
    (found,) = overview.view([ROWS[2]], filters.Overview(None, "verdict")).rows
    assert found.rate == pytest.approx(0.9)
    assert found.change == pytest.approx(-0.1)
    assert found.policy == "none"


# --- a domain


def line(
    who: str, verdict: Verdict, messages: int, passing: int, step: str | None = None, **more: object
) -> Line:
    source = SourceLine(
        domain="example.org",
        who=who,
        service=None,
        owner=f"{who} Limited",
        verdict=verdict,
        cause=Cause.STRANGER if verdict is Verdict.UNKNOWN else Cause.OWN,
        certain=True,
        messages=messages,
        passing=passing,
        failing=messages - passing,
        quarantined=0,
        rejected=0,
        dkim_failing=0,
        spf_failing=0,
        reason=f"Why {who}.",
        next_step=step,
        identifiers=(),
        authors=(Share("example.org", None, messages, messages - passing),),
        addresses=(Share("192.0.2.1", None, messages, messages - passing),),
        reporters=("google.com",),
        first_day=LAST,
        last_day=LAST,
    )
    return Line(replace(source, **more), 3)  # type: ignore[arg-type]  # fields by their names


LINES: Final = (
    line("Gateway", Verdict.FAILING_OWN, 50, 0, "Sign.", quarantined=7, rejected=20),
    line("Gateway", Verdict.FRAGILE, 30, 30, "Sign."),
    line("Stranger", Verdict.UNKNOWN, 7, 0, "Nothing."),
    line("Another", Verdict.UNKNOWN, 5, 0, "Nothing."),
    line("Mailer", Verdict.PASSING, 900, 900, service="mailer"),
    line("List", Verdict.FORWARDED, 8, 0),
)
POLICY: Final = Published("none", None, None, None, None, "r", "r", date(2026, 1, 1), LAST)
STANDING: Final = Standing(
    domain="example.org",
    judged_at=NOW,
    last_day=LAST,
    level=Level.ACT,
    sentence="The gateway is failing DKIM.",
    policy=POLICY,
    reported_days=dict.fromkeys(PERIODS, 1),
    lines=dict.fromkeys(PERIODS, LINES),
    selectors=dict.fromkeys(PERIODS, ()),
    days=(ChartDay(LAST, 930, 62, 8),),
    readiness=readiness(
        "example.org",
        POLICY,
        dict.fromkeys(PERIODS, tuple(it.source for it in LINES)),
        dict.fromkeys(PERIODS, 1),
    ),
)


def shown(asked: filters.Domain = ASKED, standing: Standing | None = STANDING) -> DomainView:
    return domain.view(domain.Figures(POLICY, LAST, STANDING.days, (), standing), asked)


def column(table: Table, name: str) -> list[object]:
    place = [it.name for it in table.columns].index(name)
    return [row[place].value for row in table.rows]


def test_who_wants_nobody_is_put_together_and_what_was_said_is_not_said_again() -> None:
    judged = shown().judged
    assert judged
    assert [it.who for it in judged.listing.rows] == ["Gateway", "Gateway", "Stranger", "Another", "Mailer"]
    assert [it.step for it in judged.listing.rows][:3] == ["Sign.", "As for Gateway above.", "Nothing."]
    assert judged.listing.rows[0].reason == "Why Gateway. Receivers quarantined 7 and rejected 20."
    assert judged.listing.rows[3].reason == "As for Stranger above: nothing ties it to you."
    assert [(it.title, [row.who for row in it.listing.rows]) for it in judged.passed_on] == [
        ("1 forwarder", ["List"])
    ]
    assert judged.listing.rows[0].machines == "Gateway Limited · 192.0.2.1 and 2 other addresses"


def test_the_table_has_every_source_in_full() -> None:
    table = shown().tables["sources"]
    assert column(table, "source") == [it.source.who for it in LINES]
    assert column(table, "reason") == [it.source.reason for it in LINES]
    assert column(table, "next_step")[:2] == ["Sign.", "Sign."]


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (replace(ASKED, verdict=Verdict.UNKNOWN), ["Stranger", "Another"]),
        (replace(ASKED, service="mailer"), ["Mailer"]),
        (replace(ASKED, service="mailer", verdict=Verdict.UNKNOWN), []),
        (replace(ASKED, service="nobody's"), []),
    ],
)
def test_sources_are_filtered_and_the_figures_of_the_domain_stay(
    asked: filters.Domain, left: list[str]
) -> None:
    found = shown(asked)
    assert found.filtered
    assert column(found.tables["sources"], "source") == left
    assert found.tiles == shown().tiles
    assert asked.service in dict(found.services)


def test_the_figures_that_it_leads_with() -> None:
    said = {it.title: (it.figure, it.more) for it in shown().tiles}
    assert said == {
        "Messages": ("1,000", "1 day reported of 30"),
        "Passing": ("93.0%", "930 messages"),
        "Your own, failing": ("50", None),
        "Unknown senders": ("12", "what a strict policy stops"),
        "Forwarded": ("8", "and recipients' gateways"),
        "Policy": ("none", "not yet ready for quarantine"),
    }


def test_a_domain_that_was_not_judged_has_its_figures() -> None:
    found = shown(standing=None)
    assert found.judged is None
    assert [it.title for it in found.tiles] == ["Messages", "Passing"]
    assert found.chart
    assert column(found.tables["days"], "messages") == [1000]


def test_an_address_that_cannot_be_read_is_no_machine() -> None:
    unread = line(
        "an address that cannot be read", Verdict.UNKNOWN, 1, 0, addresses=(Share("-", None, 1, 1),)
    )
    (found,) = sources.listing("example.org", 30, [unread]).rows
    assert found.machines == "an address that cannot be read Limited"
