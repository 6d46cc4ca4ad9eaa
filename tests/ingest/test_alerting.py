"""Alerts between letters: what came in, and what is away, on each engine; handed to a mail server and a web server."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from ingest.letters.addressing import parcels, recipients
from ingest.letters.alerting import AlertJob
from ingest.letters.sending import Sending
from ingest.monitoring.watch import State, Watch
from ingest.settings import Settings
from ingest.tally import Tally
from store.database import Database
from store.mailboxes import note_poll
from store.migrate import upgrade
from summary.alerts import unreachable
from summary.bulletin import Finding, Kind, Level
from tests.servers.receiver import Receiver, answering
from tests.servers.smtp import SmtpServer
from tests.store.kit import DAY, INBOX, NOW, feedback, rows, take

CAUSES = ["own_source_fails", "policy_weakened", "no_reports", "unreachable"]
ALERTS: dict[str, Any] = {"causes": CAUSES, "recipients": "ops@example.org"}
OURS = "198.51.100.1"


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time in seconds."""
        return self.now


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer("none", login=False) as server:
        yield server


def settings(smtp: SmtpServer | None = None, receiver: Receiver | None = None, **changes: Any) -> Settings:
    way = {
        "host": "127.0.0.1",
        "port": smtp.port if smtp else 25,
        "tls": "none",
        "sender": "ruamill@example.org",
    }
    hooks = [{"url": receiver.url}] if receiver else []
    domains = {"example.org": {"networks": f"{OURS}/32"}, "example.net": {}}
    usual = {"smtp": way, "domains": domains, "alerts": ALERTS | {"webhook": hooks}}
    return Settings.model_validate(usual | changes)


def job(database: Database, chosen: Settings | None = None, clock: Clock | None = None) -> AlertJob:
    clock = clock or Clock()
    return AlertJob(chosen or settings(), database, Watch([], 300, clock), clock)


def store(database: Database, days: int, *records: str, domain: str = "example.org", p: str = "none") -> None:
    """Take a report so many days before NOW, about the day before."""
    came = NOW - timedelta(days=days)
    begin = int((came - timedelta(days=1)).replace(hour=0).timestamp())
    report = feedback(f"{domain} {days} {p}", *records, domain=domain, begin=begin, end=begin + DAY - 1)
    take(database, report.replace(b"<p>none</p>", f"<p>{p}</p>".encode()), now=came)


def sent(result: str, source_ip: str = OURS, messages: int = 100) -> str:
    """Write a record of what our server sent."""
    evaluated = f"<disposition>none</disposition><dkim>{result}</dkim><spf>{result}</spf>"
    return f"""
  <record>
    <row><source_ip>{source_ip}</source_ip><count>{messages}</count><policy_evaluated>{evaluated}</policy_evaluated></row>
    <identifiers><header_from>example.org</header_from></identifiers>
    <auth_results>
      <dkim><domain>example.org</domain><selector>s1</selector><result>{result}</result></dkim>
      <spf><domain>example.org</domain><result>{result}</result></spf>
    </auth_results>
  </record>"""


def claimed(database: Database) -> list[tuple[Any, ...]]:
    return rows(
        database,
        "SELECT recipient, channel, topic FROM summary_delivery WHERE kind = 'alert' ORDER BY channel, recipient",
    )


# -- what came in


def test_a_source_that_begins_to_fail_is_told_once(database: Database) -> None:
    for days in (3, 2):
        store(database, days, sent("pass"))
    one, other = job(database), job(database)
    one.run(NOW)
    assert claimed(database) == []
    store(database, 0, sent("fail"))
    for each in (one, other, one, other, job(database)):
        each.run(NOW)
    assert claimed(database) == [("ops@example.org", "mail", "own_source_fails example.org your own servers")]


def test_a_policy_that_was_weakened_is_told(database: Database) -> None:
    store(database, 2, sent("pass"), p="reject")
    store(database, 0, sent("pass"), p="none")
    job(database).run(NOW)
    assert claimed(database) == [("ops@example.org", "mail", "policy_weakened example.org")]


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Database]:
    """Give a database with a report on each day up to four days ago."""
    database = Database(f"sqlite:///{tmp_path}/silent.db")
    upgrade(database)
    for days in range(4, 20):
        store(database, days, sent("pass"))
    yield database
    database.close()


def test_reports_that_stop_are_told_of(silent: Database) -> None:
    job(silent).run(NOW)
    assert claimed(silent) == [("ops@example.org", "mail", "no_reports")]


def test_a_daemon_that_was_away_takes_its_own_silence_for_nobodys(silent: Database) -> None:
    """It looks at once, before the mailbox is read; once that was, and brought nothing, it is told."""
    with silent.writing() as connection:
        note_poll(connection, INBOX, 1, NOW - timedelta(days=4))
    job(silent).run(NOW)
    assert claimed(silent) == []
    with silent.writing() as connection:
        note_poll(connection, INBOX, 1, NOW)
    job(silent).run(NOW)
    assert claimed(silent) == [("ops@example.org", "mail", "no_reports")]


