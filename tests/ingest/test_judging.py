"""Verdicts in the database: of every domain at first, then where something is new."""

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event

import pytest

from enrich.catalogue import CatalogueError
from enrich.values import Name
from ingest import enrichment
from ingest.enrichment import EnrichmentJob
from ingest.judging import Judging
from ingest.settings import Settings
from store import lookups, standing
from store.database import Database
from store.migrate import upgrade
from summary import standing_json
from summary.readiness import PERIODS
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, feedback, rows, take

NEVER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    upgrade(database)
    take(
        database,
        feedback("1", sent("198.51.100.1", "pass"), sent("198.51.100.2", "fail")),
        feedback("2", sent("198.51.100.1", "pass"), domain="example.net"),
    )
    with database.writing() as connection:
        lookups.take_new(connection, lambda _: True)
    yield database
    database.close()


def sent(source_ip: str, dkim: str) -> str:
    """Write a record of a hundred messages."""
    return f"""
  <record>
    <row>
      <source_ip>{source_ip}</source_ip><count>100</count>
      <policy_evaluated><disposition>none</disposition><dkim>{dkim}</dkim><spf>fail</spf></policy_evaluated>
    </row>
    <identifiers><header_from>example.org</header_from></identifiers>
    <auth_results>
      <dkim><domain>example.org</domain><selector>selector1</selector><result>{dkim}</result></dkim>
      <spf><domain>example.com</domain><result>fail</result></spf>
    </auth_results>
  </record>"""


def judged(database: Database) -> dict[tuple[str, str], str]:
    """Give each verdict by domain and address."""
    query = "SELECT policy_domain, source_ip, verdict FROM source_verdict"
    return {(domain, str(address)): verdict for domain, address, verdict in rows(database, query)}


def test_every_domain_is_judged_at_first(database: Database) -> None:
    assert Judging(Settings(), database).run(Event(), anew=False) == 2
    assert set(judged(database)) == {
        ("example.org", "198.51.100.1"),
        ("example.org", "198.51.100.2"),
        ("example.net", "198.51.100.1"),
    }


def stands(database: Database, domain: str) -> tuple[str, str]:
    """Give what is kept of how a domain stands."""
    with database.reading() as connection:
        kept = standing.load(connection, domain, PERIODS)
    assert kept
    assert standing_json.read(kept)
    return kept.level, kept.sentence


def test_how_every_domain_stands_is_kept(database: Database) -> None:
    settings = Settings.model_validate({"domains": {"example.org": {"networks": ["198.51.100.0/24"]}}})
    Judging(settings, database).run(Event(), anew=False)
    assert stands(database, "example.org") == ("act", "Your own servers are failing DKIM.")
    assert stands(database, "example.net") == ("well", "All well: 100% of 100 messages pass.")


def test_what_is_worth_a_look_is_what_is_so_in_letters(database: Database) -> None:
    configured = {
        "summary": {"new_source_messages": 101},
        "domains": {"example.org": {"networks": ["198.51.100.0/24"]}},
    }
    Judging(Settings.model_validate(configured), database).run(Event(), anew=False)
    assert stands(database, "example.org")[0] == "well"


def test_how_a_domain_stands_is_judged_again_with_its_next_report(database: Database) -> None:
    judging = Judging(Settings(), database)
    judging.run(Event(), anew=False)
    take(database, feedback("3", sent("198.51.100.1", "pass"), domain="example.net"))
    judging.run(Event(), anew=False)
    assert stands(database, "example.net") == ("well", "All well: 100% of 200 messages pass.")


def test_then_those_with_new_reports(database: Database) -> None:
    judging = Judging(Settings(), database)
    judging.run(Event(), anew=False)
    assert judging.run(Event(), anew=False) == 0
    take(database, feedback("3", sent("198.51.100.3", "pass"), domain="example.net"))
    assert judging.run(Event(), anew=False) == 1
    assert ("example.net", "198.51.100.3") in judged(database)


def test_all_of_them_where_addresses_were_looked_up(database: Database) -> None:
    judging = Judging(Settings(), database)
    judging.run(Event(), anew=False)
    assert judging.run(Event(), anew=True) == 2


def test_verdicts_are_about_the_thirty_days_up_to_the_last_report(database: Database) -> None:
    earlier = FIRST_OF_NOVEMBER - 30 * DAY
    take(database, feedback("3", sent("198.51.100.9", "pass"), begin=earlier, end=earlier + DAY - 1))
    earlier += DAY
    take(database, feedback("4", sent("198.51.100.8", "pass"), begin=earlier, end=earlier + DAY - 1))
    Judging(Settings(), database).run(Event(), anew=False)
    assert ("example.org", "198.51.100.8") in judged(database)
    assert ("example.org", "198.51.100.9") not in judged(database)


def test_the_service_of_an_address_is_noted_and_stays_when_another_domain_is_judged(
    database: Database,
) -> None:
    with database.writing() as connection:
        name = Name("mail-am6eur05on2040.outbound.protection.outlook.com", confirmed=True)
        lookups.named(connection, [("198.51.100.1", name)], NEVER)
    judging = Judging(Settings(), database)
    judging.run(Event(), anew=False)
    services = "SELECT service FROM source WHERE source_ip = '198.51.100.1'"
    assert rows(database, services) == [("microsoft365",)]
    with database.writing() as connection:
        lookups.named(connection, [("198.51.100.1", None)], NEVER)
    take(database, feedback("3", sent("198.51.100.1", "pass"), domain="example.net"))
    judging.run(Event(), anew=False)
    assert rows(database, services) == [("microsoft365",)], "the other domain may know better"
    judging.run(Event(), anew=True)
    assert rows(database, services) == [(None,)]


def test_what_is_configured_counts(database: Database) -> None:
    settings = Settings.model_validate({"domains": {"example.org": {"networks": ["198.51.100.0/24"]}}})
    Judging(settings, database).run(Event(), anew=False)
    assert judged(database)["example.org", "198.51.100.2"] == "failing_own"
    assert rows(database, "SELECT DISTINCT who FROM source_verdict WHERE policy_domain = 'example.org'") == [
        ("your own servers",)
    ]


def test_told_to_stop_it_leaves_off_and_all_is_judged_the_next_time(database: Database) -> None:
    judging, stop = Judging(Settings(), database), Event()
    stop.set()
    assert judging.run(stop, anew=False) == 0
    assert judging.run(Event(), anew=False) == 2


def test_a_catalogue_that_is_wrong_is_refused() -> None:
    settings = Settings.model_validate({"enrich": {"services": "nowhere.toml"}})
    with pytest.raises(CatalogueError, match=r"nowhere\.toml"):
        Judging(settings, Database("sqlite:///unused.db"))


def test_the_daemon_rests_between_two_times(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    job = EnrichmentJob(Settings(enrich="off"), database, Event())
    monkeypatch.setattr(enrichment, "REST", 1e6)
    job.run()
    assert len(judged(database)) == 3
    take(database, feedback("3", sent("198.51.100.3", "pass")))
    job.run()
    assert len(judged(database)) == 3
    monkeypatch.setattr(enrichment, "REST", 0)
    rested = EnrichmentJob(Settings(enrich="off"), database, Event())
    rested.run()
    take(database, feedback("4", sent("198.51.100.4", "pass")))
    rested.run()
    assert len(judged(database)) == 5
