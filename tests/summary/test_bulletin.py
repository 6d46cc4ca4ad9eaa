"""Figures and judged sources in, verdicts with reasons out, without a database: as golden texts, and at every threshold."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from store.figures import Figures, Intake, Rejected, Silence
from store.outcomes import Outcome
from summary.bulletin import Bulletin, Judged, Kind, Level, Thresholds, bulletin, for_domains
from tests.summary.kit import DOMAIN, LAST, evidence
from tests.summary.mornings import (
    ANOTHER_STRANGER,
    BOUNCES,
    CONSTANT_CONTACT,
    FORWARDED,
    MAILCHIMP,
    MICROSOFT,
    MIMECAST,
    MIMECAST_FAILS,
    MIMECAST_ON_ONE_LEG,
    NAMELESS,
    NOW,
    PUBLISHED,
    QUIET,
    RELAY_FAILS,
    STRANGER,
    WINDOW,
    figures,
    findings,
    judge,
    morning,
    told,
)

GOLDEN = Path(__file__).parent / "golden"
USUAL = (MICROSOFT, MIMECAST, MAILCHIMP)
REJECT = replace(PUBLISHED, p="reject")
UNREADABLE = replace(QUIET, outcomes={Outcome.STORED: 40, Outcome.CORRUPT: 2, Outcome.REFUSED: 1})
AWAY = replace(QUIET, failing_mailboxes={"dmarc": "imap.example.org:993: login refused"})


def three_domains(*, intake: Intake = QUIET, silent: timedelta | None = None) -> Bulletin:
    """Bring reports about three domains: one fails, one has a new sender, one is well."""
    nights = {
        "example.com": judge(USUAL, USUAL),
        "example.net": judge((*USUAL, CONSTANT_CONTACT), USUAL),
        DOMAIN: judge((MICROSOFT, MIMECAST_FAILS), USUAL),
    }
    new = {"example.net": (CONSTANT_CONTACT,)}
    age = {"newest_report_at": NOW - silent} if silent else {}
    domains = tuple(figures(it, name, new=new.get(name, ()), **age) for name, it in nights.items())
    return bulletin(Figures(WINDOW, domains, intake), nights, Thresholds(), NOW)


def one_silent() -> Bulletin:
    """Bring reports about one of two domains."""
    here, nothing = judge(USUAL, USUAL), judge((), USUAL)
    domains = (
        figures(here),
        figures(nothing, "example.net", newest_report_at=NOW - timedelta(days=3)),
    )
    return bulletin(Figures(WINDOW, domains, QUIET), {DOMAIN: here}, Thresholds(), NOW)


def nothing(silent: timedelta, *, intake: Intake = QUIET, **more: Any) -> Bulletin:
    """Bring nothing, as for a while."""
    return morning(intake=intake, newest_report_at=NOW - silent, **more)


MORNINGS: dict[str, Callable[[], Bulletin]] = {
    "all_well": lambda: morning(*USUAL, FORWARDED),
    "all_at_once": lambda: morning(
        MICROSOFT, MIMECAST_FAILS, RELAY_FAILS, BOUNCES, CONSTANT_CONTACT, STRANGER, ANOTHER_STRANGER, NAMELESS, MAILCHIMP,
        before=(MICROSOFT, MIMECAST),
        new=(RELAY_FAILS, CONSTANT_CONTACT, STRANGER, ANOTHER_STRANGER, NAMELESS, MAILCHIMP),
        policy=replace(PUBLISHED, since=LAST), policy_before=REJECT,
        silences=(Silence("google.com", date(2026, 11, 10), 28),),
        intake=UNREADABLE,
    ),
    "the_first_letter": lambda: morning(
        MICROSOFT, MIMECAST_FAILS, STRANGER, before=(), new=(MICROSOFT, MIMECAST_FAILS, STRANGER), policy_before=None
    ),
    "one_leg_lost": lambda: morning(MICROSOFT, MIMECAST_ON_ONE_LEG),
    "abuse_that_the_policy_stops": lambda: morning(
        *USUAL, STRANGER, NAMELESS, new=(STRANGER, NAMELESS), policy=REJECT, policy_before=REJECT
    ),
    "three_domains": three_domains,
    "one_silent": one_silent,
    "nothing_comes": lambda: nothing(timedelta(days=3)),
    "mailbox_away": lambda: nothing(timedelta(days=3), intake=AWAY),
    "nothing_yet": lambda: bulletin(Figures(WINDOW, (), QUIET), {}, Thresholds(), NOW),
}  # fmt: skip


@pytest.mark.parametrize("name", MORNINGS)
def test_a_letter_tells_what_is_written_in_golden(name: str) -> None:
    assert told(MORNINGS[name]()) == (GOLDEN / f"bulletin_{name}.txt").read_text(encoding="utf-8")


def kinds(found: Bulletin) -> list[Kind]:
    return [it.kind for it in findings(found)]


# --- silence


@pytest.mark.parametrize(
    ("hours", "level"), [(0, Level.ACT), (30, Level.ACT), (31, Level.WELL), (80, Level.WELL)]
)
def test_silence_counts_until_a_mailbox_was_looked_at(hours: int, level: Level) -> None:
    """Ruamill itself was away: it knows of no silence since."""
    intake = replace(QUIET, looked_at=NOW - timedelta(hours=hours))
    assert nothing(timedelta(hours=78), intake=intake).level is level


# --- nothing passes


@pytest.mark.parametrize(("messages", "expected"), [(99, []), (100, [Kind.NOTHING_PASSES])])
def test_a_domain_of_which_nothing_passes_is_not_well(messages: int, expected: list[Kind]) -> None:
    """Who begins with ruamill, and without SPF and DKIM, would be told that none of it was theirs."""
    failing = replace(STRANGER, messages=messages)
    found = morning(failing, before=(), policy_before=None)
    assert kinds(found) == expected
    assert found.level is (Level.LOOK if expected else Level.WELL)
    assert morning(failing, before=(failing,)).level is found.level


def test_nor_is_it_told_of_what_the_policy_stops_or_of_a_quiet_day_of_a_domain_that_sends() -> None:
    assert kinds(morning(STRANGER, before=(), policy=REJECT, policy_before=None)) == []
    assert Kind.NOTHING_PASSES not in kinds(morning(STRANGER))


# --- own mail


@pytest.mark.parametrize(("messages", "expected"), [(9, []), (10, [Kind.OWN_SOURCE_FAILS])])
def test_own_mail_that_fails_is_told_of_from_ten_messages_on(messages: int, expected: list[Kind]) -> None:
    failing = replace(RELAY_FAILS, messages=messages)
    found = morning(MICROSOFT, failing, before=(MICROSOFT,))
    assert kinds(found) == expected
    assert found.level is (Level.ACT if expected else Level.WELL)


def test_a_sunday_mends_nothing() -> None:
    sunday, week = replace(RELAY_FAILS, messages=1), replace(RELAY_FAILS, messages=9)
    assert morning(MICROSOFT, sunday, before=(MICROSOFT, week)).level is Level.ACT
    assert morning(MICROSOFT, before=(MICROSOFT, week)).level is Level.WELL


def test_what_began_slowly_began_when_it_is_enough() -> None:
    four, seven = (replace(MIMECAST_FAILS, messages=it) for it in (4, 7))
    (first, *_) = findings(
        morning(MICROSOFT, four, before=(MICROSOFT, replace(MIMECAST, messages=100), seven))
    )
    assert first.kind is Kind.NOW_FAILS


def test_strangers_alone_use_a_domain_that_sends_nothing() -> None:
    (news,) = morning(STRANGER, before=(), policy=REJECT, policy_before=REJECT).domains
    assert news.sentence == "All well: none of 700 messages was yours."


def test_what_is_too_little_is_said_in_the_verdict() -> None:
    (news,) = morning(MICROSOFT, replace(RELAY_FAILS, messages=4), before=(MICROSOFT,)).domains
    assert news.sentence == "All well: 99.9% of 5,004 messages pass, 4 of your own fail."


def test_a_source_began_to_fail_only_once() -> None:
    began = morning(MICROSOFT, MIMECAST_FAILS, before=USUAL)
    goes_on = morning(MICROSOFT, MIMECAST_FAILS, before=(MICROSOFT, MIMECAST, MIMECAST_FAILS))
    assert (findings(began)[0].kind, kinds(goes_on)) == (Kind.NOW_FAILS, [Kind.OWN_SOURCE_FAILS])
    assert findings(goes_on)[0].sentence == "All 900 messages from Mimecast fail DMARC."


def test_what_receivers_did_to_it_is_said() -> None:
    rejected = replace(MIMECAST_FAILS, disposition="reject")
    put_aside = replace(BOUNCES, messages=20, disposition="quarantine")
    found = findings(morning(MICROSOFT, rejected, put_aside, before=(MICROSOFT, MIMECAST_FAILS)))
    assert [it.sentence for it in found] == [
        "All 900 messages from Mimecast fail DMARC: receivers rejected 900.",
        "20 bounces and automatic replies from Microsoft 365 fail DMARC: receivers quarantined 20.",
    ]


def test_what_also_passes_is_said() -> None:
    (first, *_) = findings(morning(MICROSOFT, MIMECAST, MIMECAST_FAILS))
    assert first.sentence == "Mimecast passed in the 7 days before; now 900 of 1,800 messages fail DMARC."


def test_what_fails_most_is_first_and_bounces_after_it() -> None:
    found = findings(
        morning(MICROSOFT, BOUNCES, replace(MIMECAST_FAILS, messages=20), RELAY_FAILS, before=())
    )
    assert [(it.who, it.what.startswith("bounces")) for it in found] == [
        ("your own servers", False),
        ("Mimecast", False),
        ("Microsoft 365", True),
    ]


def test_what_may_be_anothers_is_only_to_be_looked_at() -> None:
    shared = evidence(
        "91.220.42.77", "dkim customer.example s1 pass", "spf customer.example pass", messages=50
    )
    (first, *_) = findings(morning(MICROSOFT, MIMECAST, shared))
    assert (first.level, first.who) == (Level.LOOK, "Mimecast")


def test_a_source_that_is_not_aligned() -> None:
    strict = evidence(
        "198.2.134.19", "dkim news.example.org k2 pass", "spf example.org softfail", dkim="fail", messages=80
    )
    (first, *_) = findings(morning(MICROSOFT, strict, before=(MICROSOFT,)))
    assert first.what == "The Rocket Science Group is failing alignment"


def test_a_receiver_that_is_mistaken_is_no_reason_to_act() -> None:
    signed = ("dkim news.example.org k2 pass", "spf mail19.atl11.rsgsv.net pass")
    disputed = evidence(
        "198.2.134.19", *signed, author="news.example.org", dkim="fail", reporters=frozenset({"comcast.net"})
    )
    (first, *_) = findings(morning(MICROSOFT, MAILCHIMP, disputed))
    assert (first.level, first.who) == (Level.LOOK, "Mailchimp")
    assert (
        first.next_step == "Nothing: what passes is the author's very domain. Ask comcast.net if it goes on."
    )


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ((replace(MIMECAST_ON_ONE_LEG, messages=9),), (MIMECAST,)),
        ((MIMECAST, replace(MIMECAST_ON_ONE_LEG, messages=500)), (MIMECAST,)),
        ((MIMECAST_ON_ONE_LEG,), (MIMECAST, MIMECAST_ON_ONE_LEG)),
        ((MIMECAST_ON_ONE_LEG,), ()),
    ],
    ids=["too few", "less than half", "for long", "not seen before"],
)
def test_not_every_lost_leg_is_news(now: Any, before: Any) -> None:
    assert morning(MICROSOFT, *now, before=(MICROSOFT, *before)).level is Level.WELL


# --- newcomers


@pytest.mark.parametrize(("messages", "expected"), [(9, []), (10, [Kind.NEW_FAILING_SOURCE])])
@pytest.mark.parametrize(
    "source", [STRANGER, NAMELESS, CONSTANT_CONTACT], ids=["stranger", "nameless", "sender"]
)
def test_a_new_source_is_told_of_from_ten_messages_on(
    source: Any, messages: int, expected: list[Kind]
) -> None:
    source = replace(source, messages=messages)
    assert kinds(morning(*USUAL, source, new=(source,))) == expected


def test_a_new_machine_of_a_known_source_is_not_new() -> None:
    machine = replace(STRANGER, source_ip="51.68.204.77")
    assert kinds(morning(*USUAL, machine, before=(*USUAL, STRANGER), new=(machine,))) == []


def test_a_source_that_comes_again_after_weeks_is_not_new() -> None:
    assert kinds(morning(MICROSOFT, MAILCHIMP, before=(MICROSOFT,), new=())) == []


def test_of_nameless_addresses_the_new_ones_count() -> None:
    known = replace(NAMELESS, source_ip="198.51.100.9", messages=500)
    (one,) = findings(morning(*USUAL, known, NAMELESS, before=(*USUAL, known), new=(NAMELESS,)))
    assert one.sentence == (
        "25 messages from 1 new failing source fail DMARC, and nothing ties them to you: 1 address without a known owner."
    )


def test_a_service_that_somebody_may_use_is_news_under_any_policy() -> None:
    found = morning(*USUAL, CONSTANT_CONTACT, new=(CONSTANT_CONTACT,), policy=REJECT, policy_before=REJECT)
    assert found.subject == "DMARC example.org: look, 1 new failing source"


@pytest.mark.parametrize(
    ("policy", "author", "stopped"),
    [
        ({"p": "none"}, DOMAIN, False),
        ({"p": "quarantine"}, DOMAIN, True),
        ({"p": "quarantine", "testing": "y"}, DOMAIN, False),
        ({"p": "reject", "testing": "y"}, DOMAIN, True),
        ({"p": "quarantine", "pct": 0}, DOMAIN, False),
        ({"p": "unknown"}, DOMAIN, False),
        ({"p": "reject", "sp": "none"}, DOMAIN, True),
        ({"p": "reject", "sp": "none"}, "shop.example.org", False),
        ({"p": "reject"}, "shop.example.org", True),
        ({"p": "none", "sp": "reject"}, "shop.example.org", True),
    ],
)
def test_whom_a_policy_stops(policy: dict[str, Any], author: str, stopped: bool) -> None:
    stranger, published = replace(STRANGER, header_from=author), replace(PUBLISHED, **policy)
    found = morning(*USUAL, stranger, new=(stranger,), policy=published, policy_before=published)
    assert kinds(found) == ([] if stopped else [Kind.NEW_FAILING_SOURCE])


@pytest.mark.parametrize(("policy", "expected"), [(PUBLISHED, [Kind.NEW_FAILING_SOURCE]), (REJECT, [])])
def test_a_signature_that_broke_elsewhere_is_no_news_where_the_policy_stops_it(
    policy: Any, expected: Any
) -> None:
    altered = evidence("51.68.204.77", "dkim example.org selector1 fail", "spf example.org fail")
    assert kinds(morning(*USUAL, altered, new=(altered,), policy=policy, policy_before=policy)) == expected


def test_a_scanner_that_may_be_an_outgoing_gateway_is_news() -> None:
    scanner = evidence("148.163.135.28", "spf example.org softfail", messages=40)
    assert kinds(morning(*USUAL, scanner, new=(scanner,))) == [Kind.NEW_FAILING_SOURCE]


def test_a_forwarder_that_is_new_is_no_news() -> None:
    assert kinds(morning(*USUAL, FORWARDED, new=(FORWARDED,))) == []


def test_a_new_sender_that_passes_is_good_to_know_and_on_one_leg_worth_a_look() -> None:
    relay = evidence("203.0.113.26", "spf example.org pass", messages=30)
    well = morning(MICROSOFT, MAILCHIMP, before=(MICROSOFT,), new=(MAILCHIMP,))
    fragile = morning(MICROSOFT, relay, before=(MICROSOFT,), new=(relay,))
    assert (well.level, kinds(well)) == (Level.WELL, [Kind.NEW_SOURCE])
    assert (fragile.level, kinds(fragile)) == (Level.LOOK, [Kind.NEW_SOURCE])


# --- the pass rate


def passing(messages: int, failing: int) -> tuple[Any, ...]:
    """Let a forwarder make some of a hundred fail."""
    lost = evidence("66.175.222.108", "spf groups.io pass", messages=failing)
    return replace(MICROSOFT, messages=messages - failing), *([lost] if failing else [])


@pytest.mark.parametrize(
    ("now", "before", "dropped"),
    [
        ((100, 15), (100, 0), True),
        ((100, 14), (100, 0), False),
        ((99, 20), (100, 0), False),
        ((100, 20), (99, 0), False),
        ((1000, 200), (700, 35), True),
        ((1000, 200), (700, 36), False),
        ((100, 0), (100, 50), False),
    ],
)
def test_a_drop_of_the_pass_rate(now: tuple[int, int], before: tuple[int, int], dropped: bool) -> None:
    found = morning(*passing(*now), before=passing(*before))
    assert kinds(found) == ([Kind.RATE_DROPPED] if dropped else [])


def test_a_drop_names_whose_mail_fails() -> None:
    (one,) = findings(morning(*passing(1000, 200), before=passing(1000, 10)))
    assert (one.what, one.sentence) == (
        "pass rate down by 19 points",
        "80.0% of 1,000 messages pass, 19 points fewer than in the 7 days before, because of Groups.io above all.",
    )


# --- the policy


@pytest.mark.parametrize(
    ("before", "now", "level", "what"),
    [
        ({"p": "reject"}, {"p": "none"}, Level.ACT, "policy weakened to p=none"),
        ({"p": "quarantine"}, {"p": "reject"}, Level.WELL, "policy tightened to p=reject"),
        ({"p": "reject", "sp": "reject"}, {"p": "reject", "sp": "none"}, Level.ACT, "policy weakened to sp=none"),
        ({"p": "none", "sp": "reject"}, {"p": "reject", "sp": "none"}, Level.ACT, "policy weakened to sp=none"),
        ({"p": "reject", "testing": "n"}, {"p": "reject", "testing": "y"}, Level.ACT, "policy weakened to t=y"),
        ({"p": "reject", "testing": "y"}, {"p": "reject", "testing": "n"}, Level.WELL, "policy tightened to t=n"),
        (
            {"p": "none", "testing": "n"}, {"p": "quarantine", "testing": "y"},
            Level.WELL, "policy tightened to p=quarantine",
        ),
        ({"p": "quarantine", "pct": 100}, {"p": "quarantine", "pct": 20}, Level.ACT, "policy weakened to pct=20"),
        ({"p": "none", "pct": 100}, {"p": "none", "pct": 20}, Level.LOOK, "policy changed to pct=20"),
        ({"p": "reject", "adkim": "r"}, {"p": "reject", "adkim": "s"}, Level.LOOK, "policy changed to adkim=s"),
    ],
)  # fmt: skip
def test_what_became_of_the_policy(
    before: dict[str, Any], now: dict[str, Any], level: Level, what: str
) -> None:
    found = morning(*USUAL, policy=replace(PUBLISHED, **now), policy_before=replace(PUBLISHED, **before))
    assert [(it.level, it.what) for it in findings(found)] == [(level, what)]


def test_what_reporters_leave_out_is_no_change() -> None:
    found = morning(*USUAL, policy=replace(PUBLISHED, sp="none", testing="y"), policy_before=PUBLISHED)
    assert kinds(found) == []


# --- what comes in


@pytest.mark.parametrize(
    ("silent", "more", "expected"),
    [
        (timedelta(days=2), {}, "DMARC: no reports for 2 days"),
        (timedelta(days=1, hours=23), {}, "DMARC example.org: nothing reported"),
        (timedelta(days=9), {"was_daily": False}, "DMARC example.org: nothing reported"),
        (timedelta(days=2), {"thresholds": Thresholds(silent_days=3)}, "DMARC example.org: nothing reported"),
    ],
)
def test_days_without_a_report(silent: timedelta, more: dict[str, Any], expected: str) -> None:
    assert nothing(silent, **more).subject == expected


def test_reporters_that_went_silent_are_one_finding() -> None:
    gone = tuple(Silence(name, LAST, 30) for name in ("google.com", "Yahoo", "Comcast", "web.de"))
    (one,) = findings(morning(*USUAL, silences=gone))
    assert one.what == "4 reporters gone silent"
    assert one.sentence == "google.com, Yahoo, Comcast and 1 more reported regularly, and do no more."


def test_a_silent_domain_has_no_silent_reporters() -> None:
    gone = (Silence("google.com", LAST, 30),)
    assert kinds(nothing(timedelta(days=5), silences=gone)) == []


@pytest.mark.parametrize(
    ("intake", "subject"),
    [
        (UNREADABLE, "DMARC: look, 3 mails could not be read"),
        (AWAY, "DMARC: look, mailbox dmarc cannot be read"),
        (
            replace(QUIET, failing_mailboxes={"a": "refused", "b": "refused"}),
            "DMARC: look, 2 mailboxes cannot be read",
        ),
        (
            replace(QUIET, waiting=12, oldest_waiting_at=NOW - timedelta(days=2)),
            "DMARC: look, 12 mails waiting in the mailbox",
        ),
        (
            replace(QUIET, waiting=12, oldest_waiting_at=NOW - timedelta(hours=20)),
            "DMARC example.org: all well",
        ),
        (replace(QUIET, outcomes={Outcome.DUPLICATE: 3}), "DMARC example.org: all well"),
    ],
)
def test_how_ingestion_went(intake: Intake, subject: str) -> None:
    assert morning(*USUAL, intake=intake).subject == subject


# --- the whole


def test_a_domains_finding_leads_before_an_equally_bad_one_of_no_domain() -> None:
    found = morning(*USUAL, STRANGER, new=(STRANGER,), intake=UNREADABLE)
    assert found.subject == "DMARC example.org: look, 1 new failing source"


def test_a_part_of_a_letter() -> None:
    whole = three_domains(intake=UNREADABLE)
    assert whole.subject == "DMARC example.org: act, Mimecast is failing DKIM (and 1 more domain)"
    part = for_domains(whole, ["example.com", "example.net"])
    assert part.subject == "DMARC example.net: look, 1 new failing source"
    assert [it.figures.domain for it in part.domains] == ["example.net", "example.com"]
    assert (part.level, part.findings, part.intake) == (Level.LOOK, whole.findings, whole.intake)
    assert for_domains(whole, [it.figures.domain for it in whole.domains]) == whole


def test_a_part_of_a_letter_names_no_mail_that_may_be_about_another_domain() -> None:
    mail = Rejected(
        "dmarc", "example.net.xml.gz", "dmarc@example.com", Outcome.CORRUPT, "gzip stream is cut off"
    )
    whole = three_domains(intake=replace(UNREADABLE, rejected=(mail,)))
    part = for_domains(whole, ["example.com"])
    assert (whole.intake.rejected, part.intake) == ((mail,), UNREADABLE)


def test_a_part_of_a_letter_that_is_well() -> None:
    whole = three_domains()
    assert for_domains(whole, ["example.com"]).subject == "DMARC example.com: all well"
    assert for_domains(whole, ["example.com"]).level is Level.WELL


def test_several_domains_that_are_well() -> None:
    nights = {name: judge(USUAL, USUAL) for name in (DOMAIN, "example.net")}
    domains = tuple(figures(it, name) for name, it in nights.items())
    found = bulletin(Figures(WINDOW, domains, QUIET), nights, Thresholds(), NOW)
    assert found.subject == "DMARC 2 domains: all well"


def test_silence_of_all_domains_is_one_finding_and_each_is_marked() -> None:
    found = three_domains(silent=timedelta(days=4))
    assert found.subject == "DMARC: no reports for 4 days"
    assert [it.level for it in found.domains] == [Level.ACT] * 3
    assert not any(it.kind is Kind.NO_REPORTS for news in found.domains for it in news.findings)


def test_each_cause_has_one_next_step() -> None:
    fails, dropped = findings(morning(MICROSOFT, MIMECAST_FAILS, before=(MICROSOFT, MIMECAST)))
    assert (fails.kind, dropped.kind, dropped.who) == (Kind.NOW_FAILS, Kind.RATE_DROPPED, fails.who)
    assert (fails.next_step, dropped.next_step) == ("Mimecast: switch DKIM on.", None)


def test_a_long_name_is_cut() -> None:
    lines = [replace(it, who="M" * 500) for it in judge((RELAY_FAILS,), ()).lines]
    sources = Judged(tuple(lines), (), None)
    found = bulletin(Figures(WINDOW, (figures(sources),), QUIET), {DOMAIN: sources}, Thresholds(), NOW)
    assert found.subject == f"DMARC example.org: act, {'M' * 60}… is failing DMARC"
