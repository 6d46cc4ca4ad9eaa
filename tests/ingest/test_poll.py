"""One poll of a mailbox: what becomes of each mail, what is never done again, and every outage on the way."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import make_url, text
from structlog.testing import capture_logs

from ingest import poll as poll_module
from ingest import reading
from ingest.database import open_database
from ingest.imap import mailbox as imap_module
from ingest.mailboxes import MailboxUnavailableError
from ingest.settings import AnyMailbox, ImapSettings, MaildirSettings, Settings
from ingest.tally import Tally
from ingest.visit import visit
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.reading import Reading, read
from store.outcomes import MAX_ATTEMPTS
from tests.ingest.mailbox_kit import (
    Post,
    Report,
    account,
    again,
    ask,
    check_database,
    corrupt_mail,
    engine_of,
    expected_folders,
    folders_of,
    folders_of_maildir,
    half_good_mail,
    mail_of,
    mail_of_two,
    make_maildir,
    notice_mail,
    ordinary_mail,
    report_mail,
    tls_mail,
)
from tests.ingest.program import Program
from tests.servers.dovecot import DovecotServer
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer
from tests.servers.relay import Relay

SEEN, FLAGGED = rb"\Seen", rb"\Flagged"

numbers = count(1)


@pytest.fixture
def user() -> str:
    return f"poll-{next(numbers)}"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ruamill.db"


@pytest.fixture
def wire(dovecot_server: DovecotServer) -> Iterator[Relay]:
    """Give a relay in front of the Dovecot of all tests."""
    with Relay(dovecot_server.host, dovecot_server.imap_port) as relay:
        yield relay


def imap(server: DovecotServer, user: str, **changes: object) -> ImapSettings:
    return ImapSettings.model_validate(account(server, user, **changes))


def over(wire: Relay, server: DovecotServer, user: str, **changes: object) -> ImapSettings:
    return imap(server, user, tls="none", port=wire.port, **changes)


def poll(
    box: AnyMailbox, url: str, limits: Limits = DEFAULT_LIMITS, stop: Event | None = None
) -> dict[str, int]:
    """Poll once; the number of messages of each outcome."""
    tally = Tally()
    settings = Settings.model_validate({"database": url, "limits": limits})
    with closing(open_database(settings)) as database:
        visit(box, settings, database, tally, stop or Event())
    return {outcome.value: number for outcome, number in tally.outcomes.items()}


def deliver(server: DovecotServer, user: str, *posts: Post) -> None:
    server.deliver(user, [post.content for post in posts])


def flags(server: DovecotServer, user: str) -> dict[int, set[bytes]]:
    with server.connect(user) as client:
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search(), ["FLAGS"])
        return {uid: set(answer[b"FLAGS"]) - {rb"\Recent"} for uid, answer in found.items()}


def execute(url: str, statement: str) -> None:
    with engine_of(url) as engine, engine.begin() as connection:
        connection.execute(text(statement))


# --- outcomes and folders


def contradicting(number: int) -> Post:
    """Carry a report with the identity of another and other counts."""
    xml = Report(number).xml.replace(b"<count>", b"<count>1")
    return mail_of(number + 1_000, xml, "conflict", "Processed")


def hostile(number: int) -> Post:
    """Carry a report that would define an entity."""
    xml = Report(number).xml.replace(b"<feedback>", b'<!DOCTYPE f [<!ENTITY e "x">]><feedback>')
    return mail_of(number, xml, "refused", "Failed")


def test_every_outcome_has_its_folder(dovecot_server: DovecotServer, user: str, database_url: str) -> None:
    first = report_mail(1)
    kinds = (mail_of_two, half_good_mail, corrupt_mail, tls_mail, notice_mail, ordinary_mail, hostile)
    posts = [first, again(first), contradicting(1), *(kind(10 + n) for n, kind in enumerate(kinds))]
    deliver(dovecot_server, user, *posts)
    assert poll(imap(dovecot_server, user), database_url) == Counter(post.outcome for post in posts)
    assert folders_of(dovecot_server, user) == expected_folders(posts)
    assert poll(imap(dovecot_server, user), database_url) == {}
    check_database(database_url, posts)


def test_ordinary_mail_is_put_aside_by_setting(dovecot_server: DovecotServer, user: str, url: str) -> None:
    deliver(dovecot_server, user, ordinary_mail(1))
    assert poll(imap(dovecot_server, user, not_a_report="ignore"), url) == {"not_a_report": 1}
    assert dovecot_server.messages(user) == {"INBOX": [], "Ignored": [ordinary_mail(1).message_id]}


@pytest.mark.parametrize("after", ["flag", "leave"])
def test_what_stays_in_place_is_read_once(
    dovecot_server: DovecotServer, wire: Relay, user: str, url: str, after: str
) -> None:
    box = over(wire, dovecot_server, user, after=after)
    deliver(dovecot_server, user, report_mail(1), corrupt_mail(2), notice_mail(3), ordinary_mail(4))
    assert poll(box, url) == {"stored": 1, "corrupt": 1, "unsupported": 1, "not_a_report": 1}
    ledger, fetches = ask(url, "SELECT * FROM message"), len(wire.heard("FETCH"))
    assert poll(box, url) == {}
    assert ask(url, "SELECT * FROM message") == ledger
    assert len(wire.heard("FETCH")) == fetches
    deliver(dovecot_server, user, report_mail(5))
    assert poll(box, url) == {"stored": 1}
    marks = {1: {SEEN}, 2: {SEEN, FLAGGED}, 3: {SEEN}, 4: set(), 5: {SEEN}}
    assert flags(dovecot_server, user) == (marks if after == "flag" else {uid: set() for uid in marks})


def test_flags_that_could_not_be_set_are_set_by_the_next_poll(
    dovecot_server: DovecotServer, wire: Relay, user: str, url: str
) -> None:
    box = over(wire, dovecot_server, user, after="flag")
    deliver(dovecot_server, user, report_mail(1))
    wire.at("STORE", 1, lambda: False)
    with pytest.raises(MailboxUnavailableError):
        poll(box, url)
    assert flags(dovecot_server, user) == {1: set()}
    assert poll(box, url) == {}
    assert flags(dovecot_server, user) == {1: {SEEN}}


def test_a_mail_that_is_too_large_is_refused_by_its_size(
    dovecot_server: DovecotServer, wire: Relay, user: str, url: str
) -> None:
    large = replace(ordinary_mail(1, "x" * 20_000), folder="Failed")
    deliver(dovecot_server, user, large, report_mail(2))
    box = over(wire, dovecot_server, user)
    assert poll(box, url, Limits(mail_bytes=10_000)) == {"refused": 1, "stored": 1}
    assert [line.split()[3] for line in wire.heard("FETCH") if "(BODY.PEEK[])" in line] == ["2"]
    assert dovecot_server.messages(user)["Failed"] == [large.message_id]
    [(message_id, reason)] = ask(url, "SELECT message_id, reason FROM message WHERE outcome = 'refused'")
    assert message_id == large.message_id
    assert "limit mail_bytes" in reason


def test_a_maildir_may_hold_names_in_no_encoding(url: str, tmp_path: Path) -> None:
    make_maildir(tmp_path / "M", [report_mail(1)])
    (tmp_path / "M/new/00000000.ruamill").rename(os.fsdecode(bytes(tmp_path) + b"/M/new/1.\xff.host"))
    box = MaildirSettings.model_validate({"kind": "maildir", "path": tmp_path / "M"})
    assert poll(box, url) == {"stored": 1}
    assert poll(box, url) == {}
    assert folders_of_maildir(tmp_path / "M")["Processed"] == Counter([report_mail(1).message_id])


# --- the same mails under other UIDs


def fill_folder(server: DovecotServer, user: str, folder: str, posts: list[Post]) -> None:
    """Make a folder, anew if it is there, with these mails."""
    with server.connect(user) as client:
        if client.folder_exists(folder):
            client.delete_folder(folder)
        client.create_folder(folder)
        for post in posts:
            client.append(folder, post.content)


@pytest.mark.parametrize("after", ["move", "flag", "leave"])
def test_a_folder_made_anew_stores_nothing_twice(
    dovecot_server: DovecotServer, user: str, database_url: str, after: str
) -> None:
    posts = [*map(report_mail, range(1, 6)), corrupt_mail(6)]
    for outcome in ("stored", "duplicate"):
        fill_folder(dovecot_server, user, "Reports", posts)
        box = imap(dovecot_server, user, folders="Reports", after=after)
        assert poll(box, database_url) == {outcome: 5, "corrupt": 1}
    check_database(database_url, [*posts, *map(again, posts[:5]), posts[5]])


# --- many messages


def stop_at(wire: Relay, command: str, nth: int, stop: Event) -> None:
    """Tell the poll to stop at a command."""

    def tell() -> bool:
        stop.set()
        return True

    wire.at(command, nth, tell)


@pytest.mark.parametrize(
    ("after", "order"), [("move", "oldest"), ("move", "newest"), ("flag", "newest"), ("leave", "oldest")]
)
def test_a_poll_that_was_stopped_goes_on_where_it_was(
    dovecot_server: DovecotServer, wire: Relay, url: str, after: str, order: str
) -> None:
    posts, user = [report_mail(number) for number in range(1, 331)], f"stopped-{after}-{order}"
    deliver(dovecot_server, user, *posts)
    box = over(wire, dovecot_server, user, after=after, order=order)
    stop = Event()
    stop_at(wire, "BODY", 3, stop)  # fetched while the second hundred are stored
    assert poll(box, url, stop=stop) == {"stored": 200}
    uids = {int(uid) for (uid,) in ask(url, "SELECT uid FROM message")}
    assert uids == set(range(1, 201) if order == "oldest" else range(131, 331))
    assert ask(url, "SELECT waiting FROM mailbox_state") == [(130,)]
    assert poll(box, url) == {"stored": 130}
    assert poll(box, url) == {}
    check_database(url, posts)
    assert ask(url, "SELECT waiting, last_uid FROM mailbox_state") == [(0, 0 if after == "move" else 330)]


def test_mail_that_must_be_tried_again_is_not_passed_over(
    dovecot_server: DovecotServer, user: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = [report_mail(number) for number in (1, 2, 3)]
    deliver(dovecot_server, user, *posts)
    stumble_over(posts[1], monkeypatch)
    box = imap(dovecot_server, user, after="leave", order="newest")
    assert poll(box, url) == {"stored": 2, "retry": 1}
    [(last, waiting, since)] = ask(url, "SELECT last_uid, waiting, oldest_waiting_at FROM mailbox_state")
    assert (last, waiting) == (1, 1)
    assert since
    monkeypatch.undo()
    assert poll(box, url) == {"stored": 1}
    assert ask(url, "SELECT last_uid, waiting, oldest_waiting_at FROM mailbox_state") == [(3, 0, None)]


def test_what_stays_is_not_asked_for_again(
    dovecot_server: DovecotServer, wire: Relay, user: str, url: str
) -> None:
    deliver(dovecot_server, user, *(ordinary_mail(number) for number in range(1, 601)))
    box = over(wire, dovecot_server, user)
    assert poll(box, url) == {"not_a_report": 600}
    deliver(dovecot_server, user, report_mail(601))
    before = len(wire.heard("FETCH"))
    assert poll(box, url) == {"stored": 1}
    fetched = [line.split()[3] for line in wire.heard("FETCH")[before:]]
    assert set(fetched) == {"601"}


def test_a_long_poll_tells_how_far_it_has_come(
    dovecot_server: DovecotServer, wire: Relay, user: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> bool:
        seen.extend(ask(url, "SELECT waiting, oldest_waiting_at IS NOT NULL FROM mailbox_state"))
        return True

    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(poll_module, "TOLD_SECONDS", 0)
    deliver(dovecot_server, user, *(report_mail(number) for number in range(1, 251)))
    wire.at("BODY", 1, look)
    with capture_logs() as logs:
        poll(over(wire, dovecot_server, user, name="reports"), url)
    assert seen == [(250, 1)]
    told = [event for event in logs if event["event"] == "progress"]
    assert [(event["source"], event["folder"]) for event in told] == [("reports", "INBOX")] * 3
    assert [(event["done"], event["of"]) for event in told] == [(100, 250), (200, 250), (250, 250)]
    assert all(event["per_second"] > 0 for event in told)


# --- several mailboxes


def test_two_mailboxes_are_polled_in_one_run(
    dovecot_server: DovecotServer, user: str, url: str, tmp_path: Path
) -> None:
    deliver(dovecot_server, user, report_mail(1))
    make_maildir(tmp_path / "M", [report_mail(1), report_mail(2)])
    maildir = {"kind": "maildir", "path": str(tmp_path / "M")}
    tally = Program(tmp_path, url, account(dovecot_server, user), maildir).poll()
    assert tally["messages"] | {"seen": 3, "stored": 2, "duplicate": 1} == tally["messages"]
    assert dovecot_server.messages(user)["INBOX"] == []
    assert folders_of_maildir(tmp_path / "M")["INBOX"] == {}


def test_a_mailbox_that_is_away_does_not_keep_the_others_waiting(url: str, tmp_path: Path) -> None:
    make_maildir(tmp_path / "M", [report_mail(1)])
    port = free_port()
    away = {"name": "away", "host": "127.0.0.1", "port": port, "user": "u", "password": "pw-1"}
    program = Program(tmp_path, url, away, {"name": "here", "kind": "maildir", "path": str(tmp_path / "M")})
    done = program.run("poll", "--json")
    assert done.returncode == 75
    assert f"127.0.0.1:{port}" in done.stderr
    assert "pw-1" not in done.stdout + done.stderr
    assert json.loads(done.stdout)["messages"]["stored"] == 1
    states = ask(url, "SELECT source, last_error IS NULL FROM mailbox_state ORDER BY 1")
    assert [(source, bool(well)) for source, well in states] == [("away", False), ("here", True)]


# --- a defect of ours


def stumble_over(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the reading of one mail fail as only a defect can; no mail is known that does it by itself."""

    def stumble(raw: bytes, name: str, limits: Limits) -> Reading:
        if post.message_id.encode() in raw:
            raise ZeroDivisionError("of all things")
        return read(raw, name, limits)

    monkeypatch.setattr(reading, "read", stumble)


