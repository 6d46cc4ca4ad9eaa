"""The queue of look-ups: who waits, who comes first, and what came of it."""

from datetime import timedelta
from ipaddress import ip_address

from sqlalchemy import text

from enrich.values import Name, NotFound
from store import lookups, networks
from store.database import Database
from store.lookups import Due, RegistryState
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, NOW, feedback, record, rows, take

A_DAY = timedelta(days=1)
LATER = NOW + A_DAY


def seen(database: Database, *addresses: str, days_ago: int = 0, domain: str = "example.org") -> None:
    """Store a report with these addresses, the first with one message, the second with two, and so on."""
    records = [record(address, number) for number, address in enumerate(addresses, 1)]
    begin = FIRST_OF_NOVEMBER - days_ago * DAY
    take(database, feedback(f"{addresses} {days_ago}", *records, begin=begin, end=begin, domain=domain))


def taken(database: Database) -> int:
    with database.writing() as connection:
        return lookups.take_new(connection, lambda source_ip: ip_address(source_ip).is_global)


def due(database: Database, limit: int = 10) -> list[Due]:
    with database.reading() as connection:
        return lookups.due(connection, NOW, limit)


def names_due(database: Database) -> list[str]:
    with database.reading() as connection:
        return [each.source_ip for each in lookups.due_names(connection, NOW, 10)]


def addresses(found: list[Due]) -> list[str]:
    return [each.source_ip for each in found]


def set_up(database: Database, *source_ips: str) -> int:
    """Let addresses wait; give the key of a network that nobody knows."""
    seen(database, *source_ips)
    taken(database)
    nowhere = NotFound(ip_address("9.9.9.0"), ip_address("9.9.9.255"), "arin")
    with database.writing() as connection:
        return networks.put(connection, nowhere, NOW, LATER)


def state(database: Database, source_ip: str) -> list[tuple[object, ...]]:
    query = "SELECT state, failures, error, network_key FROM source WHERE source_ip = :it"
    return rows(database, query, it=source_ip)


def test_every_address_waits_once_and_what_is_not_public_is_reserved(database: Database) -> None:
    seen(database, "9.9.9.9", "10.0.0.1", "2620:fe::9")
    seen(database, "9.9.9.9", domain="example.net")
    assert taken(database) == 3
    assert taken(database) == 0
    found = rows(database, "SELECT source_ip, state FROM source")
    assert {str(address): state for address, state in found} == {
        "9.9.9.9": "waiting",
        "10.0.0.1": "reserved",
        "2620:fe::9": "waiting",
    }
    assert addresses(due(database)) == ["2620:fe::9", "9.9.9.9"]
    assert names_due(database) == ["2620:fe::9", "9.9.9.9"]


def test_the_first_and_last_day_are_those_of_all_domains(database: Database) -> None:
    seen(database, "9.9.9.9", days_ago=3)
    taken(database)
    seen(database, "9.9.9.9", days_ago=9)
    seen(database, "9.9.9.9", domain="example.net")
    taken(database)
    days = "SELECT CAST(first_day AS TEXT), CAST(last_day AS TEXT) FROM source"
    assert rows(database, days) == [("2026-10-23", "2026-11-01")]


def test_most_messages_of_the_last_30_days_come_first(database: Database) -> None:
    seen(database, "9.9.9.1", "9.9.9.2", "9.9.9.3")
    seen(database, "9.9.9.4", "9.9.9.5", "9.9.9.1", days_ago=29)
    seen(database, *(f"9.9.8.{host}" for host in range(1, 5)), "9.9.9.2", days_ago=30)
    taken(database)
    assert due(database, 3) == [
        Due("9.9.9.1", 4, 0, "waiting"),
        Due("9.9.9.3", 3, 0, "waiting"),
        Due("9.9.9.2", 2, 0, "waiting"),
    ]
    assert len(due(database)) == 9
    assert due(database)[-1].messages == 0


def test_a_report_from_the_future_makes_nothing_look_old(database: Database) -> None:
    seen(database, "9.9.9.1")
    seen(database, "9.9.9.2", days_ago=-10_000)
    taken(database)
    assert {(each.source_ip, each.messages) for each in due(database)} == {("9.9.9.1", 1), ("9.9.9.2", 1)}


def test_an_answer_keeps_an_address_out_of_the_queue_until_it_is_old(database: Database) -> None:
    key = set_up(database, "9.9.9.1", "9.9.9.2", "9.9.9.3")
    with database.writing() as connection:
        lookups.found(connection, ["9.9.9.1"], key, LATER)
        lookups.not_found(connection, ["9.9.9.2"], key, NOW)
    assert addresses(due(database)) == ["9.9.9.3", "9.9.9.2"]
    assert state(database, "9.9.9.1") == [("found", 0, None, key)]
    assert state(database, "9.9.9.2") == [("not_found", 0, None, key)]


