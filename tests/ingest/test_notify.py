"""What systemd is told, over a real socket of its kind."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.monitoring import notify

PATIENCE = 10


@pytest.fixture(params=["file", "abstract"])
def listener(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """Listen as systemd does, at a file or at one of Linux's abstract names."""
    monkeypatch.chdir(tmp_path)
    name = f"ruamill-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    if len(name) > 100:
        pytest.skip("the test folder's name is too long for a socket")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(f"\0{name}" if request.param == "abstract" else name)
        listening.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if request.param == "abstract" else name)
        yield listening


def test_each_message_is_one_datagram(listener: socket.socket) -> None:
    notify.ready()
    notify.watchdog()
    notify.status("two mailboxes,\none of them away")
    notify.stopping()
    told = [listener.recv(4096) for _ in range(4)]
    assert told == [b"READY=1", b"WATCHDOG=1", b"STATUS=two mailboxes, one of them away", b"STOPPING=1"]


@pytest.mark.parametrize("address", [None, "", "relative", "/nowhere/at/all", "@nobody-listens-here"])
def test_nothing_happens_where_nobody_listens(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.ready()


def test_a_listener_that_does_not_read_does_not_keep_us(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "SEND_SECONDS", 0.01)
    for _ in range(100):
        notify.watchdog()
    assert listener.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("microseconds", "process", "seconds"),
    [
        (None, None, None),
        ("120000000", None, 120.0),
        ("120000000", str(os.getpid()), 120.0),
        ("120000000", "1", None),
        ("0", None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdog_is_known_from_the_environment(
    microseconds: str | None, process: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WATCHDOG_USEC", microseconds), ("WATCHDOG_PID", process)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert notify.watchdog_seconds() == seconds
