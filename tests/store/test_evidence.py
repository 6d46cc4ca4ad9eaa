"""Records that say the same become one piece of evidence, whichever reports they are from."""

from datetime import date, timedelta

import pytest

from enrich.values import Name, Network
from store import lookups, networks
from store.database import Database
from store.evidence import Evidence, Machine, Signature, SpfCheck, evidence, machines
from store.figures import Window
from store.writer import write
from tests.store.kit import (
    DAY,
    FIRST_OF_NOVEMBER,
    NOW,
    RECORD,
    counts,
    feedback,
    incoming,
    large,
    record,
    rows,
    take,
)
from tests.store.test_networks import registered
from tests.store.test_rollups import reports

FIRST, MINUTE = date(2026, 11, 1), timedelta(minutes=1)


def sent(messages: int = 1, address: str = "192.0.2.1", reasons: str = "", results: str = "") -> str:
    evaluated = f"<disposition>none</disposition><dkim>fail</dkim><spf>pass</spf>{reasons}"
    row = f"<source_ip>{address}</source_ip><count>{messages}</count><policy_evaluated>{evaluated}</policy_evaluated>"
    identifiers = "<identifiers><header_from>example.org</header_from></identifiers>"
    return f"<record><row>{row}</row>{identifiers}<auth_results>{results}</auth_results></record>"


def signature(domain: str, selector: str, result: str = "pass") -> str:
    return f"<dkim><domain>{domain}</domain><selector>{selector}</selector><result>{result}</result></dkim>"


def reason(kind: str, comment: str = "") -> str:
    return f"<reason><type>{kind}</type><comment>{comment}</comment></reason>"


def found(
    database: Database, domain: str = "example.org", first: date = FIRST, last: date = FIRST
) -> list[Evidence]:
    with database.reading() as connection:
        return sorted(evidence(connection, domain, first, last), key=lambda it: (it.messages, str(it)))


def test_evidence_holds_everything_that_a_record_says(database: Database) -> None:
    take(database, feedback("1", RECORD))
    assert found(database) == [
        Evidence(
            source_ip="192.0.2.1",
            header_from="example.org",
            envelope_from=None,
            null_path=None,
            dkim="pass",
            spf="fail",
            disposition="none",
            signatures=(Signature("example.net", "s2", "fail"), Signature("example.org", "s1", "pass")),
            checks=(SpfCheck("bounce.example.net", "mfrom", "softfail"),),
            reasons=("forwarded",),
            reporters=frozenset({"Reporter"}),
            messages=12,
            records=1,
            first_day=FIRST,
            last_day=FIRST,
        )
    ]


def test_records_that_say_the_same_are_summed_up(database: Database) -> None:
    take(
        database,
        feedback("1", sent(3), sent(4)),
        feedback("2", sent(5), reporter="Other", begin=FIRST_OF_NOVEMBER + DAY),
        feedback("3", sent(6), reporter="", begin=FIRST_OF_NOVEMBER - DAY),
    )
    [one] = found(database, first=date(2026, 10, 31), last=date(2026, 11, 2))
    assert (one.messages, one.records, one.reporters) == (18, 4, frozenset({"Reporter", "Other"}))
    assert (one.first_day, one.last_day) == (date(2026, 10, 31), date(2026, 11, 2))


def test_each_difference_makes_another_piece(database: Database) -> None:
    first, second = signature("example.org", "a"), signature("example.org", "b")
    take(
        database,
        feedback(
            "1",
            sent(1),
            sent(2, "192.0.2.2"),
            sent(3, results=first),
            sent(4, results=signature("example.org", "a", "fail")),
            sent(5, results=first + second),
            sent(6, results=second + first),  # the same in another order
            sent(7, reasons=reason("forwarded")),
            sent(8, reasons=reason("forwarded", "for a reason")),  # comments make no difference
            sent(9, address="nonsense"),
        ),
    )
    assert [(it.messages, it.source_ip, len(it.signatures)) for it in found(database)] == [
        (1, "192.0.2.1", 0),
        (2, "192.0.2.2", 0),
        (3, "192.0.2.1", 1),
        (4, "192.0.2.1", 1),
        (9, None, 0),
        (11, "192.0.2.1", 2),
        (15, "192.0.2.1", 0),
    ]


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ("", ()),
        (reason("mailing_list") + reason("mailing_list"), ("mailing_list",)),
        (reason("local_policy", "arc=pass as[1].d=example.net"), ("arc", "local_policy")),
        (reason("local_policy", "ARC=Pass"), ("arc", "local_policy")),
        (reason("local_policy", "arc=fail") + reason("forwarded"), ("forwarded", "local_policy")),
    ],
)
def test_reasons_are_told_by_their_kind(database: Database, reasons: str, expected: tuple[str, ...]) -> None:
    take(database, feedback("1", sent(reasons=reasons)))
    assert [it.reasons for it in found(database)] == [expected]


