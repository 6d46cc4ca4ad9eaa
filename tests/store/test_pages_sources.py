"""One source and one address, as the pages show them: whose mail it is, day by day, and the records themselves."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import delete, insert

from fixtures.carriers import gzipped
from store import schema
from store.database import Database
from store.pages import address as addresses
from store.pages import source, source_reports
from store.pages.address import address
from store.pages.domain import ReporterRow
from store.pages.records import Reason, RecordRow, Signature, SpfCheck
from store.pages.source import LISTED, Chosen, Sent, sent
from store.pages.source_reports import Reporters, records, reporters
from store.pages.values import PER_PAGE, ChartDay, UnknownPlaceError
from tests.store.kit import RECORD, record, report_mail, take
from tests.store.pages_kit import NOW, about, failing, judge, november, verdict

ACME = Chosen("example.org", "Acme")


def store(database: Database, *reports: bytes) -> None:
    """Take reports in, as their mails bring them."""
    take(database, *(report_mail((f"{number}.xml.gz", gzipped(it))) for number, it in enumerate(reports)))


def look(database: Database, chosen: Chosen = ACME, first: int = 1, last: int = 30) -> Sent:
    with database.reading() as connection:
        return sent(connection, chosen, november(first), november(last))


def page(
    database: Database, days: Sequence[ChartDay], after: str | None = None, chosen: Chosen = ACME
) -> tuple[list[str | None], str | None]:
    """Give the addresses of a page of records, and where the next one begins."""
    with database.reading() as connection:
        found = records(connection, chosen, days, after)
    return [it.source_ip for it in found.rows], found.following


def note_owner(database: Database, source_ip: str) -> None:
    """Look an address up."""
    network = {"id": 1, "first_address": b"0", "last_address": b"1", "handle": "NET-1", "name": "ACME-NET"}
    network |= {
        "owner": "Acme Ltd",
        "country": "SE",
        "registry": "ripencc",
        "registered": "192.0.2.0 - 192.0.2.255",
    }
    network |= {"fetched_at": NOW, "good_until": NOW}
    machine = {"source_ip": source_ip, "network_key": 1, "name": "mx.acme.example", "name_confirmed": True}
    machine |= {"state": "found", "service": "acme"}
    with database.writing() as connection:
        connection.execute(insert(schema.network), network)
        connection.execute(insert(schema.source), machine)


def test_a_source_is_every_address_that_was_judged_to_be_its(database: Database) -> None:
    store(
        database,
        about(1, record("192.0.2.1", 10), failing("192.0.2.2", 4), record("198.51.100.1", 900)),
        about(3, failing("192.0.2.1", 1)),
        about(3, record("192.0.2.1", 900), domain="example.com"),
        about(31, record("192.0.2.1", 900)),
    )
    judge(
        database, verdict("192.0.2.1", "Acme"), verdict("192.0.2.2", "Acme"), verdict("198.51.100.1", "Other")
    )
    note_owner(database, "192.0.2.1")
    found = look(database)
    assert found.days == (ChartDay(november(1), 10, 4), ChartDay(november(3), 0, 1))
    assert found.number_of_addresses == 2
    first, second = found.addresses
    assert (first.source_ip, first.messages, first.passing) == ("192.0.2.1", 11, 10)
    assert (first.first_day, first.last_day) == (november(1), november(3))
    assert (first.name, first.name_confirmed, first.service, first.state) == (
        "mx.acme.example",
        True,
        "acme",
        "found",
    )
    assert (first.owner, first.network_name, first.handle, first.registry) == (
        "Acme Ltd",
        "ACME-NET",
        "NET-1",
        "ripencc",
    )
    assert (second.source_ip, second.messages, second.passing) == ("192.0.2.2", 4, 0)
    assert (second.name, second.owner, second.state) == (None, None, "waiting")


def test_few_addresses_are_looked_for_in_another_way_and_found_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(
        database,
        about(1, record("192.0.2.1", 10), failing("2001:db8::2", 4), record("198.51.100.1", 900)),
        about(7, record("2001:db8::2", 5), failing("192.0.2.1", 6)),
        about(31, record("192.0.2.1", 900)),
    )
    judge(database, verdict("192.0.2.1", "Acme"), verdict("192.0.2.1", "Acme", "forwarded"))
    chosen = replace(ACME, addresses=("2001:db8::2", "192.0.2.1"))
    few = look(database, chosen)
    monkeypatch.setattr(source, "FEW", 1)
    assert look(database, chosen) == few
    assert [it.messages for it in few.days] == [14, 11]


def test_addresses_that_are_named_belong_to_the_source_as_well(database: Database) -> None:
    store(database, about(1, record("192.0.2.1", 1), record("2001:db8::1", 2), record("192.0.2.3", 4)))
    judge(database, verdict("192.0.2.1", "Acme"))
    found = look(database, Chosen("example.org", "Acme", ("2001:db8::1", "192.0.2.77")))
    assert [(it.source_ip, it.messages) for it in found.addresses] == [("2001:db8::1", 2), ("192.0.2.1", 1)]
    assert look(database, Chosen("example.org", "Nobody")) == Sent((), (), 0)


def test_strangers_of_whom_nothing_is_known_are_one_source(database: Database) -> None:
    addresses = ("192.0.2.1", "2001:db8::1", "192.0.2.3", "192.0.2.4")
    store(database, about(1, *(record(it, 1) for it in addresses)))
    judge(
        database,
        *(verdict(it, it, "unknown") for it in addresses[:2]),
        verdict("192.0.2.3", "Acme", "unknown"),
        verdict("192.0.2.4", "192.0.2.4", "failing_own"),
    )
    found = look(database, Chosen("example.org", None))
    assert sorted(it.source_ip for it in found.addresses) == ["192.0.2.1", "2001:db8::1"]


def test_a_name_as_long_as_a_stranger_likes_is_found(database: Database) -> None:
    store(database, about(1, record("192.0.2.1", 1)))
    judge(database, verdict("192.0.2.1", "x" * 5_000))
    assert look(database, Chosen("example.org", "x" * 5_000)).number_of_addresses == 1


def test_the_busiest_addresses_are_listed_and_all_are_counted(database: Database) -> None:
    store(database, about(1, *(record(f"10.0.{it // 250}.{it % 250}", it + 1) for it in range(LISTED + 5))))
    judge(database, *(verdict(f"10.0.{it // 250}.{it % 250}", "Acme") for it in range(LISTED + 5)))
    found = look(database)
    assert (len(found.addresses), found.number_of_addresses) == (LISTED, LISTED + 5)
    assert [it.messages for it in found.addresses] == list(range(LISTED + 5, 5, -1))


def test_who_reports_about_a_source(database: Database) -> None:
    twice = about(3, failing("192.0.2.1", 2), record("192.0.2.1", 3), reporter="Large")
    other = twice.replace(b"<count>2<", b"<count>200<")
    store(
        database,
        twice,
        other,
        about(1, record("192.0.2.1", 1), reporter="Small"),
        about(2, record("192.0.2.9", 1)),
    )
    judge(database, verdict("192.0.2.1", "Acme"))
    with database.reading() as connection:
        found = reporters(connection, ACME, look(database).days)
        nothing = reporters(connection, ACME, ())
    assert found == Reporters(
        (ReporterRow("Large", 1, 5, november(3)), ReporterRow("Small", 1, 1, november(1))),
        november(1),
        whole=True,
    )
    assert nothing == Reporters((), None, whole=True)


def test_only_so_many_of_the_newest_days_are_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_reports, "READ", 3)
    store(database, *(about(day, record("192.0.2.1", day), record("192.0.2.9", 1)) for day in (1, 2, 4)))
    judge(database, verdict("192.0.2.1", "Acme"))
    days = look(database).days
    with database.reading() as connection:
        found = reporters(connection, ACME, days)
    assert (found.first_day, found.whole, [it.messages for it in found.rows]) == (november(4), False, [4])
    assert page(database, days) == (["192.0.2.1"], "2026-11-04")
    assert page(database, days, "2026-11-04") == (["192.0.2.1"], "2026-11-02")
    assert page(database, days, "2026-11-02") == (["192.0.2.1"], None)
    with pytest.raises(UnknownPlaceError):
        page(database, days, "2026-11-01")


def test_records_come_page_by_page_the_newest_first(database: Database) -> None:
    many = [record(f"192.0.2.{it}", it + 1) for it in range(PER_PAGE + 1)]
    store(database, about(2, *many), about(3, record("192.0.2.0", 1)), about(2, record("192.0.2.0", 1)))
    judge(database, *(verdict(f"192.0.2.{it}", "Acme") for it in range(PER_PAGE + 1)))
    days = look(database).days
    addresses, following = page(database, days)
    assert addresses == ["192.0.2.0", "192.0.2.0", *(f"192.0.2.{it}" for it in range(PER_PAGE - 2))]
    assert page(database, days, following) == (
        [f"192.0.2.{it}" for it in range(PER_PAGE - 2, PER_PAGE + 1)],
        None,
    )


@pytest.mark.parametrize(
    "after", ["1.0", "999.0", "nonsense", "0001-01-01", "9999999999999999999.1", "1.9999999999", "²"]
)
def test_a_page_beyond_the_end_is_none(database: Database, after: str) -> None:
    store(database, about(2, record("192.0.2.1", 1)))
    judge(database, verdict("192.0.2.1", "Acme"))
    with pytest.raises(UnknownPlaceError):
        page(database, look(database).days, after)


def test_records_of_reports_that_were_removed_are_not_looked_for_further(database: Database) -> None:
    store(database, *(about(day, record("192.0.2.1", 1)) for day in (1, 2)))
    judge(database, verdict("192.0.2.1", "Acme"))
    days = look(database).days
    with database.writing() as connection:
        connection.execute(delete(schema.report))
    assert page(database, days) == ([], None)


def test_a_record_has_all_that_was_published(database: Database) -> None:
    store(database, about(2, RECORD))
    judge(database, verdict("192.0.2.1", "Acme"))
    note_owner(database, "192.0.2.1")
    with database.reading() as connection:
        (found,) = records(connection, ACME, look(database).days).rows
    assert found == RecordRow(
        report_key=1,
        ordinal=0,
        day=november(2),
        reporter="Reporter",
        source_ip="192.0.2.1",
        name="mx.acme.example",
        service="acme",
        owner="Acme Ltd",
        messages=12,
        disposition="none",
        dkim="pass",
        spf="fail",
        dmarc_pass=True,
        header_from="example.org",
        envelope_from=None,
        envelope_to=None,
        null_path=None,
        disposition_raw=None,
        dkim_raw=None,
        spf_raw=None,
        dkim_recomputed="pass",
        spf_recomputed="fail",
        recomputed="agrees",
        signatures=(
            Signature("example.org", "s1", "pass", None, None),
            Signature("example.net", "s2", "fail", None, None),
        ),
        checks=(SpfCheck("bounce.example.net", "mfrom", "softfail", None, None, None),),
        reasons=(Reason("forwarded", "by a list", None),),
    )


def test_an_address_shows_what_it_is_to_each_domain(database: Database) -> None:
    store(
        database,
        about(-20, record("192.0.2.1", 900)),
        about(1, record("192.0.2.1", 3), failing("192.0.2.1", 2), record("192.0.2.2", 900)),
        about(20, record("192.0.2.1", 40), domain="example.com"),
    )
    judge(
        database, verdict("192.0.2.1", "Acme", "passing", 3), verdict("192.0.2.1", "Acme", "failing_own", 7)
    )
    note_owner(database, "192.0.2.1")
    with database.reading() as connection:
        found = address(connection, "192.0.2.1")
    assert found
    assert (found.machine.name, found.machine.owner, found.machine.as_name) == (
        "mx.acme.example",
        "Acme Ltd",
        None,
    )
    assert found.number_of_domains == 2
    com, org = found.domains
    assert (com.domain, com.days, com.judged) == ("example.com", (ChartDay(november(20), 40, 0),), ())
    assert (org.domain, org.first_day, org.last_day) == ("example.org", november(-20), november(1))
    assert org.days == (ChartDay(november(1), 3, 2),)
    assert [it.verdict for it in org.judged] == ["failing_own", "passing"]
    assert org.judged[0].evidence == ("d=example.org s=one", "spf=example.org")


def test_an_address_that_was_not_looked_up_waits_and_one_that_nobody_named_is_none(
    database: Database,
) -> None:
    store(database, about(1, record("2001:db8::1", 1)))
    with database.reading() as connection:
        found, nobody = address(connection, "2001:db8::1"), address(connection, "192.0.2.77")
    assert found
    assert (found.machine.state, found.machine.owner, nobody) == ("waiting", None, None)


def test_only_so_many_domains_of_an_address_are_told_of(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "LISTED", 2)
    store(database, *(about(day, record("192.0.2.1", 9 - day), domain=f"{day}.example") for day in (1, 2, 3)))
    with database.reading() as connection:
        found = address(connection, "192.0.2.1")
    assert found
    assert ([it.domain for it in found.domains], found.number_of_domains) == (["2.example", "3.example"], 3)
