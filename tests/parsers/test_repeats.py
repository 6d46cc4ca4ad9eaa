"""What was said before is not read again, and nobody can tell: values and departures are as if it had been."""

import time
from dataclasses import replace

import pytest

from parsers import repeats
from parsers.errors import RefusedError
from parsers.limits import DEFAULT_LIMITS
from parsers.values import Report
from tests.parsers.small_reports import (
    IDENTIFIERS,
    METADATA,
    POLICY,
    RESULTS,
    feedback,
    read,
    record,
    report,
    row,
)

ODD = (
    "<auth_results>words<dkim><domain>Example.org</domain><result>Pass</result></dkim>"
    "<spf><domain>example.org</domain><domain/><result>hardfail</result><x/></spf></auth_results>"
)


@pytest.fixture(autouse=True)
def _nothing_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "_known", {})


def times(found: Report) -> dict[tuple[str, str], int]:
    return {(it.code, it.place): it.times for it in found.deviations}


def test_a_report_reads_the_same_whatever_was_read_before() -> None:
    content = report(*[record(row(), IDENTIFIERS, ODD)] * 3)
    first = read(content)
    assert read(content) == first
    assert len(set(map(repr, first.records))) == 1


def test_departures_of_what_is_said_again_count_again() -> None:
    once, thrice = (times(read(report(*[record(row(), IDENTIFIERS, ODD)] * number))) for number in (1, 3))
    of_records = {key: number for key, number in once.items() if key[1].startswith("record/")}
    assert ("alias-token", "record/auth_results/spf/result") in of_records
    assert {key: thrice[key] for key in of_records} == {key: 3 * number for key, number in of_records.items()}


def test_each_report_is_judged_by_its_own_standard() -> None:
    newer = POLICY.replace("</p>", "</p><testing>n</testing>")
    helo = record(row(), RESULTS.replace("mfrom", "helo"))
    for policy, departs in ((POLICY, False), (newer, True), (POLICY, False)):
        found = times(read(feedback(METADATA, policy, helo)))
        assert (("other-standard", "record/auth_results/spf/scope") in found) is departs


def test_a_limit_holds_for_what_was_said_under_a_wider_one() -> None:
    content = report(record(row(), RESULTS))
    assert read(content)
    with pytest.raises(RefusedError, match=r"\(limit text_bytes\)"):
        read(content, replace(DEFAULT_LIMITS, text_bytes=10))


def test_so_much_is_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST", 10)
    domains = [f"{number}.example" for number in range(50)]
    found = read(report(*(record(RESULTS.replace("example.org", domain)) for domain in domains)))
    assert [it.spf_results[0].domain for it in found.records] == domains
    assert len(repeats._known) <= 10  # noqa: SLF001 (nothing else tells)
    read(report(record(RESULTS.replace("example.org", "a" * repeats.LONGEST))))
    assert all(len(xml) <= repeats.LONGEST for xml, _ in repeats._known)  # noqa: SLF001 (nothing else tells)


@pytest.mark.parametrize("place", ["feedback", "record", "auth_results"])
def test_many_namespaces_take_no_more_time_than_they_are_long(place: str) -> None:
    declared = " ".join(f"xmlns:n{number}='urn:x'" for number in range(30_000))
    content = report(*[record(row(), IDENTIFIERS, RESULTS)] * 500).decode()
    before = time.process_time()
    found = read(content.replace(f"<{place}>", f"<{place} {declared}>", 1).encode())
    assert time.process_time() - before < 2
    assert len(set(map(repr, found.records))) == 1
