"""A batch of messages becomes rows, each message for itself, and the ledger says what became of it."""

import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any, cast

import pytest
from sqlalchemy import select, text

from fixtures.carriers import deflated, gzipped, zipped
from fixtures.other_mails import failure_notice, ordinary_mail
from parsers.limits import Limits
from parsers.reading import LARGE, Reading
from parsers.streams import Packing
from parsers.unpack import inflate
from store.database import Database
from store.ledger import Place, Sighting
from store.outcomes import MAX_ATTEMPTS, Outcome
from store.preparing import Incoming, prepare
from store.schema import report
from store.writer import Decision, write
from tests.store.kit import (
    DAY,
    FIRST_OF_NOVEMBER,
    INBOX,
    NOW,
    RECORD,
    content,
    counts,
    feedback,
    half,
    incoming,
    large,
    prepared,
    received,
    record,
    report_mail,
    rows,
    take,
)

ROLLUPS = ("domain_day_rollup", "source_day_rollup", "source_seen")
OF_REPORTS = (
    "report",
    "report_xml",
    "record",
    "record_dkim",
    "record_spf",
    "record_reason",
    "deviation",
    *ROLLUPS,
)
LEDGER = "SELECT uid, outcome, reason, attempts FROM message ORDER BY id"

TRIGGERS = {
    "sqlite": """
        CREATE TRIGGER unwanted BEFORE INSERT ON report WHEN NEW.policy_domain = 'unwanted.example'
        BEGIN SELECT RAISE(ABORT, 'not wanted here'); END
    """,
    "postgresql": """
        CREATE FUNCTION unwanted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.policy_domain = 'unwanted.example' THEN RAISE 'not wanted here'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER unwanted BEFORE INSERT ON report FOR EACH ROW EXECUTE FUNCTION unwanted()
    """,
}
UNREAD = prepare(Incoming(Sighting(INBOX, "1"), b"", 0, Reading(None, (), ()), "cannot be read: I/O error"))
UNWANTED = feedback("unwanted", domain="unwanted.example")


def refuse_unwanted(database: Database) -> None:
    """Let the database refuse every report about unwanted.example."""
    with database.writing() as connection:
        connection.exec_driver_sql(TRIGGERS[connection.dialect.name])


def outcomes(decisions: list[Decision]) -> list[Outcome]:
    return [decision.outcome for decision in decisions]


# -- one report


def test_a_report_carries_the_moment_at_which_its_turn_came(database: Database) -> None:
    thread = Thread(target=write, args=(database, [incoming(feedback())]))
    with database.writing():
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        turn = datetime.now(UTC)
    thread.join(30)
    with database.reading() as connection:
        assert connection.scalars(select(report.c.ingested_at)).one() >= turn


def test_a_report_has_all_its_rows(database: Database) -> None:
    xml = feedback("1", RECORD.replace("softfail", "SoftFail"))
    [decision] = take(database, report_mail(("r.xml.gz", gzipped(xml))))
    assert decision == Decision(Outcome.STORED, None, 1, 1)
    assert counts(database, *OF_REPORTS) == dict.fromkeys(OF_REPORTS, 1) | {"record_dkim": 2, "deviation": 3}
    assert rows(
        database,
        "SELECT reporter, report_id, policy_domain, p, dialect, records, messages, xml_bytes FROM report "
        "WHERE counted AND whole",
    ) == [("Reporter", "1", "example.org", "none", "rfc7489", 1, 12, len(xml))]
    [flat] = rows(
        database,
        "SELECT CAST(day AS TEXT), CAST(source_ip AS TEXT), messages, disposition, dkim, spf, header_from, "
        "dkim_results, spf_results, reasons FROM records_flat WHERE dmarc_pass",
    )
    assert flat[1].removesuffix("/32") == "192.0.2.1"
    assert (flat[0], *flat[2:]) == (
        "2026-11-01",
        12,
        "none",
        "pass",
        "fail",
        "example.org",
        "example.org/s1=pass; example.net/s2=fail",
        "mfrom:bounce.example.net=softfail",
        "forwarded: by a list",
    )
    deviations = "SELECT position, report_key, code, place, raw, times FROM deviation ORDER BY position"
    assert rows(database, deviations) == [
        (0, 1, "letter-case", "record/auth_results/spf/result", "SoftFail", 1),
        (1, 1, "missing", "version", None, 1),
        (2, 1, "missing", "record/identifiers/envelope_from", None, 1),
    ]


