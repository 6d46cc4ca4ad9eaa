"""What waits in the outbox, sent to real servers: once, in the end, and never lost without a word."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

from ingest.commands import status
from ingest.letters.job import keep_sending
from ingest.letters.sending import LEAST_LEASE, PATIENCE, WAITS, Sending
from ingest.monitoring.exposition import metrics
from ingest.monitoring.figures import troubles_with_letters
from ingest.monitoring.gauges import Gauges
from ingest.monitoring.watch import Watch
from ingest.settings import Settings
from store import outbox
from store.database import Database, DatabaseUnavailableError
from store.migrate import upgrade
from store.outbox import Parcel
from tests.ingest.program import wait_until
from tests.servers.mail import TAKE_AND_DROP, MailServer
from tests.servers.postgres import PostgresServer
from tests.servers.relay import Relay
from tests.store.kit import rows

START = datetime(2026, 11, 15, 6, 32, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
READER, OTHER, THIRD = "postmaster@example.org", "other@example.net", "third@example.org"
MANY = [f"reader-{number}@example.org" for number in range(12)]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


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


def settings(server: MailServer, password: str = MailServer.password, **changes: Any) -> Settings:
    place = {"host": server.host, "port": server.port, "ca_file": server.ca_file, "timeout": 10}
    login = {"user": server.user, "password": password, "sender": "dmarc@example.org"}
    summary = {"recipients": [READER, OTHER, THIRD, *MANY]}
    return Settings.model_validate({"smtp": {**place, **login}, "summary": summary, **changes})


class Office:
    """One daemon's sending, at whatever time it is."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.now = START
        self._database = database
        self._sending = Sending(settings, database, lambda: self.now)

    def write(self, *recipients: str, number: int = 1) -> None:
        """Claim a letter to each."""
        for recipient in recipients or [READER]:
            message_id = f"<{number}.{recipient}>"
            content = f"Subject: letter {number}\r\nMessage-ID: {message_id}\r\n\r\nHello\r\n".encode()
            parcel = Parcel(
                kind="daily",
                channel="mail",
                recipient=recipient,
                topic="all",
                begins_at=self.now - DAY,
                ends_at=self.now,
                message_id=message_id,
                subject=f"letter {number}",
                content=content,
            )
            assert outbox.claim(self._database, [parcel], self.now)

    def send(self, after: timedelta = timedelta()) -> list[str]:
        """Send what is due by then; give the events that were logged."""
        self.now += after
        with capture_logs() as logs:
            self._sending.run(Event())
        return [str(entry["event"]) for entry in logs]


@pytest.fixture
def office(database: Database, server: MailServer) -> Office:
    return Office(database, settings(server))


def state(database: Database) -> list[tuple[Any, ...]]:
    query = "SELECT attempts, sent_at IS NOT NULL, next_try_at IS NOT NULL FROM summary_delivery ORDER BY id"
    return [(tries, bool(sent), bool(waits)) for tries, sent, waits in rows(database, query)]


SENT, WAITS_ON, GIVEN_UP = (True, False), (False, True), (False, False)


def errors(database: Database) -> list[str | None]:
    with database.reading() as connection:
        return [it.error for it in outbox.undelivered(connection)]


# --- sent once


def test_who_gets_no_letters_any_more_is_not_sent_those_that_wait(
    database: Database, server: MailServer
) -> None:
    Office(database, settings(server)).write(READER, OTHER)
    office = Office(database, settings(server, summary={"recipients": OTHER}))
    assert sorted(office.send()) == ["letter_given_up", "letter_sent"]
    assert server.message_ids == [f"<1.{OTHER}>"]
    assert errors(database) == ["no longer among the recipients"]


def test_what_waits_is_sent_once(database: Database, server: MailServer, office: Office) -> None:
    office.write(READER, OTHER)
    assert office.send() == ["letter_sent", "letter_sent"]
    assert office.send(DAY) == []
    assert server.message_ids == [f"<1.{READER}>", f"<1.{OTHER}>"]
    assert state(database) == [(1, *SENT), (1, *SENT)]


def test_two_daemons_send_each_letter_once(either: Database, server: MailServer) -> None:
    one, other = Office(either, settings(server)), Office(either, settings(server))
    one.write(*MANY)
    threads = [Thread(target=office._sending.run, args=(Event(),)) for office in (one, other)]  # noqa: SLF001 (without its log)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.message_ids) == sorted(f"<1.{recipient}>" for recipient in MANY)
    assert set(state(either)) == {(1, *SENT)}


