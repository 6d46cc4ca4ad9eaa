"""All domains, one domain, and the database as a whole, as the pages show them: the sums are those of the reports."""

from datetime import timedelta

from store.database import Database
from store.migrate import HEAD
from store.pages.distinct import distinct
from store.pages.domain import ReporterRow, reporters, series
from store.pages.overview import DomainRow, Head, overview
from store.pages.state import Arrived, arrived, state
from store.pages.values import ChartDay
from store.schema import domain_day_rollup, domain_standing, report
from tests.store.kit import NOW as TAKEN
from tests.store.kit import record, take
from tests.store.pages_kit import NOW, TODAY, about, failing, november


def look(database: Database) -> tuple[DomainRow, ...]:
    with database.reading() as connection:
        return overview(connection, TODAY)


def test_a_new_database_has_nothing_to_show(database: Database) -> None:
    assert look(database) == ()
    with database.reading() as connection:
        assert series(connection, "example.org", TODAY) == ()
        assert reporters(connection, "example.org", TODAY, TODAY) == ()
        assert arrived(connection) == Arrived(
            polled=False, any_message=False, any_report=False, any_counted=False
        )
        found = state(connection)
    assert (found.revision, found.domains, found.messages, found.records) == (HEAD, 0, 0, 0)
    assert (found.first_day, found.last_day, found.newest_report_at, found.judged_at) == (None,) * 4


def test_every_domain_has_its_thirty_days_and_those_before(database: Database) -> None:
    take(
        database,
        about(-30, record("192.0.2.1", 1000)),
        about(-29, record("192.0.2.1", 7), failing("192.0.2.1", 2)),
        about(0, failing("192.0.2.1", 4)),
        about(1, record("192.0.2.1", 20)),
        about(30, record("192.0.2.1", 5), failing("192.0.2.2", 3)),
        about(9, record("192.0.2.9", 1), domain="example.com"),
    )
    com, org = look(database)
    assert (com.domain, com.last_day, com.messages, com.standing) == ("example.com", november(9), 1, None)
    assert (org.domain, org.last_day) == ("example.org", november(30))
    assert (org.messages, org.passing, org.earlier_messages, org.earlier_passing) == (28, 25, 13, 7)
    assert org.days == (ChartDay(november(1), 20, 0), ChartDay(november(30), 5, 3))


def test_a_report_from_the_future_does_not_move_the_period(database: Database) -> None:
    take(database, about(9, record("192.0.2.1", 5)), about(400, record("192.0.2.1", 7)))
    take(database, about(500, record("192.0.2.1", 9), domain="example.com"))
    assert [(it.domain, it.last_day, it.messages) for it in look(database)] == [
        ("example.com", november(500), 9),
        ("example.org", november(9), 5),
    ]


def test_a_domain_that_was_judged_says_how_it_stands(database: Database) -> None:
    take(database, about(9))
    row = {"policy_domain": "example.org", "judged_at": NOW, "last_day": november(9), "level": "look"}
    row |= {"sentence": "One source fails.", "p": "none", "testing": None}
    with database.writing() as connection:
        columns = {name: row.get(name, b"") for name in domain_standing.c.keys()}  # noqa: SIM118 (a collection of columns)
        connection.execute(domain_standing.insert(), columns)
    (found,) = look(database)
    assert found.standing == Head("look", "One source fails.", "none", None, NOW)


def test_mail_that_was_passed_on_is_told_apart_where_it_fails(database: Database) -> None:
    take(
        database,
        about(8, record("192.0.2.1", 10), failing("192.0.2.1", 3), failing("192.0.2.2", 4)),
        about(9, record("192.0.2.2", 5)),
    )
    with database.reading() as connection:
        charted = series(connection, "example.org", november(9), 2, forwarding={"192.0.2.2"})
        shorter = series(connection, "example.org", november(9), 1)
    assert charted == (ChartDay(november(8), 10, 3, 4), ChartDay(november(9), 5, 0))
    assert sum(it.messages for it in charted) == 22
    assert shorter == charted[1:]


def test_reporters_are_those_whose_reports_count(database: Database) -> None:
    first = about(9, record("192.0.2.1", 5), reporter="Large")
    take(
        database,
        first,
        first.replace(b"<count>5<", b"<count>50<"),
        about(8, record("192.0.2.1", 4), reporter="Large"),
        about(7, record("192.0.2.1", 3), reporter="Small"),
        about(6, record("192.0.2.1", 900), reporter="Before"),
        about(7, record("192.0.2.1", 900), domain="example.com"),
    )
    with database.reading() as connection:
        found = reporters(connection, "example.org", november(7), november(9))
    assert found == (ReporterRow("Large", 2, 9, november(9)), ReporterRow("Small", 1, 3, november(7)))


def test_the_state_of_a_database_that_is_in_use(database: Database) -> None:
    take(
        database,
        about(9, record("192.0.2.1", 5), record("192.0.2.2", 6)),
        about(2, domain="example.com"),
    )
    with database.reading() as connection:
        found, reached = state(connection), arrived(connection)
    assert (found.domains, found.messages, found.records) == (2, 23, 3)
    assert (found.first_day, found.last_day, found.newest_report_at) == (november(2), november(9), TAKEN)
    assert found.bytes > 0
    assert reached == Arrived(polled=False, any_message=True, any_report=True, any_counted=True)


def test_distinct_values_are_found_step_by_step(database: Database) -> None:
    reports = [about(9, domain=domain) for domain in ("b.example", "a.example", "b.example")]
    take(database, *reports, about(9, domain="").replace(b"<domain></domain>", b""))
    with database.reading() as connection:
        domains = sorted(connection.scalars(distinct(domain_day_rollup.c.policy_domain)))
        nothing = connection.scalars(distinct(report.c.reporter, report.c.reporter == "nobody")).all()
    assert (domains, nothing) == (["a.example", "b.example"], [])


def test_a_period_of_the_overview_is_thirty_days_long(database: Database) -> None:
    take(database, *(about(day, record("192.0.2.1", 1)) for day in range(-40, 31)))
    (found,) = look(database)
    assert (found.messages, found.earlier_messages, len(found.days)) == (30, 30, 30)
    assert found.days[0].day == found.last_day - timedelta(days=29)
