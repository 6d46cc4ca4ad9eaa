"""Runs of look-ups against registries and name servers on loopback: few questions, nobody waits, nothing is lost."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from sqlalchemy import update
from structlog.testing import capture_logs

from enrich.offline import OfflineError
from fixtures.registries.server import Records
from ingest.enrichment import LOCK, Enrichment
from ingest.lookups.looked import Looked
from store import lookups
from store.database import Database
from store.locks import lock
from store.migrate import upgrade
from store.schema import network as network_table
from store.schema import source
from tests.ingest.enrich_kit import (
    ASKED,
    asked_registries,
    expected_owners,
    look_up,
    networks,
    owners,
    pace,
    report_on,
    senders,
    settings,
    states,
)
from tests.ingest.program import wait_until
from tests.servers.ports import free_port
from tests.servers.registries import FaultyServers, hangs, held, html, limited, says, servfail, silence
from tests.store.kit import rows

ANNOUNCED = networks(70, asn=64_500)
NETWORKS = ANNOUNCED[:21]
"""Of each registry, some in one /24."""
LONE = [it for it in ANNOUNCED if it.first.version == 6 or it.size == 256]
"""None in the /24 or /48 of another."""
FROM_LACNIC = [it for it in ANNOUNCED if it.registry == "lacnic"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened(f"sqlite:///{tmp_path}/ruamill.db") as database:
        yield database


@pytest.fixture
def either(database_url: str) -> Iterator[Database]:
    """Give a database on each engine in turn."""
    with opened(database_url) as database:
        yield database


@contextmanager
def opened(url: str) -> Iterator[Database]:
    with closing(Database(url)) as database:
        upgrade(database)
        yield database


@pytest.fixture
def servers() -> Iterator[FaultyServers]:
    with FaultyServers(Records(tuple(ANNOUNCED))) as servers:
        yield servers


@contextmanager
def running(enrichment: Enrichment, stop: Event | None = None) -> Iterator[tuple[Looked, Thread]]:
    """Let a run go on beside; it must come to its end."""
    looked = Looked()
    thread = Thread(target=enrichment.run, args=(looked, stop or Event()))
    thread.start()
    yield looked, thread
    thread.join(60)
    assert not thread.is_alive()


def age(database: Database, **values: object) -> None:
    """Let every answer be old."""
    past = datetime.now(UTC) - timedelta(minutes=1)
    with database.writing() as connection:
        connection.execute(update(source).values(next_try_at=past, **values))
        connection.execute(update(network_table).values(good_until=past))


def leave_names_alone(database: Database) -> None:
    """Let nobody ask for the names of the addresses that were reported so far."""
    with database.writing() as connection:
        lookups.take_new(connection, lambda _: True)
        connection.execute(update(source).values(name_next_try_at=datetime.now(UTC) + timedelta(days=1)))


def addresses_asked(servers: FaultyServers, *who: str) -> list[str]:
    """Give what registries were asked about, in order."""
    return [address for asked, address in list(servers.asked) if asked in (who or ASKED)]


# --- few questions


def test_addresses_of_one_network_cost_one_query(database: Database) -> None:
    registered = networks(800)
    report_on(database, *senders(*registered))
    leave_names_alone(database)
    with FaultyServers(Records(tuple(registered))) as servers:
        looked = look_up(servers, database)
    assert looked.found == len(senders(*registered)) > 10_000
    assert owners(database) == expected_owners(registered)
    assert asked_registries(servers).total() <= 1.1 * 800
    assert servers.queries["origin"] <= 1.1 * 800
    assert servers.queries["bootstrap"] == sum(it.asn is None for it in registered) == 50


def test_a_new_address_in_a_known_network_costs_none(either: Database, servers: FaultyServers) -> None:
    known, new = senders(NETWORKS[0])[:5], senders(NETWORKS[0])[5:]
    report_on(either, *known)
    look_up(servers, either)
    report_on(either, *new)
    asked = asked_registries(servers)
    assert look_up(servers, either).found == len(new)
    assert asked_registries(servers) == asked
    assert set(owners(either)) == {*known, *new}


def test_addresses_that_nobody_can_own_are_reserved_and_cost_none(
    database: Database, servers: FaultyServers
) -> None:
    report_on(database, "10.1.2.3", "100.64.0.1", "2002::1", "127.0.0.1")
    look_up(servers, database)
    assert servers.asked == []
    assert states(database) == {"reserved": 4}


def test_most_messages_first_within_the_budget_and_the_rest_the_next_time(
    database: Database, servers: FaultyServers
) -> None:
    report_on(database, *senders(*LONE))
    look_up(servers, database, budget=3)
    first = set(owners(database).values())
    assert len(first) == 3
    assert first < {it.owner for it in LONE[:10]}, "nearly: four origins are asked for at the same time"
    look_up(servers, database)
    assert owners(database) == expected_owners(LONE)
    assert asked_registries(servers).total() == len(LONE)


def test_names_are_looked_up_beside(either: Database) -> None:
    first, second, third = senders(NETWORKS[0])[:3]
    names = {ip_address(first): ("mail.example.org",)}
    unconfirmed = {ip_address(second): ("mail.example.com",)}
    report_on(either, first, second, third)
    with FaultyServers(Records((NETWORKS[0],), names, unconfirmed)) as servers:
        looked = look_up(servers, either)
        assert (looked.named, looked.nameless, looked.names_failed) == (2, 1, 0)
        asked = servers.queries["PTR"]
        look_up(servers, either)
    assert servers.queries["PTR"] == asked == 3
    assert sorted(rows(either, "SELECT name, name_confirmed FROM source WHERE name IS NOT NULL")) == [
        ("mail.example.com", False),
        ("mail.example.org", True),
    ]
    [(first_try, last_try)] = rows(either, "SELECT min(name_next_try_at), max(name_next_try_at) FROM source")
    assert first_try < last_try


# --- one that is slow, away, or has had enough


def test_a_registry_that_does_not_answer_delays_nobody_else(
    database: Database, servers: FaultyServers
) -> None:
    answering = Event()
    servers.play("lacnic", held(answering))
    report_on(database, *senders(*LONE))
    with running(Enrichment(settings(servers), database, pace())) as (looked, thread):
        wait_until(lambda: set(owners(database)) >= set(senders(*LONE)) - set(senders(*FROM_LACNIC)))
        assert thread.is_alive()
        assert not set(senders(*FROM_LACNIC)) & set(owners(database))
        answering.set()
    assert owners(database) == expected_owners(LONE)
    assert looked.found == len(senders(*LONE))


@pytest.mark.parametrize("fault", [hangs, limited("3600"), says(502), html(503)])
def test_a_registry_that_is_down_is_left_alone_and_delays_nobody_else(
    database: Database, servers: FaultyServers, fault: Any
) -> None:
    servers.play("lacnic", fault)
    report_on(database, *senders(*LONE))
    with capture_logs() as logged:
        looked = look_up(servers, database, timeout=0.5)
    assert set(owners(database)) == set(senders(*LONE)) - set(senders(*FROM_LACNIC))
    assert asked_registries(servers)["lacnic"] <= 3
    assert [(event["event"], event["registry"]) for event in logged] == [("registry_closed", "lacnic")]
    assert list(looked.closed) == ["lacnic"]
    [(failures, error, closed)] = rows(
        database, "SELECT failures, last_error, closed_until IS NOT NULL FROM registry WHERE name = 'lacnic'"
    )
    assert failures
    assert error
    assert closed
    before = servers.queries["lacnic"]
    look_up(servers, database)
    assert servers.queries["lacnic"] == before, "another process must not ask either"


def test_a_question_that_came_too_often_is_asked_again_when_that_is_allowed(
    database: Database, servers: FaultyServers
) -> None:
    enrichment = Enrichment(settings(servers), database, pace())
    servers.play("lacnic", limited("1"))
    report_on(database, *senders(*LONE))
    enrichment.run(Looked(), Event())
    servers.heal("lacnic")
    assert states(database).keys() == {"found", "waiting"}, (
        "to be asked too often is no failure of an address"
    )
    origins = servers.queries["origin"]
    wait_until(lambda: enrichment.run(Looked(), Event()) and states(database).keys() == {"found"})
    assert servers.queries["origin"] == origins, "it was known whom to ask"
    assert owners(database) == expected_owners(LONE)


def test_who_redirects_does_not_suffer_for_whom_it_redirects_to(database: Database) -> None:
    moved = networks(5, registry="ripencc", given_by="arin", asn=64_500)
    report_on(database, *senders(*moved))
    with FaultyServers(Records(tuple(moved))) as servers:
        servers.play("ripencc", limited("3600"))
        looked = look_up(servers, database)
        assert list(looked.closed) == ["ripencc"]
        assert servers.queries["ripencc"] == servers.queries["arin"]
    assert [*states(database)] == ["waiting"]
    assert rows(database, "SELECT failures, closed_until FROM registry WHERE name = 'arin'") == [(0, None)]


@pytest.mark.parametrize("fault", [silence, servfail])
def test_a_dead_resolver_ends_the_run(database: Database, servers: FaultyServers, fault: Any) -> None:
    servers.play("origin", fault)
    servers.play("PTR", fault)
    servers.play("NS", fault)
    report_on(database, *senders(*LONE))
    started = time.monotonic()
    looked = look_up(servers, database, timeout=0.5)
    assert time.monotonic() - started < 20
    assert asked_registries(servers).total() == 0
    assert sorted(looked.closed) == ["names", "origin"]
    assert looked.failed
    assert states(database).keys() == {"error", "waiting"}


def test_name_servers_that_are_not_there_end_the_run(database: Database, servers: FaultyServers) -> None:
    report_on(database, *senders(*LONE))
    looked = look_up(servers, database, timeout=0.5, name_servers=[f"127.0.0.1:{free_port()}"])
    assert sorted(looked.closed) == ["names", "origin"]
    assert servers.asked == []


# --- what was known once


def test_an_old_answer_is_asked_for_again_and_stays_in_use_until_there_is_another(
    either: Database, servers: FaultyServers
) -> None:
    report_on(either, *senders(NETWORKS[0]))
    look_up(servers, either)
    age(either)
    servers.play("arin", html())
    assert look_up(servers, either).failed == len(senders(NETWORKS[0]))
    assert owners(either) == expected_owners(NETWORKS[:1])
    assert states(either).keys() == {"found"}
    age(either)
    servers.heal("arin")
    servers.records = Records((networks(1, owner="New Owner")[0],))
    look_up(servers, either)
    assert set(owners(either).values()) == {"New Owner"}
    assert rows(either, "SELECT DISTINCT failures, error FROM source") == [(0, None)]


def test_what_fails_waits_longer_each_time_and_another_address_speaks(
    database: Database, servers: FaultyServers
) -> None:
    servers.play("arin", html())
    report_on(database, *senders(NETWORKS[0]))
    waits = []
    for _ in range(8):
        look_up(servers, database)
        [(moment,)] = rows(database, "SELECT DISTINCT next_try_at FROM source")
        waits.append(_minutes_until(moment))
        age(database)
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1440]
    assert len(set(addresses_asked(servers, "arin"))) == 8
    assert states(database).keys() == {"error"}


def _minutes_until(moment: object) -> int:
    until = datetime.fromisoformat(str(moment))
    return round((until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds() / 60)


def test_what_no_registry_knows_is_not_asked_for_again(either: Database) -> None:
    report_on(either, *senders(NETWORKS[0]))
    with FaultyServers(Records()) as servers:
        assert look_up(servers, either).not_found == len(senders(NETWORKS[0]))
        asked = len(servers.asked)
        assert asked_registries(servers) == {"bootstrap": 1}
        report_on(either, "45.0.0.200")
        look_up(servers, either)
        assert asked_registries(servers) == {"bootstrap": 1}
    assert states(either) == {"not_found": len(senders(NETWORKS[0])) + 1}
    assert asked


# --- ends


def test_a_run_ends_when_its_time_is_over_and_the_next_goes_on(
    database: Database, servers: FaultyServers
) -> None:
    report_on(database, *senders(*NETWORKS))
    slow = Enrichment(settings(servers), database, pace(arin=1, ripencc=1))
    looked = Looked()
    started = time.monotonic()
    slow.run(looked, Event(), deadline=started + 1)
    assert time.monotonic() - started < 20
    assert 0 < looked.found < len(senders(*NETWORKS))
    look_up(servers, database)
    assert owners(database) == expected_owners(NETWORKS)
    asked = addresses_asked(servers, "arin", "ripencc", "apnic", "lacnic", "afrinic")
    assert len(asked) == len(set(asked))


def test_told_to_stop_it_ends_within_two_seconds_and_keeps_what_it_has(
    database: Database, servers: FaultyServers
) -> None:
    servers.play("lacnic", hangs)
    report_on(database, *senders(*NETWORKS))
    stop = Event()
    with running(Enrichment(settings(servers, timeout=30), database, pace()), stop) as (_, thread):
        wait_until(lambda: servers.queries["lacnic"] and states(database)["found"])
        started = time.monotonic()
        stop.set()
        thread.join()
        assert time.monotonic() - started < 5  # two seconds on a quiet machine
    assert states(database)["found"] == len(owners(database)) > 0


def test_only_one_looks_up_at_a_time(database: Database, servers: FaultyServers) -> None:
    report_on(database, *senders(*NETWORKS))
    with lock(database, LOCK) as mine:
        assert mine
        assert not Enrichment(settings(servers), database).run(Looked(), Event())
    assert servers.asked == []


def test_reports_come_in_meanwhile(either: Database, servers: FaultyServers) -> None:
    report_on(either, *senders(*NETWORKS))
    times: list[float] = []
    with running(Enrichment(settings(servers), either, pace())) as (looked, thread):
        while thread.is_alive():
            started = time.monotonic()
            report_on(either, f"9.9.9.{len(times) % 250}")
            times.append(time.monotonic() - started)
            thread.join(0.05)
    assert max(times) < 2  # some hundredths on a quiet machine
    assert looked.found == len(senders(*NETWORKS))


# --- nobody is asked


def test_off_sends_nothing(database: Database, servers: FaultyServers) -> None:
    report_on(database, *senders(*NETWORKS), "10.0.0.1")
    looked = look_up(servers, database, queries="off")
    assert servers.asked == []
    assert states(database) == {"waiting": len(senders(*NETWORKS)), "reserved": 1}
    assert looked.waiting == len(senders(*NETWORKS))


@pytest.fixture
def mmdb(tmp_path: Path) -> Path:
    """Give a file that knows the autonomous system of 45.0.0.0/25."""
    writer = MMDBWriter(6, "Test-ASN", ipv4_compatible=True, int_type="u32")
    known = {"autonomous_system_number": 64_500, "autonomous_system_organization": "Example AS"}
    writer.insert_network(IPSet(["45.0.1.0/25"]), known)
    writer.to_db_file(str(tmp_path / "asn.mmdb"))
    return tmp_path / "asn.mmdb"


def test_off_a_file_answers(either: Database, servers: FaultyServers, mmdb: Path) -> None:
    within, outside = senders(NETWORKS[1]), senders(NETWORKS[0])
    report_on(either, *within, *outside)
    assert look_up(servers, either, queries="off", mmdb=[mmdb]).found == len(within)
    assert servers.asked == []
    answer = (
        "SELECT source_ip, asn, as_name, owner, registry FROM source JOIN network ON network.id = network_key"
    )
    assert sorted(rows(either, answer)) == sorted(
        (address, 64_500, "Example AS", None, None) for address in within
    )
    age(either)
    look_up(servers, either, mmdb=[mmdb])
    assert owners(either) == expected_owners(NETWORKS[:2]), "once it is on, registries are asked"


def test_a_file_knows_the_name_of_an_autonomous_system(
    database: Database, servers: FaultyServers, mmdb: Path
) -> None:
    report_on(database, *senders(*NETWORKS[:2]))
    look_up(servers, database, mmdb=[mmdb])
    assert sorted(rows(database, "SELECT owner, asn, as_name FROM network")) == [
        ("Owner 0", 64_500, None),
        ("Owner 1", 64_500, "Example AS"),
    ]


def test_a_file_that_is_damaged_costs_no_answer(
    database: Database, servers: FaultyServers, mmdb: Path
) -> None:
    content = mmdb.read_bytes()
    place = content.index(b"Example AS") - 1
    mmdb.write_bytes(content[:place] + b"\xff" * 11 + content[place + 11 :])
    report_on(database, *senders(*NETWORKS[:7]))
    with capture_logs() as logged:
        look_up(servers, database, mmdb=[mmdb])
    assert owners(database) == expected_owners(NETWORKS[:7])
    assert [event["event"] for event in logged] == ["mmdb_unusable"]


def test_a_file_that_is_missing_is_named(database: Database, servers: FaultyServers) -> None:
    with pytest.raises(OfflineError, match=r"nowhere\.mmdb"):
        look_up(servers, database, mmdb=["nowhere.mmdb"])
