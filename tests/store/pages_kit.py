"""What the tests of the pages write: reports about days of November 2026, and what was judged of their addresses."""

from datetime import UTC, date, datetime
from itertools import count

from store.database import Database
from store.verdicts import SourceVerdict, write_verdicts
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, feedback, record

TODAY = date(2026, 11, 30)
NOW = datetime(2026, 11, 30, 6, 30, tzinfo=UTC)
_NUMBERS = count(1)


def november(day: int) -> date:
    """Give a day; those before the first are in October."""
    return date.fromordinal(date(2026, 10, 31).toordinal() + day)


def failing(address: str, messages: int) -> str:
    """Write a record that does not pass."""
    return record(address, messages).replace("pass", "fail")


def about(day: int, *records: str, reporter: str = "Reporter", domain: str = "example.org") -> bytes:
    """Report about a day of November."""
    begin = FIRST_OF_NOVEMBER + (day - 1) * DAY
    number = str(next(_NUMBERS))
    return feedback(number, *records, reporter=reporter, domain=domain, begin=begin, end=begin + DAY - 1)


def verdict(address: str, who: str, verdict: str = "passing", messages: int = 1) -> SourceVerdict:
    """Judge an address."""
    return SourceVerdict(
        source_ip=address,
        verdict=verdict,
        service=None,
        who=who,
        messages=messages,
        failing=0,
        reason="why",
        next_step=None,
        evidence="d=example.org s=one\nspf=example.org",
        first_day=november(1),
        last_day=november(9),
    )


def judge(database: Database, *verdicts: SourceVerdict, domain: str = "example.org") -> None:
    """Write what was judged."""
    write_verdicts(database, domain, verdicts, NOW)