def test_a_failure_is_counted_and_an_older_answer_stays(database: Database) -> None:
    key = set_up(database, "9.9.9.1", "9.9.9.2")
    with database.writing() as connection:
        lookups.found(connection, ["9.9.9.1"], key, NOW)
        for _ in range(2):
            lookups.failed(connection, ["9.9.9.1", "9.9.9.2"], "status 500", NOW)
    assert state(database, "9.9.9.1") == [("found", 2, "status 500", key)]
    assert state(database, "9.9.9.2") == [("error", 2, "status 500", None)]
    assert [(each.failures, each.state) for each in due(database)] == [(2, "error"), (2, "found")]
    with database.writing() as connection:
        lookups.failed(connection, ["9.9.9.1"], "status 500", LATER)
        lookups.found(connection, ["9.9.9.2"], key, LATER)
    assert due(database) == []
    assert state(database, "9.9.9.2") == [("found", 0, None, key)]


def test_who_was_not_seen_for_90_days_keeps_the_answer_it_has(database: Database) -> None:
    seen(database, "9.9.9.1", "9.9.9.2", "9.9.9.3", days_ago=90)
    key = set_up(database, "9.9.9.4")
    with database.writing() as connection:
        lookups.found(connection, ["9.9.9.1", "9.9.9.4"], key, NOW)
        lookups.failed(connection, ["9.9.9.2"], "no answer", NOW)
        lookups.named(connection, [("9.9.9.1", None), ("9.9.9.4", None)], NOW)
    assert addresses(due(database)) == ["9.9.9.4", "9.9.9.2", "9.9.9.3"]
    assert names_due(database) == ["9.9.9.4", "9.9.9.2", "9.9.9.3"]


def test_names_have_times_of_their_own(database: Database) -> None:
    set_up(database, "9.9.9.1", "9.9.9.2", "9.9.9.3", "9.9.9.4")
    with database.writing() as connection:
        names = [("9.9.9.1", Name("mx.example.org", confirmed=True)), ("9.9.9.2", None)]
        lookups.named(connection, names, LATER)
        lookups.named(connection, [("9.9.9.3", Name("old.example.org", confirmed=False))], NOW)
        lookups.name_failed(connection, ["9.9.9.3"], NOW)
    assert names_due(database) == ["9.9.9.4", "9.9.9.3"]
    with database.reading() as connection:
        assert [each.failures for each in lookups.due_names(connection, NOW, 10)] == [0, 1]
        assert lookups.waiting(connection) == 4
    query = "SELECT name, name_confirmed FROM source WHERE name_next_try_at IS NOT NULL ORDER BY source_ip"
    assert [(name, confirmed and bool(confirmed)) for name, confirmed in rows(database, query)] == [
        ("mx.example.org", True),
        (None, None),
        ("old.example.org", False),
    ]


def test_nothing_is_due_before_the_first_report(database: Database) -> None:
    assert taken(database) == 0
    assert due(database) == []
    with database.writing() as connection:
        lookups.failed(connection, [], "nobody", NOW)


def test_the_states_of_registries_are_kept(database: Database) -> None:
    closed = RegistryState(12, 3, LATER, "status 429", NOW)
    with database.writing() as connection:
        lookups.write_registry_states(connection, {"lacnic": RegistryState(7), "arin": closed})
        lookups.write_registry_states(connection, {"lacnic": RegistryState(8, 1, None, "timed out", NOW)})
        lookups.write_registry_states(connection, {})
    with database.reading() as connection:
        assert lookups.registry_states(connection) == {
            "arin": closed,
            "lacnic": RegistryState(8, 1, None, "timed out", NOW),
        }


def test_many_addresses_are_taken_at_once(database: Database) -> None:
    insert = {
        "sqlite": "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 19999) "
        "INSERT INTO source_seen SELECT 'example.org', printf('9.9.%d.%d', n / 250, n % 250), "
        "'2026-11-01', '2026-11-01' FROM n",
        "postgresql": "INSERT INTO source_seen SELECT 'example.org', inet '9.9.0.0' + n, "
        "date '2026-11-01', date '2026-11-01' FROM generate_series(0, 19999) AS n",
    }
    with database.writing() as connection:
        connection.execute(text(insert[connection.dialect.name]))
    assert taken(database) == 20_000
    with database.reading() as connection:
        assert lookups.waiting(connection) == 20_000
