"""`ruamill run`: the daemon."""

import gc
import os
import sys
from threading import Event

from ingest import daemon, logs
from ingest.commands.poll import choose
from ingest.settings import Settings
from ingest.signals import Listening
from ingest.status import DONE


def run(settings: Settings) -> int:
    """Look after the mailboxes until told to stop."""
    logs.set_up(settings.log)
    choose(settings, [])  # nothing to poll is wrong use, told before anything is opened
    stop = Event()
    listening = Listening(stop)
    gc.freeze()  # what start-up made lives to the end, and is not looked through again
    worn_out = daemon.run(settings, stop)
    listening.end()
    if worn_out and not stop.is_set():
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (this very program, anew)
    return DONE
