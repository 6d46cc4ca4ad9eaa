"""IDLE (RFC 2177): an open folder in, out whether new mail came.

imapclient's own idle_check takes a closed connection for silence, and does not see what came in one piece with the
answer before it. So the bytes are only waited for here; DONE and its answer say what they were, and that the server
is alive.
"""

import select
import ssl
import time
from contextlib import suppress
from threading import Event
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

RENEWED = 9 * 60.0
"""Seconds of one IDLE: servers may log out who is silent for half an hour (RFC 2177 3), and some do after ten minutes."""

LOOKED = 1.0
"""Seconds between two looks whether to stop."""

GOODBYE = 1.0
"""Seconds for which a server's last answer is waited for."""


def wait_for_mail(client: IMAPClient, messages: int, seconds: float, stop: Event) -> bool:
    """Wait until the folder has more than its messages, or the time is over, or `stop` is set; tell whether it has."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and not stop.is_set():
        for response in _idle(client, min(left, RENEWED), stop):
            before, messages = messages, _counted(messages, response)
            if messages > before:
                return True
    return False


def _counted(messages: int, response: tuple[Any, ...]) -> int:
    """Count the messages after a response (RFC 9051 7.4.1, 7.5.1)."""
    match response:
        case (int(number), b"EXISTS"):
            return number
        case (int(), b"EXPUNGE"):
            return messages - 1
        case _:
            return messages


def _idle(client: IMAPClient, seconds: float, stop: Event) -> list[tuple[Any, ...]]:
    """Give what the server says in one IDLE, which ends with the first thing said."""
    client.idle()
    if not _unread(client):
        _wait_for_bytes(client, seconds, stop)
    if not stop.is_set():
        return list(client.idle_done()[1])
    client.socket().settimeout(GOODBYE)
    with suppress(IMAPClientError, OSError):  # nobody needs the answer any more
        client.idle_done()
    return []


def _wait_for_bytes(client: IMAPClient, seconds: float, stop: Event) -> None:
    poller = select.poll()
    poller.register(client.socket(), select.POLLIN)
    deadline = time.monotonic() + seconds
    while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
        if poller.poll(min(left, LOOKED) * 1000):
            return


def _unread(client: IMAPClient) -> bool:
    """Tell whether more was read together with the answer before: no poll would tell of that."""
    imap = client._imap  # noqa: SLF001 (imapclient has no way to ask)
    if hasattr(imap, "_readbuf"):  # from Python 3.14 on
        return bool(imap._readbuf)  # noqa: SLF001 (the same)
    socket = client.socket()
    timeout = socket.gettimeout()
    socket.settimeout(0)
    try:
        return bool(imap.file.peek(1))
    except ssl.SSLWantReadError:
        return False
    finally:
        socket.settimeout(timeout)
