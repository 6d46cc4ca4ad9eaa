"""A report mailbox made by code: numbers in, mails and all that must be in the database and in the folders out.

What is expected is counted from the numbers, never read back by the code under test.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, create_engine, text

from fixtures import carriers
from fixtures.carriers import Letter, attachment, gzipped, mail, multipart, zipped
from fixtures.other_mails import failure_notice
from tests.servers.dovecot import DovecotServer

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
DOMAINS = ("example.org", "example.net", "shop.example.org")
STYLES = (carriers.google, carriers.microsoft, carriers.yahoo, carriers.mimecast, carriers.gmx)
RESULTS = (("none", "pass", "pass"), ("none", "fail", "pass"), ("quarantine", "fail", "fail"))

REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<feedback>
  <report_metadata>
    <org_name>{reporter}</org_name>
    <email>noreply@reporter.example</email>
    <report_id>{number}</report_id>
    <date_range><begin>{begin}</begin><end>{end}</end></date_range>
  </report_metadata>
  <policy_published><domain>{domain}</domain><p>none</p></policy_published>
{records}
</feedback>
"""
RECORD = """  <record>
    <row>
      <source_ip>{address}</source_ip>
      <count>{messages}</count>
      <policy_evaluated><disposition>{disposition}</disposition><dkim>{dkim}</dkim><spf>{spf}</spf></policy_evaluated>
    </row>
    <identifiers><header_from>{domain}</header_from></identifiers>
    <auth_results>
      <dkim><domain>{domain}</domain><selector>s1</selector><result>{dkim}</result></dkim>
      <spf><domain>{domain}</domain><result>{spf}</result></spf>
    </auth_results>
  </record>"""


COUNTED = "FROM {} JOIN report ON report.id = report_key WHERE counted"


@dataclass(frozen=True)
class Report:
    """One report, unlike every other by its number; days, domains and addresses come again, so that sums meet."""

    number: int

    @property
    def reporter(self) -> str:
        """Give its org_name."""
        return f"Reporter {self.number % 5}"

    @property
    def domain(self) -> str:
        """Give its policy domain."""
        return DOMAINS[self.number % 3]

    @property
    def begin(self) -> datetime:
        """Give the start of its day."""
        return EPOCH + timedelta(days=self.number % 4)

    @property
    def counts(self) -> list[int]:
        """Give the messages of each record."""
        return [1 + (7 * self.number + ordinal) % 90 for ordinal in range(1 + self.number % 4)]

    @property
    def xml(self) -> bytes:
        """Write it down."""
        begin = int(self.begin.timestamp())
        values = {"reporter": self.reporter, "number": self.number, "domain": self.domain}
        records = "\n".join(self._records())
        return REPORT.format(**values, begin=begin, end=begin + 86_399, records=records).encode()

    def _records(self) -> Iterator[str]:
        for ordinal, messages in enumerate(self.counts):
            disposition, dkim, spf = RESULTS[(self.number + ordinal) % 3]
            result = {"disposition": disposition, "dkim": dkim, "spf": spf, "domain": self.domain}
            yield RECORD.format(
                address=f"198.51.100.{self.number % 6 + ordinal}", messages=messages, **result
            )


@dataclass(frozen=True)
class Post:
    """A mail, what must become of it, and the reports that it brings first."""

    message_id: str
    content: bytes
    outcome: str
    folder: str
    reports: tuple[Report, ...] = ()


def report_mail(number: int) -> Post:
    """Carry a report as one of five reporters does."""
    report = Report(number)
    content = STYLES[number % len(STYLES)](_letter(number), _file_name(report), report.xml)
    return Post(_id(number), content, "stored", "Processed", (report,))


def mail_of(number: int, xml: bytes, outcome: str, folder: str) -> Post:
    """Carry any XML in a mail of our number."""
    part = attachment("application/gzip", f"{_file_name(Report(number))}.xml.gz", gzipped(xml))
    return Post(_id(number), mail(_letter(number), part), outcome, folder)


