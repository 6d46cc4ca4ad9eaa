"""SIGTERM and SIGINT in, the wish to stop out: heard by a thread of its own.

A handler would run between any two steps of the main thread, which may hold the very lock that the handler needs.
"""

import os
import signal
from threading import Event, Thread

import structlog

STOP_SECONDS = 9.0
"""How long the batch in hand may take once we are told to stop, and a server may hang. What is cut off then is not
committed, or committed and not moved: the next start finds it either way."""

LISTEN_SECONDS = 0.5
"""Between two looks whether to listen any longer."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()


class Listening:
    """SIGTERM or SIGINT sets `stop`, and the end comes within STOP_SECONDS; a second one ends the process at once.

    To be made before any other thread: all of them inherit that signals are not for them.
    """

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._over = Event()
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Listen no longer: signals wait for whoever listens next, in this process or in the program it becomes."""
        self._over.set()
        self._thread.join()

    def _listen(self) -> None:
        while signal.sigtimedwait(SIGNALS, LISTEN_SECONDS) is None:
            if self._over.is_set():
                return
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        self._stop.set()
        if not self._over.wait(STOP_SECONDS):
            log.warning("stopped_in_mid_poll", after_seconds=STOP_SECONDS)
            os._exit(0)  # no server may keep the process
