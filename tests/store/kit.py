"""What the tests of store/ write and read: reports as XML, messages on their way in, rows as they lie in the database."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from fixtures.carriers import Letter, attachment, gzipped, mail, multipart
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.reading import read
from store.database import Database
from store.ledger import Place, Sighting
from store.preparing import Incoming, Prepared, prepare
from store.schema import metadata
from store.writer import Decision, write

NOW = datetime(2026, 11, 3, 4, 0, tzinfo=UTC)
DAY = 86_400
FIRST_OF_NOVEMBER = 1_793_491_200

INBOX = Place("box", "INBOX", 7)

RECORD = """
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip>
      <count>12</count>
      <policy_evaluated>
        <disposition>none</disposition><dkim>pass</dkim><spf>fail</spf>
        <reason><type>forwarded</type><comment>by a list</comment></reason>
      </policy_evaluated>
    </row>
    <identifiers><header_from>example.org</header_from></identifiers>
    <auth_results>
      <dkim><domain>example.org</domain><selector>s1</selector><result>pass</result></dkim>
      <dkim><domain>example.net</domain><selector>s2</selector><result>fail</result></dkim>
      <spf><domain>bounce.example.net</domain><scope>mfrom</scope><result>softfail</result></spf>
    </auth_results>
  </record>"""
"""With one row of everything below it, and a second signature."""


def feedback(
    report_id: str = "1",
    *records: str,
    reporter: str = "Reporter",
    domain: str = "example.org",
    begin: int | str = FIRST_OF_NOVEMBER,
    end: int = FIRST_OF_NOVEMBER + DAY - 1,
) -> bytes:
    """Write a report; of one record unless others are given."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<feedback>
  <report_metadata>
    <org_name>{reporter}</org_name>
    <email>noreply@reporter.example</email>
    <report_id>{report_id}</report_id>
    <date_range><begin>{begin}</begin><end>{end}</end></date_range>
  </report_metadata>
  <policy_published><domain>{domain}</domain><p>none</p></policy_published>{"".join(records or [RECORD])}
</feedback>
""".encode()


def record(source_ip: str, messages: int) -> str:
    """Write a record of the fewest words."""
    evaluated = (
        "<policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated>"
    )
    row = f"<row><source_ip>{source_ip}</source_ip><count>{messages}</count>{evaluated}</row>"
    return f"<record>{row}<identifiers><header_from>example.org</header_from></identifiers></record>"


def large(report_id: str = "large") -> bytes:
    """Write a report of about 6 MB, which is not held in memory: 12,000 records of one message, 5,000 addresses."""
    addresses = (f"10.0.{number // 250 % 20}.{number % 250}" for number in range(12_000))
    filling = f"<!--{'.' * 300}-->"
    return feedback(report_id, *(record(address, 1) + filling for address in addresses))


def report_mail(*attachments: tuple[str, bytes]) -> bytes:
    """Send attachments by their names."""
    letter = Letter("noreply@reporter.example", "Report Domain: example.org", NOW, "1@reporter.example")
    parts = [attachment("application/gzip", name, content) for name, content in attachments]
    return mail(letter, multipart("mixed", "=_kit_=", *parts))


def half(report: bytes) -> bytes:
    """Break off a compressed report in the middle."""
    packed = gzipped(report)
    return packed[: len(packed) // 2]


def received(
    raw: bytes, uid: str = "1", place: Place = INBOX, *, limits: Limits = DEFAULT_LIMITS
) -> Incoming:
    """Read a message, as the pipeline does."""
    return Incoming(Sighting(place, uid), raw, len(raw), read(raw, uid, limits))


def prepared(message: Incoming) -> Prepared:
    """Prepare a message, and send it as from another process."""
    sent: Prepared = pickle.loads(pickle.dumps(prepare(message)))  # noqa: S301 (our own)
    return sent


def incoming(
    raw: bytes, uid: str = "1", place: Place = INBOX, *, limits: Limits = DEFAULT_LIMITS
) -> Prepared:
    """Read and prepare a message, for `write`."""
    return prepared(received(raw, uid, place, limits=limits))


def about_others(raw: bytes, uid: str = "1") -> Prepared:
    """Read and prepare a message whose reports are about domains none of which is ours."""
    message = received(raw, uid)
    reports = tuple(replace(each, foreign=True) for each in message.reading.reports)
    return prepared(replace(message, reading=replace(message.reading, reports=reports)))


def take(database: Database, *raws: bytes, now: datetime = NOW) -> list[Decision]:
    """Store messages in one batch, at UIDs from 1 on."""
    return write(database, [incoming(raw, str(uid)) for uid, raw in enumerate(raws, 1)], now)


def rows(database: Database, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """Ask the database, past everything that is under test."""
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def counts(database: Database, *tables: str) -> dict[str, int]:
    """Count the rows of tables."""
    return {table: rows(database, f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608 (our own names)


def content(database: Database, *tables: str) -> dict[str, list[str]]:
    """Give every row of tables, of all where none is named, to be compared with a later look."""
    names = tables or tuple(metadata.tables)
    return {table: sorted(map(repr, rows(database, f"SELECT * FROM {table}"))) for table in names}  # noqa: S608 (our own names)
