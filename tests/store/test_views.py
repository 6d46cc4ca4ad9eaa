"""The views say of the rows below them what their names promise, alike on both engines."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fixtures.carriers import Letter, attachment, gzipped, mail, multipart
from parsers.reading import Reading, read
from store.database import Database
from store.ledger import Sighting
from store.writer import Incoming, write
from tests.store.kit import DAY, FIRST_OF_NOVEMBER, INBOX, NOW, feedback, half, record, rows, take

END = datetime.fromtimestamp(FIRST_OF_NOVEMBER + DAY - 1, UTC)


def sent(report: bytes, *, hours: int) -> bytes:
    """Mail a report so many hours after its period."""
    letter = Letter("noreply@reporter.example", "Report", END + timedelta(hours=hours), f"{hours}@r.example")
    return mail(letter, multipart("mixed", "=_v_=", attachment("application/gzip", "r.gz", gzipped(report))))


def judged(raw: bytes, uid: str, dmarc: str | None, *, foreign: bool, fits: bool) -> Incoming:
    """Read a mail, and judge it as the settings might."""
    reading: Reading = read(raw, uid)
    reports = tuple(replace(each, foreign=foreign, sender_fits=fits) for each in reading.reports)
    return Incoming(Sighting(INBOX, uid), raw, len(raw), replace(reading, reports=reports, dmarc=dmarc))


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
