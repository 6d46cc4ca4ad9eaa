"""The corpus of real reports: what is stored equals what was counted independently, and every file has its outcome.

truth.jsonl was counted with lxml and the standard library alone, one line a distinct XML document. Where a value may
differ from it, `expected` says why.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from fixtures import carriers
from fixtures.carriers import Letter
from tests.ingest.mailbox_kit import account, ask
from tests.ingest.program import Program
from tests.servers.dovecot import DovecotServer

Line = dict[str, Any]
"""One line of truth.jsonl or of manifest.jsonl."""

REPORTS = """
SELECT report.xml_sha256, report.reporter, report.policy_domain, report.begins_at, report.ends_at,
       report.records, report.messages, count(record.ordinal), coalesce(sum(record.messages), 0),
       coalesce(sum(CASE WHEN record.dmarc_pass THEN record.messages END), 0), count(DISTINCT record.source_ip)
FROM report LEFT JOIN record ON record.report_key = report.id
GROUP BY report.id
"""
FLAT = """
SELECT report.xml_sha256, count(*), sum(records_flat.messages),
       coalesce(sum(CASE WHEN records_flat.dmarc_pass THEN records_flat.messages END), 0)
FROM records_flat JOIN report ON report.id = records_flat.report_key
GROUP BY report.xml_sha256
"""
DOMAIN_DAYS = """
SELECT policy_domain, CAST(day AS TEXT), sum(records), sum(messages),
       coalesce(sum(CASE WHEN 'pass' IN (dkim, spf) THEN messages END), 0)
FROM domain_day_rollup
GROUP BY policy_domain, day
"""
SOURCE_DAYS = """
SELECT policy_domain, day, source_ip, header_from, disposition, dkim, spf, messages, records FROM source_day_rollup
"""
SOURCE_DAYS_OF_RECORDS = """
SELECT coalesce(policy_domain, ''), day, source_ip, coalesce(header_from, ''), coalesce(disposition, ''),
       coalesce(dkim, ''), coalesce(spf, ''), sum(messages), count(*)
FROM records_flat
WHERE source_ip IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
SOURCES_SEEN = "SELECT policy_domain, source_ip, first_day, last_day FROM source_seen"
SOURCES_SEEN_OF_RECORDS = """
SELECT coalesce(policy_domain, ''), source_ip, min(day), max(day)
FROM records_flat
WHERE source_ip IS NOT NULL
GROUP BY 1, 2
"""


RECOVERED = {
    # kddi.com wrote <data_range>
    "008b7d0359aebb4fe3a9327d2f40f602dbe9ad9498b48f852091178b23e29cfb": {
        "begin": 1705904907,
        "end": 1705909138,
    }
}
"""What is read of a document though the truth, which reads the standard's names alone, leaves it empty."""


@dataclass(frozen=True)
class Facts:
    """What is known, or stored, of one XML document."""

    reporter: str | None
    domain: str | None
    begin: int | None
    end: int | None
    records: int
    messages: int
    passing: int
    addresses: int


def expected(truth: Line) -> Facts:
    """Give what must be stored of a document."""
    truth = truth | RECOVERED.get(truth["xml_sha256"], {})
    return Facts(
        reporter=truth["org_name"],
        domain=(truth["domain"] or "").lower() or None,  # domains are compared in lower case
        begin=expected_second(truth, "begin"),
        end=expected_second(truth, "end"),
        records=truth["records"],
        messages=truth["messages"],
        passing=truth["dmarc_pass_messages"],
        # the truth counts a text that is no address as one more; it is stored without an address
        addresses=truth["distinct_source_ips"] - truth.get("bad_source_ips", 0),
    )


def expected_second(truth: Line, name: str) -> int | None:
    """Give a moment; 126.com and others wrote 1337270400.0, which is read; words are not."""
    fraction = re.fullmatch(r"([0-9]+)\.0", truth.get(f"{name}_raw", ""))
    second: int | None = int(fraction[1]) if fraction else truth[name]
    return second