def test_a_domain_of_any_name_breaks_no_alert(database: Database, smtp: SmtpServer) -> None:
    """Whoever may report may weaken the policy of a domain of any name."""
    name = "=?utf-8?q?x=0D=0ABcc:_all@example.com?="
    for domain in (name, "example.org"):
        store(database, 2, sent("pass"), domain=domain, p="reject")
        store(database, 0, sent("pass"), domain=domain, p="none")
    chosen = settings(smtp, domains=())
    job(database, chosen).run(NOW)
    Sending(chosen, database).run(Event())
    assert len(smtp.letters) == 2
    assert all("Bcc" not in letter for _, letter in smtp.letters)
    assert all(letter["Subject"].startswith("DMARC ") for _, letter in smtp.letters)


def test_and_those_of_one_domain(silent: Database) -> None:
    store(silent, 0, sent("pass"), domain="example.net")
    job(silent).run(NOW)
    assert claimed(silent) == [("ops@example.org", "mail", "no_reports example.org")]


def test_silence_is_seen_within_the_hour(silent: Database) -> None:
    clock = Clock()
    daemon = job(silent, settings(alerts=ALERTS | {"no_reports_days": 5}), clock)
    daemon.run(NOW)
    for passed, expected in ((3599, 0), (3600, 1)):
        clock.now = 1000.0 + passed
        daemon.run(NOW + timedelta(days=1))
        assert len(claimed(silent)) == expected


def test_what_goes_on_is_told_again_after_a_day(silent: Database) -> None:
    for hours, expected in ((0, 1), (21, 1), (23, 1), (24, 2), (47, 2)):
        job(silent).run(NOW + timedelta(hours=hours))
        assert len(claimed(silent)) == expected


def test_a_clock_that_was_ahead_silences_nothing(silent: Database) -> None:
    job(silent).run(NOW + timedelta(days=30))
    job(silent).run(NOW)
    assert len(claimed(silent)) == 2


def test_before_the_first_report_there_is_nothing_to_tell(database: Database) -> None:
    job(database).run(NOW)
    assert claimed(database) == []


def test_only_what_is_wanted_is_told(database: Database) -> None:
    for days in (3, 2):
        store(database, days, sent("pass"), p="reject")
    store(database, 0, sent("fail"), p="none")
    job(database, settings(alerts=ALERTS | {"causes": ["policy_weakened"]})).run(NOW)
    assert claimed(database) == [("ops@example.org", "mail", "policy_weakened example.org")]


def test_it_goes_by_mail_and_by_webhook(database: Database, smtp: SmtpServer, receiver: Receiver) -> None:
    store(database, 2, sent("pass"), p="reject")
    store(database, 0, sent("pass"), p="none")
    chosen = settings(smtp, receiver)
    job(database, chosen).run(NOW)
    Sending(chosen, database).run(Event())
    ((envelope, letter),) = smtp.letters
    assert (envelope.mail_from, envelope.rcpt_tos) == ("ruamill@example.org", ["ops@example.org"])
    assert letter["Subject"] == "DMARC example.org: policy weakened to p=none"
    assert "Receivers report p=none (before: p=reject)" in letter.get_content()
    (request,) = receiver.requests
    told = json.loads(request.content)
    assert (told["cause"], told["domains"]) == ("policy_weakened", ["example.org"])
    assert rows(database, "SELECT id FROM summary_delivery WHERE sent_at IS NULL") == []


# -- who gets it


def test_a_domain_has_recipients_of_its_own() -> None:
    domains = {"example.org": {"recipients": "own@example.org"}, "example.net": {}}
    for alerts, summary, expected in (
        ("ops@example.org", "all@example.org", ("ops@example.org", "own@example.org")),
        ((), "all@example.org", ("own@example.org",)),
    ):
        chosen = settings(domains=domains, alerts={"recipients": alerts}, summary={"recipients": summary})
        assert recipients(chosen, "mail.example.org") == expected


def test_without_recipients_of_alerts_it_is_those_of_the_letter() -> None:
    domains = {"example.org": {"recipients": "own@example.org"}}
    chosen = settings(domains=domains, alerts={}, summary={"recipients": "all@example.org"})
    assert recipients(chosen, "example.net") == recipients(chosen, None) == ("all@example.org",)
    chosen = settings(domains=domains, alerts={})
    assert recipients(chosen, None) == ("own@example.org",)


def finding(domain: str) -> Finding:
    return Finding(Level.ACT, Kind.NO_REPORTS, "no reports for 3 days", "None came in.", None, domain)


def test_each_gets_what_is_theirs() -> None:
    domains = {f"{it}.example": {"recipients": f"postmaster@{it}.example"} for it in "abcdefgh"}
    made = parcels(settings(domains=domains), [finding(it) for it in domains], [], NOW)
    about = {it.recipient: (it.topic, it.subject) for it in made}
    assert about["postmaster@a.example"] == (
        "no_reports a.example",
        "DMARC a.example: no reports for 3 days",
    )
    assert about["ops@example.org"] == (
        "no_reports",
        "DMARC a.example: no reports for 3 days (and 7 more domains)",
    )
    assert len(about) == 9


