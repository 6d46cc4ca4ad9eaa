"""The elements of a record and of the header become values: the readable is read, the rest is noted, never a pass."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import standards
from parsers.deviations import RAW_LENGTH, Deviation
from parsers.elements import MOST_U_LABELS
from parsers.errors import RefusedError
from parsers.limits import DEFAULT_LIMITS
from parsers.values import (
    MAX_MESSAGES,
    UNKNOWN,
    Dialect,
    Disposition,
    DkimToken,
    Evaluated,
    PolicyPublished,
    ReasonType,
    Record,
    Report,
    Scope,
    SpfToken,
)
from tests.parsers.small_reports import (
    DATES,
    METADATA,
    POLICY,
    feedback,
    read,
    read_record,
    record,
    report,
    row,
)

XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"),
    max_size=40,
)


def results(*entries: str) -> str:
    return f"<auth_results>{''.join(entries)}</auth_results>"


def identifiers(entries: str) -> str:
    return f"<identifiers>{entries}</identifiers>"


def evaluated(entries: str) -> Record:
    return read_record(row(evaluated=entries))


def noted(*parts: str) -> list[tuple[str, str, str | None]]:
    """Give what is noted of a report of one record, but what a small one lacks."""
    found = read(report(record(*parts))).deviations
    return [(it.code, it.place, it.raw) for it in found if it.code != "missing"]


def codes(found: Report, *places: str) -> set[tuple[str, str]]:
    """Give what is noted of some elements."""
    return {(it.code, it.place) for it in found.deviations if it.place in places}


def counted(count: str) -> Record:
    return read_record(row(count=count))


def policy(entries: str) -> Report:
    return read(feedback(METADATA, f"<policy_published>{entries}</policy_published>"))


def metadata(entries: str) -> Report:
    return read(feedback(f"<report_metadata>{entries}</report_metadata>", POLICY))


# --- whether DMARC passed


@pytest.mark.parametrize(
    ("dkim", "spf", "passed"),
    [
        ("pass", "pass", True),
        ("pass", "fail", True),
        ("fail", "pass", True),
        ("fail", "fail", False),
        ("PASS", "fail", True),
        ("\n pass \n", "fail", True),
        ("", "", False),
        ("passed", "fail", False),
        ("none", "neutral", False),
        ("pass pass", "bypass", False),
        ("true", "1", False),
    ],
)
def test_dmarc_passes_by_dkim_or_by_spf_and_by_no_other_word(dkim: str, spf: str, passed: bool) -> None:
    assert evaluated(f"<dkim>{dkim}</dkim><spf>{spf}</spf>").dmarc_pass is passed


@given(XML_TEXT)
@settings(derandomize=True, deadline=None)
def test_no_word_but_pass_is_a_pass(word: str) -> None:
    found = evaluated(f"<dkim>{escape(word)}</dkim>")
    assert found.dmarc_pass == (word.strip().lower() == "pass")
    assert found.dkim in {None, "pass", "fail", "unknown"}


@pytest.mark.parametrize(
    "outside",
    [
        "<policy_evaluated><x><dkim>pass</dkim></x></policy_evaluated>",
        "<policy_evaluated><dkim>fail</dkim><dkim>pass</dkim></policy_evaluated>",
        "<policy_evaluated/><policy_evaluated><dkim>pass</dkim></policy_evaluated>",
        "<dkim>pass</dkim>",
    ],
)
def test_a_pass_in_the_wrong_place_is_none(outside: str) -> None:
    assert not read_record(f"<row>{outside}</row>").dmarc_pass


def test_a_signature_that_passed_is_no_aligned_pass() -> None:
    found = read_record(
        "<row/>", results("<dkim><result>pass</result></dkim>", "<spf><result>pass</result></spf>")
    )
    assert not found.dmarc_pass


# --- tokens


def test_a_token_in_capitals_is_the_token_and_is_noted() -> None:
    entries = "<disposition>Quarantine</disposition><dkim>FAIL</dkim>"
    found = evaluated(entries)
    assert (found.disposition, found.disposition_raw) == ("quarantine", "Quarantine")
    assert (found.dkim, found.dkim_raw) == ("fail", "FAIL")
    assert ("letter-case", "record/row/policy_evaluated/dkim", "FAIL") in noted(row(evaluated=entries))


def test_a_token_nobody_foresaw_is_unknown_with_the_token_beside_it() -> None:
    entries = "<disposition>delivered</disposition>"
    assert (evaluated(entries).disposition, evaluated(entries).disposition_raw) == ("unknown", "delivered")
    assert noted(row(evaluated=entries)) == [
        ("unknown-token", "record/row/policy_evaluated/disposition", "delivered")
    ]


def test_a_token_that_is_absent_or_empty_is_none() -> None:
    place = "record/row/policy_evaluated/"
    found = evaluated("<disposition/><dkim> </dkim>")
    assert (found.disposition, found.dkim, found.spf) == (None, None, None)
    assert codes(
        read(report(record(row(evaluated="<disposition/><dkim> </dkim>")))),
        *(place + name for name in ("disposition", "dkim", "spf")),
    ) == {("empty", place + "disposition"), ("empty", place + "dkim"), ("missing", place + "spf")}


@pytest.mark.parametrize(
    ("raw", "token"),
    [("hardfail", "fail"), ("HardFail", "fail"), ("unknown", "temperror"), ("error", "permerror")],
)
def test_a_word_known_to_stand_for_a_token_is_that_token_with_the_word_beside_it(
    raw: str, token: str
) -> None:
    entry = results(f"<spf><result>{raw}</result></spf>")
    [spf] = read_record(entry).spf_results
    assert (spf.result, spf.result_raw) == (token, raw)
    assert noted(entry) == [("alias-token", "record/auth_results/spf/result", raw)]


def test_nothing_but_pass_stands_for_a_pass() -> None:
    vocabularies = [each for each in vars(standards).values() if isinstance(each, standards.Vocabulary)]
    assert not [each for each in vocabularies if "pass" in each.aliases.values()]


@pytest.mark.parametrize("dialect", ["rfc7489", "rfc9990"])
def test_every_token_of_the_values_is_known_to_a_standard(dialect: Dialect) -> None:
    known = [
        (standards.DISPOSITION, Disposition),
        (standards.ALIGNED_DKIM, Evaluated),
        (standards.REASON_TYPE, ReasonType),
        (standards.DKIM_RESULT, DkimToken),
        (standards.SPF_RESULT, SpfToken),
        (standards.SPF_SCOPE, Scope),
    ]
    for vocabulary, kind in known:
        for token in set(get_args(kind)) - {UNKNOWN}:
            assert vocabulary.judge(token, dialect) in {(token, None), (token, "other-standard")}


# --- counts and addresses


@pytest.mark.parametrize(("sent", "messages"), [(" 42 ", 42), ("+7", 7), (str(MAX_MESSAGES), MAX_MESSAGES)])
def test_a_count_is_read(sent: str, messages: int) -> None:
    assert counted(sent).messages == messages


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("-1", "out-of-range"),
        (str(MAX_MESSAGES + 1), "out-of-range"),
        ("9" * 19, "out-of-range"),
        ("9" * 20, "unreadable-number"),
        ("9" * 60_000, "unreadable-number"),
        ("many", "unreadable-number"),
        ("1.5", "unreadable-number"),
        ("0", "zero-count"),
        ("", "empty"),
    ],
)
def test_a_count_that_cannot_be_is_zero_and_noted(sent: str, code: str) -> None:
    assert counted(sent).messages == 0
    assert noted(row(count=sent)) == [(code, "record/row/count", sent[:RAW_LENGTH] or None)]


def test_an_address_that_cannot_be_read_is_left_empty_and_noted() -> None:
    assert read_record(row("mail.example.org")).source_ip is None
    assert noted(row("mail.example.org")) == [
        ("unreadable-address", "record/row/source_ip", "mail.example.org")
    ]


def test_an_ipv4_mapped_address_is_the_ipv4_address_and_is_noted() -> None:
    assert read_record(row("::ffff:192.0.2.1")).source_ip == "192.0.2.1"
    assert noted(row("::FFFF:192.0.2.1")) == [("ipv4-mapped", "record/row/source_ip", "::FFFF:192.0.2.1")]


def test_a_record_without_anything_is_a_record() -> None:
    found = read(feedback(METADATA, POLICY, "<record/>"))
    assert found.records == (Record(source_ip=None, messages=0),)
    assert codes(found, "record/row", "record/identifiers", "record/auth_results", "record/row/count") == {
        ("missing", "record/row"),
        ("missing", "record/identifiers"),
        ("missing", "record/auth_results"),
    }


# --- identifiers


@pytest.mark.parametrize(
    ("entries", "spf", "path"),
    [
        ("<envelope_from>Bounce.Example.org.</envelope_from>", "", ("bounce.example.org", False)),
        ("<envelope_from/>", "", (None, True)),
        ("<envelope_from>&lt;&gt;</envelope_from>", "", (None, True)),
        ("", "", (None, None)),
        ("", "<spf><scope>helo</scope></spf>", (None, True)),
        ("", "<spf><scope>helo</scope></spf><spf><scope>mfrom</scope></spf>", (None, None)),
        ("", "<spf><domain>example.org</domain></spf>", (None, None)),
        (
            "<envelope_from>example.org</envelope_from>",
            "<spf><scope>helo</scope></spf>",
            ("example.org", False),
        ),
    ],
)
def test_a_return_path_is_a_domain_or_null_or_not_told(
    entries: str, spf: str, path: tuple[str | None, bool | None]
) -> None:
    found = read_record(row(), identifiers(entries), results(spf))
    assert (found.envelope_from, found.null_path) == path


def test_domains_are_compared_in_lower_case() -> None:
    found = read_record(
        identifiers("<header_from>Example.ORG</header_from><envelope_to>Example.NET.</envelope_to>"),
        results("<dkim><domain>Example.COM</domain></dkim>"),
    )
    assert (found.header_from, found.envelope_to) == ("example.org", "example.net")
    assert found.dkim_results[0].domain == "example.com"


# --- authentication results and reasons


def test_results_are_kept_in_their_order() -> None:
    selectors = ["s3", "s1", "s2"]
    found = read_record(results(*(f"<dkim><selector>{it}</selector></dkim><spf/>" for it in selectors)))
    assert [it.selector for it in found.dkim_results] == selectors
    assert len(found.spf_results) == len(selectors)


def test_a_result_nobody_foresaw_is_unknown_with_the_token_beside_it() -> None:
    found = read_record(results("<spf><scope>pra</scope><result>passable</result></spf>"))
    [spf] = found.spf_results
    assert (spf.result, spf.result_raw, spf.scope, spf.scope_raw) == ("unknown", "passable", "unknown", "pra")


def test_reasons_are_kept_in_their_order() -> None:
    reasons = "<reason><type>mailing_list</type><comment>arc=pass</comment></reason><reason><type>whim</type></reason>"
    first, second = evaluated(reasons).reasons
    assert (first.type, first.comment, first.type_raw) == ("mailing_list", "arc=pass", None)
    assert (second.type, second.comment, second.type_raw) == ("unknown", None, "whim")


@pytest.mark.parametrize("name", ["dkim", "spf", "reason"])
def test_over_results_is_refused_with_its_name(name: str) -> None:
    limits = replace(DEFAULT_LIMITS, results=3)

    def with_results(number: int) -> bytes:
        entries = f"<{name}/>" * number
        return report(record(row(evaluated=entries) if name == "reason" else results(entries)))

    assert len(read(with_results(3), limits).records) == 1
    with pytest.raises(RefusedError, match=rf"more than 3 <{name}> .*\(limit results\)"):
        read(with_results(4), limits)


# --- texts


@pytest.mark.parametrize(
    "content",
    [
        "<email>{}</email>",
        "<org_name>{}</org_name>",
        "<error>{}</error>",
        "<date_range><begin>{}</begin></date_range>",
    ],
)
def test_over_text_bytes_is_refused_with_its_name(content: str) -> None:
    limits = replace(DEFAULT_LIMITS, text_bytes=10)
    document = feedback(f"<report_metadata>{content}</report_metadata>")
    assert read(document.replace(b"{}", b"x" * 10), limits)
    with pytest.raises(RefusedError, match=r"\(limit text_bytes\)"):
        read(document.replace(b"{}", b"x" * 11), limits)


@pytest.mark.parametrize(
    "part",
    [
        row("1" * 70_000),
        row(evaluated=f"<dkim>{'pass' * 20_000}</dkim>"),
        identifiers(f"<header_from>{'a' * 70_000}</header_from>"),
        results(f"<dkim><selector>{'a' * 70_000}</selector></dkim>"),
    ],
    ids=["source_ip", "token", "header_from", "selector"],
)
def test_a_long_text_in_a_record_is_refused(part: str) -> None:
    with pytest.raises(RefusedError, match=r"\(limit text_bytes\)"):
        read(report(record(part)))


def test_white_space_around_a_text_does_not_count() -> None:
    assert (
        read_record(identifiers("<header_from>\n\t example.org \n</header_from>")).header_from
        == "example.org"
    )


def test_cdata_and_character_references_are_text() -> None:
    found = metadata("<org_name><![CDATA[A & B]]> &#67;o</org_name>")
    assert found.header.reporter == "A & B Co"


# --- the header


def test_metadata_is_read() -> None:
    header = metadata(
        "<org_name>Inselpost</org_name><email>a@example.org</email><extra_contact_info>b</extra_contact_info>"
        f"<report_id>&lt;1@x&gt;</report_id>{DATES}<error>one</error><error/><error>two</error>"
    ).header
    assert (header.reporter, header.email, header.extra_contact_info) == ("Inselpost", "a@example.org", "b")
    assert (header.report_id, header.errors) == ("1@x", ("one", "two"))
    assert header.begin is not None
    assert header.begin.isoformat() == "2026-11-02T00:00:00+00:00"


def test_what_is_missing_in_metadata_is_noted() -> None:
    found = metadata("<email>a@b</email><date_range><begin>1793577600</begin></date_range>").deviations
    assert {it.place for it in found if it.code == "missing"} - {"record", "version"} == {
        "report_metadata/org_name",
        "report_metadata/report_id",
        "report_metadata/date_range/end",
    }
    found = metadata("<org_name>a</org_name>").deviations
    assert "report_metadata/date_range" in {it.place for it in found if it.code == "missing"}


def test_a_date_that_cannot_be_read_is_left_empty_and_noted() -> None:
    found = metadata("<date_range><begin>yesterday</begin><end>1793577600.0</end></date_range>")
    assert found.header.begin is None
    assert {("unreadable-date", "yesterday"), ("date-fraction", "1793577600.0")} <= {
        (it.code, it.raw) for it in found.deviations
    }


def test_a_policy_is_read() -> None:
    assert policy(
        "<domain>Example.org</domain><adkim>s</adkim><aspf>R</aspf><p>reject</p><sp/><np>whatever</np>"
        "<pct>50</pct><fo>1:d</fo><testing>y</testing><discovery_method>treewalk</discovery_method>"
    ).header.policy == PolicyPublished(
        domain="example.org",
        adkim="s",
        aspf="r",
        p="reject",
        np="unknown",
        pct=50,
        fo="1:d",
        testing="y",
        discovery_method="treewalk",
    )


@pytest.mark.parametrize("pct", ["-1", "101", "all", "1e2", "50%"])
def test_a_percentage_that_cannot_be_is_left_empty_and_noted(pct: str) -> None:
    found = policy(f"<domain>example.org</domain><pct>{pct}</pct>")
    assert found.header.policy.pct is None
    assert (
        Deviation("unreadable-percentage", "policy_published/pct", "left empty", pct, 1) in found.deviations
    )


# --- names, places and floods of them


@pytest.mark.parametrize(
    ("begin", "end", "code"),
    [
        (1793577600, 1793577600, "zero-length-range"),
        (1793577600, 1793491200, "reversed-range"),
        (1793577600, 1793577600 + 3 * 86_400, "long-range"),
    ],
)
def test_an_odd_range_is_kept_and_noted(begin: int, end: int, code: str) -> None:
    found = metadata(f"<date_range><begin>{begin}</begin><end>{end}</end></date_range>")
    assert (found.header.begin, found.header.end) == tuple(
        datetime.fromtimestamp(it, UTC) for it in (begin, end)
    )
    assert codes(found, "report_metadata/date_range") == {(code, "report_metadata/date_range")}


def test_elements_of_another_name_are_read_as_what_they_stand_for() -> None:
    found = metadata("<data_range><begin>1793577600</begin></data_range>")
    assert found.header.begin is not None
    place = "report_metadata/date_range"
    assert codes(found, place) == {("misspelt-element", place)}
    known = read_record("<identities><header_from>example.org</header_from></identities>")
    assert known.header_from == "example.org"


def test_a_misspelt_element_does_not_take_the_place_of_the_right_one() -> None:
    both = "<identities><header_from>a.example</header_from></identities>" + identifiers(
        "<header_from>b.example</header_from>"
    )
    assert read_record(both).header_from == "b.example"
    assert noted(row(), both) == [("unknown-element", "record/identities", None)]


def test_elements_of_another_namespace_are_extensions_only_where_rfc_9990_has_them() -> None:
    declared = "<x:note xmlns:x='urn:x'/>"
    assert noted(row(), declared)[0] == ("extension", "record/note", "{urn:x}note")
    assert noted(row(evaluated=declared))[0] == (
        "foreign-element",
        "record/row/policy_evaluated/note",
        "{urn:x}note",
    )


def test_a_foreign_element_of_a_known_name_does_not_take_its_place() -> None:
    found = read_record(row(), "<x:row xmlns:x='urn:x'><x:count>99</x:count></x:row>")
    assert found.messages == 1


def test_text_in_an_element_within_is_read_as_if_it_stood_there() -> None:
    found = metadata("<email>the <b>postmaster</b></email><org_name><b>Inselpost</b></org_name>")
    assert found.header.reporter == "Inselpost"
    assert ("mixed-content", "report_metadata/org_name") in codes(found, "report_metadata/org_name")


def test_text_where_only_elements_stand_is_read_over() -> None:
    found = read_record(row(evaluated="words<dkim>pass</dkim>"))
    assert found.dmarc_pass
    assert noted(row(evaluated="words<dkim>pass</dkim>")) == [
        ("stray-text", "record/row/policy_evaluated", "words")
    ]


def test_a_name_that_is_made_up_is_cut_short() -> None:
    [(code, place, _)] = noted(row(), f"<{'a' * 5_000}/>")
    assert (code, len(place)) == ("unknown-element", len("record/") + 60)


def test_many_unknown_elements_take_no_more_time_than_they_are_long() -> None:
    names = "".join(f"<a{number}/>" for number in range(50_000))
    before = time.process_time()
    assert len(read(report(record(names))).deviations) == DEFAULT_LIMITS.deviations
    assert time.process_time() - before < 2


def test_names_in_other_scripts_are_brought_to_a_labels_so_many_times_a_report() -> None:
    domains = [f"müller{number}.example" for number in range(MOST_U_LABELS + 1)]
    found = read(
        report(*(record(identifiers(f"<header_from>{it}</header_from>")) for it in [*domains, domains[0]]))
    )
    assert [it.header_from for it in found.records[-2:]] == [domains[-1], "xn--mller0-3ya.example"]
    assert ("unreadable-domain", "record/identifiers/header_from") in codes(
        found, "record/identifiers/header_from"
    )