def test_the_ledger_knows_the_mail(database: Database) -> None:
    raw = report_mail(("r.xml.gz", gzipped(feedback())))
    take(database, raw)
    assert rows(
        database,
        "SELECT source, folder, uidvalidity, uid, size, message_id, sender, subject, outcome, attempts FROM message",
    ) == [
        (
            "box",
            "INBOX",
            7,
            "1",
            len(raw),
            "<1@reporter.example>",
            "noreply@reporter.example",
            "Report Domain: example.org",
            "stored",
            1,
        )
    ]
    assert counts(database, "message_raw") == {"message_raw": 0}


def test_the_same_report_again_adds_nothing(database: Database) -> None:
    take(database, feedback())
    before = content(database, *OF_REPORTS)
    packed = write(database, [incoming(gzipped(feedback()), "2")], NOW + timedelta(days=1))
    assert packed == [Decision(Outcome.DUPLICATE, "every report in it is known already", 0, 0)]
    assert content(database, *OF_REPORTS) == before
    assert counts(database, "message") == {"message": 2}


def test_twins_in_one_batch_are_one_report(database: Database) -> None:
    assert outcomes(take(database, feedback(), feedback())) == [Outcome.STORED, Outcome.DUPLICATE]
    assert counts(database, "report", "record") == {"report": 1, "record": 1}


@pytest.mark.parametrize("batches", [1, 2])
def test_known_identity_with_other_content_is_kept_and_not_counted(database: Database, batches: int) -> None:
    first, second = feedback("1", record("192.0.2.1", 5)), feedback("1", record("192.0.2.2", 7))
    if batches == 1:
        decisions = take(database, first, second, second)
    else:
        decisions = take(database, first) + write(
            database, [incoming(second, "2"), incoming(second, "3")], NOW
        )
    assert outcomes(decisions) == [Outcome.STORED, Outcome.CONFLICT, Outcome.DUPLICATE]
    assert decisions[1].reason == (
        "1 with the identity of a stored report and other content: kept, not counted"
    )
    assert decisions[1].reports == decisions[1].records == 1
    assert rows(database, "SELECT messages, counted FROM report ORDER BY id") == [(5, True), (7, False)]
    assert counts(database, "record", "report_xml") == {"record": 2, "report_xml": 2}
    assert [rows(database, f"SELECT sum(messages) FROM {table}") for table in ROLLUPS[:2]] == [[(5,)]] * 2  # noqa: S608 (our own names)
    assert counts(database, "source_seen") == {"source_seen": 1}
    assert rows(database, "SELECT messages FROM records_flat") == [(5,)]


@pytest.mark.parametrize(
    "other",
    [
        feedback("2"),
        feedback("1", domain="example.net"),
        feedback("1", reporter="Another"),
        feedback("1", begin=FIRST_OF_NOVEMBER + DAY, end=FIRST_OF_NOVEMBER + 2 * DAY - 1),
        feedback("1", end=FIRST_OF_NOVEMBER + DAY),
    ],
    ids=["report_id", "domain", "reporter", "period", "end"],
)
def test_another_identity_is_another_report(database: Database, other: bytes) -> None:
    assert outcomes(take(database, feedback("1"), other)) == [Outcome.STORED, Outcome.STORED]


@pytest.mark.parametrize("written", ["&lt;1&gt;", "  1\n", "&lt; 1 &gt;"])
def test_brackets_and_blanks_are_no_part_of_the_identity(database: Database, written: str) -> None:
    assert outcomes(take(database, feedback("1"), feedback(written))) == [Outcome.STORED, Outcome.CONFLICT]


def test_reports_without_an_identity_are_told_apart_by_their_content(database: Database) -> None:
    bare = b"<feedback>%s</feedback>"
    first, second = (bare % record(address, 1).encode() for address in ("192.0.2.1", "192.0.2.2"))
    assert outcomes(take(database, first, second)) == [Outcome.STORED, Outcome.CONFLICT]
    assert rows(database, "SELECT DISTINCT policy_domain, CAST(day AS TEXT) FROM domain_day_rollup") == [
        ("", "2026-11-03")
    ]