def test_other_domains_other_days_and_what_is_not_counted_are_left_out(database: Database) -> None:
    take(
        database,
        feedback("1", sent(1)),
        feedback("1", sent(2)),  # the same identity: kept, not counted
        feedback("2", sent(3), domain="example.net"),
        feedback("3", sent(4), begin=FIRST_OF_NOVEMBER + DAY),
    )
    assert [it.messages for it in found(database)] == [1]
    assert [it.messages for it in found(database, "example.net")] == [3]
    assert found(database, "example.com") == []


def test_evidence_of_a_window_is_what_was_ingested_in_it(database: Database) -> None:
    for number, moment in enumerate((NOW, NOW + MINUTE, NOW + 2 * MINUTE, NOW + 3 * MINUTE), 1):
        take(
            database, feedback(str(number), sent(number), begin=FIRST_OF_NOVEMBER + number * DAY), now=moment
        )
    with database.reading() as connection:
        window = Window(NOW, NOW + 2 * MINUTE)
        every = evidence(connection, "example.org", window=window)
        one_day = evidence(connection, "example.org", date(2026, 11, 4), date(2026, 11, 5), window=window)
    assert [(it.messages, it.first_day, it.last_day) for it in every] == [
        (5, date(2026, 11, 3), date(2026, 11, 4))
    ]
    assert [it.messages for it in one_day] == [3]


def test_nothing_is_lost_of_many_odd_reports(database: Database) -> None:
    write(database, [incoming(xml, str(uid)) for uid, xml in enumerate(reports(7), 1)], NOW)
    sums = "SELECT policy_domain, sum(messages), sum(records) FROM domain_day_rollup GROUP BY 1"
    for domain, messages, records in rows(database, sums):
        pieces = found(database, domain, date.min, date.max) if domain else []
        if domain:
            assert (sum(it.messages for it in pieces), sum(it.records for it in pieces)) == (
                messages,
                records,
            )


def test_a_large_report_is_read_in_pieces(database: Database) -> None:
    write(database, [incoming(large())], NOW)
    assert counts(database, "record") == {"record": 12_000}
    pieces = found(database)
    assert (len(pieces), sum(it.records for it in pieces)) == (5_000, 12_000)


def test_machines_tell_what_is_known_of_each_address(database: Database) -> None:
    take(database, feedback("1", record("192.0.2.1", 1), record("192.0.2.2", 1), record("192.0.2.3", 1)))
    take(database, feedback("2", record("192.0.2.4", 1), begin=FIRST_OF_NOVEMBER - DAY))
    with database.writing() as connection:
        lookups.take_new(connection, lambda it: it != "192.0.2.3")
        network: Network = registered("192.0.2.0", "192.0.2.255")
        key = networks.put(connection, network, NOW, NOW)
        lookups.found(connection, ["192.0.2.1"], key, NOW)
        lookups.named(connection, [("192.0.2.1", Name("mx.example.org", confirmed=True))], NOW)
    take(database, feedback("3", record("192.0.2.5", 1)))  # not in the queue yet
    with database.reading() as connection:
        known = machines(connection, "example.org", FIRST)
        assert set(machines(connection, "example.org", date(2026, 10, 31))) == {*known, "192.0.2.4"}
    assert known.pop("192.0.2.1") == Machine(
        source_ip="192.0.2.1",
        name="mx.example.org",
        name_confirmed=True,
        owner="Example Ltd",
        network_name="EXAMPLE",
        registered="192.0.2.0 - 192.0.2.255",
        country="GB",
        asn=64_500,
        as_name="EXAMPLE-AS",
        registry="ripencc",
        state="found",
    )
    assert {it.source_ip: (it.state, it.name_confirmed, it.owner) for it in known.values()} == {
        "192.0.2.2": ("waiting", False, None),
        "192.0.2.3": ("reserved", False, None),
        "192.0.2.5": ("waiting", False, None),
    }
