"""Questions of a person's own: what is answered and how, and that nothing can be changed, held up or hidden by one."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from store.access import grant
from store.asking import AskingError, asking, parameters
from store.asking.answers import BATCH, REFUSED, Patience, Value, distinct
from store.database import Database, DatabaseUnavailableError, DatabaseUrlError
from store.migrate import SchemaTooNewError, SchemaTooOldError, upgrade
from store.views import Type
from tests.servers.ports import free_port
from tests.store.kit import content, feedback, record, take

SECONDS = 60.0
HOSTILE = "\N{CONTROL SEQUENCE INTRODUCER}31m"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def lasting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give a database with one report, on each engine in turn, to all that must not change it."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path_factory.mktemp('lasting')}/ruamill.db")
    else:
        database = Database(request.getfixturevalue("postgres_server").create_database())
    upgrade(database)
    take(database, feedback())
    yield database
    database.close()


def counting(select: str) -> str:
    """Select from a table `number` of all numbers `n`, which has no end."""
    endless = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number)"
    return f"{endless} {select}"


def answered(
    database: Database, sql: str, values: Mapping[str, str] | None = None, limit: int | None = None
) -> list[tuple[Value, ...]]:
    with asking(database, SECONDS) as session:
        return list(session.ask(sql, values, limit=limit))


def refusal(database: Database, sql: str, seconds: float = SECONDS) -> str:
    with pytest.raises(AskingError) as refused, asking(database, seconds) as session:
        list(session.ask(sql))
    told = str(refused.value)
    assert told.isprintable()
    return told


# -- answers


def test_a_view_is_answered_with_its_types(database: Database) -> None:
    take(database, feedback())
    with asking(database, SECONDS) as session:
        answer = session.ask("SELECT day, begins_at, dmarc_pass, messages, header_from, np FROM records_flat")
        assert [(it.name, it.type) for it in answer.columns] == [
            ("day", Type.DATE),
            ("begins_at", Type.MOMENT),
            ("dmarc_pass", Type.BOOLEAN),
            ("messages", Type.INTEGER),
            ("header_from", Type.TEXT),
            ("np", Type.TEXT),
        ]
        moment = datetime(2026, 11, 1, tzinfo=UTC)
        assert list(answer) == [(date(2026, 11, 1), moment, True, 12, "example.org", None)]
        assert not answer.truncated


def test_numbers_are_what_json_knows(database: Database) -> None:
    take(database, feedback("1", record("192.0.2.1", 3), record("192.0.2.2", 4)))
    ((total, mean, negative, infinite),) = answered(
        database, "SELECT sum(messages), avg(messages), -1.5, 9e999 FROM records_flat"
    )
    assert (total, mean, negative, infinite) == (7, 3.5, -1.5, None)
    assert type(total) is int


def test_what_has_no_type_of_ours_is_text(database: Database) -> None:
    take(database, feedback())
    blob = "'\\xc0ffee'::bytea" if database.file is None else "x'c0ffee'"
    assert answered(database, f"SELECT {blob}") == [("\\xc0ffee",)]
    assert answered(database, "SELECT source_ip FROM sources") == [("192.0.2.1",)]


def test_columns_of_one_name_are_told_apart(lasting: Database) -> None:
    with asking(lasting, SECONDS) as session:
        answer = session.ask("SELECT 1 AS day, 2 AS day, 3 AS day_2, 4 AS day")
        assert [it.name for it in answer.columns] == ["day", "day_2", "day_2_2", "day_3"]
        assert [it.type for it in answer.columns] == [Type.INTEGER] * 4
    assert distinct(["a", "a", "a_2", "a"]) == ["a", "a_2", "a_2_2", "a_3"]


@pytest.mark.parametrize("number", [BATCH - 1, BATCH, BATCH + 1, 2 * BATCH])
def test_every_row_comes_once(lasting: Database, number: int) -> None:
    rows = answered(lasting, counting(f"SELECT n FROM number LIMIT {number}"))  # noqa: S608 (our own number)
    assert rows == [(n + 1,) for n in range(number)]


def test_the_limit_holds_and_is_told(lasting: Database) -> None:
    with asking(lasting, SECONDS) as session:
        for limit, truncated in ((2, True), (3, False), (4, False)):
            answer = session.ask("VALUES (1), (2), (3)", limit=limit)
            assert len(list(answer)) == min(limit, 3)
            assert answer.truncated == truncated
        assert len(list(session.ask(counting("SELECT n FROM number"), limit=5_000))) == 5_000


def test_parameters_are_bound_where_they_are_parameters(database: Database) -> None:
    take(database, feedback())
    sql = """
        -- of :domain, they say
        SELECT ':domain''s' AS "x:since", /* :until */ policy_domain, day FROM records_flat
        WHERE policy_domain = :domain AND day >= :since AND day <= :until AND reporter <> '100% :x'"""
    assert parameters(sql) == {"domain", "since", "until"}
    values = {"domain": "example.org", "since": "2026-11-01", "until": "2026-11-01"}
    assert answered(database, sql, values) == [(":domain's", "example.org", date(2026, 11, 1))]
    hostile = values | {"domain": "' OR 1=1; DROP TABLE report; --"}
    assert answered(database, sql, hostile) == []


def test_every_question_over_one_connection_sees_one_state(database: Database) -> None:
    """And nobody who writes has to wait."""
    take(database, feedback("1"))
    sql = "SELECT count(*) FROM records_flat"
    with asking(database, SECONDS) as session:
        rows = iter(session.ask(counting("SELECT n FROM number LIMIT 3000")))
        next(rows)
        take(database, feedback("2"))
        assert len(list(rows)) == 2_999
        assert list(session.ask(sql)) == [(1,)]
    assert answered(database, sql) == [(2,)]


def test_the_time_of_whoever_reads_is_not_counted() -> None:
    patience = Patience(0.05)
    with patience.thinking():
        pass
    time.sleep(0.06)
    assert patience.left > 0
    with patience.thinking():
        time.sleep(0.06)
    assert patience.left <= 0
    with pytest.raises(AskingError, match=r"no answer in 0\.05 seconds"), patience.thinking():
        pass


# -- nothing is changed


WRITES = (
    "INSERT INTO network (id) VALUES (1)",
    "UPDATE report SET counted = false",
    "DELETE FROM report",
    "DROP TABLE report",
    "CREATE TABLE mine (id integer)",
    "CREATE TEMP TABLE mine (id integer)",
    "WITH gone AS (DELETE FROM report RETURNING id) SELECT * FROM gone",
    "WITH mine AS (SELECT 1) INSERT INTO network (id) SELECT 1 FROM mine",
    "SELECT * INTO mine FROM report",
    "SELECT * FROM report FOR UPDATE",
    "SELECT 1; DELETE FROM report",
    "SELECT 1; COMMIT; DELETE FROM report",
    "SELECT 1; SELECT 2",
    "COMMIT",
    "ROLLBACK",
    "VACUUM",
    "ANALYZE",
    "REINDEX",
    "EXPLAIN SELECT 1",
    "/* SELECT */ DELETE FROM report",
    "-- SELECT\nDELETE FROM report",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA query_only = OFF",
    "ATTACH DATABASE 'other.db' AS other",
    "VACUUM INTO 'copy.db'",
    "SELECT load_extension('mine')",
    "SELECT * FROM pragma_journal_mode",
    "COPY report TO '/tmp/report'",
    "COPY (SELECT 1) TO PROGRAM 'touch mine'",
    "DO $$ BEGIN DELETE FROM report; END $$",
    "SET default_transaction_read_only = off",
    "PREPARE mine AS SELECT 1",
    "EXECUTE mine",
    "LISTEN mine",
    "LOCK TABLE report",
    "GRANT SELECT ON report TO PUBLIC",
    "FETCH 1 FROM ruamill",
    "TABLE report",
    "",
    " ;",
    "-- nothing",
    "SELECT",
    "SELECT 'a\0b'",
    "SELECT '\udcff'",
)


@pytest.mark.parametrize("sql", WRITES)
def test_whatever_is_no_question_is_refused(
    sql: str, lasting: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    before = content(lasting)
    assert refusal(lasting, sql)
    assert content(lasting) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sql", ["SELECT 1; DELETE FROM report", "DELETE FROM report"])
def test_a_refusal_says_what_is_answered(sql: str, lasting: Database) -> None:
    assert REFUSED in refusal(lasting, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1;",
        " ; SELECT 1"[3:],
        "-- why?\nSELECT 1 -- so",
        "/* a */ WITH x AS (SELECT 1) SELECT * FROM x;",
    ],
)
def test_what_stands_around_a_question_does_no_harm(sql: str, lasting: Database) -> None:
    assert answered(lasting, sql) == [(1,)]


def test_the_file_itself_is_not_touched(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/ruamill.db")
    upgrade(database)
    take(database, feedback())
    database.close()
    file = tmp_path / "ruamill.db"
    file.chmod(0o444)
    before = hashlib.sha256(file.read_bytes()).digest()
    for sql in ("SELECT * FROM records_flat", *WRITES):
        try:
            answered(database, sql)
        except AskingError:
            continue
    assert hashlib.sha256(file.read_bytes()).digest() == before


SIDE_EFFECTS = (
    "SELECT pg_sleep(60)",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    'SELECT "pg_cancel_backend"(1)',
    "SELECT pg_advisory_lock(1920295277)",
    "SELECT PG_CATALOG.PG_ADVISORY_XACT_LOCK (1)",
    "SELECT pg_advisory_lock/**/(1)",
    "SELECT set_config('statement_timeout', '0', false)",
    "SELECT nextval('mine')",
    "SELECT lo_create(0)",
    "SELECT lo_export(1, '/tmp/mine')",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_notify('mine', '')",
    "SELECT pg_reload_conf()",
    "SELECT query_to_xml('DELETE FROM report', true, true, '')",
    "SELECT * FROM ts_stat('SELECT pg_sleep(60)')",
    'SELECT U&"\\0070g_sleep"(60)',
    "SELECT 1 FROM generate_series(1, 2) WHERE pg_switch_wal() IS NULL",
)


@pytest.mark.postgresql
@pytest.mark.parametrize("lasting", ["postgresql"], indirect=True)
@pytest.mark.parametrize("sql", SIDE_EFFECTS)
def test_functions_that_do_more_than_compute_are_refused(sql: str, lasting: Database) -> None:
    started = time.monotonic()
    told = refusal(lasting, sql)
    assert "may do more than compute" in told or "could hide a name" in told
    assert time.monotonic() - started < 30


@pytest.mark.postgresql
@pytest.mark.parametrize("lasting", ["postgresql"], indirect=True)
def test_functions_that_only_tell_something_are_answered(lasting: Database) -> None:
    sql = "SELECT random() < 2, now() <= clock_timestamp(), pg_database_size(current_database()) > 0, 'pg_catalog'"
    assert answered(lasting, sql) == [(True, True, True, "pg_catalog")]


# -- nothing goes on for ever


@pytest.mark.parametrize(
    "sql",
    [
        counting("SELECT count(*) FROM number"),
        counting("SELECT n FROM number ORDER BY n DESC"),
        counting("SELECT n FROM number WHERE n < 0"),
        counting("SELECT n FROM number"),
    ],
)
def test_an_endless_question_is_given_up(sql: str, lasting: Database) -> None:
    started = time.monotonic()
    assert refusal(lasting, sql, seconds=0.5) == (
        "no answer in 0.5 seconds; ask for fewer days, or give it longer with --timeout"
    )
    assert time.monotonic() - started < 30
    assert answered(lasting, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("lasting", ["sqlite"], indirect=True)
def test_no_single_step_takes_for_ever(lasting: Database) -> None:
    assert "too big" in refusal(lasting, "SELECT instr(zeroblob(40000000), zeroblob(20000000) || x'01')")


# -- errors that help


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "SELECT polcy_domain FROM sources",
            'there is no column "polcy_domain"; did you mean "policy_domain"?',
        ),
        ("SELECT s.ownr FROM sources AS s", 'there is no column "s.ownr"; did you mean "owner"?'),
        ("SELECT * FROM record_flat", 'there is no view "record_flat"; did you mean "records_flat"?'),
        ("SELECT * FROM zzz", 'there is no view "zzz"; `ruamill query --list` shows what there is'),
        ("SELEC 1", f'"SELEC": {REFUSED}'),
        ("", "there is no SQL in it; give one SELECT"),
    ],
)
def test_a_slip_is_told_with_what_may_be_meant(sql: str, told: str, lasting: Database) -> None:
    assert refusal(lasting, sql) == told


def test_an_error_in_the_syntax_says_where(lasting: Database) -> None:
    told = refusal(lasting, "SELECT 1\n  FROM FROM sources")
    assert "syntax error" in told
    assert 'near "FROM"' in told
    assert lasting.file or "(line 2, character 8)" in told


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_a_server_quotes_cannot_steer_a_terminal(database: Database) -> None:
    take(database, feedback(reporter=HOSTILE))
    assert "invalid input syntax" in refusal(database, "SELECT CAST(reporter AS integer) FROM records_flat")


@pytest.mark.postgresql
@pytest.mark.parametrize("lasting", ["postgresql"], indirect=True)
def test_a_value_that_python_cannot_hold_is_told(lasting: Database) -> None:
    assert refusal(lasting, "SELECT 'infinity'::date AS d")
    assert refusal(lasting, "SELECT $1")


@pytest.mark.parametrize("lasting", ["sqlite"], indirect=True)
def test_a_column_that_changes_its_type_is_told(lasting: Database) -> None:
    sql = counting("SELECT CASE WHEN n > 1500 THEN 'x' ELSE '2026-11-01' END AS day FROM number LIMIT 2000")
    assert 'column "day" holds more than one type' in refusal(lasting, sql)
    assert answered(lasting, "SELECT 'x' AS day, 2 AS dmarc_pass") == [("x", 2)]


# -- the database


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_analyst_asks_views_and_nothing_else(database: Database, database_url: str) -> None:
    take(database, feedback())
    with database.writing() as connection:
        grant(connection, "asker", 60)
    analyst = Database(database_url.replace("//postgres@", "//asker@"))
    try:
        assert answered(analyst, "SELECT messages FROM records_flat") == [(12,)]
        assert "permission denied" in refusal(analyst, "SELECT * FROM message_raw")
    finally:
        analyst.close()


@pytest.mark.parametrize(("revision", "error"), [("9999", SchemaTooNewError), ("0004", SchemaTooOldError)])
def test_another_schema_is_not_asked(revision: str, error: type[Exception], database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    with pytest.raises(error), asking(database, SECONDS):
        pass


def test_an_empty_database_is_not_asked(database_url: str) -> None:
    database = Database(database_url)
    if database.file:
        database.file.touch()
    with pytest.raises(SchemaTooOldError), asking(database, SECONDS):
        pass
    database.close()


def test_a_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseUrlError, match="there is no such file"),
        asking(Database(f"sqlite:///{tmp_path}/none.db"), SECONDS),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "none.db").write_bytes(b"Dear diary, " * 1000)
    with (
        pytest.raises(DatabaseUrlError, match="the file is no SQLite database"),
        asking(Database(f"sqlite:///{tmp_path}/none.db"), SECONDS),
    ):
        pass


def test_a_server_that_is_away_is_an_outage() -> None:
    database = Database(f"postgresql://postgres@127.0.0.1:{free_port()}/none")
    with pytest.raises(DatabaseUnavailableError), asking(database, SECONDS):
        pass


@pytest.mark.parametrize("name", ["with blank.db", "per%20cent.db", "question?.db", "hash#.db", "ümlaut.db"])
def test_any_name_of_a_file_will_do(name: str, tmp_path: Path) -> None:
    database = Database("sqlite:///" + str(tmp_path / name).replace("%", "%25").replace("?", "%3F"))
    upgrade(database)
    database.close()
    assert answered(database, "SELECT 1") == [(1,)]
