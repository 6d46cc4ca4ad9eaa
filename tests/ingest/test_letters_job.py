"""Letters as they are written night after night: everything that came in is told to whom it concerns, once."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from ingest.letters.job import WritingJob
from ingest.settings import Settings
from store import outbox
from store.database import Database
from store.migrate import upgrade
from store.outbox import Waiting
from store.schema import report
from store.writer import write
from tests.store.kit import DAY as SECONDS
from tests.store.kit import FIRST_OF_NOVEMBER, feedback, incoming, record

START = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 3, 6, 33, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
A, B = "a@example.org", "b@example.net"
SMTP = {"host": "mail.example.org", "sender": "dmarc@example.org"}


@contextmanager
def opened(url: str) -> Iterator[Database]:
    with closing(Database(url)) as database:
        upgrade(database)
        yield database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened(f"sqlite:///{tmp_path}/ruamill.db") as database:
        yield database


@pytest.fixture
def either(database_url: str) -> Iterator[Database]:
    """Give a database on each engine in turn."""
    with opened(database_url) as database:
        yield database


def settings(domains: object = (), smtp: object = SMTP, **summary: Any) -> Settings:
    return Settings.model_validate(
        {"smtp": smtp, "domains": domains, "summary": {"recipients": A, "at": "06:30", **summary}}
    )


def store(
    database: Database,
    now: datetime,
    domain: str = "example.org",
    messages: int = 100,
    result: str = "pass",
) -> None:
    """Let a report about the day before come in; what passes and what fails has addresses of its own."""
    day = FIRST_OF_NOVEMBER + SECONDS * ((now.date() - datetime(2026, 11, 1, tzinfo=UTC).date()).days - 1)
    row = record("192.0.2.1" if result == "pass" else "198.51.100.1", messages).replace("pass", result)
    report = feedback(f"{domain} {now}", row, domain=domain, begin=day, end=day + SECONDS - 1)
    write(database, [incoming(report, f"{domain} {now}")], now)


def written(database: Database, job: WritingJob, now: datetime) -> list[Waiting]:
    """Give the letters that were written then."""
    with capture_logs() as logs:
        job.run(now)
    with database.reading() as connection:
        found = [it for it in outbox.due(connection, now) if it.claimed_at == now]
    assert [entry["event"] for entry in logs] == ["letter_claimed"] * len(found), logs
    return found


def letter(waiting: Waiting) -> EmailMessage:
    return message_from_bytes(waiting.content, EmailMessage, policy=policy.default)


def text(waiting: Waiting) -> str:
    body = letter(waiting).get_body(["plain"])
    assert isinstance(body, EmailMessage)
    return str(body.get_content())


def test_a_letter_each_morning_about_what_came_in_since_the_last(either: Database) -> None:
    job = WritingJob(settings(), either, START)
    store(either, START + HOUR, messages=1111)
    assert written(either, job, START + 2 * HOUR) == []
    [first] = written(either, job, MORNING)
    assert written(either, job, MORNING + MINUTE) == []
    store(either, MORNING + HOUR, messages=2222)
    [second] = written(either, job, MORNING + DAY)
    assert "1,111" in text(first)
    assert "2,222" in text(second)
    assert letter(first)["To"] == A
    assert letter(first)["From"].addresses[0].addr_spec == "dmarc@example.org"
    assert letter(first)["Subject"] == first.subject
    assert letter(first)["Message-ID"] == first.message_id
    assert letter(first)["List-Id"].endswith("<ruamill.example.org>")


def test_what_is_stored_while_a_letter_is_written_is_in_the_next(database: Database) -> None:
    job = WritingJob(settings(), database, START)
    moment = MORNING.replace(minute=30)
    store(database, moment, messages=1111)
    store(database, moment + timedelta(seconds=1), messages=2222)
    [first], [second] = written(database, job, MORNING), written(database, job, MORNING + DAY)
    assert "1,111" in text(first)
    assert "2,222" not in text(first)
    assert "2,222" in text(second)


def test_a_letter_waits_for_who_is_storing_reports_of_its_time(either: Database) -> None:
    store(either, MORNING + HOUR, messages=1111)
    job = WritingJob(settings(), either, START)
    thread = Thread(target=job.run, args=(MORNING,))
    with either.writing() as connection:
        connection.execute(update(report).values(ingested_at=MORNING - HOUR))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(30)
    with either.reading() as connection:
        [waiting] = outbox.due(connection, MORNING)
    assert "1,111" in text(waiting)


def test_a_daemon_that_was_away_makes_up_for_it_in_one_letter(database: Database) -> None:
    job = WritingJob(settings(), database, START)
    store(database, START + HOUR)
    written(database, job, MORNING)
    for days in range(3):
        store(database, MORNING + days * DAY + HOUR, messages=100)
    again = WritingJob(settings(), database, MORNING + 3 * DAY)
    [made_up] = written(database, again, MORNING + 3 * DAY)
    assert "300" in text(made_up)


def test_two_daemons_write_one_letter(either: Database) -> None:
    store(either, START + HOUR)
    one, other = (WritingJob(settings(), either, START) for _ in range(2))
    assert len(written(either, one, MORNING)) == 1
    assert written(either, other, MORNING + timedelta(seconds=7)) == []
    assert len(written(either, other, MORNING + DAY)) == 1
    assert written(either, one, MORNING + DAY + MINUTE) == []
    assert len(written(either, one, MORNING + 2 * DAY)) == 1


def test_everybody_gets_the_domains_that_are_theirs(database: Database) -> None:
    domains = {"example.org": {}, "example.net": {"recipients": B}}
    job = WritingJob(settings(domains), database, START)
    for domain in ("example.org", "sub.example.net"):
        store(database, START + HOUR, domain)
    found = {it.recipient: text(it) for it in written(database, job, MORNING)}
    assert set(found) == {A, B}
    assert "example.org" in found[A]
    assert "example.net" not in found[A]
    assert "sub.example.net" in found[B]


def test_a_letter_for_each_domain(either: Database) -> None:
    job = WritingJob(settings(["example.org", "example.net"], letters="each"), either, START)
    for domain in ("example.org", "example.net"):
        store(either, START + HOUR, domain)
    org, net = written(either, job, MORNING)
    assert "example.org" in org.subject
    assert "example.net" in net.subject
    assert len(written(either, job, MORNING + DAY)) == 2


def test_quiet_nights_and_a_sign_of_life_a_week(database: Database) -> None:
    job = WritingJob(settings(quiet=True), database, START)
    mornings = []
    for days in range(16):
        store(database, MORNING + (days - 1) * DAY + HOUR)
        if written(database, job, MORNING + days * DAY):
            mornings.append(days)
    assert mornings == [0, 7, 14]


def test_a_quiet_night_ends_when_there_is_news(database: Database) -> None:
    job = WritingJob(settings(quiet=True), database, START)
    store(database, START + HOUR)
    assert len(written(database, job, MORNING)) == 1
    store(database, MORNING + HOUR)
    assert written(database, job, MORNING + DAY) == []
    store(database, MORNING + DAY + HOUR, messages=1111, result="fail")
    [news] = written(database, job, MORNING + 2 * DAY)
    assert "all well" not in news.subject
    assert "1,111" in text(news)


def test_a_roll_up_of_the_week(database: Database) -> None:
    job = WritingJob(settings(weekly="monday"), database, START)
    for days in range(7):
        store(database, START + days * DAY - HOUR, messages=100)
    kinds = [it.kind for days in range(8) for it in written(database, job, MORNING + days * DAY)]
    assert kinds.count("daily") == 8
    assert kinds.count("weekly") == 1


def test_nothing_is_written_where_it_cannot_be_sent(database: Database) -> None:
    job = WritingJob(settings(smtp=None), database, START)
    assert written(database, job, MORNING) == []


def test_an_unusable_catalogue_is_told_and_the_letter_written_later(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "services.toml"
    file.write_text("nonsense")
    chosen = settings().model_copy(update={"enrich": settings().enrich.model_copy(update={"services": file})})
    job = WritingJob(chosen, database, START)
    with capture_logs() as logs:
        job.run(MORNING)
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("letters_not_written", "warning")]
    file.write_text("")
    assert len(written(database, job, MORNING + MINUTE)) == 1
