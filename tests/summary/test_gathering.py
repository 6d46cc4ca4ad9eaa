"""A letter's figures and verdicts are of one state of the database, and of the reports that its window brought."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from store.database import Database
from store.figures import Figures, Window
from store.migrate import upgrade
from summary import readiness
from summary.findings.values import Judged
from summary.gathering import gather
from summary.hosts import Known
from summary.verdicts import Verdict
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, feedback, take
from tests.summary.kit import CATALOGUE

NOW = datetime(2026, 11, 15, 6, 30, tzinfo=UTC)
ONE_DAY = timedelta(days=1)
WINDOW = Window(NOW - ONE_DAY, NOW)
IN_WINDOW, BEFORE = NOW - ONE_DAY / 2, NOW - 2 * ONE_DAY
KNOWN = Known(CATALOGUE)

SPF = "<spf><domain>example.org</domain><scope>mfrom</scope><result>{}</result></spf>"
DKIM = "<dkim><domain>example.org</domain><selector>s1</selector><result>{}</result></dkim>"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    upgrade(database)
    yield database
    database.close()


def sent(address: str, messages: int, *, dkim: str = "pass", spf: str = "pass") -> str:
    evaluated = f"<disposition>none</disposition><dkim>{dkim}</dkim><spf>{spf}</spf>"
    row = f"<source_ip>{address}</source_ip><count>{messages}</count><policy_evaluated>{evaluated}</policy_evaluated>"
    results = DKIM.format(dkim) + SPF.format(spf)
    identifiers = "<identifiers><header_from>example.org</header_from></identifiers>"
    return f"<record><row>{row}</row>{identifiers}<auth_results>{results}</auth_results></record>"


def about(day: int, *records: str, reporter: str = "Reporter", domain: str = "example.org") -> bytes:
    """Report about a day of November, or one before it (0, -1, …)."""
    begin = FIRST_OF_NOVEMBER + (day - 1) * DAY
    return feedback(f"{reporter} {day}", *records, reporter=reporter, domain=domain, begin=begin)


def look(database: Database, domains: list[str] | None = None) -> tuple[Figures, dict[str, Judged]]:
    return gather(database, WINDOW, domains, lambda _: KNOWN, NOW)


def test_an_empty_database_gives_nothing(database: Database) -> None:
    found, judged = look(database)
    assert (found.domains, judged) == ((), {})


def test_sources_are_judged_by_the_reports_of_the_window_knowing_what_was_learnt_before(
    database: Database,
) -> None:
    passing = [about(day, sent("192.0.2.1", 10)) for day in range(1, 13)]
    take(database, *passing, now=BEFORE)
    take(database, about(13, sent("192.0.2.1", 7, dkim="fail", spf="fail")), now=IN_WINDOW)
    _, judged = look(database)
    (line,) = judged["example.org"].lines
    assert (line.verdict, line.messages, line.failing) == (Verdict.FAILING_OWN, 7, 7), (
        "SPF has shown that it is ours"
    )
    (earlier,) = judged["example.org"].earlier
    assert (earlier.verdict, earlier.messages) == (Verdict.PASSING, 120)


def test_only_the_seven_days_before_are_compared(database: Database) -> None:
    take(database, about(1, sent("192.0.2.1", 10)), now=WINDOW.after - 7 * ONE_DAY)
    take(database, about(2, sent("192.0.2.1", 3)), now=IN_WINDOW)
    _, judged = look(database)
    assert judged["example.org"].earlier == ()
    assert [it.messages for it in judged["example.org"].lines] == [3]


def test_readiness_is_what_is_told_elsewhere(database: Database) -> None:
    records = sent("192.0.2.1", 10), sent("192.0.2.2", 3, dkim="fail", spf="fail")
    take(database, *(about(day, *records) for day in range(-80, 13)), now=BEFORE)
    take(database, about(13, *records), now=IN_WINDOW)
    _, judged = look(database)
    assert judged["example.org"].readiness == readiness.look(database, "example.org", NOW.date(), KNOWN)


def test_a_late_report_of_machines_long_gone_is_judged_too(database: Database) -> None:
    take(database, about(12, sent("192.0.2.1", 10)), now=BEFORE)
    take(database, about(-300, sent("198.51.100.1", 5), reporter="late"), now=IN_WINDOW)
    found, judged = look(database)
    assert found.domains[0].late_reports == 1
    (line,) = judged["example.org"].lines
    assert (line.messages, line.first_day) == (5, date(2026, 1, 4))


def test_domains_without_a_report_in_the_window_are_not_judged(database: Database) -> None:
    take(database, about(12, sent("192.0.2.1", 10)), now=BEFORE)
    take(database, about(12, sent("192.0.2.1", 10), domain="example.net"), now=IN_WINDOW)
    take(database, about(12, sent("192.0.2.1", 10), domain="example.com"), now=IN_WINDOW)
    found, judged = look(database)
    assert [it.domain for it in found.domains] == ["example.com", "example.net", "example.org"]
    assert judged.keys() == {"example.com", "example.net"}
    assert look(database, ["example.com"])[1].keys() == {"example.com"}


def test_what_comes_in_meanwhile_is_left_to_the_next_letter(database: Database) -> None:
    take(database, about(12, sent("192.0.2.1", 10)), now=IN_WINDOW)

    def known_of(domain: str) -> Known:
        take(database, about(13, sent("192.0.2.9", 99), domain=domain), now=IN_WINDOW)
        return KNOWN

    found, judged = gather(database, WINDOW, None, known_of, NOW)
    assert [it.messages for it in found.domains] == [10]
    assert [it.messages for it in judged["example.org"].lines] == [10]
