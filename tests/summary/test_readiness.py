"""Lines of three periods in, the answer out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from store.evidence import Evidence
from store.policies import Published
from summary.readiness import PERIODS, Readiness, readiness
from summary.verdicts import Verdict
from tests.summary.kit import DOMAIN, MICROSOFT, evidence, judged

SOFTFAIL = "spf example.org softfail"
PUBLISHED = Published(
    p="none", sp=None, np=None, pct=None, testing=None, adkim=None, aspf=None, since=date(2026, 8, 1), day=date(2026, 11, 14)
)  # fmt: skip
STRANGER = evidence("51.68.141.12", SOFTFAIL, messages=700)
GATEWAY = evidence("148.163.135.28", "dkim example.org selector1 fail", SOFTFAIL, messages=40)
BOUNCES = evidence(
    "40.107.21.92", "spf mail.outbound.protection.outlook.com pass", null_path=True, messages=20
)


def unsigned(messages: int) -> Evidence:
    """Write mail of an own server that fails."""
    return evidence("203.0.113.26", SOFTFAIL, messages=messages)


def told(
    *pieces: Evidence, days: int = 30, lately: Sequence[Evidence] | None = None, **policy: Any
) -> Readiness:
    """Judge the same evidence in every period, or other evidence in the shortest."""
    lines = {period: judged(*pieces).lines for period in PERIODS}
    if lately is not None:
        lines[7] = judged(*lately).lines
    reported = {period: min(period, days) for period in PERIODS}
    return readiness(DOMAIN, replace(PUBLISHED, **policy), lines, reported)


def test_all_is_well_from_none_to_quarantine() -> None:
    found = told(MICROSOFT, STRANGER, GATEWAY)
    assert (found.ready, found.next_policy) == (True, "quarantine")
    assert found.answer == "Ready for p=quarantine."
    assert found.record == (
        "p=quarantine. To try it first: p=quarantine; t=y, which receivers that know RFC 9989 apply as none; others do "
        "not know t, and apply quarantine at once."
    )


def test_the_figures() -> None:
    found = told(MICROSOFT, unsigned(60), STRANGER, GATEWAY, BOUNCES, days=20)
    week, month, quarter = found.periods
    assert [(it.days, it.reported_days) for it in found.periods] == [(7, 7), (30, 20), (90, 20)]
    assert (month.messages, month.failing) == (5820, 820)
    assert {it.verdict: (it.messages, it.failing) for it in month.verdicts if it.messages} == {
        Verdict.PASSING: (5000, 0),
        Verdict.FAILING_OWN: (60, 60),
        Verdict.UNKNOWN: (700, 700),
        Verdict.RECIPIENT_GATEWAY: (40, 40),
        Verdict.BOUNCES: (20, 20),
    }
    assert week.messages == quarter.messages == 5820


@pytest.mark.parametrize(
    ("p", "failing", "ready"),
    [("none", 90, True), ("none", 110, False), ("quarantine", 20, True), ("quarantine", 30, False)],
)
def test_how_much_own_mail_may_fail(p: str, failing: int, ready: bool) -> None:
    assert told(MICROSOFT, unsigned(failing), STRANGER, p=p).ready is ready


def test_who_stands_in_the_way() -> None:
    found = told(MICROSOFT, unsigned(500), STRANGER)
    assert found.answer == (
        "Not yet ready for p=quarantine: 9.1% of your own mail fails (your own servers), where 2.0% is bearable."
    )
    (blocker,) = found.blockers
    assert (blocker.who, blocker.messages, blocker.failing, blocker.failing_lately) == (
        "your own servers",
        500,
        500,
        500,
    )
    assert blocker.next_step is not None
    assert told(MICROSOFT, unsigned(500), lately=[MICROSOFT]).blockers[0].failing_lately == 0


def test_too_few_days_and_messages() -> None:
    found = told(
        evidence("40.107.21.92", "dkim example.org selector1 pass", "spf example.org pass", messages=99),
        days=13,
    )
    assert found.answer == (
        "Not yet ready for p=quarantine: 13 days were reported, and it takes 14 to tell; 99 messages were reported, and it "
        "takes 100 to tell."
    )
    young = told(MICROSOFT, p="quarantine", since=date(2026, 11, 10))
    assert (
        young.answer
        == "Not yet ready for p=reject: p=quarantine was reported for 5 days, and it takes 14 to tell."
    )


def test_what_to_look_at_first() -> None:
    relay = evidence("203.0.113.26", "spf example.org pass", messages=300)
    constant_contact = evidence(
        "208.75.123.146", "dkim auth.ccsend.com 1 pass", "spf in.constantcontact.com pass"
    )
    found = told(MICROSOFT, relay, BOUNCES, constant_contact, STRANGER, p="quarantine")
    assert found.answer == (
        "Ready for p=reject, but look at your own servers, Microsoft 365, Constant Contact first."
    )
    assert [it.who for it in found.to_mend] == ["your own servers", "Microsoft 365"]
    assert [it.who for it in found.to_decide] == ["Constant Contact"]


def test_nothing_is_stricter_than_reject() -> None:
    found = told(MICROSOFT, STRANGER, p="reject")
    assert (found.ready, found.next_policy, found.record) == (True, None, None)
    assert found.answer == "p=reject is in force, the strictest policy, and none of your own mail fails."
    lost = told(MICROSOFT, unsigned(50), p="reject").answer
    assert (
        lost
        == "p=reject is in force, the strictest policy, and mail of yours still fails, from your own servers."
    )


def test_a_policy_that_is_only_tried_comes_into_force_first() -> None:
    found = told(MICROSOFT, STRANGER, p="quarantine", testing="y")
    assert found.answer == "Ready for p=quarantine without t=y."
    assert found.record == "p=quarantine, and remove t=y."


@pytest.mark.parametrize("policy", [{"p": "none", "testing": "y"}, {"p": "unknown"}, {"p": None}])
def test_what_asks_for_nothing_goes_to_quarantine(policy: dict[str, Any]) -> None:
    found = told(MICROSOFT, **policy)
    assert (found.next_policy, found.answer) == ("quarantine", "Ready for p=quarantine.")


def test_a_domain_that_sends_nothing_can_go_all_the_way() -> None:
    found = told(evidence("51.68.141.12", SOFTFAIL, messages=3), days=1)
    assert (found.ready, found.next_policy) == (True, "reject")
    assert (
        found.answer
        == "No mail of your own was seen in 90 days: if none is sent, p=reject can follow at once."
    )
    assert found.record == "p=reject, and v=spf1 -all as the SPF record."


NEWS = evidence(
    "198.2.134.19",
    "dkim news.example.org k2 pass",
    "spf a.rsgsv.net pass",
    author="news.example.org",
    messages=400,
)
NEWS_UNSIGNED = replace(
    evidence("198.2.134.19", "spf a.rsgsv.net pass", author="news.example.org"), messages=300
)
INVOICE = evidence("51.68.141.12", "spf invoice.example.org none", author="invoice.example.org", messages=50)


def test_p_holds_for_subdomains_unless_sp_says_otherwise() -> None:
    pieces = (MICROSOFT, NEWS, NEWS_UNSIGNED)
    all_of_it, apart = told(*pieces, p="none", sp="none"), told(*pieces, p="quarantine", sp="none")
    assert (all_of_it.covers_subdomains, all_of_it.periods[1].messages, all_of_it.sp) == (True, 5700, None)
    assert [it.who for it in all_of_it.blockers] == ["Mailchimp"]
    assert (apart.covers_subdomains, apart.periods[1].messages, apart.blockers) == (False, 5000, ())


def test_the_next_step_for_subdomains() -> None:
    good = told(MICROSOFT, NEWS, INVOICE, p="quarantine", sp="none").sp
    assert good is not None
    assert (good.next_policy, good.ready, good.messages, good.failing, good.failing_own) == (
        "quarantine",
        True,
        450,
        50,
        0,
    )
    bad = told(MICROSOFT, NEWS, NEWS_UNSIGNED, p="quarantine", sp="none").sp
    assert bad is not None
    assert (bad.ready, bad.failing_own) == (False, 300)
    assert told(MICROSOFT, NEWS, p="quarantine", sp="reject").sp is None


def test_subdomains_that_send_and_those_that_never_passed() -> None:
    found = told(MICROSOFT, NEWS, INVOICE)
    assert [(it.name, it.messages, it.failing) for it in found.sending] == [("news.example.org", 400, 0)]
    assert [(it.name, it.messages, it.failing) for it in found.never_passed] == [
        ("invoice.example.org", 50, 50)
    ]