# -- several reports in a message


@pytest.mark.parametrize(
    "raw",
    [
        report_mail(("1.xml.gz", gzipped(feedback("1"))), ("2.xml.gz", gzipped(feedback("2")))),
        zipped({"1.xml": feedback("1"), "2.xml": feedback("2")}),
    ],
    ids=["two attachments", "two members"],
)
def test_two_reports_in_one_message_are_both_stored(database: Database, raw: bytes) -> None:
    assert take(database, raw) == [Decision(Outcome.STORED, None, 2, 2)]
    assert rows(database, "SELECT report_id, message_key FROM report ORDER BY id") == [("1", 1), ("2", 1)]


def test_beside_a_corrupt_attachment_the_good_one_is_stored(database: Database) -> None:
    good, bad = ("good.xml.gz", gzipped(feedback("good"))), ("bad.xml.gz", half(feedback("bad")))
    [decision] = take(database, report_mail(good, bad))
    assert decision == Decision(Outcome.PARTIAL, "bad.xml.gz: gzip stream is cut off", 1, 1)
    assert rows(database, "SELECT report_id FROM report") == [("good",)]
    assert rows(database, "SELECT code, place, action, raw FROM deviation WHERE report_key IS NULL") == [
        ("corrupt", "bad.xml.gz", "not taken", "gzip stream is cut off")
    ]


# -- large reports


def test_a_large_report_is_stored_whole(database: Database) -> None:
    xml = large()
    assert len(xml) > LARGE
    assert take(database, feedback(), gzipped(xml))[1] == Decision(Outcome.STORED, None, 1, 12_000)
    assert rows(database, "SELECT records, messages, xml_bytes FROM report ORDER BY id")[1] == (
        12_000,
        12_000,
        len(xml),
    )
    assert counts(database, "record", "source_day_rollup", "source_seen") == {
        "record": 12_001,
        "source_day_rollup": 5_001,
        "source_seen": 5_001,
    }
    assert rows(database, "SELECT min(ordinal), max(ordinal) FROM record WHERE report_key = 2") == [
        (0, 11_999)
    ]
    assert rows(database, "SELECT sum(messages), sum(records) FROM domain_day_rollup") == [(12_012, 12_001)]


OVER_THE_LIMIT = f"<record><auth_results>{'<dkim/>' * 101}</auth_results></record></feedback>".encode()


def test_of_a_large_report_that_is_refused_at_its_end_nothing_remains(database: Database) -> None:
    hostile = gzipped(large().replace(b"</feedback>", OVER_THE_LIMIT))
    decisions = take(database, feedback("before"), hostile, feedback("after", record("192.0.2.2", 1)))
    assert outcomes(decisions) == [Outcome.STORED, Outcome.REFUSED, Outcome.STORED]
    assert "limit results" in (decisions[1].reason or "")
    assert counts(database, "report", "report_xml", "record", *ROLLUPS) == {
        "report": 2,
        "report_xml": 2,
        "record": 2,
        "domain_day_rollup": 2,
        "source_day_rollup": 2,
        "source_seen": 2,
    }
    assert rows(database, "SELECT message_key FROM message_raw") == [(2,)]


def test_beside_a_large_report_that_is_refused_the_good_one_is_stored(database: Database) -> None:
    hostile = gzipped(large().replace(b"</feedback>", OVER_THE_LIMIT))
    [decision] = take(
        database, report_mail(("large.xml.gz", hostile), ("good.xml.gz", gzipped(feedback("good"))))
    )
    assert (decision.outcome, decision.reports, decision.records) == (Outcome.PARTIAL, 1, 1)
    assert rows(database, "SELECT place FROM deviation WHERE report_key IS NULL") == [("large.xml.gz",)]
    assert counts(database, "record") == {"record": 1}


def test_a_defect_in_reading_a_large_report_on_does_not_stop_the_others(database: Database) -> None:
    whole = received(gzipped(large()))
    # no limits at all: what a defect of ours would look like from here
    read_on = tuple(replace(report, limits=cast("Any", None)) for report in whole.reading.reports)
    defective = replace(whole, reading=replace(whole.reading, reports=read_on))
    decisions = write(database, [prepared(defective), incoming(feedback("after"), "2")], NOW)
    assert outcomes(decisions) == [Outcome.RETRY, Outcome.STORED]
    assert "defect while reading: AttributeError" in (decisions[0].reason or "")
    assert counts(database, "report", "record") == {"report": 1, "record": 1}


