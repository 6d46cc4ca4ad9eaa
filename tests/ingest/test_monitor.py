"""The daemon told over real HTTP: /healthz for a probe, /metrics for Prometheus, whatever the database and clients do."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, NamedTuple

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from fixtures.carriers import gzipped
from ingest.database import open_database
from ingest.monitoring import server as monitor
from ingest.monitoring.gauges import GRACE_SECONDS, Gauges
from ingest.monitoring.watch import State, Watch
from ingest.pipeline import process
from ingest.reading import Arrival
from ingest.settings import Settings
from ingest.tally import Tally
from store import mailboxes
from store.database import Database
from store.ledger import Sighting
from store.lookups import RegistryState, write_registry_states
from store.migrate import HEAD
from tests.ingest.mailbox_kit import corrupt_mail, make_maildir, ordinary_mail
from tests.ingest.mailbox_kit import report_mail as report_mail_of
from tests.ingest.program import Daemon, Program, wait_until
from tests.servers.postgres import PostgresServer
from tests.store.kit import INBOX, feedback, report_mail

PATIENCE = 10
EVERY = 0.05
"""Seconds between two looks at the database."""


class Answer(NamedTuple):
    """What the daemon said."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The content as a value."""
        found: dict[str, Any] = json.loads(self.content)
        return found


