"""How a domain stands is what the commands and a letter say, and what is kept of it is read as it was written."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from store.database import Database
from store.figures import Window
from store.migrate import upgrade
from store.pages.values import ChartDay
from store.retention import prune
from store.standing import Kept, keep, load
from summary import readiness, sources, standing, standing_json
from summary.bulletin import Level, Thresholds, bulletin
from summary.gathering import gather
from summary.hosts import Known
from summary.readiness import PERIODS
from summary.standing import KEPT_ADDRESSES, Line, Standing
from summary.verdicts import Verdict
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, feedback, take
from tests.summary.kit import CATALOGUE

DOMAIN = "example.org"
NOW = datetime(2026, 11, 15, 6, 30, tzinfo=UTC)
LAST = date(2026, 11, 14)
KNOWN = Known(CATALOGUE)
THRESHOLDS = Thresholds()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    upgrade(database)
    yield database
    database.close()


def sent(
    address: str,
    messages: int,
    result: str = "pass",
    *,
    signer: str = DOMAIN,
    reason: str = "",
) -> str:
    """Write a record of mail that passes by both mechanisms, or fails by both."""
    told = f"<reason><type>{reason}</type></reason>" if reason else ""
    evaluated = f"<disposition>none</disposition><dkim>{result}</dkim><spf>{result}</spf>{told}"
    row = f"<source_ip>{address}</source_ip><count>{messages}</count><policy_evaluated>{evaluated}</policy_evaluated>"
    dkim = f"<dkim><domain>{signer}</domain><selector>s1</selector><result>{result}</result></dkim>"
    spf = f"<spf><domain>{signer}</domain><scope>mfrom</scope><result>{result}</result></spf>"
    identifiers = f"<identifiers><header_from>{DOMAIN}</header_from></identifiers>"
    return f"<record><row>{row}</row>{identifiers}<auth_results>{dkim}{spf}</auth_results></record>"


def about(day: int, *records: str, domain: str = DOMAIN) -> bytes:
    """Report about a day of November, or one before it (0, -1, …)."""
    return feedback(f"{domain} {day}", *records, domain=domain, begin=FIRST_OF_NOVEMBER + (day - 1) * DAY)


def forged(address: str, messages: int) -> str:
    return sent(address, messages, "fail", signer="example.net")


OURS = sent("192.0.2.1", 10)
FAILING = sent("192.0.2.2", 40, "fail")
FORWARDED = sent("192.0.2.3", 7, "fail", reason="forwarded")
FORGED = forged("192.0.2.4", 3)


def fill(database: Database) -> None:
    """Let something else be reported in every period: what was learnt 80 days ago tells of a machine that fails now."""
    take(
        database,
        *(about(day, OURS, sent("192.0.2.2", 2)) for day in range(-70, -20)),
        *(about(day, OURS, FORWARDED) for day in range(-20, 8)),
        *(about(day, OURS, FAILING, FORGED) for day in range(8, 15)),
        about(14, sent("192.0.2.9", 5), domain="example.net"),
        now=NOW,
    )


def look(database: Database, domain: str = DOMAIN) -> Standing:
    found = standing.look(database, domain, KNOWN, THRESHOLDS, NOW)
    assert found
    return found[0]


def judged_in(lines: tuple[Line, ...]) -> Mapping[str, Verdict]:
    return {share.key: it.source.verdict for it in lines for share in it.source.addresses}


def test_a_domain_without_reports_has_none(database: Database) -> None:
    assert standing.look(database, DOMAIN, KNOWN, THRESHOLDS, NOW) is None


def test_of_reports_that_were_removed_for_their_age_the_sums_are_left(database: Database) -> None:
    take(database, about(14, OURS), now=NOW)
    assert prune(database, timedelta(days=1), NOW + timedelta(days=3), pause=lambda _: False).reports == 1
    found = look(database)
    assert found.lines == {7: (), 30: (), 90: ()}
    assert (found.level, found.sentence) == (Level.WELL, "Nothing was reported.")
    assert found.days == (ChartDay(LAST, passing=10, failing=0, forwarded=0),)
    assert found.readiness == readiness.look(database, DOMAIN, NOW.date(), KNOWN)


def test_it_says_what_the_commands_say(database: Database) -> None:
    fill(database)
    found = look(database)
    assert (found.domain, found.judged_at, found.last_day) == (DOMAIN, NOW, LAST)
    assert found.reported_days == {7: 7, 30: 30, 90: 85}
    for days in PERIODS:
        told = sources.look(database, DOMAIN, LAST - timedelta(days=days - 1), LAST, KNOWN)
        assert [it.source for it in found.lines[days]] == list(told.lines)
    assert found.readiness == readiness.look(database, DOMAIN, NOW.date(), KNOWN)
    assert found.policy == found.readiness.published


def test_the_verdicts_of_single_addresses_are_of_the_thirty_days(database: Database) -> None:
    fill(database)
    found = standing.look(database, DOMAIN, KNOWN, THRESHOLDS, NOW)
    assert found
    told = sources.look(database, DOMAIN, LAST - timedelta(days=29), LAST, KNOWN)
    assert found[1].addresses == told.addresses


def test_what_is_learnt_is_learnt_from_as_many_days_as_the_commands_learn_from(database: Database) -> None:
    fill(database)
    found = look(database)
    assert judged_in(found.lines[7])["192.0.2.2"] is not judged_in(found.lines[90])["192.0.2.2"]


def test_of_many_addresses_the_largest_are_kept_and_all_are_counted(database: Database) -> None:
    many = [forged(f"10.0.0.{number}", 1000 - number) for number in range(1, 71)]
    take(database, about(14, OURS, *many), now=NOW)
    found = look(database)
    (line,) = [it for it in found.lines[30] if it.addresses > 1]
    assert line.addresses == 70
    assert [it.key for it in line.source.addresses] == [
        f"10.0.0.{number}" for number in range(1, KEPT_ADDRESSES + 1)
    ]
    assert line.source.messages == sum(1000 - number for number in range(1, 71))


def test_the_verdict_is_that_of_a_letter_about_the_whole_period(database: Database) -> None:
    take(
        database,
        *(about(day, OURS, sent("192.0.2.1", 30, "fail")) for day in range(-5, 15)),
        about(14, sent("192.0.2.9", 5), domain="example.net"),
        now=NOW,
    )
    figures, judged = gather(database, Window(NOW - timedelta(days=1), NOW), None, lambda _: KNOWN, NOW)
    letter = bulletin(figures, judged, THRESHOLDS, NOW)
    for news in letter.domains:
        found = look(database, news.figures.domain)
        assert (found.level, found.sentence) == (news.level, news.sentence)
    assert {it.level for it in letter.domains} == {Level.ACT, Level.WELL}


def test_mail_that_others_passed_on_is_told_apart_day_by_day(database: Database) -> None:
    fill(database)
    days = {it.day: it for it in look(database).days}
    assert len(days) == 85
    assert days[LAST] == ChartDay(LAST, passing=10, failing=43, forwarded=0)
    assert days[date(2026, 11, 1)] == ChartDay(date(2026, 11, 1), passing=10, failing=0, forwarded=7)


# --- what is kept


def kept(database: Database, *periods: int) -> Kept:
    with database.reading() as connection:
        found = load(connection, DOMAIN, periods)
    assert found
    return found


def test_what_is_kept_is_read_as_it_was(database: Database) -> None:
    fill(database)
    written = look(database)
    keep(database, standing_json.write(written))
    assert standing_json.read(kept(database, *PERIODS)) == written


def test_of_what_is_kept_some_periods_can_be_read(database: Database) -> None:
    fill(database)
    written = look(database)
    keep(database, standing_json.write(written))
    expected = replace(written, lines={7: written.lines[7]}, selectors={7: written.selectors[7]})
    assert standing_json.read(kept(database, 7)) == expected
    assert standing_json.read(kept(database)) == replace(written, lines={}, selectors={})


def test_it_is_kept_in_the_place_of_the_one_before(database: Database) -> None:
    fill(database)
    keep(database, standing_json.write(look(database)))
    take(database, about(15, OURS), now=NOW)
    now = look(database)
    keep(database, standing_json.write(now))
    assert standing_json.read(kept(database, *PERIODS)) == now


def test_beside_it_stands_what_is_said_of_many_domains(database: Database) -> None:
    fill(database)
    written = look(database)
    keep(database, standing_json.write(written))
    found = kept(database)
    assert (found.level, found.sentence) == (written.level.value, written.sentence)
    assert (found.p, found.testing, found.last_day) == ("none", None, LAST)
    assert found.judged_at == NOW


def test_nothing_is_kept_of_a_domain_that_was_never_judged(database: Database) -> None:
    with database.reading() as connection:
        assert load(connection, DOMAIN, PERIODS) is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"domain": "example.org"}', b"\xff"])
def test_what_another_version_wrote_is_not_read(database: Database, content: bytes) -> None:
    take(database, about(14, OURS), now=NOW)
    written = standing_json.write(look(database))
    assert standing_json.read(replace(written, content=content)) is None
    assert standing_json.read(replace(written, periods={**written.periods, 30: content})) is None
