"""What comes in while a database grows: which report in, its mail out, the same each time.

A year and more of small reports, five records each on average, 500 a day: of 120 reporters, about domains of which ever
more join, from addresses that slowly change. Days go up as the reports come in, and end where those of make_corpus.py begin.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from bench.corpora import Corpus
from bench.make_corpus import DAY, FIRST_DAY, SEED
from bench.report_mail import mail
from bench.report_xml import Report, pieces
from bench.senders import PolicyDomain, Sending, sending
from bench.years_reports import ADDRESSES, DOMAIN_WEIGHTS, DOMAINS, REPORTER_WEIGHTS, REPORTING, address

REPORTS_A_DAY: Final = 500
FIRST: Final = FIRST_DAY - 403 * DAY
AT_FIRST, MORE_A_DAY = 60, 0.35
"""Domains, and how many join."""
AT_ONCE, CHANGED_A_DAY = 6_000, 40
"""Addresses that send, and how many of them are others the day after."""

SIZES = ((1, 2), (3, 8), (9, 40), (41, 150))
SIZE_WEIGHTS = (60, 31, 8, 1)


def write(folder: Path, numbers: range) -> Corpus:
    """Write the mails of these numbers into a new folder."""
    folder.mkdir()
    records = sum(_write(folder / f"{number:07}.eml", number) for number in numbers)
    return Corpus(folder, len(numbers), records)


def _write(path: Path, number: int) -> int:
    """Write one mail, and tell how many records are in it."""
    rng = Random(f"{SEED} growth {number}")
    day = number // REPORTS_A_DAY
    reporter = rng.choices(REPORTING, REPORTER_WEIGHTS)[0]
    begin, domain = FIRST + day * DAY, _domain(rng, day)
    report = Report(reporter, domain, f"{begin}.{number}@{reporter.submitter}", begin, begin + DAY - 1)
    low, high = rng.choices(SIZES, SIZE_WEIGHTS)[0]
    records = [_sending(rng, domain, day) for _ in range(rng.randint(low, high))]
    path.write_bytes(mail(report, "".join(pieces(report, records)).encode(), rng))
    return len(records)


def _domain(rng: Random, day: int) -> PolicyDomain:
    here = min(len(DOMAINS), AT_FIRST + int(MORE_A_DAY * day))
    return rng.choices(DOMAINS[:here], DOMAIN_WEIGHTS[:here])[0]


def _sending(rng: Random, domain: PolicyDomain, day: int) -> Sending:
    number = day * CHANGED_A_DAY + int(AT_ONCE * rng.random() ** 2.5)
    return replace(sending(rng, domain), address=_address(number % ADDRESSES))


_address = cache(address)
