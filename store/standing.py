"""How domains stand, as it was judged last: values in, rows out, for whoever wants to look without judging anything.

What was judged is kept as JSON, which `summary.standing_json` writes and reads: beside it what is said of many domains at once,
and apart from it what is long and of one period alone.
"""

import zlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from store.bulk import replace_rows
from store.database import Database
from store.schema import domain_standing, domain_standing_period


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one policy domain."""

    policy_domain: str
    judged_at: datetime
    last_day: date
    """The last day that was reported: the periods end on it."""
    level: str
    """act, look, well"""
    sentence: str
    """The verdict over the 30 days."""
    p: str | None
    """Published policy: none, quarantine, reject, unknown; None where no report says."""
    testing: str | None
    """Published t tag: y or n (RFC 9989)."""
    content: bytes
    """JSON of what was judged of all periods."""
    periods: Mapping[int, bytes]
    """Days of a period -> JSON of its sources and selectors."""


def keep(database: Database, kept: Kept) -> None:
    """Put how a domain stands in the place of how it stood. Raises DatabaseUnavailableError."""
    row = asdict(kept) | {"content": zlib.compress(kept.content)}
    periods = [
        {"policy_domain": kept.policy_domain, "days": days, "content": zlib.compress(content)}
        for days, content in row.pop("periods").items()
    ]
    with database.writing() as connection:
        replace_rows(connection, domain_standing, [row])
        replace_rows(connection, domain_standing_period, periods)


def load(connection: Connection, policy_domain: str, periods: Collection[int]) -> Kept | None:
    """Give how a domain stood when it was judged last, with the sources of some periods; None: it never was."""
    whole, part = domain_standing.c, domain_standing_period.c
    row = connection.execute(select(domain_standing).where(whole.policy_domain == policy_domain)).mappings()
    kept = row.first()
    if kept is None:
        return None
    of_these = part.policy_domain == policy_domain, part.days.in_(periods)
    found = connection.execute(select(part.days, part.content).where(*of_these))
    contents = {days: zlib.decompress(content) for days, content in found}
    return Kept(**{**kept, "content": zlib.decompress(kept["content"])}, periods=contents)