def test_what_a_daemon_was_sending_when_it_died_is_sent_once_more(
    either: Database, server: MailServer
) -> None:
    office = Office(either, settings(server))
    office.write()
    [(key,)] = rows(either, "SELECT id FROM summary_delivery")
    assert outbox.take(either, key, office.now, office.now + LEAST_LEASE), "as it does before it sends"
    assert office.send(LEAST_LEASE - MINUTE) == []
    assert office.send(MINUTE) == ["letter_sent"]
    assert server.message_ids == [f"<1.{READER}>"]
    assert state(either) == [(2, *SENT)]


# --- tried again


def test_a_letter_that_is_put_off_is_tried_again(
    database: Database, server: MailServer, office: Office
) -> None:
    server.play("RCPT", "451 4.7.1 greylisted, come back later")
    office.write()
    assert office.send() == ["letter_failed"]
    assert state(database) == [(1, *WAITS_ON)]
    assert errors(database) == [
        f"127.0.0.1:{server.port} refuses {READER}: 451 4.7.1 greylisted, come back later"
    ]
    assert office.send(MINUTE / 2) == []
    assert office.send(MINUTE / 2) == ["letter_sent"]
    assert errors(database) == []


def test_a_letter_is_tried_less_and_less_often_until_it_is_given_up(
    database: Database, server: MailServer, office: Office
) -> None:
    server.play("RCPT", *(["450 4.2.0 the mailbox is full"] * 200))
    office.write()
    assert office.send() == ["letter_failed"]
    for wait in chain(WAITS, repeat(WAITS[-1])):
        assert office.send(wait - MINUTE / 2) == []
        [event] = office.send(MINUTE / 2)
        if event != "letter_failed":
            break
    assert event == "letter_given_up"
    assert PATIENCE <= office.now - START <= PATIENCE + HOUR
    assert state(database)[0][1:] == GIVEN_UP


def test_a_letter_that_is_refused_for_good_is_given_up_and_the_others_go(
    database: Database, server: MailServer, office: Office
) -> None:
    server.play("RCPT", "550 5.1.1 no such user")
    office.write(READER, OTHER)
    assert office.send() == ["letter_given_up", "letter_sent"]
    assert state(database) == [(1, *GIVEN_UP), (1, *SENT)]
    assert office.send(DAY) == []


def test_a_login_that_is_refused_does_not_lose_a_letter(database: Database, server: MailServer) -> None:
    locked = Office(database, settings(server, password="wrong"))  # noqa: S106 (nobody's)
    locked.write()
    for _ in range(5):
        assert locked.send(HOUR) == ["letter_failed"]
    mended = Office(database, settings(server))
    mended.now = locked.now + HOUR
    assert mended.send() == ["letter_sent"]


def test_a_letter_of_which_nobody_knows_whether_it_arrived_keeps_its_name(
    database: Database, server: MailServer, office: Office
) -> None:
    server.play("DATA", TAKE_AND_DROP)
    office.write()
    assert office.send() == ["letter_failed"]
    assert office.send(MINUTE) == ["letter_sent"]
    (first, second) = (letter.as_bytes() for _, letter in server.letters)
    assert first == second
    assert state(database) == [(2, *SENT)]


def test_letters_wait_for_settings_that_are_gone(database: Database, office: Office) -> None:
    office.write()
    nowhere = Office(database, Settings())
    assert nowhere.send() == []
    assert state(database) == [(0, *WAITS_ON)]
    assert office.send() == ["letter_sent"]


def test_a_webhook_that_is_gone_is_given_up(database: Database, office: Office) -> None:
    parcel = Parcel("alert", "webhook", "hooks.example.org 1", "t", START, START, "<1@x>", "S", b"{}")
    outbox.claim(database, [parcel], START)
    assert office.send() == ["letter_given_up"]


# --- while the database is away


def test_a_letter_that_was_sent_while_the_database_went_away_is_not_sent_again(
    postgres_server: PostgresServer,
) -> None:
    """Only this process knows of it then, and notes it before it does anything else."""
    url = postgres_server.create_database()
    with Relay("127.0.0.1", postgres_server.port) as wire:

        def go_away() -> None:
            wire.refuse()
            wire.cut()

        by_wire = url.replace(f":{postgres_server.port}/", f":{wire.port}/")
        with MailServer(meanwhile=go_away) as server, closing(Database(by_wire)) as database:
            upgrade(database)
            office = Office(database, settings(server))
            office.write(READER, OTHER)
            for _ in range(2):
                with pytest.raises(DatabaseUnavailableError):
                    office.send(DAY)
            assert server.message_ids == [f"<1.{READER}>"]
            wire.accept()
            with pytest.raises(DatabaseUnavailableError):
                office.send(DAY)
            assert server.message_ids == [f"<1.{READER}>", f"<1.{OTHER}>"]
            wire.accept()
            assert office.send(DAY) == []
            assert state(database) == [(1, *SENT), (1, *SENT)]
    postgres_server.drop_database(url)