def mail_of_two(number: int) -> Post:
    """Carry two reports in one archive."""
    reports = Report(number), Report(number + 5_000)
    archive = zipped({f"{report.number}.xml": report.xml for report in reports})
    content = mail(_letter(number), attachment("application/zip", "reports.zip", archive))
    return Post(_id(number), content, "stored", "Processed", reports)


def half_good_mail(number: int) -> Post:
    """Carry a report whole, and one that is cut off."""
    report = Report(number)
    good = attachment("application/gzip", "good.xml.gz", gzipped(report.xml))
    cut = attachment("application/gzip", "cut.xml.gz", gzipped(Report(number + 5_000).xml)[:100])
    content = mail(_letter(number), multipart("mixed", "=_=", good, cut))
    return Post(_id(number), content, "partial", "Processed", (report,))


def corrupt_mail(number: int) -> Post:
    """Carry the beginning of a report, which ends before the first record."""
    report = Report(number)
    cut = attachment("application/gzip", f"{_file_name(report)}.xml.gz", gzipped(report.xml)[:100])
    return Post(_id(number), mail(_letter(number), cut), "corrupt", "Failed")


def tls_mail(number: int) -> Post:
    """Carry a TLS report (RFC 8460)."""
    report = f'{{"organization-name": "Reporter", "report-id": "{number}", "policies": []}}'.encode()
    part = attachment("application/tlsrpt+gzip", f"reporter.example!{number}.json.gz", gzipped(report))
    return Post(_id(number), mail(_letter(number), part), "stored", "Processed")


def notice_mail(number: int) -> Post:
    """Tell of a failure in words alone."""
    content = failure_notice(EPOCH, _id(number).strip("<>"))
    return Post(_id(number), content, "unsupported", "Ignored")


def ordinary_mail(number: int, words: str = "Today at one?") -> Post:
    """Write what a person writes."""
    letter = Letter("anna@example.org", f"Lunch number {number}?", EPOCH, _id(number).strip("<>"))
    return Post(_id(number), mail(letter, carriers.text(words)), "not_a_report", "INBOX")


def again(post: Post) -> Post:
    """Send the same mail a second time."""
    return Post(post.message_id, post.content, "duplicate", "Processed")


def _id(number: int) -> str:
    return f"<{number}@reporter.example>"


def _letter(number: int) -> Letter:
    subject = f"Report Domain: {Report(number).domain} Submitter: reporter.example Report-ID: <{number}>"
    return Letter("noreply@reporter.example", subject, EPOCH, _id(number).strip("<>"))


def _file_name(report: Report) -> str:
    begin = int(report.begin.timestamp())
    return f"reporter.example!{report.domain}!{begin}!{begin + 86_399}!{report.number}"


def mixed_mailbox() -> list[Post]:
    """Put 500 mails together, in an order that looks like chance and is always the same.

    450 bring reports of their own (30 of them two, 10 of them one and a broken one), 20 are second copies of others,
    10 are corrupt, 5 TLS reports, 5 notices of failures, 10 ordinary mail.
    """
    first = [
        *map(report_mail, range(410)),
        *map(mail_of_two, range(410, 440)),
        *map(half_good_mail, range(440, 450)),
    ]
    copies = [again(post) for post in first[::22][:20]]
    others = [
        *map(corrupt_mail, range(450, 460)),
        *map(tls_mail, range(460, 465)),
        *map(notice_mail, range(465, 470)),
        *map(ordinary_mail, range(470, 480)),
    ]
    posts = [*first, *copies, *others]
    Random(7).shuffle(posts)  # noqa: S311 (an order, not a secret)
    return posts


# --- what must be there in the end


def check_database(url: str, posts: Sequence[Post]) -> None:
    """Every report is there once, whole, with all its rows; the sums are those of the records; the ledger is right."""
    check_reports(url, posts)
    with engine_of(url) as engine:
        outcomes = Counter(post.outcome for post in posts)
        _same(engine, "SELECT outcome, count(*) FROM message GROUP BY 1", outcomes.items())
        kept = sum(outcomes[outcome] for outcome in ("partial", "corrupt", "refused", "unsupported"))
        _same(engine, "SELECT count(*) FROM message_raw", [(kept,)])


