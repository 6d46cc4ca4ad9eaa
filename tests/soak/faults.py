"""What goes wrong in a soak: each fault begins, lasts as long as its `with`, and leaves the outside world whole again."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from random import Random

import psycopg
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from store.database import WRITE_LOCK
from tests.servers.relay import Relay, Way
from tests.soak.house import PRIVATE, REPORTS, SHARED, STEADY, House

Fault = Callable[[House, Random], AbstractContextManager[None]]

AWAY = "Away"
PATIENCE = 30
TOGETHER = 0.25
"""How often two faults come at once."""


def _relay(house: House, chance: Random) -> Relay:
    return chance.choice([house.mail_relay, house.database_relay])


@contextmanager
def cut(house: House, chance: Random) -> Iterator[None]:
    """Cut every connection at once."""
    _relay(house, chance).cut()
    yield


@contextmanager
def cut_in_mid_stream(house: House, chance: Random) -> Iterator[None]:
    """Cut a connection some bytes further on."""
    relay = _relay(house, chance)
    relay.after(chance.randrange(20_000), chance.choice(list(Way)), lambda: False)
    yield


@contextmanager
def stall(house: House, chance: Random) -> Iterator[None]:
    """Let a line fall silent, one way or both."""
    relay = _relay(house, chance)
    relay.stall(*chance.choice([(Way.UP,), (Way.DOWN,), ()]))
    try:
        yield
    finally:
        relay.flow()


@contextmanager
def throttle(house: House, chance: Random) -> Iterator[None]:
    """Let a line be slow."""
    relay = _relay(house, chance)
    relay.throttle(chance.choice([2_000, 20_000, 100_000]))
    try:
        yield
    finally:
        relay.flow()


@contextmanager
def corrupt(house: House, chance: Random) -> Iterator[None]:
    """Flip bits on their way; TLS tells."""
    _relay(house, chance).corrupt(
        chance.choice(list(Way)), bits=chance.randint(1, 3), seed=chance.randrange(1 << 16)
    )
    yield


@contextmanager
def refuse(house: House, chance: Random) -> Iterator[None]:
    """Let nobody connect, and hang up on those who are."""
    relay = _relay(house, chance)
    relay.refuse()
    relay.cut()
    try:
        yield
    finally:
        relay.accept()


@contextmanager
def mail_server_restart(house: House, chance: Random) -> Iterator[None]:
    """Stop the mail server as a power cut does, and start it again."""
    del chance
    house.dovecot.stop()
    try:
        yield
    finally:
        house.dovecot.start()


@contextmanager
def new_uids(house: House, chance: Random) -> Iterator[None]:
    """Let the mail server lose the UIDs of a folder while it is down: UIDVALIDITY changes."""
    house.dovecot.stop()
    maildir = house.dovecot.directory / "mail" / chance.choice([STEADY, SHARED]) / "Maildir"
    for file in (maildir / "dovecot-uidlist", *maildir.glob("dovecot.index*")):
        file.unlink(missing_ok=True)
    try:
        yield
    finally:
        house.dovecot.start()


@contextmanager
def database_restart(house: House, chance: Random) -> Iterator[None]:
    """Stop the database as a power cut does, and start it again."""
    del chance
    house.postgres.stop()
    try:
        yield
    finally:
        house.postgres.start()


@contextmanager
def database_lock(house: House, chance: Random) -> Iterator[None]:
    """Hold the lock that every writer needs."""
    del chance
    with psycopg.connect(house.url) as somebody:
        somebody.execute(b"SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))
        yield


@contextmanager
def daemon_killed(house: House, chance: Random) -> Iterator[None]:
    """Kill one of the two daemons that share a mailbox."""
    keeper = chance.choice(house.pair)
    keeper.kill()
    try:
        yield
    finally:
        keeper.start()


@contextmanager
def daemon_lost(house: House, chance: Random) -> Iterator[None]:
    """Kill the daemon that works, for good: the one that stands by must take over."""
    working = [keeper for keeper in house.pair if keeper.works()]
    chance.choice(working or house.pair).kill()
    yield


@contextmanager
def daemon_stopped(house: House, chance: Random) -> Iterator[None]:
    """Ask one of the two daemons to end."""
    keeper = chance.choice(house.pair)
    keeper.stop()
    try:
        yield
    finally:
        keeper.start()


@contextmanager
def folder_away(house: House, chance: Random) -> Iterator[None]:
    """Rename a folder that is polled, and back."""
    user = chance.choice([STEADY, SHARED])
    with house.reports_folder:
        _as_person(house, user, lambda client: client.rename_folder(REPORTS, AWAY))
        try:
            yield
        finally:
            _as_person(house, user, lambda client: client.rename_folder(AWAY, REPORTS))


@contextmanager
def mail_taken(house: House, chance: Random) -> Iterator[None]:
    """Take mails out of the daemon's hands, and put them back; flag what else lies there."""
    user = chance.choice([STEADY, SHARED])
    _as_person(house, user, lambda client: _file_some(client, chance))
    try:
        yield
    finally:
        _as_person(house, user, _put_back)


def _file_some(client: IMAPClient, chance: Random) -> None:
    client.select_folder("INBOX")
    waiting = client.search("UNFLAGGED")
    for uid in chance.sample(waiting, min(3, len(waiting))):
        client.move([uid], PRIVATE)


def _put_back(client: IMAPClient) -> None:
    client.select_folder(PRIVATE)
    if taken := client.search():
        client.move(taken, "INBOX")


def _as_person(house: House, user: str, act: Callable[[IMAPClient], object]) -> None:
    """Do something in a mailbox as its owner, who tries until it is done."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with house.dovecot.connect(user) as client:
                act(client)
                return
        except (IMAPClientError, OSError) as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{user} cannot work in the mailbox: {error}") from error
            time.sleep(0.2)


FAULTS: dict[str, tuple[Fault, int]] = {
    "connections cut": (cut, 10),
    "connection cut in mid-stream": (cut_in_mid_stream, 20),
    "line silent": (stall, 12),
    "line slow": (throttle, 8),
    "bits flipped": (corrupt, 12),
    "connections refused": (refuse, 8),
    "mail server stopped": (mail_server_restart, 6),
    "mail server lost its UIDs": (new_uids, 2),
    "database stopped": (database_restart, 6),
    "database locked": (database_lock, 4),
    "daemon killed": (daemon_killed, 6),
    "daemon lost, another takes over": (daemon_lost, 3),
    "daemon asked to end": (daemon_stopped, 3),
    "folder renamed away": (folder_away, 4),
    "mail taken and put back": (mail_taken, 6),
}
"""What a person would call it -> the fault, and how often it comes, in proportion."""

ONE_AT_A_TIME = (
    {"mail server stopped", "mail server lost its UIDs", "folder renamed away", "mail taken and put back"},
    {"database stopped", "database locked"},
    {"daemon killed", "daemon lost, another takes over", "daemon asked to end"},
)
"""Faults that stop the same thing, or need what the other one stops."""


def choose(chance: Random) -> tuple[str, ...]:
    """Choose what goes wrong next: one fault, now and then two at once."""
    weights = [weight for _, weight in FAULTS.values()]
    first, second = chance.choices(list(FAULTS), weights, k=2)
    apart = first == second or any({first, second} <= those for those in ONE_AT_A_TIME)
    return (first,) if apart or chance.random() > TOGETHER else (first, second)