def test_without_a_mail_server_there_is_the_webhook() -> None:
    chosen = settings(smtp=None, alerts=ALERTS | {"webhook": [{"url": "https://hooks.example.org/1"}]})
    outage = unreachable("database", "refused", 60)
    assert [it.channel for it in parcels(chosen.model_copy(update={"smtp": None}), [], [outage], NOW)] == [
        "webhook"
    ]


def test_it_has_one_name_a_day() -> None:
    def name(now: datetime) -> str:
        (parcel,) = parcels(settings(), [finding("example.org")], [], now)
        return parcel.message_id

    assert name(NOW) == name(NOW.replace(hour=23))
    assert name(NOW) != name(NOW + timedelta(days=1))
    assert name(NOW).endswith("@example.org>")


# -- what is away


class House:
    """A database, a mailbox that polls go to, and a clock."""

    def __init__(self, folder: Path, chosen: Settings) -> None:
        self.folder = folder
        folder.mkdir()
        self.database = Database(f"sqlite:///{folder}/ruamill.db")
        upgrade(self.database)
        self.clock = Clock()
        self.watch = Watch(["dmarc"], 300, self.clock)
        self.job = AlertJob(chosen, self.database, self.watch, self.clock)

    def after(self, minutes: float, error: str | None = None) -> None:
        """Let the time pass, a poll fail, and the daemon look."""
        self.clock.now += 60 * minutes
        if error:
            self.watch.failed("dmarc", error)
        self.job.run(NOW + timedelta(seconds=self.clock.now))

    def goes_away(self) -> None:
        """Take the database away."""
        self.database.close()
        self.folder.rename(self.folder.with_name("away"))

    def comes_back(self) -> None:
        """Put it back."""
        self.folder.with_name("away").rename(self.folder)


@pytest.fixture
def house(smtp: SmtpServer, receiver: Receiver, tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "house", settings(smtp, receiver))
    yield made
    made.database.close()


def test_a_mailbox_that_is_away_for_an_hour_is_told_of_once(house: House) -> None:
    for minutes, expected in ((1, 0), (59, 0), (1, 2), (1, 2), (1300, 2), (140, 4)):
        house.after(minutes, "login refused")
        assert len(claimed(house.database)) == expected
    assert {topic for _, _, topic in claimed(house.database)} == {"unreachable mailbox dmarc"}


def test_one_that_came_back_begins_anew(house: House) -> None:
    house.after(1, "away")
    house.after(50, "away")
    house.watch.polled("dmarc", Tally())
    house.after(50, "away")
    house.after(50, "away")
    assert claimed(house.database) == []


def test_one_that_takes_messages_is_not_away(house: House) -> None:
    for _ in range(4):
        house.watch.enter("dmarc", State.POLLING)
        house.watch.beat("dmarc")
        house.after(30, "cut off")
    assert claimed(house.database) == []


def test_a_database_that_is_away_is_told_of_past_it(
    house: House, smtp: SmtpServer, receiver: Receiver
) -> None:
    house.after(1)
    house.goes_away()
    for minutes, expected in ((1, 0), (59, 0), (1, 1), (1, 1), (1430, 1), (10, 2)):
        house.after(minutes, "database unavailable")
        assert (len(smtp.letters), len(receiver.requests)) == (expected, expected)
    letter = smtp.letters[0][1]
    assert letter["Subject"] == "DMARC: database unreachable for 60 minutes"
    assert "unable to open database file" in " ".join(letter.get_content().split())


def test_a_mailbox_is_not_to_blame_for_the_database(house: House) -> None:
    house.goes_away()
    for _ in range(3):
        house.after(60, "database unavailable")
    house.comes_back()
    house.after(1, "database unavailable")
    house.after(58, "login refused")
    assert claimed(house.database) == []
    house.after(2, "login refused")
    assert len(claimed(house.database)) == 2


def test_what_cannot_be_sent_is_tried_again(house: House, receiver: Receiver) -> None:
    receiver.answer = answering(503)
    house.goes_away()
    house.after(1)
    house.after(60)
    house.after(1)
    assert len(receiver.requests) == 2
    receiver.answer = answering(200)
    house.after(1)
    house.after(1)
    assert len(receiver.requests) == 3
    assert len({json.loads(it.content)["id"] for it in receiver.requests}) == 1


def test_what_is_refused_is_not(house: House, receiver: Receiver) -> None:
    receiver.answer = answering(404)
    house.goes_away()
    for minutes in (1, 60, 1, 1):
        house.after(minutes)
    assert len(receiver.requests) == 1


def test_an_outage_nobody_wants_to_hear_of(smtp: SmtpServer, tmp_path: Path) -> None:
    house = House(tmp_path / "house", settings(smtp, alerts=ALERTS | {"causes": ["no_reports"]}))
    house.goes_away()
    for minutes in (1, 60, 60):
        house.after(minutes, "away")
    assert smtp.letters == []
