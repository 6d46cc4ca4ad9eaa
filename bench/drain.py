"""Drain a mailbox: so many report mails wait in a real Dovecot, `ruamill poll` puts them into SQLite, and is interrupted.

    python -m bench.drain 10000
    python -m bench.drain 100000 --interrupt

Out come messages per second and the peak of memory of each run. With --interrupt the first run is ended by SIGTERM, the
second by SIGKILL, and a third goes on to the end. Afterwards every report must be stored once, and every mail moved.
"""

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.machine import description
from bench.make_corpus import DAY, FIRST_DAY, SEED
from bench.report_mail import mail
from bench.report_xml import Report, pieces
from bench.reporters import REPORTER_WEIGHTS, REPORTERS
from bench.senders import DOMAINS, sending
from bench.tables import Table, show
from tests.servers.dovecot import DovecotServer

RUAMILL = Path(sys.executable).with_name("ruamill")
USER = "reports"
LOOKED_SECONDS = 1.0
"""Between two looks at how far a run has come."""

INTERRUPTIONS = ((signal.SIGTERM, 0.2), (signal.SIGKILL, 0.5))
"""How a run is ended, and at which share of all messages."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of `ruamill poll` took, until it ended or was ended."""

    ended_by: str
    messages: int
    seconds: float
    peak_mib: float


def report_mails(number: int) -> Iterator[bytes]:
    """Make mails, each with a report of its own of one or two records."""
    for which in range(number):
        rng = Random(f"{SEED} drain {which}")
        reporter = rng.choices(REPORTERS, REPORTER_WEIGHTS)[0]
        begin = FIRST_DAY + rng.randrange(30) * DAY
        report = Report(reporter, rng.choice(DOMAINS), f"drain.{which}", begin, begin + DAY - 1)
        records = [sending(rng, report.domain) for _ in range(rng.randint(1, 2))]
        yield mail(report, "".join(pieces(report, records)).encode(), rng)


def drain(
    server: DovecotServer, folder: Path, interruptions: Sequence[tuple[int, float]], all_: int
) -> list[Run]:
    """Poll until nothing waits, interrupted as asked for."""
    ends = [(number, int(share * all_)) for number, share in interruptions]
    return [_poll(server, folder, number, until) for number, until in [*ends, (0, all_)]]


def _poll(server: DovecotServer, folder: Path, number: int, until: int) -> Run:
    """Run it once; end it by a signal (0: not at all) as soon as so many messages are stored."""
    before, started, peak = _stored(folder), time.monotonic(), 0.0
    with subprocess.Popen([RUAMILL, "--config", _configuration(server, folder), "poll"]) as process:
        while process.poll() is None:
            peak = max(peak, _peak_mib(process.pid))
            if number and _stored(folder) >= until:
                process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOKED_SECONDS)
    if process.returncode not in (0, -number):
        sys.exit(f"ruamill ended with {process.returncode}")
    name = signal.Signals(number).name if number else "itself"
    return Run(name, _stored(folder) - before, time.monotonic() - started, peak)


def _configuration(server: DovecotServer, folder: Path) -> Path:
    """Write ruamill.toml: values of JSON mean the same in TOML."""
    mailbox = {"host": server.host, "port": server.imaps_port, "ca_file": str(server.ca_file), "user": USER}
    table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in mailbox.items())
    config = folder / "ruamill.toml"
    config.write_text(
        f'database = "sqlite:///{folder}/ruamill.db"\n[[mailbox]]\n{table}password = "{server.password}"\n'
    )
    return config


def _stored(folder: Path) -> int:
    database = folder / "ruamill.db"
    if not database.exists():
        return 0
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'message'").fetchone()[0]
        return int(connection.execute("SELECT count(*) FROM message").fetchone()[0]) if made else 0


def _peak_mib(process: int) -> float:
    """Read the largest resident set so far, which the kernel counts from the start of the program (proc(5), VmHWM)."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0)


def _check(server: DovecotServer, folder: Path, number: int) -> None:
    """Count what is stored and where the mails are."""
    with sqlite3.connect(folder / "ruamill.db") as connection:
        stored = connection.execute(
            "SELECT count(*), count(DISTINCT report_id) FROM report WHERE counted"
        ).fetchone()
        outcomes = dict(connection.execute("SELECT outcome, count(*) FROM message GROUP BY 1").fetchall())
    with server.connect(USER) as client:
        mails = [client.folder_status(name, ["MESSAGES"])[b"MESSAGES"] for name in ("INBOX", "Processed")]
    if stored != (number, number) or outcomes != {"stored": number} or mails != [0, number]:
        sys.exit(f"{number:,} reports were sent; stored {stored}, {outcomes}; in INBOX and Processed {mails}")


def main() -> None:
    """Fill the mailbox, drain it, check, and print the table."""
    parser = argparse.ArgumentParser(description="Drain a mailbox with many waiting reports.")
    parser.add_argument("messages", type=int, nargs="?", default=100_000)
    parser.add_argument(
        "--interrupt", action="store_true", help="end the first run by SIGTERM, the second by SIGKILL"
    )
    given = parser.parse_args()
    print(f"{description()}, load {os.getloadavg()[0]:.1f}")
    with DovecotServer() as server, TemporaryDirectory() as folder:
        server.deliver(USER, report_mails(given.messages))
        runs = drain(server, Path(folder), INTERRUPTIONS if given.interrupt else (), given.messages)
        _check(server, Path(folder), given.messages)
    rows = [
        (
            run.ended_by,
            f"{run.messages:,}",
            f"{run.seconds:,.0f}",
            f"{run.messages / run.seconds:,.0f}",
            f"{run.peak_mib:,.0f}",
        )
        for run in runs
    ]
    columns = ("ended by", "messages", "wall s", "messages/s", "peak MiB")
    show(Table(f"{given.messages:,} messages waiting in Dovecot, into SQLite", columns, tuple(rows)))
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
