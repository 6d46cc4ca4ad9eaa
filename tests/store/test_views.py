"""The views say of the rows below them what their names promise, alike on both engines."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fixtures.carriers import Letter, attachment, gzipped, mail, multipart
from parsers.reading import Reading, read
from store.database import Database
from store.ledger import Sighting
from store.preparing import Incoming, Prepared
from store.writer import write
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, INBOX, NOW, feedback, half, prepared, record, rows, take

END = datetime.fromtimestamp(FIRST_OF_NOVEMBER + DAY - 1, UTC)


def sent(report: bytes, *, hours: int) -> bytes:
    """Mail a report so many hours after its period."""
    letter = Letter("noreply@reporter.example", "Report", END + timedelta(hours=hours), f"{hours}@r.example")
    return mail(letter, multipart("mixed", "=_v_=", attachment("application/gzip", "r.gz", gzipped(report))))


def judged(raw: bytes, uid: str, dmarc: str | None, *, foreign: bool, fits: bool) -> Prepared:
    """Read a mail, and judge it as the settings might."""
    reading: Reading = read(raw, uid)
    reports = tuple(replace(each, foreign=foreign, sender_fits=fits) for each in reading.reports)
    message = Incoming(Sighting(INBOX, uid), raw, len(raw), replace(reading, reports=reports, dmarc=dmarc))
    return prepared(message)


def test_reporter_quality_tells_how_many_how_late_and_what_departs(database: Database) -> None:
    odd = feedback("2", record("n/a", 3)).replace(b"<p>none</p>", b"<p>banana</p>")
    take(
        database,
        sent(feedback("1", record("192.0.2.1", 5)), hours=2),
        sent(odd, hours=6),
        feedback("3", record("192.0.2.1", 1), reporter="Other"),
    )
    found = rows(
        database,
        "SELECT reporter, reports, reports_not_counted, reports_damaged, records, messages, mean_hours_late, "
        "max_hours_late, reports_departing FROM reporter_quality ORDER BY reporter",
    )
    assert [
        (*row[:6], row[6] and round(row[6], 2), row[7] and round(row[7], 2), row[8]) for row in found
    ] == [
        ("Other", 1, 0, 0, 1, 1, None, None, 1),
        ("Reporter", 2, 0, 0, 2, 8, 4.0, 6.0, 2),
    ]
    [(codes,)] = rows(database, "SELECT deviations FROM reporter_quality WHERE reporter = 'Reporter'")
    assert codes.split(", ") == sorted(codes.split(", "))
    assert {"missing", "unknown-token", "unreadable-address"} <= set(codes.split(", "))


def test_a_reporter_without_a_name_has_its_row(database: Database) -> None:
    take(database, feedback(reporter=""))
    assert rows(database, "SELECT reporter, reports FROM reporter_quality") == [(None, 1)]


def test_ingest_health_counts_messages_by_outcome_and_reports_by_what_is_wrong_with_them(
    database: Database,
) -> None:
    genuine = judged(sent(feedback("1"), hours=1), "1", "pass", foreign=False, fits=True)
    foreign = judged(sent(feedback("2"), hours=2), "2", "fail", foreign=True, fits=False)
    conflict = feedback("1", record("192.0.2.9", 1))
    write(database, [genuine, foreign], NOW)
    take(database, conflict, half(feedback("3")), b"unused")
    [row] = rows(
        database,
        "SELECT CAST(day AS TEXT), source, messages, stored, conflict, corrupt + not_a_report, reports, "
        "reports_not_counted, reports_foreign, reports_damaged, reports_sender_differs, mails_not_passing "
        "FROM ingest_health",
    )
    assert row == ("2026-11-03", "box", 5, 2, 1, 2, 3, 1, 1, 0, 1, 1)


def test_a_foreign_report_is_in_no_sum(database: Database) -> None:
    write(database, [judged(feedback(), "1", None, foreign=True, fits=True)], NOW)
    assert rows(database, "SELECT counted, is_foreign FROM report") == [(False, True)]
    for table in ("records_flat", "domain_day_rollup", "source_day_rollup", "source_seen"):
        assert rows(database, f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608 (our own names)
    assert rows(database, "SELECT reason FROM message") == [
        ("about example.org, none of our domains: kept, not counted",)
    ]


def test_a_foreign_report_does_not_keep_ours_out(database: Database) -> None:
    write(database, [judged(feedback("1", record("192.0.2.7", 1)), "1", None, foreign=True, fits=True)], NOW)
    [decision] = take(database, feedback("1"))
    assert (decision.outcome.value, decision.reports) == ("stored", 1)
    assert rows(database, "SELECT count(*) FROM report WHERE counted") == [(1,)]


def test_records_are_shown_with_their_alignment_recomputed(database: Database) -> None:
    take(database, feedback())
    assert rows(
        database, "SELECT dkim, spf, dkim_recomputed, spf_recomputed, recomputed FROM records_flat"
    ) == [("pass", "fail", "pass", "fail", "agrees")]


def test_domain_days_tells_how_each_day_went(database: Database) -> None:
    quarantined = record("192.0.2.2", 3).replace("<disposition>none", "<disposition>quarantine")
    rejected = record("192.0.2.3", 2).replace(">pass<", ">fail<").replace(">none<", ">reject<")
    dkim_alone = record("192.0.2.4", 1).replace("<spf>pass", "<spf>fail")
    take(database, feedback("1", record("192.0.2.1", 5), quarantined), feedback("2", rejected, dkim_alone))
    take(database, feedback("3", record("192.0.2.1", 7), begin=FIRST_OF_NOVEMBER - DAY))
    found = rows(
        database,
        "SELECT CAST(day AS text), policy_domain, records, messages, passing, failing, dkim_passing, spf_passing, "
        "quarantined, rejected FROM domain_days ORDER BY day",
    )
    assert found == [
        ("2026-10-31", "example.org", 1, 7, 7, 0, 7, 7, 0, 0),
        ("2026-11-01", "example.org", 4, 11, 9, 2, 9, 8, 3, 2),
    ]


def test_reports_tells_of_uncounted_ones_too_and_of_no_foreign_one(database: Database) -> None:
    take(
        database, sent(feedback("1", record("192.0.2.1", 5)), hours=7), feedback("1", record("192.0.2.9", 1))
    )
    write(database, [judged(feedback("2"), "9", None, foreign=True, fits=True)], NOW)
    found = rows(
        database,
        "SELECT report_id, policy_domain, p, records, messages, counted, hours_late, received_at IS NULL, deviations > 0, "
        "decision FROM reports ORDER BY report_key",
    )
    late = 7 + 1 / 3_600  # the period ends a second before midnight
    assert [(*row[:6], row[6] and round(row[6] - late, 3), *row[7:]) for row in found] == [
        ("1", "example.org", "none", 1, 5, True, 0, False, True, None),
        ("1", "example.org", "none", 1, 1, False, None, True, True, None),
    ]


def test_a_kind_of_deviation_counts_once(database: Database) -> None:
    odd = (record(f"192.0.2.{host}", 1).replace(">none<", ">banana<") for host in (1, 2))
    take(database, feedback("1", *odd))
    [(kinds,)] = rows(database, "SELECT deviations FROM reports")
    assert [(kinds,)] == rows(database, "SELECT count(DISTINCT code) FROM deviation")


OF_RECORD = (
    "report_key, ordinal, position, reporter, policy_domain, header_from, messages, dkim, spf, dmarc_pass"
)
RECORDED = ("Reporter", "example.org", "example.org", 12, "pass", "fail", True)


def below_records(database: Database, name: str, columns: str) -> list[tuple[object, ...]]:
    query = f"SELECT {OF_RECORD}, {columns} FROM {name} ORDER BY report_key, ordinal, position"  # noqa: S608 (our own names)
    return [tuple(row) for row in rows(database, query)]


def test_what_hangs_below_a_record_is_shown_with_the_record(database: Database) -> None:
    take(database, feedback("1"), feedback("1", record("192.0.2.9", 1)))  # the second is not counted
    assert below_records(database, "signatures", "domain, selector, result") == [
        (1, 0, 0, *RECORDED, "example.org", "s1", "pass"),
        (1, 0, 1, *RECORDED, "example.net", "s2", "fail"),
    ]
    assert below_records(database, "spf_checks", "domain, scope, result") == [
        (1, 0, 0, *RECORDED, "bounce.example.net", "mfrom", "softfail"),
    ]
    assert below_records(database, "overrides", "type, comment") == [
        (1, 0, 0, *RECORDED, "forwarded", "by a list"),
    ]