class Client:
    """Whoever watches the daemon."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, method: str = "GET") -> Answer:
        """Ask once, over a connection of its own."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def health(self) -> dict[str, Any]:
        """Ask how it is, whatever the status."""
        return self.ask("/healthz").json

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Give each sample by its name and the values of its labels."""
        families = text_string_to_metric_families(self.ask("/metrics").content.decode())
        return {
            (it.name, *(it.labels[name] for name in sorted(it.labels))): it.value
            for family in families
            for it in family.samples
        }


def settings_of(url: str, **more: object) -> Settings:
    box = {"name": "box", "host": "imap.example.org", "user": "u", "password": "p"}
    return Settings.model_validate({"database": url, "monitor": {"port": 0}, "mailbox": [box], **more})


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ruamill.db"


@contextmanager
def serving(settings: Settings, watch: Watch, database: Database) -> Iterator[Client]:
    with monitor.serve(settings, watch, database, EVERY) as port:
        assert port
        yield Client(port)


@pytest.fixture
def watch() -> Watch:
    return Watch(["box"], 300)


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_of(database_url)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def client(settings: Settings, watch: Watch, database: Database) -> Iterator[Client]:
    with serving(settings, watch, database) as client:
        yield client


def store(database: Database, settings: Settings, *mails: bytes) -> None:
    """Let mails go the way of every message."""
    arrivals = [Arrival(Sighting(INBOX, str(uid)), mail, len(mail)) for uid, mail in enumerate(mails)]
    for _ in process(arrivals, settings, database, Tally()):
        pass


def mail(report_id: str, domain: str = "example.org") -> bytes:
    return report_mail(("report.xml.gz", gzipped(feedback(report_id, domain=domain))))


# --- /healthz


def test_it_is_well_from_the_start_on(client: Client) -> None:
    answer = client.ask("/healthz")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert (answer.json["program"], answer.json["status"], answer.json["problems"]) == ("ruamill", "ok", [])
    assert answer.json["mailboxes"]["box"]["state"] == "starting"
    assert answer.json["mailboxes"]["box"]["last_poll_at"] is None


def test_the_database_is_told(client: Client, database: Database) -> None:
    wait_until(lambda: client.health()["database"]["reachable"])
    found = client.health()["database"]
    assert found == {
        "name": database.name,
        "reachable": True,
        "schema": HEAD,
        "wanted_schema": HEAD,
        "error": None,
    }


def test_each_mailbox_is_told(client: Client, watch: Watch, database: Database) -> None:
    watch.polled("box", Tally())
    watch.enter("box", State.WATCHING)
    arrived = datetime.now(UTC) - timedelta(hours=2)
    with database.writing() as connection:
        mailboxes.note_waiting(connection, INBOX, 12, arrived)
    wait_until(lambda: client.health()["mailboxes"]["box"]["waiting"] == 12)
    found = client.health()["mailboxes"]["box"]
    assert found["state"] == "watching"
    assert datetime.now(UTC) - datetime.fromisoformat(found["last_poll_at"]) < timedelta(minutes=1)
    assert found["last_poll_seconds"] < 60
    assert found["oldest_unread_at"] == arrived.isoformat()
    assert 7200 <= found["oldest_unread_seconds"] < 7260


def test_the_last_poll_of_another_daemon_is_told_while_this_one_stands_by(
    client: Client, watch: Watch, database: Database
) -> None:
    watch.enter("box", State.STANDING_BY)
    polled = datetime.now(UTC) - timedelta(minutes=3)
    with database.writing() as connection:
        mailboxes.note_poll(connection, INBOX, 0, polled)
    wait_until(lambda: client.health()["mailboxes"]["box"]["last_poll_at"])
    assert client.health()["mailboxes"]["box"]["last_poll_at"] == polled.isoformat()
    assert client.ask("/healthz").status == 200


def test_a_refused_login_makes_it_fail_and_the_next_poll_mends_it(client: Client, watch: Watch) -> None:
    watch.failed("box", "imap.example.org:993: login refused", refused=True)
    answer = client.ask("/healthz")
    assert answer.status == 503
    assert answer.json["status"] == "failing"
    assert answer.json["problems"] == ["box: imap.example.org:993: login refused"]
    assert answer.json["mailboxes"]["box"]["last_error"] == "imap.example.org:993: login refused"
    watch.polled("box", Tally())
    assert client.ask("/healthz").status == 200


# --- /metrics


def test_what_was_processed_is_counted(client: Client, database: Database, settings: Settings) -> None:
    before = client.metrics()
    store(database, settings, mail("1"), mail("1"), mail("2"), b"Subject: Lunch?\n\nToday?")
    after = client.metrics()

    def more(*sample: str) -> float:
        return after[sample] - before[sample]

    assert more("ruamill_messages_total", "box", "stored") == 2
    assert more("ruamill_messages_total", "box", "duplicate") == 1
    assert more("ruamill_messages_total", "box", "not_a_report") == 1
    assert more("ruamill_reports_total", "aggregate") == more("ruamill_records_total") == 2
    assert more("ruamill_parse_seconds_count") == 4
    assert more("ruamill_parse_seconds_bucket", "+Inf") == 4
    assert 0 < more("ruamill_parse_seconds_sum") < 60


def test_the_gauges_are_those_of_the_database(
    client: Client, watch: Watch, database: Database, settings: Settings
) -> None:
    polled = datetime(2026, 11, 3, 4, 0, tzinfo=UTC)
    with database.writing() as connection:
        mailboxes.note_poll(connection, INBOX, 0, polled)
        mailboxes.note_waiting(connection, INBOX, 3, polled - timedelta(hours=1))
    store(database, settings, mail("1"), mail("2", "example.net"))
    watch.enter("box", State.WAITING)
    wait_until(lambda: ("ruamill_last_report_timestamp_seconds", "example.net") in client.metrics())
    found = client.metrics()
    assert found["ruamill_last_poll_timestamp_seconds", "box"] == polled.timestamp()
    assert found["ruamill_waiting_messages", "box"] == 3
    assert found["ruamill_oldest_unread_timestamp_seconds", "box"] == polled.timestamp() - 3600
    newest = found["ruamill_last_report_timestamp_seconds", "example.org"]
    assert datetime.now(UTC).timestamp() - newest < 60
    assert found["ruamill_mailbox_state", "box", "waiting"] == 1
    assert found["ruamill_mailbox_state", "box", "polling"] == 0
    assert found["ruamill_mailbox_refused", "box"] == 0
    assert found["ruamill_lookups", "waiting"] == 0
    assert found["ruamill_database_up",] == 1
    assert found["ruamill_database_bytes",] > 10_000


def test_registries_are_told_closed_until_their_time_is_over(client: Client, database: Database) -> None:
    now = datetime.now(UTC)
    states = {
        "arin": RegistryState(queries=12, closed_until=now + timedelta(hours=1)),
        "lacnic": RegistryState(queries=3, closed_until=now - timedelta(hours=1)),
    }
    with database.writing() as connection:
        write_registry_states(connection, states)
    wait_until(lambda: client.metrics().get(("ruamill_lookup_queries_total", "arin")) == 12)
    found = client.metrics()
    assert found["ruamill_lookup_queries_total", "names"] == 0
    assert found["ruamill_registry_closed", "arin"] == 1
    assert found["ruamill_registry_closed", "lacnic"] == found["ruamill_registry_closed", "names"] == 0


def test_a_configured_domain_without_any_report_is_told_as_0(
    watch: Watch, database: Database, database_url: str
) -> None:
    own = settings_of(database_url, domains=["example.org", "example.net"])
    store(database, own, mail("1", "news.example.org"), mail("2", "a-stranger.example"))
    with serving(own, watch, database) as client:
        wait_until(lambda: client.metrics()["ruamill_database_up",])
        found = {
            name[1]: value
            for name, value in client.metrics().items()
            if name[0].startswith("ruamill_last_report")
        }
    assert found.keys() == {"example.org", "example.net"}
    assert found["example.org"] > found["example.net"] == 0


def test_the_text_is_what_prometheus_reads(client: Client) -> None:
    answer = client.ask("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {it.name: it for it in text_string_to_metric_families(answer.content.decode())}
    assert families["ruamill_poll_seconds"].type == "histogram"
    assert families["ruamill_messages"].type == "counter"
    assert families["ruamill_build_info"].samples[0].labels.keys() == {"version"}
    assert "process_resident_memory_bytes" in families
    assert all(family.documentation for family in families.values())


def test_a_running_daemon_is_watched_from_its_first_poll_on(url: str, tmp_path: Path) -> None:
    make_maildir(tmp_path / "Maildir", [report_mail_of(1), corrupt_mail(2), ordinary_mail(3)])
    maildir = {"name": "box", "kind": "maildir", "path": str(tmp_path / "Maildir")}
    with Daemon(Program(tmp_path, url, maildir)) as daemon:
        [told, *_] = daemon.wait_for("monitoring")
        daemon.wait_for("poll")
        client = Client(told["port"])
        wait_until(lambda: client.health()["mailboxes"]["box"]["last_poll_at"])
        assert client.ask("/healthz").status == 200
        wait_until(lambda: ("ruamill_last_poll_timestamp_seconds", "box") in client.metrics())
        found = client.metrics()
        daemon.stop()
    outcomes = ("stored", "corrupt", "not_a_report", "refused")
    assert [found["ruamill_messages_total", "box", outcome] for outcome in outcomes] == [1, 1, 1, 0]
    assert found["ruamill_polls_total", "box", "done"] >= 1
    assert found["ruamill_poll_seconds_count", "box"] >= 1
    assert found["ruamill_reports_total", "aggregate"] == 1


# --- a database that is away


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """Give a PostgreSQL that may be stopped."""
    with PostgresServer() as server:
        yield server


@pytest.mark.postgresql
def test_a_database_that_goes_away_is_told_and_found_again(
    own_postgres: PostgresServer, watch: Watch
) -> None:
    settings = settings_of(own_postgres.create_database())
    with closing(open_database(settings)) as database, serving(settings, watch, database) as client:
        wait_until(lambda: client.health()["database"]["reachable"])
        own_postgres.stop()
        wait_until(lambda: not client.health()["database"]["reachable"])
        answer = client.ask("/healthz")
        assert answer.status == 503
        assert answer.json["problems"] == [answer.json["database"]["error"]]
        assert database.name in answer.json["problems"][0]
        assert client.metrics()["ruamill_database_up",] == 0
        own_postgres.start()
        wait_until(lambda: client.ask("/healthz").status == 200)
        assert client.metrics()["ruamill_database_up",] == 1


@pytest.mark.postgresql
def test_a_database_that_hangs_keeps_nobody_waiting(watch: Watch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = settings_of(f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/nowhere")
        with closing(Database(settings.database.get_secret_value())) as database:
            started = monotonic()
            with serving(settings, watch, database) as client:
                connection, _ = silent.accept()
                assert client.metrics()["ruamill_database_up",] == 0
                assert client.ask("/healthz").status == 200
            assert monotonic() - started < 8
            connection.close()


def told(gauges: Gauges) -> tuple[bool, str | None]:
    return gauges.is_up, gauges.problem


def test_an_answer_that_is_late_is_an_outage(settings: Settings, database: Database) -> None:
    now = 0.0
    gauges = Gauges(settings, database, lambda: now)
    gauges.look()
    assert told(gauges) == (True, None)
    now = GRACE_SECONDS + 1
    assert told(gauges) == (False, f"{database.name}: no answer for 61 seconds")


def test_a_database_that_is_not_of_this_schema_yet_is_given_time_at_the_start(settings: Settings) -> None:
    now = 0.0
    with closing(Database(settings.database.get_secret_value())) as empty:
        gauges = Gauges(settings, empty, lambda: now)
        gauges.look()
        assert told(gauges) == (False, None)
        now = GRACE_SECONDS
        gauges.look()
        assert gauges.problem == f"{empty.name}: not at schema {HEAD} yet, but at none"
        open_database(settings).close()
        gauges.look()
        assert told(gauges) == (True, None)


# --- clients


@pytest.fixture
def alone(url: str, watch: Watch) -> Iterator[Client]:
    """Serve with a database that is of no matter here."""
    settings = settings_of(url)
    with closing(open_database(settings)) as database, serving(settings, watch, database) as client:
        yield client


def test_the_index_leads_to_both(alone: Client) -> None:
    answer = alone.ask("/")
    assert answer.status == 200
    assert b'href="/healthz"' in answer.content
    assert b'href="/metrics"' in answer.content


def test_nothing_else_is_there(alone: Client) -> None:
    for path in ("/health", "/metrics/", "/../etc/passwd", "/favicon.ico"):
        answer = alone.ask(path)
        assert answer.status == 404
        assert b"/healthz" in answer.content
    assert alone.ask("/healthz", "POST").status == 405


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/nothing"])
def test_head_is_answered_as_get_is_without_the_content(path: str, alone: Client) -> None:
    get, head = alone.ask(path), alone.ask(path, "HEAD")
    assert head.content == b""
    assert head.status == get.status
    assert head.headers["content-type"] == get.headers["content-type"]


def test_slow_and_hostile_clients_keep_nobody_waiting(alone: Client) -> None:
    openings = [b"", b"G", b"GET /metrics HTTP/1.1\r\nHost: ", b"\x16\x03\x01\x02\x00", b"A" * 4000]
    with ExitStack() as open_ones:
        for number in range(80):
            connection = socket.create_connection(("127.0.0.1", alone.port), timeout=PATIENCE)
            open_ones.enter_context(connection)
            connection.sendall(openings[number % len(openings)])
        started = monotonic()
        assert alone.ask("/healthz").status == 200
        assert alone.ask("/metrics").status == 200
        assert monotonic() - started < 5
    assert alone.ask("/healthz").status == 200


def test_a_request_without_an_end_is_refused(alone: Client) -> None:
    with socket.create_connection(("127.0.0.1", alone.port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 20_000)
        assert connection.recv(4096).partition(b"\r\n")[0].endswith(b"431 Request Header Fields Too Large")


def test_what_nobody_reads_is_sent_no_further(alone: Client) -> None:
    with socket.create_connection(("127.0.0.1", alone.port), timeout=PATIENCE) as connection:
        for _ in range(50):
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert alone.ask("/healthz").status == 200


# --- where it listens


def test_an_address_in_use_is_logged_and_the_daemon_goes_on_without(
    url: str, watch: Watch, alone: Client
) -> None:
    settings = settings_of(url, monitor={"port": alone.port})
    with (
        structlog.testing.capture_logs() as events,
        closing(Database(url)) as database,
        monitor.serve(settings, watch, database) as port,
    ):
        assert port is None
    [event] = events
    assert (event["event"], event["log_level"], event["port"]) == ("monitor_failed", "error", alone.port)
    assert "in use" in event["error"]
    assert "[monitor] port" in event["advice"]


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "192.0.2.1"])
def test_a_host_that_is_not_ours_is_logged(host: str, url: str, watch: Watch) -> None:
    settings = settings_of(url, monitor={"host": host})
    with (
        structlog.testing.capture_logs() as events,
        closing(Database(url)) as database,
        monitor.serve(settings, watch, database) as port,
    ):
        assert port is None
    assert [event["event"] for event in events] == ["monitor_failed"]


def test_it_can_be_switched_off(url: str, watch: Watch) -> None:
    settings = settings_of(url, monitor={"enabled": False})
    with closing(Database(url)) as database, monitor.serve(settings, watch, database) as port:
        assert port is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0"])  # noqa: S104 (what an operator may set)
def test_it_listens_where_it_is_told_to(host: str, url: str, watch: Watch) -> None:
    settings = settings_of(url, monitor={"host": host, "port": 0})
    with closing(open_database(settings)) as database, serving(settings, watch, database) as client:
        assert client.ask("/healthz").status == 200


def test_it_ends_at_once_and_leaves_the_port_free(url: str, watch: Watch) -> None:
    settings = settings_of(url)
    with closing(open_database(settings)) as database:
        with serving(settings, watch, database) as client:
            assert client.ask("/").status == 200
            started = monotonic()
        assert monotonic() - started < 5
        with serving(settings_of(url, monitor={"port": client.port}), watch, database) as again:
            assert again.ask("/").status == 200


def test_looking_ends_when_it_is_told_to(settings: Settings, database: Database) -> None:
    end = Event()
    end.set()
    gauges = Gauges(settings, database)
    gauges.run(end)
    assert gauges.is_up