# -- what the database refuses


def test_what_the_database_refuses_takes_no_neighbour_along(database: Database) -> None:
    refuse_unwanted(database)
    decisions = take(database, feedback("before"), UNWANTED, feedback("after"))
    assert outcomes(decisions) == [Outcome.STORED, Outcome.RETRY, Outcome.STORED]
    assert decisions[1].reason == "the database refuses it: not wanted here (try 1 of 5)"
    assert rows(database, "SELECT report_id FROM report ORDER BY id") == [("before",), ("after",)]
    assert rows(database, "SELECT sum(messages) FROM domain_day_rollup") == [(24,)]


def test_what_the_database_refuses_is_given_up_after_five_tries(database: Database) -> None:
    refuse_unwanted(database)
    tries = [write(database, [incoming(UNWANTED)], NOW)[0].outcome for _ in range(MAX_ATTEMPTS)]
    assert tries == [Outcome.RETRY] * 4 + [Outcome.CORRUPT]
    reason = "the database refuses it: not wanted here (given up after 5 tries)"
    assert rows(database, LEDGER) == [("1", "corrupt", reason, 5)]
    assert counts(database, "message_raw", "report") == {"message_raw": 1, "report": 0}


def test_a_domain_too_long_for_an_index_takes_no_neighbour_along(database: Database) -> None:
    # PostgreSQL indexes at most a third of a page, and calls more an OperationalError, as it does an outage.
    words = ".".join(zlib.crc32(b"%d" % number).to_bytes(4).hex() for number in range(5_000))
    decisions = take(database, feedback("before"), feedback("long", domain=words), feedback("after"))
    assert outcomes(decisions[::2]) == [Outcome.STORED, Outcome.STORED]


# -- messages seen again


def test_a_message_that_could_not_be_read_is_tried_again(database: Database) -> None:
    tries = [write(database, [UNREAD], NOW)[0] for _ in range(MAX_ATTEMPTS)]
    assert outcomes(tries) == [Outcome.RETRY] * 4 + [Outcome.CORRUPT]
    assert tries[0].reason == "cannot be read: I/O error (try 1 of 5)"
    assert rows(database, LEDGER) == [
        ("1", "corrupt", "cannot be read: I/O error (given up after 5 tries)", 5)
    ]


def test_once_it_can_be_read_the_message_is_stored_in_its_old_place(database: Database) -> None:
    write(database, [UNREAD], NOW)
    raw = report_mail(("r.xml.gz", gzipped(feedback())))
    assert outcomes(write(database, [incoming(raw)], NOW)) == [Outcome.STORED]
    assert rows(database, "SELECT uid, outcome, attempts, size, message_id FROM message") == [
        ("1", "stored", 2, len(raw), "<1@reporter.example>")
    ]
    assert outcomes(write(database, [incoming(raw)], NOW)) == [Outcome.DUPLICATE]
    assert counts(database, "message") == {"message": 1}


def test_once_the_database_takes_it_the_message_is_stored(database: Database) -> None:
    refuse_unwanted(database)
    write(database, [incoming(UNWANTED)], NOW)
    with database.writing() as connection:
        on = " ON report" if connection.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER unwanted{on}"))
    assert write(database, [incoming(UNWANTED)], NOW) == [Decision(Outcome.STORED, None, 1, 1)]
    assert rows(database, LEDGER) == [("1", "stored", None, 2)]
    assert counts(database, "message_raw") == {"message_raw": 0}


def test_a_message_that_is_read_again_is_no_news(database: Database) -> None:
    take(database, feedback())
    before = content(database)
    assert outcomes(write(database, [incoming(feedback())], NOW + timedelta(days=1))) == [Outcome.DUPLICATE]
    assert content(database) == before


