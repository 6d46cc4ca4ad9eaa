"""Fill a database with years of reports: an empty one in, one as ruamill would have left it out, figures on the way printed.

The rows go in day by day through the functions that the writer uses, the sums by day in the order in which they would have
come; what foreign keys would check is left unchecked.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import psycopg
from sqlalchemy import Connection, Date, bindparam, func, insert, select, text

from bench.years_reports import END, Years
from store import schema
from store.bulk import Row, insert_rows
from store.database import Database
from store.migrate import upgrade
from store.types import UtcDateTime

AT_ONCE = 10
"""Days that are committed together."""

SUMS = (
    """INSERT INTO domain_day_rollup (policy_domain, day, disposition, dkim, spf, messages, records)
SELECT report.policy_domain, report.day, record.disposition, record.dkim, record.spf, sum(record.messages), count(*)
FROM report JOIN record ON record.report_key = report.id
WHERE report.counted
GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 1, 3, 4, 5""",
    """INSERT INTO source_day_rollup
       (policy_domain, day, source_ip, header_from, disposition, dkim, spf, messages, records)
SELECT report.policy_domain, report.day, record.source_ip, record.header_from, record.disposition, record.dkim,
       record.spf, sum(record.messages), count(*)
FROM report JOIN record ON record.report_key = report.id
WHERE report.counted
GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 2, 1, 3, 4, 5, 6, 7""",
    """INSERT INTO source_seen (policy_domain, source_ip, first_day, last_day)
SELECT policy_domain, source_ip, min(day), max(day)
FROM source_day_rollup
GROUP BY 1, 2 ORDER BY 3, 1, 2""",
)
"""In the order of the days, as the writer would have done it; no record of ours leaves anything out."""

VERDICTS = """INSERT INTO source_verdict (policy_domain, source_ip, verdict, service, who, messages, failing,
       reason, next_step, evidence, first_day, last_day, judged_at)
SELECT policy_domain, source_ip,
       CASE WHEN 10 * failing > 9 * messages THEN 'unknown' WHEN 10 * failing > messages THEN 'failing_own'
            WHEN failing > 0 THEN 'fragile' ELSE 'passing' END,
       NULL, 'Service ' || messages % 97 || ' Ltd', messages, failing,
       'One sentence that says why, as long as such sentences are as a rule.',
       'One sentence that says what to do about it, in the words of its administrator.',
       'd=' || policy_domain || ' s=selector1', first_day, last_day, :now
FROM (
    SELECT policy_domain, source_ip, CAST(sum(messages) AS bigint) AS messages,
           CAST(sum(CASE WHEN dkim = 'pass' OR spf = 'pass' THEN 0 ELSE messages END) AS bigint) AS failing,
           min(day) AS first_day, max(day) AS last_day
    FROM source_day_rollup WHERE day >= :first GROUP BY policy_domain, source_ip
) AS month"""


def fill(url: str, records: int) -> None:
    """Migrate an empty database and put so many records into it."""
    database = Database(url)
    upgrade(database)
    days, started, stored = Years(records).days(), time.perf_counter(), 0
    for first, rows in enumerate(_together(days)):
        with _unchecked(database) as connection:
            for table, these in rows.items():
                insert_rows(connection, schema.metadata.tables[table], these)
        stored += len(rows["record"])
        print(
            f"{first * AT_ONCE:>4} days, {stored:,} records, {time.perf_counter() - started:.0f} s",
            flush=True,
        )
    for statement in SUMS:
        with _unchecked(database) as connection:
            connection.execute(text(statement))
        print(f"{statement.split()[2]}, {time.perf_counter() - started:.0f} s", flush=True)
    with _unchecked(database) as connection:
        look_up(connection)
        judge(connection)
    if database.file is None:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("VACUUM ANALYZE")  # as autovacuum would have done by then
    print(f"done after {time.perf_counter() - started:.0f} s", flush=True)


def _together(days: Iterator[dict[str, list[Row]]]) -> Iterator[dict[str, list[Row]]]:
    """Put the rows of several days together."""
    for number, day in enumerate(days, 1):
        if number % AT_ONCE == 1:
            rows: dict[str, list[Row]] = {table: [] for table in day}
        for table, these in day.items():
            rows[table] += these
        if number % AT_ONCE == 0:
            yield rows
    if number % AT_ONCE:
        yield rows


@contextmanager
def _unchecked(database: Database) -> Iterator[Connection]:
    """Open a transaction that writes without a look at foreign keys."""
    with database.migrating() as connection:  # which waits for long statements
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql("SET LOCAL work_mem = '256MB'")
        yield connection


def look_up(connection: Connection) -> None:
    """Give every address its network and its name."""
    moment = datetime.combine(END, datetime.min.time(), UTC)
    seen = schema.source_seen.c
    days = func.min(seen.first_day), func.max(seen.last_day)
    found = connection.execute(
        select(seen.source_ip, *days).group_by(seen.source_ip).order_by(seen.source_ip)
    ).all()
    keys: dict[IPv4Network | IPv6Network, int] = {}
    sources = [
        {
            "source_ip": address,
            "network_key": keys.setdefault(_network(address), len(keys) + 1),
            "name": f"mta{number}.service{number % 97}.example",
            "first_day": first,
            "last_day": last,
            "state": "found",
            "name_confirmed": number % 9 > 0,
        }
        for number, (address, first, last) in enumerate(found)
    ]
    networks = [_network_row(key, network, moment) for network, key in keys.items()]
    connection.execute(insert(schema.network), networks)
    connection.execute(insert(schema.source), sources)


def _network(address: str) -> IPv4Network | IPv6Network:
    return ip_network((address, 48 if ":" in address else 24), strict=False)


def _network_row(key: int, network: IPv4Network | IPv6Network, moment: datetime) -> dict[str, Any]:
    prefix = bytes(10) + b"\xff\xff" if network.version == 4 else b""  # noqa: PLR2004 (IPv4)
    return {
        "id": key,
        "first_address": prefix + network[0].packed,
        "last_address": prefix + network[-1].packed,
        "handle": f"NET-{key}",
        "name": f"SERVICE-{key % 97}",
        "owner": f"Service {key % 97} Ltd",
        "country": "GB",
        "registry": "ripencc",
        "asn": 64_500 + key % 97,
        "registered": f"{network[0]} - {network[-1]}",
        "state": "found",
        "fetched_at": moment,
        "good_until": moment + timedelta(days=30),
    }


def judge(connection: Connection) -> None:
    """Give every address of the last 30 days its verdict."""
    moment, first = datetime.combine(END, datetime.min.time(), UTC), END - timedelta(days=30)
    values = {"now": moment, "first": first}
    judged = text(VERDICTS).bindparams(
        bindparam("now", type_=UtcDateTime()), bindparam("first", type_=Date())
    )
    connection.execute(judged, values)
