"""Every deviation has its row in docs/deviations.md and a small report that shows it; the corpus shows none that is not noted."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parsers.aggregate import read_report
from parsers.deviations import ACTIONS
from parsers.reading import read
from parsers.values import Report
from tests.parsers.small_reports import DATES, IDENTIFIERS, chunked, flawless
from tests.parsers.small_reports import read as read_small

DOCUMENT = Path(__file__).parents[1] / "docs" / "deviations.md"
ROW = re.compile(r"^\| `(?P<code>[a-z0-9-]+)` \|(?P<cells>.*)\|$", re.MULTILINE)


# --- the document


def rows() -> dict[str, list[str]]:
    """Give the cells of each row of the document by its code."""
    found = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(found) == len(dict(found))
    return {code: [cell.strip() for cell in cells.split(" | ")] for code, cells in found}


def test_every_code_has_its_row_and_no_row_is_without_a_code() -> None:
    assert list(rows()) == list(ACTIONS)


def test_every_row_says_what_is_done_and_who_was_seen() -> None:
    for code, (meaning, clause, action, witness) in rows().items():
        assert action == ACTIONS[code]
        assert all((meaning, clause, witness)), code


# --- a witness of our own for each code


def changed(old: str, new: str, content: bytes = flawless()) -> bytes:
    """Write the flawless report with one thing changed."""
    assert content.count(old.encode()) >= 1
    return content.replace(old.encode(), new.encode(), 1)


def moved_to_the_end(element: str) -> bytes:
    return changed("</feedback>", f"{element}</feedback>", changed(element, ""))


def dated(begin: str, end: str = "1793663999") -> bytes:
    return changed(DATES, f"<date_range><begin>{begin}</begin><end>{end}</end></date_range>")


def newer(content: bytes) -> bytes:
    """Turn a report into one after RFC 9990."""
    return content.replace(b"<feedback>", b'<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">')


HEADER_FROM = "<header_from>example.org</header_from>"
COUNT = "<count>1</count>"
ADDRESS = "192.0.2.1"
PLACE = "record/identifiers/header_from"


def from_domain(domain: str) -> bytes:
    return changed(HEADER_FROM, f"<header_from>{domain}</header_from>")


WITNESSES: dict[str, tuple[bytes, str]] = {
    "after-records": (
        moved_to_the_end("<policy_published><domain>example.org</domain><p>none</p></policy_published>"),
        "policy_published",
    ),
    "alias-token": (
        changed("<result>pass</result>", "<result>hardfail</result>"),
        "record/auth_results/spf/result",
    ),
    "before-declaration": (b"\n\n" + flawless(), "document"),
    "before-root": (b'<?xml version="1.0"?>"' + flawless(), "document"),
    "cut-off": (flawless()[:-5], "feedback"),
    "date-fraction": (dated("1793577600.0"), "report_metadata/date_range/begin"),
    "date-iso": (dated("2026-11-02T00:00:00Z"), "report_metadata/date_range/begin"),
    "date-milliseconds": (dated("1793577600000"), "report_metadata/date_range/begin"),
    "decorated-address": (changed(ADDRESS, "[192.0.2.1]:25"), "record/row/source_ip"),
    "empty": (changed("<p>none</p>", "<p>none</p><sp/>"), "policy_published/sp"),
    "encoding-misdeclared": (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + changed("Inselpost", "Möwenpost"),
        "declaration",
    ),
    "extension": (changed("<record>", "<extension/><record>"), "extension"),
    "foreign-element": (changed(COUNT, COUNT + "<x:n xmlns:x='urn:x'/>"), "record/row/n"),
    "implausible-date": (dated("302832000", "302918399"), "report_metadata/date_range/end"),
    "ip-for-domain": (from_domain("[192.0.2.1]"), PLACE),
    "ipv4-mapped": (changed(ADDRESS, "::ffff:192.0.2.1"), "record/row/source_ip"),
    "letter-case": (
        changed("<dkim>fail</dkim>", "<dkim>Fail</dkim>"),
        "record/row/policy_evaluated/dkim",
    ),
    "long-range": (dated("1793577600", "1794182400"), "report_metadata/date_range"),
    "mailbox-for-domain": (from_domain("someone@example.org"), PLACE),
    "misspelt-element": (
        flawless().replace(b"identifiers>", b"identities>"),
        "record/identifiers",
    ),
    "missing": (changed("<version>1.0</version>", ""), "version"),
    "mixed-content": (changed("Inselpost", "<b>Inselpost</b>"), "report_metadata/org_name"),
    "namespace": (changed("<feedback>", "<feedback xmlns='http://dmarc.org/dmarc-xml/0.2'>"), "feedback"),
    "null-path": (
        changed("<envelope_from>example.org<", "<envelope_from>&lt;&gt;<"),
        "record/identifiers/envelope_from",
    ),
    "order": (changed("<record>", "<record>" + IDENTIFIERS, changed(IDENTIFIERS, "")), "record"),
    "other-standard": (
        newer(changed("<scope>mfrom</scope>", "<scope>helo</scope>")),
        "record/auth_results/spf/scope",
    ),
    "other-version": (changed("1.0", "0.1"), "version"),
    "out-of-range": (changed(COUNT, "<count>-1</count>"), "record/row/count"),
    "placeholder": (from_domain("NULL"), PLACE),
    "repeated": (changed(COUNT, COUNT * 2), "record/row/count"),
    "reversed-range": (dated("1793663999", "1793577600"), "report_metadata/date_range"),
    "several-domains": (from_domain("a.example, b.example"), PLACE),
    "stray-text": (changed("<row>", "<row>row"), "record/row"),
    "trailing-dot": (from_domain("example.org."), PLACE),
    "u-label": (from_domain("müller.example"), PLACE),
    "undecodable-bytes": (flawless().replace(b"Inselpost", b"M\xf6wenpost"), "document"),
    "undeclared-prefix": (flawless().replace(b"<", b"<d:").replace(b"<d:/", b"</d:"), "feedback"),
    "unescaped-markup": (changed("dmarc@inselpost.example", "<a@b.example>"), "report_metadata/email"),
    "unknown-element": (changed(COUNT, COUNT + "<weight>1</weight>"), "record/row/weight"),
    "unknown-encoding": (b'<?xml version="1.0" encoding="x-nobody"?>' + flawless(), "declaration"),
    "unknown-token": (changed("<p>none</p>", "<p>monitor</p>"), "policy_published/p"),
    "unreadable-address": (changed(ADDRESS, "mail.example.org"), "record/row/source_ip"),
    "unreadable-date": (dated("yesterday"), "report_metadata/date_range/begin"),
    "unreadable-domain": (from_domain("no domain"), PLACE),
    "unreadable-mailbox": (changed("dmarc@inselpost.example", "the postmaster"), "report_metadata/email"),
    "unreadable-number": (changed(COUNT, "<count>one</count>"), "record/row/count"),
    "unreadable-percentage": (
        changed("<p>none</p>", "<p>none</p><pct>all</pct>"),
        "policy_published/pct",
    ),
    "zero-count": (changed(COUNT, "<count>0</count>"), "record/row/count"),
    "zero-length-range": (dated("1793663999"), "report_metadata/date_range"),
}
"""For each code a report, and the place at which it is noted."""


@pytest.mark.parametrize("code", ACTIONS)
def test_every_code_has_a_report_that_shows_it(code: str) -> None:
    content, place = WITNESSES[code]
    found = read_small(content)
    assert (code, place) in {(each.code, each.place) for each in found.deviations}
    assert len(found.records) == 1


def test_a_container_that_is_cut_off_is_noted_as_such() -> None:
    found = read_report(chunked(flawless(), 100), container_damage="the gzip stream ends too soon")
    assert [(each.code, each.place) for each in found.deviations] == [("cut-off", "container")]


# --- the corpus

NO_DEPARTURE = {
    "attr:": "either schema lets xsi's attributes stand, RFC 9990 `lang`; others lie within extensions",
    "bytes:utf8-bom": "XML 1.0 4.3.3 allows it",
    "date:begin-not-midnight-utc": "RFC 9990 3.1.1.4 says typically",
    "date:not-24h": "RFC 7489 6.3: the domain owner may ask for any interval",
    "date:shorter-than-1h": "the same",
    "decl:": "XML 1.0 2.8: the declaration may be missing, with it the encoding",
    "domain-single-label:": "a name like any other",
    "empty:auth_results/dkim/human_result": "a text for people",
    "empty:identifiers/envelope_from": "the null path (RFC 9990 3.1.1.10)",
    "empty:reason/comment": "a text for people",
    "empty:report_metadata/extra_contact_info": "a text for people",
    "inconsistent:": "a matter of alignment, recomputed for every record",
    "ip:ipv6-non-canonical": "any form of RFC 4291 is an address",
    "missing:policy_published/fo": "errata of RFC 7489: optional",
    "missing:policy_published/pct": "the same",
    "missing:policy_published/sp": "the same",
    "multiple:auth_results/dkim": "RFC 7489 C, RFC 9990 3.1.1.11: any number",
    "ns:declared-unused=": "a declaration alone says nothing",
    "ns:prefixed-root": "RFC 7489 C's schema asks for it",
    "ns:root-qualified-children-not": "so RFC 7489 C's schema has it",
    "ns:xsi/xsd-declared": "a declaration alone says nothing",
    "records:identical-twice": "counts add up",
    "records:many(>=500)": "no limit in either RFC",
    "whitespace:": "white space around a value is no part of it (XML Schema 2, 4.3.6)",
    "xml:comment-or-pi": "XML 1.0 2.5, 2.6",
}
"""Quirks, or how they begin, that depart from nothing, and why."""

NO_DEPARTURE_FROM: dict[str, frozenset[str]] = {
    "rfc7489": frozenset({"multiple:auth_results/spf"}),
    "rfc9990": frozenset(
        {
            "empty-container:auth_results",
            "missing:feedback/version",
            "missing:identifiers/envelope_from",
            "missing:auth_results/spf/scope",
        }
    ),
}
"""Quirks that one standard allows."""

EMAIL = "report_metadata/email"
NOTED: dict[str, tuple[str, ...]] = {
    "bytes:not-utf8": ("undecodable-bytes document",),
    "date:implausible-epoch": ("implausible-date report_metadata/date_range/begin",),
    "date:longer-than-2-days": ("long-range report_metadata/date_range",),
    "date:zero-length": ("zero-length-range report_metadata/date_range",),
    "domain-non-ascii:identifiers/header_from": ("unreadable-domain record/identifiers/header_from",),
    "domain-uppercase:auth_results/spf/domain": (
        "letter-case record/auth_results/spf/domain",
        "placeholder record/auth_results/spf/domain",
    ),
    "missing:report_metadata/date_range": (
        "missing report_metadata/date_range",
        "misspelt-element report_metadata/date_range",
    ),
    "multiple:auth_results/spf": ("other-standard record/auth_results/spf",),
    "ns:mixed": ("extension record/category", "extension record/source", "extension record/record-note"),
    "records:none": ("missing record",),
    "root:schema": ("before-root document",),
    "text-in-element:feedback": ("stray-text feedback",),
    "text-in-element:identifiers/header_from": ("cut-off feedback",),
    f"value:{EMAIL}-no-at": (f"unreadable-mailbox {EMAIL}",),
    f"value:{EMAIL}-with-display-name-or-mailto": (
        f"decorated-address {EMAIL}",
        f"unreadable-mailbox {EMAIL}",
    ),
    "value:row/count=0": ("zero-count record/row/count",),
    "xml:not-well-formed": ("cut-off feedback", "before-root document", "undecodable-bytes document"),
    "xml:stray-xs:schema-element": ("before-root document",),
    "extra:feedback/extensions": ("extension extensions",),
    "extra:record/extensions": ("extension record/extensions",),
    "extra:record/category": ("extension record/category",),
    "extra:record/source": ("extension record/source",),
    "extra:record/record-note": ("extension record/record-note",),
    "extra:report_metadata/data_range": ("misspelt-element report_metadata/date_range",),
    "extra:policy_published/pct": ("other-standard policy_published/pct",),
}
"""Quirks by their whole names, and how each is noted, in one of these ways."""

KINDS: dict[str, tuple[str, ...]] = {
    "case": ("letter-case",),
    "domain-is-address": ("mailbox-for-domain",),
    "domain-is-ip": ("ip-for-domain",),
    "domain-odd": ("several-domains",),
    "domain-uppercase": ("letter-case",),
    "empty": ("empty",),
    "extra": ("unknown-element",),
    "missing": ("missing",),
    "not-integer": ("unreadable-number", "unreadable-date", "date-fraction", "unreadable-percentage"),
    "order": ("order",),
    "placeholder": ("placeholder",),
    "text-in-element": ("stray-text",),
    "value": ("unknown-token", "alias-token", "unreadable-address", "other-standard"),
}
"""Quirks of the form KIND:ELEMENT, and the codes one of which is noted at that element."""

PLACES = {
    "date_range": "report_metadata/date_range",
    "row": "record/row",
    "policy_evaluated": "record/row/policy_evaluated",
    "reason": "record/row/policy_evaluated/reason",
    "identifiers": "record/identifiers",
    "auth_results": "record/auth_results",
}


def departs(quirk: str, report: Report) -> bool:
    allowed = NO_DEPARTURE_FROM[report.header.dialect]
    return quirk not in allowed and not quirk.startswith(tuple(NO_DEPARTURE))


def is_noted(quirk: str, report: Report) -> bool:
    found = [f"{each.code} {each.place}" for each in report.deviations]
    if quirk in NOTED:
        return any(each in NOTED[quirk] for each in found)
    if quirk.startswith("version="):
        return "other-version version" in found
    kind, _, element = quirk.partition(":")
    if kind == "9990-without-namespace":
        return f"other-standard {element}" in found or "namespace feedback" in found
    parent, slash, rest = element.partition("=")[0].partition("/")
    place = (PLACES.get(parent, parent) + slash + rest).removeprefix("feedback/")
    if kind == "empty-container":
        return any(each.startswith(f"missing {place}/") for each in found)
    return any(f"{code} {place}" in found for code in KINDS[kind])


def payloads(corpus: Path) -> Iterator[tuple[str, dict[str, Any], Report | None]]:
    """Give each document of the corpus that is meant to be a report, and what is read of it."""
    with (corpus / "manifest.jsonl").open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if line["category"] in ("dmarc", "embedded"):
                reading = read((corpus / line["file"]).read_bytes(), line["file"])
                found = {each.document.sha256: each.report for each in reading.reports}
                for payload in line["payloads"]:
                    yield line["file"], payload, found.get(payload["sha256"])


def test_every_quirk_of_the_corpus_is_noted_or_departs_from_nothing(corpus: Path) -> None:
    unnoted = [
        (file, quirk)
        for file, payload, report in payloads(corpus)
        if report is not None
        for quirk in payload["quirks"]
        if departs(quirk, report) and not is_noted(quirk, report)
    ]
    assert unnoted == []


def test_what_is_not_read_is_damaged_before_its_first_record(corpus: Path) -> None:
    unread = [payload for _, payload, report in payloads(corpus) if report is None]
    assert unread
    assert {payload["wellformed"] for payload in unread} == {False}