def stored(url: str) -> dict[str, Facts]:
    """Read what is stored, by the SHA-256 of the XML."""
    found = {}
    for sha256, reporter, domain, begin, end, records, messages, *counted in ask(url, REPORTS):
        assert (records, messages) == tuple(counted[:2]), sha256
        found[sha256] = Facts(reporter, domain, second(begin), second(end), *counted)
    return found


def second(moment: datetime | str | None) -> int | None:
    """Read a moment as PostgreSQL's driver gives it, or SQLite's text in UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return None if moment is None else int(moment.timestamp())


def day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def lines(corpus: Path, name: str) -> list[Line]:
    with (corpus / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def truths(corpus: Path) -> dict[str, Line]:
    return {line["xml_sha256"]: line for line in lines(corpus, "truth.jsonl")}


@pytest.fixture(scope="module")
def manifest(corpus: Path) -> dict[str, Line]:
    return {line["file"]: line for line in lines(corpus, "manifest.jsonl")}


# --- through files


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def module_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give a database on each engine for all tests of this module: reading the corpus takes seconds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('corpus')}/ruamill.db"
    url: str = request.getfixturevalue("postgres_server").create_database()
    return url


@dataclass(frozen=True)
class Ingested:
    """The database after `ruamill ingest` of the whole corpus, and what it said."""

    url: str
    tally: Line
    ledger: dict[str, tuple[str, str | None]]
    """File of the corpus -> outcome, reason."""

    def outcomes(self, files: Iterable[Line]) -> Counter[str]:
        """Count what became of some files."""
        return Counter(self.ledger[line["file"]][0] for line in files)


@pytest.fixture(scope="module")
def ingested(
    corpus: Path, manifest: dict[str, Line], module_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Ingested:
    program = Program(tmp_path_factory.mktemp("ingest"), module_url)
    done = program.run("ingest", "--json", *(str(corpus / file) for file in manifest))
    assert done.returncode == 0, done.stdout + done.stderr
    seen = ask(module_url, "SELECT folder, uid, outcome, reason FROM message")
    ledger = {file_name(corpus, folder, uid): (outcome, reason) for folder, uid, outcome, reason in seen}
    assert len(ledger) == len(seen)
    return Ingested(module_url, json.loads(done.stdout), ledger)


def file_name(corpus: Path, folder: str, uid: str) -> str:
    """Name a file as the manifest does; two of the mails are mboxes of one."""
    return str((Path(folder) / uid.removesuffix("#0")).relative_to(corpus))


def category(manifest: dict[str, Line], *names: str) -> list[Line]:
    return [line for line in manifest.values() if line["category"] in names]


def test_every_file_has_its_row_in_the_ledger(ingested: Ingested, manifest: dict[str, Line]) -> None:
    assert set(ingested.ledger) == set(manifest)


def test_the_tally_is_that_of_the_ledger(ingested: Ingested, manifest: dict[str, Line]) -> None:
    messages: Counter[str] = Counter(ingested.tally["messages"])
    assert messages.pop("seen") == len(manifest)
    assert +messages == Counter(outcome for outcome, _ in ingested.ledger.values())


def test_every_document_is_stored_as_it_was_counted(ingested: Ingested, truths: dict[str, Line]) -> None:
    found = stored(ingested.url)
    assert {sha256: found.get(sha256) for sha256 in truths} == {
        sha256: expected(truth) for sha256, truth in truths.items()
    }


def test_what_else_is_stored_could_not_be_counted(
    ingested: Ingested, truths: dict[str, Line], manifest: dict[str, Line]
) -> None:
    """Bytes that are no UTF-8 end a strict reader, who counted; they are read as windows-1252."""
    broken = {
        each["sha256"]
        for line in category(manifest, "dmarc", "embedded")
        for each in line["payloads"]
        if not each["wellformed"]
    }
    assert set(stored(ingested.url)) - set(truths) <= broken


def test_of_reports_with_one_identity_one_is_counted(ingested: Ingested, truths: dict[str, Line]) -> None:
    flags = dict(ask(ingested.url, "SELECT xml_sha256, counted FROM report"))
    counted: dict[tuple[Any, ...], list[bool]] = defaultdict(list)
    for sha256, truth in truths.items():
        facts = expected(truth)
        report_id = (truth["report_id"] or "").removeprefix("<").removesuffix(">")
        counted[facts.reporter, report_id, facts.domain, facts.begin, facts.end].append(bool(flags[sha256]))
    assert [identity for identity, found in counted.items() if sum(found) != 1] == []


def test_the_flat_view_shows_the_counted_reports(ingested: Ingested, truths: dict[str, Line]) -> None:
    counted = {sha256 for (sha256,) in ask(ingested.url, "SELECT xml_sha256 FROM report WHERE counted")}
    found = {sha256: tuple(sums) for sha256, *sums in ask(ingested.url, FLAT)}
    assert {sha256: found.get(sha256, (0, 0, 0)) for sha256 in counted & set(truths)} == {
        sha256: (facts.records, facts.messages, facts.passing)
        for sha256, facts in ((sha256, expected(truths[sha256])) for sha256 in counted & set(truths))
    }
    assert set(found) <= counted


def test_the_small_rollup_holds_the_sums_of_the_counted_reports(
    ingested: Ingested, truths: dict[str, Line]
) -> None:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    known = stored(ingested.url) | {sha256: expected(truth) for sha256, truth in truths.items()}
    for sha256, ingested_on in ask(
        ingested.url, "SELECT xml_sha256, CAST(day AS TEXT) FROM report WHERE counted"
    ):
        facts = known[sha256]
        moment = facts.begin if facts.begin is not None else facts.end
        key = facts.domain or "", ingested_on if moment is None else day(moment)
        for position, number in enumerate((facts.records, facts.messages, facts.passing)):
            sums[key][position] += number
    found = {(domain, day): list(numbers) for domain, day, *numbers in ask(ingested.url, DOMAIN_DAYS)}
    assert found == {key: numbers for key, numbers in sums.items() if numbers[0]}


@pytest.mark.parametrize(
    ("rollup", "records"),
    [(SOURCE_DAYS, SOURCE_DAYS_OF_RECORDS), (SOURCES_SEEN, SOURCES_SEEN_OF_RECORDS)],
    ids=["source_day_rollup", "source_seen"],
)
def test_the_rollups_of_sources_hold_the_sums_of_the_records(
    ingested: Ingested, rollup: str, records: str
) -> None:
    assert Counter(ask(ingested.url, rollup)) == Counter(ask(ingested.url, records))


def test_what_must_be_rejected_is_rejected_with_a_reason(
    ingested: Ingested, manifest: dict[str, Line]
) -> None:
    negative = category(manifest, "negative")
    assert set(ingested.outcomes(negative)) <= {"corrupt", "refused", "not_a_report"}
    for line in negative:
        _, reason = ingested.ledger[line["file"]]
        assert understandable(reason), line["file"]


def test_reports_of_other_kinds_are_stored(ingested: Ingested, manifest: dict[str, Line]) -> None:
    others = category(manifest, "tlsrpt", "failure")
    outcomes = ingested.outcomes(others)
    assert set(outcomes) <= {"stored", "duplicate", "conflict"}
    [(tls,)] = ask(ingested.url, "SELECT count(*) FROM tls_report")
    [(failures,)] = ask(ingested.url, "SELECT count(*) FROM failure_report")
    assert tls + failures == outcomes["stored"] + outcomes["conflict"]


def test_a_file_with_a_report_that_could_be_counted_is_taken(
    ingested: Ingested, manifest: dict[str, Line], truths: dict[str, Line]
) -> None:
    meant = category(manifest, "dmarc", "embedded")
    countable = [line for line in meant if any(each["sha256"] in truths for each in line["payloads"])]
    assert set(ingested.outcomes(countable)) <= {"stored", "partial", "duplicate", "conflict"}


def test_a_report_that_could_not_be_counted_is_stored_or_says_why_not(
    ingested: Ingested, manifest: dict[str, Line], truths: dict[str, Line]
) -> None:
    for line in category(manifest, "dmarc", "embedded"):
        if not any(each["sha256"] in truths for each in line["payloads"]):
            outcome, reason = ingested.ledger[line["file"]]
            assert outcome in {"stored", "conflict"} or (
                outcome in {"partial", "corrupt"} and understandable(reason)
            ), line["file"]


def understandable(reason: str | None) -> bool:
    """Tell whether a reason names the thing and says a few words about it, on one line."""
    what, _, why = (reason or "").partition(": ")
    return bool(what) and (len(why.split()) >= 2 or why == "empty")


# --- through a mailbox

STYLES: tuple[Callable[[Letter, str, bytes], bytes], ...] = (
    carriers.google,
    carriers.microsoft,
    carriers.yahoo,
    carriers.mimecast,
    carriers.gmx,
    carriers.fastmail,
    carriers.amazon_ses,
    carriers.rspamd,
)
SAMPLE = 100
FOLDERS = {"dmarc": "Processed", "tlsrpt": "Processed", "failure": "Processed", "negative": "Failed"}


@dataclass(frozen=True)
class Sent:
    """A mail of the sample, where it must end, and the documents in it."""

    content: bytes
    folder: str
    documents: tuple[str, ...]

    @property
    def message_id(self) -> str:
        """As a server gives it out; empty for none."""
        return str(message_from_bytes(self.content).get("Message-ID", "")).strip()


def mails_of_the_corpus(corpus: Path, manifest: dict[str, Line]) -> Iterator[Sent]:
    """Give the mails that were published whole."""
    for file, line in manifest.items():
        if line["kind"] == "eml":
            content = (corpus / file).read_bytes()
            if content.startswith(b"From "):  # an mbox of one
                content = content.partition(b"\n")[2]
            yield Sent(
                content, FOLDERS[line["category"]], tuple(it["sha256"] for it in line["payloads"] or ())
            )


def wrapped(corpus: Path, manifest: dict[str, Line], truths: dict[str, Line], number: int) -> Iterator[Sent]:
    """Carry so many reports, from the whole breadth of the corpus, each as a reporter would."""
    bare = [
        line
        for line in category(manifest, "dmarc", "embedded")
        if line["chain"]
        and line["chain"][0].endswith("xml")
        and line["kind"] == "xml"
        and line["sha256"] in truths
    ]
    for position, line in enumerate(bare[:: len(bare) // number][:number]):
        sent = datetime(2026, 11, 2, 5, position % 60, tzinfo=UTC)
        letter = Letter(
            "dmarc@inselpost.example", f"Report {position}", sent, f"{position}@inselpost.example"
        )
        carry = STYLES[position % len(STYLES)]
        content = carry(
            letter, f"inselpost.example!example.org!1!{position}", (corpus / line["file"]).read_bytes()
        )
        yield Sent(content, "Processed", (line["sha256"],))


@pytest.fixture(scope="module")
def sample(corpus: Path, manifest: dict[str, Line], truths: dict[str, Line]) -> list[Sent]:
    published = list(mails_of_the_corpus(corpus, manifest))
    sent = [*published, *wrapped(corpus, manifest, truths, SAMPLE - len(published))]
    assert len(sent) == SAMPLE
    return sent


numbers = iter(range(10))


def test_a_sample_goes_through_a_real_mailbox(
    sample: list[Sent],
    truths: dict[str, Line],
    dovecot_server: DovecotServer,
    database_url: str,
    tmp_path: Path,
) -> None:
    user = f"corpus-{next(numbers)}"
    dovecot_server.deliver(user, [mail.content for mail in sample])
    tally = Program(tmp_path, database_url, account(dovecot_server, user)).poll()

    assert tally["messages"]["seen"] == SAMPLE
    documents = {sha256 for mail in sample for sha256 in mail.documents if sha256 in truths}
    assert stored(database_url) == {sha256: expected(truths[sha256]) for sha256 in documents}

    folders: dict[str, Counter[str]] = {folder: Counter() for folder in ("INBOX", *FOLDERS.values())}
    for mail in sample:
        folders[mail.folder][mail.message_id] += 1
    found = dovecot_server.messages(user)
    assert {folder: Counter(map(str.strip, ids)) for folder, ids in found.items()} == folders
