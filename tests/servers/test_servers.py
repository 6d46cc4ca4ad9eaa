"""The throw-away servers do what the other tests rely on."""

import smtplib
import ssl
import time

import psycopg
import pytest
from imapclient import IMAPClient
from sqlalchemy import create_engine, inspect

from tests.servers.dovecot import DovecotServer
from tests.servers.postgres import PostgresServer


def mail(number: int) -> bytes:
    return f"Message-ID: <{number}@example.org>\r\nSubject: {number}\r\n\r\nHello\r\n".encode()


def test_what_was_delivered_is_counted_in_order(dovecot_server: DovecotServer) -> None:
    dovecot_server.deliver("Order@example.org", map(mail, range(300)))
    assert dovecot_server.messages("order@example.org") == {
        "INBOX": [f"<{number}@example.org>" for number in range(300)]
    }


def test_a_moved_mail_is_counted_where_it_is(dovecot_server: DovecotServer) -> None:
    dovecot_server.deliver("mover", [mail(1), mail(2)])
    with dovecot_server.connect("mover") as client:
        client.create_folder("Processed")
        client.select_folder("INBOX")
        client.move([1], "Processed")
    assert dovecot_server.messages("mover") == {
        "INBOX": ["<2@example.org>"],
        "Processed": ["<1@example.org>"],
    }


def test_mail_delivered_during_a_session_is_seen(dovecot_server: DovecotServer) -> None:
    with dovecot_server.connect("live") as client:
        client.select_folder("INBOX")
        client.idle()
        dovecot_server.deliver("live", [mail(1)])
        assert (1, b"EXISTS") in client.idle_check(timeout=10)
        client.idle_done()


def test_lmtp_delivers(dovecot_server: DovecotServer) -> None:
    with smtplib.LMTP(dovecot_server.host, dovecot_server.lmtp_port) as client:
        client.sendmail("noreply@example.net", ["lmtp@example.org"], mail(7))
    assert dovecot_server.messages("lmtp@example.org") == {"INBOX": ["<7@example.org>"]}


def test_starttls_shows_the_same_certificate(dovecot_server: DovecotServer) -> None:
    context = ssl.create_default_context(cafile=dovecot_server.ca_file)
    with IMAPClient("localhost", dovecot_server.imap_port, ssl=False) as client:
        client.starttls(context)
        client.login("tls", dovecot_server.password)


def test_a_wrong_password_is_refused_without_delay(dovecot_server: DovecotServer) -> None:
    started = time.monotonic()
    for _ in range(3):
        with (
            IMAPClient(dovecot_server.host, dovecot_server.imap_port, ssl=False) as client,
            pytest.raises(IMAPClient.Error, match="AUTHENTICATIONFAILED"),
        ):
            client.login("stranger", "wrong")
    assert time.monotonic() - started < 4


@pytest.mark.dovecot
def test_capabilities_can_be_left_out() -> None:
    with DovecotServer(without={"MOVE", "UIDPLUS"}) as server, server.connect("plain") as client:
        assert {b"IDLE", b"UNSELECT"} <= set(client.capabilities())
        assert not {b"MOVE", b"UIDPLUS"} & set(client.capabilities())


@pytest.mark.dovecot
def test_a_restart_cuts_sessions_and_keeps_mail() -> None:
    with DovecotServer() as server:
        server.deliver("steady", [mail(1)])
        before = server.messages("steady")
        client = server.connect("steady")
        server.restart()
        with pytest.raises((IMAPClient.AbortError, OSError)):
            client.noop()
        client.shutdown()
        assert server.messages("steady") == before == {"INBOX": ["<1@example.org>"]}


def select_one(url: str) -> object:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone()


def test_databases_are_separate_and_empty(postgres_server: PostgresServer) -> None:
    first, second = postgres_server.create_database(), postgres_server.create_database()
    assert select_one(second) == (1,)
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE only_here ()")
    with psycopg.connect(second) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_a_test_gets_an_empty_database_on_each_engine(database_url: str) -> None:
    engine = create_engine(database_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_database_is_dropped_though_somebody_uses_it(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    with psycopg.connect(url) as connection:
        postgres_server.drop_database(url)
        with pytest.raises(psycopg.OperationalError, match="terminat"):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        select_one(url)


@pytest.mark.postgresql
def test_a_restart_breaks_connections_and_keeps_what_was_committed() -> None:
    with PostgresServer() as server:
        url = server.create_database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1")
            server.restart()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT * FROM kept").fetchone() == (1,)


@pytest.mark.dovecot
@pytest.mark.postgresql
def test_a_stopped_server_may_be_stopped_again() -> None:
    with DovecotServer() as mail_server, PostgresServer() as database_server:
        mail_server.stop()
        database_server.stop()
        with pytest.raises(ConnectionRefusedError):
            mail_server.connect("anybody")
        with pytest.raises(psycopg.OperationalError, match="refused"):
            select_one(database_server.url("postgres"))