def check_reports(url: str, posts: Iterable[Post]) -> None:
    """Every report is there once, whole, with all its rows, and the sums are those of the records."""
    with engine_of(url) as engine:
        _check_reports(engine, [report for post in posts for report in post.reports])
        _check_sums(engine)


def _check_reports(engine: Engine, reports: Sequence[Report]) -> None:
    _same(
        engine,
        "SELECT reporter, report_id, policy_domain, records, messages FROM report WHERE counted",
        [(it.reporter, str(it.number), it.domain, len(it.counts), sum(it.counts)) for it in reports],
    )
    records = sum(len(report.counts) for report in reports)
    for table, rows in (("record", records), ("record_dkim", records), ("record_spf", records)):
        _same(engine, f"SELECT count(*) {COUNTED.format(table)}", [(rows,)])
    _same(engine, f"SELECT count(*) {COUNTED.format('report_xml')}", [(len(reports),)])
    whole = f"SELECT report_key, count(*), sum(record.messages) {COUNTED.format('record')} GROUP BY 1"
    _same(engine, whole, rows_of(engine, "SELECT id, records, messages FROM report WHERE counted"))


def _check_sums(engine: Engine) -> None:
    records = f"{COUNTED.format('record')} GROUP BY"
    sums = "sum(record.messages), count(*)"
    by_domain = f"policy_domain, day, disposition, dkim, spf, {sums} {records} 1, 2, 3, 4, 5"
    by_source = f"policy_domain, day, source_ip, header_from, disposition, dkim, spf, {sums} {records} 1, 2, 3, 4, 5, 6, 7"
    seen = f"policy_domain, source_ip, min(day), max(day) {records} 1, 2"
    for table, query in (
        ("domain_day_rollup", by_domain),
        ("source_day_rollup", by_source),
        ("source_seen", seen),
    ):
        _same(engine, f"SELECT {query}", rows_of(engine, f"SELECT * FROM {table}"))  # noqa: S608 (names from above)


def _same(engine: Engine, query: str, expected: Iterable[tuple[Any, ...]]) -> None:
    found, wanted = Counter(rows_of(engine, query)), Counter(expected)
    assert found == wanted, f"{query}: {found - wanted} too many, {wanted - found} missing"


def rows_of(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    """Ask the database."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    """Reach a database beside ruamill."""
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    """Ask a database over a connection of its own."""
    with engine_of(url) as engine:
        return rows_of(engine, query)


def expected_folders(posts: Iterable[Post]) -> dict[str, Counter[str]]:
    """Count the Message-IDs that must be in each folder."""
    folders: dict[str, Counter[str]] = {
        name: Counter() for name in ("INBOX", "Processed", "Failed", "Ignored")
    }
    for post in posts:
        folders[post.folder][post.message_id] += 1
    return folders


def folders_of(server: DovecotServer, user: str) -> dict[str, Counter[str]]:
    """Count the Message-IDs in each of a user's folders."""
    return {folder: Counter(found) for folder, found in server.messages(user).items()}


def folders_of_maildir(path: Path) -> dict[str, Counter[str]]:
    """Count the Message-IDs in a Maildir and its folders."""
    folders = {"INBOX": path, **{folder.name[1:]: folder for folder in path.glob(".*")}}
    return {name: Counter(map(_message_id, files(folder))) for name, folder in folders.items()}


def files(maildir: Path) -> list[Path]:
    """List the messages of one folder."""
    return [*maildir.glob("new/*"), *maildir.glob("cur/*")]


def _message_id(file: Path) -> str:
    found = re.search(rb"^Message-ID: (.*)$", file.read_bytes(), re.MULTILINE)
    assert found, file
    return found[1].decode()


def make_maildir(path: Path, posts: Iterable[Post]) -> None:
    """Lay mails into a Maildir, unread."""
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True)
    for number, post in enumerate(posts):
        (path / "new" / f"{number:08}.ruamill").write_bytes(post.content)


def account(server: DovecotServer, user: str, **changes: object) -> Mapping[str, object]:
    """Give the settings of a user's mailbox."""
    usual = {"host": server.host, "port": server.imaps_port, "ca_file": str(server.ca_file), "user": user}
    return {**usual, "password": server.password, **changes}
