"""Evidence in, lines for people and rows for the database out."""

from dataclasses import replace
from time import perf_counter

from summary.hosts import Known
from summary.sources import NOBODY_KNOWN, judge
from summary.verdicts import Verdict
from summary.wording import LONGEST
from tests.summary.kit import (
    CATALOGUE,
    DOMAIN,
    MACHINES,
    MAILCHIMP,
    MICROSOFT,
    MIMECAST,
    OURS,
    evidence,
    judged,
    line_of,
)

SOFTFAIL = "spf example.org softfail"
SISTER = evidence(
    "91.220.42.77", "dkim example.org mimecast20240216 fail", "spf example.com pass", messages=300
)


def test_one_line_for_each_source_and_verdict() -> None:
    judgement = judged(
        *OURS, SISTER, evidence("40.107.8.25", *("dkim example.org selector1 pass", "spf example.org pass"))
    )
    assert [(it.who, it.verdict, it.messages, it.passing, it.failing) for it in judgement.lines] == [
        ("Mimecast", Verdict.FAILING_OWN, 300, 0, 300),
        ("Mimecast", Verdict.FRAGILE, 900, 900, 0),
        ("Microsoft 365", Verdict.PASSING, 5100, 5100, 0),
        ("Mailchimp", Verdict.PASSING, 2000, 2000, 0),
    ]
    fragile, microsoft, mailchimp = judgement.lines[1:]
    assert (fragile.dkim_failing, fragile.spf_failing) == (900, 0)
    assert [(it.key, it.messages) for it in microsoft.addresses] == [
        ("40.107.21.92", 5000),
        ("40.107.8.25", 100),
    ]
    assert microsoft.addresses[0].name == "mail-db3eur.outbound.protection.outlook.com"
    assert (mailchimp.service, mailchimp.owner) == ("mailchimp", "The Rocket Science Group")
    assert [(it.key, it.messages, it.failing) for it in mailchimp.authors] == [("news.example.org", 2000, 0)]
    assert mailchimp.identifiers == ("DKIM d=news.example.org s=k2 pass", "SPF mail19.atl11.rsgsv.net pass")
    assert mailchimp.reporters == ("google.com",)


def test_what_needs_a_person_stands_first_and_strangers_last_among_the_unknown() -> None:
    constant_contact = evidence(
        "208.75.123.146", "dkim auth.ccsend.com 1 pass", "spf in.constantcontact.com pass", messages=5
    )
    judgement = judged(*OURS, SISTER, constant_contact, evidence("51.68.141.12", SOFTFAIL, messages=9000))
    assert [(it.verdict, it.who) for it in judgement.lines] == [
        (Verdict.FAILING_OWN, "Mimecast"),
        (Verdict.FRAGILE, "Mimecast"),
        (Verdict.UNKNOWN, "Constant Contact"),
        (Verdict.UNKNOWN, "OVHcloud"),
        (Verdict.PASSING, "Microsoft 365"),
        (Verdict.PASSING, "Mailchimp"),
    ]


def test_many_addresses_of_one_hoster_are_one_line() -> None:
    judgement = judged(evidence("51.68.141.12", SOFTFAIL), evidence("51.68.204.77", SOFTFAIL))
    (line,) = judgement.lines
    assert (line.who, line.service, len(line.addresses)) == ("OVHcloud", "ovh", 2)
    assert [it.source_ip for it in judgement.addresses] == ["51.68.141.12", "51.68.204.77"]


def test_strangers_whose_owner_is_not_known_are_one_line() -> None:
    pieces = [evidence(f"198.51.100.{number}", SOFTFAIL) for number in range(9)]
    judgement = judged(*pieces)
    assert [(it.who, it.messages, len(it.addresses)) for it in judgement.lines] == [(NOBODY_KNOWN, 900, 9)]
    assert {it.who for it in judgement.addresses} == {it.source_ip for it in pieces}
    assert len(judgement.waiting) == 9


def test_rows_for_the_database() -> None:
    judgement = judged(MICROSOFT, SISTER)
    microsoft, mimecast = sorted(judgement.addresses, key=lambda it: it.source_ip)
    assert (microsoft.verdict, microsoft.service, microsoft.messages, microsoft.failing) == (
        "passing",
        "microsoft365",
        5000,
        0,
    )
    assert (mimecast.verdict, mimecast.who, mimecast.failing) == ("failing_own", "Mimecast", 300)
    assert mimecast.reason == line_of(judgement, "91.220.42.77").reason
    assert mimecast.next_step == "Mimecast: switch DKIM on."
    assert mimecast.evidence.splitlines() == [
        "DKIM d=example.org s=mimecast20240216 fail",
        "SPF example.com pass",
    ]
    assert judgement.services == {
        "40.107.21.92": (
            "microsoft365",
            "name: the machine's name is mail-db3eur.outbound.protection.outlook.com",
        ),
        "91.220.42.77": ("mimecast", "owner: in a network of Mimecast Services Limited"),
    }


# -- a little that fails


def test_a_little_noise_of_a_good_sender_is_folded_into_it() -> None:
    broken = evidence(
        "40.107.8.25", "dkim example.org selector1 fail", "spf example.org neutral", messages=60, spf="fail"
    )
    temporary = evidence("40.107.8.25", "dkim example.org selector1 temperror", messages=30)
    judgement = judged(MICROSOFT, temporary)
    (line,) = judgement.lines
    assert (line.verdict, line.messages, line.failing, line.next_step) == (Verdict.PASSING, 5030, 30, None)
    assert "30 of 5,030 messages (0.6%)" in line.reason
    assert [(it.source_ip, it.verdict, it.failing) for it in judgement.addresses] == [
        ("40.107.21.92", "passing", 0),
        ("40.107.8.25", "passing", 30),
    ]
    assert Verdict.FAILING_OWN not in {it.verdict for it in judged(MICROSOFT, broken).lines}


