"""The views say who sends, how it passes and what to do about it, alike on both engines."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from enrich.values import Name
from store import lookups, networks, verdicts
from store.database import Database
from store.verdicts import SourceVerdict
from store.writer import write
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, NOW, feedback, incoming, record, rows, take
from tests.store.test_networks import registered
from tests.store.test_rollups import reports
from tests.store.test_verdicts import JUDGED


def failing(address: str, messages: int) -> str:
    return record(address, messages).replace(">pass<", ">fail<")


def told(database: Database, *records: str, days_ago: int = 0, domain: str = "example.org") -> None:
    begin = FIRST_OF_NOVEMBER - days_ago * DAY
    take(database, feedback(str((records, days_ago)), *records, begin=begin, domain=domain))


def look_up(database: Database, *addresses: str, name: Name | None = None) -> None:
    with database.writing() as connection:
        lookups.take_new(connection, lambda _: True)
        key = networks.put(connection, registered("192.0.2.0", "192.0.2.255"), NOW, NOW)
        lookups.found(connection, addresses, key, NOW)
        lookups.named(connection, [(address, name) for address in addresses], NOW)


def judged(address: str, verdict: str, failing: int = 0) -> SourceVerdict:
    reason, step = f"It is {verdict}.", f"Mend {verdict}."
    return replace(JUDGED, source_ip=address, verdict=verdict, failing=failing, reason=reason, next_step=step)


def judge(database: Database, *found: SourceVerdict, domain: str = "example.org") -> None:
    verdicts.write_verdicts(database, domain, found, NOW)


def view(database: Database, name: str, columns: str, order: str = "1, 2") -> list[tuple[Any, ...]]:
    """Ask a view; addresses and days as text, whatever the driver makes of them."""
    found = rows(database, f"SELECT {columns} FROM {name} ORDER BY {order}")  # noqa: S608 (our own names)
    return [tuple(str(it) if isinstance(it, date) else it for it in row) for row in found]


def test_sources_tells_who_each_address_is_and_how_it_passes(database: Database) -> None:
    told(database, record("192.0.2.1", 5), failing("192.0.2.1", 2), record("192.0.2.2", 1), days_ago=40)
    told(database, record("192.0.2.1", 3))
    look_up(database, "192.0.2.1", name=Name("mx.example.org", confirmed=True))
    judge(database, judged("192.0.2.1", "passing"))
    columns = (
        "source_ip, messages, passing, failing, first_day, last_day, name, owner, network_name, country, asn"
    )
    columns += ", registry, lookup_state, verdict, reason, next_step, service"
    assert view(database, "sources", columns, "source_ip") == [
        (
            *("192.0.2.1", 10, 8, 2, "2026-09-22", "2026-11-01", "mx.example.org", "Example Ltd", "EXAMPLE"),
            *("GB", 64_500, "ripencc", "found", "passing", "It is passing.", "Mend passing.", "mimecast"),
        ),
        (
            *("192.0.2.2", 1, 1, 0, "2026-09-22", "2026-09-22", None, None, None),
            *(None, None, None, "waiting", None, None, None, None),
        ),
    ]


def test_sources_has_a_row_for_each_domain_of_an_address(database: Database) -> None:
    told(database, record("192.0.2.1", 5))
    told(database, failing("192.0.2.1", 2), domain="example.net")
    look_up(database, "192.0.2.1")
    judge(database, judged("192.0.2.1", "unknown"), domain="example.net")
    verdicts.write_services(database, {"192.0.2.1": ("google_workspace", "owner: Google LLC")})
    columns = "policy_domain, messages, failing, verdict, service"
    assert view(database, "sources", columns) == [
        ("example.net", 2, 2, "unknown", "mimecast"),
        ("example.org", 5, 0, None, "google_workspace"),
    ]


@pytest.mark.parametrize(
    ("has", "worst"),
    [
        (("passing", "forwarded"), "forwarded"),
        (("passing", "failing_own", "unknown"), "failing_own"),
        (("fragile", "unknown"), "unknown"),
        (("fragile", "bounces", "recipient_gateway"), "bounces"),
        (("fragile", "passing"), "fragile"),
    ],
)
def test_sources_tells_the_worst_verdict(database: Database, has: tuple[str, ...], worst: str) -> None:
    told(database, record("192.0.2.1", 5))
    judge(database, *(judged("192.0.2.1", verdict) for verdict in has))
    assert view(database, "sources", "verdict, reason") == [(worst, f"It is {worst}.")]


def test_no_address_and_no_message_is_missing(database: Database) -> None:
    write(database, [incoming(xml, str(uid)) for uid, xml in enumerate(reports(7), 1)], NOW)
    sums = rows(database, "SELECT sum(messages), count(*) FROM source_day_rollup")[0]
    for name in ("sources", "source_days"):
        query = f"SELECT sum(messages), sum(passing) + sum(failing) FROM {name}"  # noqa: S608 (our own names)
        assert rows(database, query) == [(sums[0], sums[0])]
    seen = rows(database, "SELECT policy_domain, source_ip, first_day, last_day FROM source_seen")
    assert set(rows(database, "SELECT policy_domain, source_ip, first_day, last_day FROM sources")) == set(
        seen
    )


def test_source_days_tells_each_day_by_author_domain(database: Database) -> None:
    dkim_alone = record("192.0.2.1", 4).replace("<spf>pass</spf>", "<spf>fail</spf>")
    other = record("192.0.2.1", 1).replace("<header_from>", "<header_from>sub.")
    told(database, record("192.0.2.1", 2), dkim_alone, failing("192.0.2.1", 8), other)
    told(database, record("192.0.2.1", 9), days_ago=1)
    look_up(database, "192.0.2.1")
    columns = "day, header_from, source_ip, owner, messages, passing, failing, dkim_passing, spf_passing"
    assert view(database, "source_days", columns) == [
        ("2026-10-31", "example.org", "192.0.2.1", "Example Ltd", 9, 9, 0, 9, 9),
        ("2026-11-01", "example.org", "192.0.2.1", "Example Ltd", 14, 6, 8, 6, 2),
        ("2026-11-01", "sub.example.org", "192.0.2.1", "Example Ltd", 1, 1, 0, 1, 1),
    ]


def test_failing_sources_are_grouped_by_whose_they_are(database: Database) -> None:
    told(database, *(failing(f"192.0.2.{host}", 10) for host in (1, 2, 3, 4)), record("192.0.2.5", 7))
    told(database, record("192.0.2.1", 5), days_ago=29)
    told(database, failing("192.0.2.1", 100), days_ago=30)
    look_up(database, "192.0.2.3")
    look_up(database, "192.0.2.9", name=Name("unproven.example.net", confirmed=False))
    judge(
        database,
        judged("192.0.2.1", "failing_own", 9),
        judged("192.0.2.1", "unknown", 1),
        judged("192.0.2.2", "failing_own", 10),
        judged("192.0.2.5", "fragile"),
    )
    columns = "who, addresses, verdict, messages, failing, first_day, last_day, reason, next_step"
    assert view(database, "failing_sources", columns) == [
        ("192.0.2.4", 1, None, 10, 10, "2026-11-01", "2026-11-01", None, None),
        ("Example Ltd", 1, None, 10, 10, "2026-11-01", "2026-11-01", None, None),
        (
            *("Mimecast", 2, "failing_own", 25, 20, "2026-10-03", "2026-11-01"),
            *("It is failing_own.", "Mend failing_own."),
        ),
    ]


def test_a_failing_source_has_the_verdict_of_most_of_its_failures(database: Database) -> None:
    told(database, failing("192.0.2.1", 10))
    judge(database, judged("192.0.2.1", "failing_own", 1), judged("192.0.2.1", "forwarded", 9))
    assert view(database, "failing_sources", "verdict", "1") == [("forwarded",)]


@pytest.mark.parametrize(("confirmed", "who"), [(True, "mx.example.net"), (False, "2001:db8::1")])
def test_a_name_stands_for_its_owner_only_if_it_is_confirmed(
    database: Database, confirmed: bool, who: str
) -> None:
    told(database, failing("2001:db8::1", 10))
    with database.writing() as connection:
        lookups.take_new(connection, lambda _: True)
        lookups.named(connection, [("2001:db8::1", Name("mx.example.net", confirmed=confirmed))], NOW)
    assert view(database, "failing_sources", "who", "1") == [(who,)]


def test_new_sources_are_those_of_the_last_seven_days(database: Database) -> None:
    told(database, record("192.0.2.1", 1), failing("192.0.2.2", 2))
    told(database, record("192.0.2.2", 3), record("192.0.2.3", 1), days_ago=6)
    told(database, record("192.0.2.4", 1), record("192.0.2.1", 1), days_ago=7)
    told(database, record("192.0.2.4", 1))
    told(database, record("192.0.2.9", 1), days_ago=50, domain="example.net")  # days of its own
    columns = "policy_domain, source_ip, first_day, last_day, messages, passing, failing"
    assert view(database, "new_sources", columns) == [
        ("example.net", "192.0.2.9", "2026-09-12", "2026-09-12", 1, 1, 0),
        ("example.org", "192.0.2.2", "2026-10-26", "2026-11-01", 5, 3, 2),
        ("example.org", "192.0.2.3", "2026-10-26", "2026-10-26", 1, 1, 0),
    ]


def test_a_report_from_the_future_does_not_make_everything_old(database: Database) -> None:
    told(database, failing("192.0.2.1", 1), days_ago=3_000)  # past on any machine
    told(database, failing("192.0.2.2", 1), days_ago=-36_500)
    assert set(view(database, "failing_sources", "who", "1")) == {("192.0.2.1",), ("192.0.2.2",)}
    assert set(view(database, "new_sources", "source_ip", "1")) == {("192.0.2.1",), ("192.0.2.2",)}


def test_a_report_without_a_domain_is_judged_like_any_other(database: Database) -> None:
    told(database, failing("192.0.2.1", 3), domain="")
    told(database, failing("192.0.2.2", 4))
    assert view(database, "failing_sources", "policy_domain, who, failing") == [
        ("", "192.0.2.1", 3),
        ("example.org", "192.0.2.2", 4),
    ]
    assert view(database, "new_sources", "policy_domain, source_ip") == [
        ("", "192.0.2.1"),
        ("example.org", "192.0.2.2"),
    ]


@pytest.mark.parametrize("name", ["sources", "failing_sources", "new_sources", "addresses"])
def test_nothing_is_seen_where_nothing_was_sent(database: Database, name: str) -> None:
    assert view(database, name, "*", "1") == []


def test_addresses_tells_whose_machine_each_one_is(database: Database) -> None:
    told(database, record("192.0.2.1", 5), record("192.0.2.2", 1))
    told(database, record("192.0.2.1", 3), days_ago=9, domain="example.net")
    look_up(database, "192.0.2.1", name=Name("mx.example.org", confirmed=True))
    verdicts.write_services(database, {"192.0.2.1": ("google_workspace", "owner: Google LLC")})
    columns = (
        "source_ip, first_day, last_day, name, name_confirmed, service, owner, network_name, country, asn"
    )
    assert view(database, "addresses", f"{columns}, registry, lookup_state", "source_ip") == [
        (
            *("192.0.2.1", "2026-10-23", "2026-11-01", "mx.example.org", True, "google_workspace"),
            *("Example Ltd", "EXAMPLE", "GB", 64_500, "ripencc", "found"),
        ),
        ("192.0.2.2", "2026-11-01", "2026-11-01", *[None] * 8, "waiting"),
    ]