def test_the_same_message_twice_in_a_batch_has_one_place_in_the_ledger(database: Database) -> None:
    decisions = write(database, [incoming(feedback()), incoming(feedback()), incoming(UNWANTED, "2")], NOW)
    assert outcomes(decisions) == [Outcome.STORED, Outcome.DUPLICATE, Outcome.STORED]
    assert [row[:2] for row in rows(database, LEDGER)] == [("1", "stored"), ("2", "stored")]


def test_another_message_under_a_known_name_has_its_own_place(database: Database) -> None:
    folder = Place("file", "/reports")
    for name in ("1", "2"):
        write(database, [incoming(feedback(name), "report.xml", folder)], NOW)
    assert [row[:2] for row in rows(database, LEDGER)] == [("report.xml", "stored")] * 2


def test_what_was_over_a_limit_is_stored_once_the_limit_is_raised(database: Database) -> None:
    [decision] = write(database, [incoming(feedback(), limits=Limits(text_bytes=5))], NOW)
    assert decision.outcome is Outcome.REFUSED
    assert outcomes(write(database, [incoming(feedback())], NOW)) == [Outcome.STORED]
    assert rows(database, LEDGER) == [("1", "stored", None, 2)]
    assert counts(database, "message_raw") == {"message_raw": 0}


def test_what_was_over_a_limit_and_came_by_another_way_meanwhile_waits_no_longer(database: Database) -> None:
    write(database, [incoming(feedback(), limits=Limits(text_bytes=5))], NOW)
    write(database, [incoming(feedback(), "2")], NOW)
    assert outcomes(write(database, [incoming(feedback())], NOW)) == [Outcome.DUPLICATE]
    assert [row[1] for row in rows(database, LEDGER)] == ["duplicate", "stored"]
    assert counts(database, "message_raw") == {"message_raw": 0}


def test_what_was_not_taken_is_told_once_however_often_it_is_read(database: Database) -> None:
    raw = report_mail(("bad.xml.gz", half(feedback("bad"))), ("good.xml.gz", gzipped(feedback("good"))))
    for _ in range(3):
        write(database, [incoming(raw)], NOW)
    assert rows(database, "SELECT code, place FROM deviation WHERE report_key IS NULL") == [
        ("corrupt", "bad.xml.gz")
    ]
    assert counts(database, "message_raw") == {"message_raw": 1}


# -- what is kept


@pytest.mark.parametrize(
    ("packed", "packing"),
    [
        (feedback(), "zlib"),
        (gzipped(feedback()), "gzip"),
        (gzipped(feedback()[:300]) + gzipped(feedback()[300:]) + b"\0\0", "gzip"),
        (gzipped(gzipped(feedback())), "gzip"),
        (deflated(feedback()), "zlib"),
        (zipped({"report.xml": feedback()}), "deflate"),
        (zipped({"report.xml.gz": gzipped(feedback())}), "gzip"),
    ],
    ids=["plain", "gzip", "two gzip members", "gzip in gzip", "zlib", "zip", "gzip in zip"],
)
def test_the_xml_is_kept(database: Database, packed: bytes, packing: str) -> None:
    take(database, packed)
    [(kept_packing, data)] = rows(database, "SELECT packing, data FROM report_xml")
    assert kept_packing == packing
    assert inflate(bytes(data), Packing(kept_packing)) == feedback()


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (report_mail(("r.xml.gz", half(feedback()))), Outcome.CORRUPT),
        (report_mail(("a.xml.gz", half(feedback())), ("b.xml.gz", gzipped(feedback()))), Outcome.PARTIAL),
        (failure_notice(NOW, "n@reporter.example"), Outcome.UNSUPPORTED),
        (b"<!DOCTYPE feedback><feedback/>", Outcome.REFUSED),
    ],
    ids=["corrupt", "partial", "unsupported", "refused"],
)
def test_a_message_that_may_be_tried_again_is_kept(database: Database, raw: bytes, outcome: Outcome) -> None:
    assert outcomes(take(database, raw)) == [outcome]
    [(data,)] = rows(database, "SELECT data FROM message_raw WHERE packing = 'zlib'")
    assert zlib.decompress(data) == raw


def test_ordinary_mail_is_noted_and_not_kept(database: Database) -> None:
    assert outcomes(take(database, ordinary_mail(NOW))) == [Outcome.NOT_A_REPORT]
    assert counts(database, "message", "message_raw") == {"message": 1, "message_raw": 0}