def test_more_than_a_little_is_not_folded() -> None:
    temporary = evidence("40.107.8.25", "dkim example.org selector1 temperror", messages=100)
    assert [it.verdict for it in judged(MICROSOFT, temporary).lines] == [Verdict.FAILING_OWN, Verdict.PASSING]


def test_a_handful_without_a_signature_is_folded_and_a_set_up_that_was_forgotten_is_not() -> None:
    unsigned = evidence("40.107.8.25", "spf example.org pass", messages=9)
    assert [it.verdict for it in judged(MICROSOFT, unsigned).lines] == [Verdict.PASSING]
    forgotten = replace(unsigned, messages=90)
    assert [it.verdict for it in judged(MICROSOFT, forgotten).lines] == [Verdict.FRAGILE, Verdict.PASSING]


# -- what is learnt


def test_a_surviving_signature_does_not_teach_that_we_use_the_forwarder() -> None:
    survived = evidence("64.147.108.50", "dkim example.org selector1 pass", "spf pobox.com pass")
    unsigned = evidence("64.147.108.50", "spf pobox.com pass", messages=7)
    lines = judged(MICROSOFT, survived, unsigned).lines
    assert {it.verdict for it in lines if it.who == "Pobox"} == {Verdict.FORWARDED}


def test_a_mailbox_service_is_not_taken_for_ours_by_mail_that_it_forwards() -> None:
    forwarded = evidence("209.85.220.41", "dkim example.org selector1 pass", "spf gmail.com pass")
    altered = evidence("209.85.220.41", "dkim example.org selector1 fail", "spf gmail.com pass", messages=7)
    lines = judged(MICROSOFT, forwarded, altered).lines
    assert [it.verdict for it in lines if it.who == "Google Workspace"] == [Verdict.FORWARDED]


def test_what_a_domain_uses_is_learnt_from_a_longer_period() -> None:

    unsigned = evidence("198.2.134.19", "dkim mailchimpapp.net k2 pass", "spf mail19.atl11.rsgsv.net pass")
    alone = judge(DOMAIN, [unsigned], MACHINES, Known(CATALOGUE))
    knowing = judge(DOMAIN, [unsigned], MACHINES, Known(CATALOGUE), learnt_from=[MAILCHIMP, unsigned])
    assert [it.verdict for it in alone.lines] == [Verdict.UNKNOWN]
    assert [it.verdict for it in knowing.lines] == [Verdict.FAILING_OWN]


# -- what strangers write


def test_a_strangers_names_are_cut_short() -> None:
    name = "a" * 5_000
    judgement = judged(
        evidence("51.68.141.12", f"dkim {name}.example {name} pass", f"spf {name}.example pass")
    )
    (line,) = judgement.lines
    assert len(line.reason) < 10 * LONGEST
    assert len(line.next_step or "") < 10 * LONGEST


def test_nothing_reported_but_the_verdict() -> None:
    (line,) = judged(evidence("198.51.100.1", dkim="pass", spf="pass", author=None)).lines
    assert (line.verdict, line.reason) == (Verdict.PASSING, "DKIM and SPF pass.")
    assert judged().lines == ()
    assert judged(evidence("198.51.100.1", "spf example.org pass", messages=0)).lines[0].messages == 0


def test_many_patterns_take_seconds() -> None:
    addresses = [f"10.{number >> 8 & 255}.{number & 255}.1" for number in range(20_000)]
    pieces = [
        MICROSOFT,
        MIMECAST,
        *(evidence(it, "dkim example.org selector1 fail", SOFTFAIL) for it in addresses),
    ]
    started = perf_counter()
    judgement = judged(*pieces)
    assert len(judgement.addresses) == 20_002
    assert perf_counter() - started < 60


def test_a_sister_domain_is_no_other_organisation() -> None:
    forwarded = evidence(
        "40.107.8.25", "dkim example.org selector1 fail", "spf example.com pass", messages=700
    )
    for domains, verdict in (
        (frozenset[str](), Verdict.FORWARDED),
        (frozenset({"example.com"}), Verdict.FAILING_OWN),
    ):
        known = Known(CATALOGUE, domains=domains)
        lines = judge(DOMAIN, [MICROSOFT, forwarded], MACHINES, known).lines
        assert verdict in {it.verdict for it in lines}


def test_a_forwarded_signature_of_a_service_is_not_its_machine() -> None:
    survived = evidence(
        "198.51.100.9", "dkim amazonses.com a pass", "dkim example.org b pass", "spf amazonses.com fail"
    )
    direct = evidence(
        "198.51.100.8", "dkim amazonses.com a pass", "dkim example.org b pass", "spf mail.example.org pass"
    )
    services = judged(survived, direct).services
    assert services == {
        "198.51.100.9": None,
        "198.51.100.8": ("amazon_ses", "dkim_domain: DKIM passed for amazonses.com"),
    }


def test_a_mailers_return_path_is_no_empty_one() -> None:
    unsigned = evidence("198.2.134.19", "spf mail19.atl11.rsgsv.net pass")
    assert Verdict.BOUNCES not in {it.verdict for it in judged(MAILCHIMP, unsigned).lines}
