"""Somebody sets the clock of the machine while the daemon runs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.scene import Scene, some_mails
from tests.ingest.program import Daemon, Program, wait_until
from tests.servers.dovecot import DovecotServer
from tests.servers.relay import Relay

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
"""libfaketime, loaded into the daemon: it reads from a file how wrong the clock shall be."""


class Clock:
    """The clock that a process sees, right at first."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.jump(0)

    def jump(self, days: int) -> None:
        """Set it so many days forward; negative: back."""
        self._file.write_text(f"{days:+d}d\n")

    @contextmanager
    def seen(self) -> Iterator[None]:
        """Let processes that are started meanwhile see this clock."""
        variables = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # which no one can set
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            yield


def days_off(daemon: Daemon) -> int:
    """Tell how wrong the clock was when the daemon noted its last poll."""
    noted = datetime.fromisoformat(daemon.events("poll")[-1]["timestamp"])
    return round((noted - datetime.now(UTC)) / timedelta(days=1))


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed (apt-get install libfaketime)")
@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_jumps_does_not_matter(
    dovecot_server: DovecotServer, relay: Relay, url: str, tmp_path: Path, days: int
) -> None:
    scene, clock = Scene(dovecot_server, url), Clock(tmp_path / "clock")
    with ExitStack() as stack:
        with clock.seen():
            daemon = stack.enter_context(Daemon(Program(tmp_path, url, scene.account(relay))))
        daemon.wait_for("poll")
        clock.jump(days)
        scene.deliver(*some_mails(100))
        wait_until(lambda: scene.is_done() and days_off(daemon) == days)
        clock.jump(0)
        scene.deliver(*some_mails(200))
        wait_until(lambda: scene.is_done() and days_off(daemon) == 0)
        daemon.stop()
    assert not daemon.events("poll_failed")
    scene.check()