# --- as the daemon does it


def test_it_goes_on_until_it_is_told_to_stop(server: MailServer, tmp_path: Path) -> None:
    stop = Event()
    with closing(Database(f"sqlite:///{tmp_path}/ruamill.db")) as database:
        upgrade(database)
        Office(database, settings(server)).write(READER, OTHER)
        thread = Thread(target=keep_sending, args=(settings(server), database, stop))
        thread.start()
        wait_until(lambda: len(server.letters) == 2)
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


# --- what a person is told


def told(database: Database, now: datetime) -> list[str]:
    """Give what `status` says needs a person."""
    with database.reading() as connection:
        undelivered = outbox.undelivered(connection)
    return list(troubles_with_letters(undelivered, now))


def test_a_letter_that_is_late_needs_a_person(database: Database, server: MailServer, office: Office) -> None:
    server.play("RCPT", *(["450 4.2.0 full"] * 8))
    office.write(READER, OTHER)
    for wait in (0, 1, 5, 15):
        office.send(wait * MINUTE)
    assert told(database, office.now) == []
    refuses = f"127.0.0.1:{server.port} refuses"
    assert told(database, START + HOUR + MINUTE) == [
        f"mail to {READER} is tried since 2026-11-15 06:32 UTC: {refuses} {READER}: 450 4.2.0 full",
        f"mail to {OTHER} is tried since 2026-11-15 06:32 UTC: {refuses} {OTHER}: 450 4.2.0 full",
    ]
    assert office.send(HOUR) == ["letter_sent", "letter_sent"]
    assert told(database, office.now) == []


def test_many_letters_that_fail_alike_are_one_trouble(database: Database, server: MailServer) -> None:
    locked = Office(database, settings(server, password="wrong"))  # noqa: S106 (nobody's)
    locked.write(*MANY[:5])
    locked.send()
    [trouble] = told(database, START + 2 * HOUR)
    assert trouble.startswith(
        "mail to reader-0@example.org, reader-1@example.org, reader-2@example.org and 2 more is"
    )
    assert "refuses the login" in trouble


def test_a_letter_that_nobody_sends_needs_a_person(database: Database, office: Office) -> None:
    office.write()
    [trouble] = told(database, START + 2 * HOUR)
    assert trouble.endswith("nobody sends it: start `ruamill run`, with [smtp] set")


def test_a_letter_that_was_given_up_needs_a_person_for_a_week(
    database: Database, server: MailServer, office: Office
) -> None:
    server.play("RCPT", "550 5.1.1 no such user")
    office.write()
    office.send()
    for days in (0, 6):
        [trouble] = told(database, START + days * DAY)
        assert (
            trouble
            == f"mail to {READER} was given up: 127.0.0.1:{server.port} refuses {READER}: 550 5.1.1 no such user"
        )
    assert told(database, START + 7 * DAY) == []


@pytest.mark.parametrize("json", [False, True])
def test_status_tells_of_letters(
    database: Database, server: MailServer, capsys: pytest.CaptureFixture[str], json: bool
) -> None:
    office = Office(database, settings(server))
    office.write()
    office.send()
    server.play("RCPT", "450 4.2.0 full")
    office.write(OTHER, number=2)
    office.send()
    configured = settings(server, database=f"sqlite:///{database.file}", monitor={"enabled": False})
    assert status.run(configured, json=json, now=START + 2 * HOUR) == 1
    said = capsys.readouterr().out
    assert "letter 1" in said
    assert "450 4.2.0 full" in said
    assert server.password not in said


def test_metrics_count_letters(database: Database, server: MailServer, office: Office) -> None:
    server.play("RCPT", "550 5.1.1 no such user", "450 4.2.0 full")
    office.now = datetime.now(UTC)
    office.write(READER, OTHER, THIRD)
    office.send()
    gauges = Gauges(settings(server, database=f"sqlite:///{database.file}"), database)
    gauges.look()
    said = metrics(Watch([], 300), gauges).decode()
    assert 'ruamill_undelivered_letters{state="waiting"} 1.0' in said
    assert 'ruamill_undelivered_letters{state="given_up"} 1.0' in said
    assert "ruamill_last_letter_timestamp_seconds 1." in said