def test_a_defect_stops_no_neighbour_and_is_given_up_in_the_end(
    dovecot_server: DovecotServer, user: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = [report_mail(1), replace(report_mail(2), outcome="corrupt", folder="Failed", reports=())]
    deliver(dovecot_server, user, *posts)
    stumble_over(posts[1], monkeypatch)
    box = imap(dovecot_server, user)
    assert poll(box, database_url) == {"stored": 1, "retry": 1}
    for _ in range(2, MAX_ATTEMPTS):
        assert poll(box, database_url) == {"retry": 1}
        assert dovecot_server.messages(user)["INBOX"] == [posts[1].message_id]
    assert poll(box, database_url) == {"corrupt": 1}
    assert poll(box, database_url) == {}
    found = dovecot_server.messages(user)
    assert (found["INBOX"], found["Failed"]) == ([], [posts[1].message_id])
    [(attempts, reason)] = ask(database_url, "SELECT attempts, reason FROM message WHERE outcome = 'corrupt'")
    assert attempts == MAX_ATTEMPTS
    assert "of all things" in reason
    check_database(database_url, posts)


def test_a_defect_that_is_mended_leaves_nothing_behind(
    dovecot_server: DovecotServer, user: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(dovecot_server, user, report_mail(1))
    stumble_over(report_mail(1), monkeypatch)
    box = imap(dovecot_server, user)
    assert [poll(box, url), poll(box, url)] == [{"retry": 1}] * 2
    monkeypatch.undo()
    assert poll(box, url) == {"stored": 1}
    assert ask(url, "SELECT outcome, attempts, reason FROM message") == [("stored", 3, None)]
    check_database(url, [report_mail(1)])


# --- a message that the server does not give out


@pytest.fixture(scope="module", params=["disconnect-immediately", "no-after"])
def clumsy_server(request: pytest.FixtureRequest) -> Iterator[DovecotServer]:
    """Give a Dovecot that hangs up over a message it cannot read, as it does unless told otherwise, or says NO."""
    with DovecotServer() as server:
        with (server.directory / "dovecot.conf").open("a") as configuration:
            configuration.write(f"imap_fetch_failure = {request.param}\n")
        server.restart()
        yield server


def file_of(server: DovecotServer, user: str, post: Post) -> Path:
    files = (server.directory / "mail" / user / "Maildir").rglob("*.ruamill*")
    return next(file for file in files if post.message_id.encode() in file.read_bytes())


@pytest.mark.dovecot
def test_a_message_that_cannot_be_fetched_stops_no_other(
    clumsy_server: DovecotServer, user: str, url: str
) -> None:
    posts = [report_mail(number) for number in range(1, 31)]
    deliver(clumsy_server, user, *posts)
    for bad in (posts[3], posts[20]):
        file_of(clumsy_server, user, bad).chmod(0)
    box = imap(clumsy_server, user)
    assert poll(box, url) == {"stored": 28, "retry": 2}
    for number in range(2, MAX_ATTEMPTS):
        deliver(clumsy_server, user, report_mail(100 + number))
        assert poll(box, url) == {"stored": 1, "retry": 2}
    deliver(clumsy_server, user, report_mail(100))
    assert poll(box, url) == {"stored": 1, "corrupt": 2}
    assert poll(box, url) == {}
    attempts = ask(url, "SELECT uid, attempts FROM message WHERE outcome = 'corrupt' ORDER BY 1")
    assert attempts == [("21", MAX_ATTEMPTS), ("4", MAX_ATTEMPTS)]
    failed = (clumsy_server.directory / "mail" / user / "Maildir" / ".Failed").rglob("*.ruamill*")
    assert len(list(failed)) == 2


@pytest.mark.dovecot
def test_a_message_that_can_be_fetched_again_is_stored(
    clumsy_server: DovecotServer, user: str, url: str
) -> None:
    posts = [report_mail(1), report_mail(2)]
    deliver(clumsy_server, user, *posts)
    file = file_of(clumsy_server, user, posts[1])
    file.chmod(0)
    assert poll(imap(clumsy_server, user), url) == {"stored": 1, "retry": 1}
    next(file.parents[1].rglob(f"{file.name}*")).chmod(0o600)
    assert poll(imap(clumsy_server, user), url) == {"stored": 1}
    assert ask(url, "SELECT attempts FROM message WHERE uid = '2'") == [(2,)]
    check_database(url, posts)


@pytest.mark.dovecot
def test_where_no_message_can_be_fetched_none_is_blamed(
    clumsy_server: DovecotServer, user: str, url: str
) -> None:
    deliver(clumsy_server, user, report_mail(1), report_mail(2))
    files = [file_of(clumsy_server, user, report_mail(number)) for number in (1, 2)]
    files[0].chmod(0)
    files[1].chmod(0)
    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(MailboxUnavailableError, match="no message can be fetched") as caught:
            poll(imap(clumsy_server, user), url)
        assert caught.value.temporary
    assert ask(url, "SELECT * FROM message") == []


def test_a_server_that_hangs_up_once_is_asked_again(
    dovecot_server: DovecotServer, wire: Relay, user: str, url: str
) -> None:
    deliver(dovecot_server, user, *map(report_mail, range(1, 6)))
    wire.at("FETCH", 2, lambda: False)
    assert poll(over(wire, dovecot_server, user), url) == {"stored": 5}


def test_a_server_that_always_hangs_up_is_an_outage(
    dovecot_server: DovecotServer, wire: Relay, user: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_up() -> bool:
        wire.at("FETCH", 1, hang_up)
        return False

    monkeypatch.setattr(imap_module, "FAILURES", 20)
    deliver(dovecot_server, user, *map(report_mail, range(1, 51)))
    wire.at("FETCH", 2, hang_up)
    with pytest.raises(MailboxUnavailableError, match="connection was lost") as caught:
        poll(over(wire, dovecot_server, user), url)
    assert caught.value.temporary
    assert len(wire.heard("FETCH")) == 22
    assert ask(url, "SELECT * FROM message") == []


# --- the database


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """Give a PostgreSQL that may be stopped."""
    with PostgresServer() as server:
        yield server


@pytest.mark.postgresql
def test_while_the_database_is_away_mails_stay_where_they_are(
    dovecot_server: DovecotServer, own_postgres: PostgresServer, user: str, tmp_path: Path
) -> None:
    url = own_postgres.create_database()
    posts = [report_mail(1), corrupt_mail(2)]
    deliver(dovecot_server, user, *posts)
    program = Program(tmp_path, url, account(dovecot_server, user))
    own_postgres.stop()
    done = program.run("poll")
    own_postgres.start()
    assert done.returncode == 75
    assert done.stderr.startswith("ruamill: database postgresql")
    assert dovecot_server.messages(user) == {"INBOX": [post.message_id for post in posts]}
    program.poll()
    check_database(url, posts)


REFUSING = {
    "sqlite": """
        CREATE TRIGGER refuse BEFORE INSERT ON report WHEN NEW.policy_domain = 'refused.example'
        BEGIN SELECT RAISE(ABORT, 'not in this house'); END
    """,
    "postgresql": """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not in this house'; END$$;
        CREATE TRIGGER refuse BEFORE INSERT ON report FOR EACH ROW
        WHEN (NEW.policy_domain = 'refused.example') EXECUTE FUNCTION refuse()
    """,
}
"""How to make a database refuse one policy domain, as it would by a defect of the schema."""


def test_data_that_the_database_refuses_stop_no_neighbour(
    dovecot_server: DovecotServer, user: str, database_url: str
) -> None:
    engine = make_url(database_url).get_backend_name()
    xml = Report(3).xml.replace(b"<domain>", b"<domain>refused.example</domain><domain>", 1)
    refused = mail_of(3, xml, "retry", "INBOX")
    posts = [report_mail(1), report_mail(2), refused, report_mail(4)]
    deliver(dovecot_server, user, *posts)
    open_database(Settings.model_validate({"database": database_url})).close()
    execute(database_url, REFUSING[engine])
    assert poll(imap(dovecot_server, user), database_url) == {"stored": 3, "retry": 1}
    assert dovecot_server.messages(user)["INBOX"] == [refused.message_id]
    [(reason,)] = ask(database_url, "SELECT reason FROM message JOIN message_raw ON message_key = id")
    assert "not in this house" in reason
    execute(database_url, f"DROP TRIGGER refuse{' ON report' if engine == 'postgresql' else ''}")
    assert poll(imap(dovecot_server, user), database_url) == {"stored": 1}
    assert ask(database_url, "SELECT outcome, attempts FROM message WHERE uid = '3'") == [("stored", 2)]
    assert ask(database_url, "SELECT * FROM message_raw") == []


def test_a_name_too_long_for_any_index_is_stored_cut(
    dovecot_server: DovecotServer, user: str, database_url: str
) -> None:
    digits = "".join(f"{number:x}" for number in range(5_000))  # too varied to be compressed into a page
    long = mail_of(
        2, Report(2).xml.replace(b"<header_from>", b"<header_from>" + digits.encode()), "stored", "Processed"
    )
    deliver(dovecot_server, user, report_mail(1), long, report_mail(3))
    assert poll(imap(dovecot_server, user), database_url) == {"stored": 3}
    [(longest,)] = ask(database_url, "SELECT max(length(header_from)) FROM record")
    assert longest == 255
