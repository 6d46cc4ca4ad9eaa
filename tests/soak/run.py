"""A soak: daemons, a mail server and a database, mail arriving all the time, and something going wrong every few seconds.

    python -m tests.soak.run --minutes 30

At the end every report that was sent must be stored once, and every mail lie in its folder. Logs go to build/soak.
"""

import argparse
import shutil
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random, randrange
from threading import Event, Thread

import psycopg

from tests.ingest.mailbox_kit import Post, check_reports, expected_folders, folders_of
from tests.soak.arrivals import Arrivals
from tests.soak.faults import FAULTS, choose
from tests.soak.figures import Figures, Recovery
from tests.soak.house import PRIVATE, REPORTS, House

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "hardening.md"
BEGIN, END = "<!-- soak:begin -->", "<!-- soak:end -->"

LASTS = 6.0
"""Seconds that a fault lasts at most."""
PAUSE = 1.5
"""Seconds between recovery and the next fault at most."""
PATIENCE = 300.0
"""Seconds after which the daemons count as not recovered."""
SAMPLE_SECONDS = 5.0


class Soak:
    """One run; `figures` fill while it goes on."""

    def __init__(self, folder: Path, seed: int, mails_per_second: float) -> None:
        self.figures = Figures(seed)
        self._folder = folder
        self._chance = Random(seed)  # noqa: S311 (what goes wrong, no secret)
        self._mails_per_second = mails_per_second
        self._started = time.monotonic()
        self._end = Event()

    def run(self, seconds: float) -> None:
        """Go on for so long, then let everything drain, and check it. Raises AssertionError, RuntimeError."""
        with (
            House(self._folder) as house,
            Arrivals(house, Random(self._chance.random()), self._mails_per_second) as arrivals,  # noqa: S311 (mail, no secret)
        ):
            self._recover(house, arrivals, ())
            observer = Thread(target=self._observe, args=(house, arrivals))
            observer.start()
            try:
                while self._seconds < seconds:
                    self._go_wrong(house, arrivals)
                arrivals.stop()
                self._recover(house, arrivals, ())
                _wait_until_drained(house, arrivals)
            finally:
                self._end.set()
                observer.join()
            for keeper in house.keepers:
                keeper.stop()
            self._check(house, arrivals)

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _go_wrong(self, house: House, arrivals: Arrivals) -> None:
        """Let a fault happen, now and then two at once, and wait until it is overcome."""
        names = choose(self._chance)
        with ExitStack() as faults:
            for name in names:
                faults.enter_context(FAULTS[name][0](house, self._chance))
            time.sleep(self._chance.uniform(0.2, LASTS))
        self._recover(house, arrivals, names)
        house.make_whole()
        time.sleep(self._chance.uniform(0, PAUSE))

    def _recover(self, house: House, arrivals: Arrivals, names: tuple[str, ...]) -> None:
        """Wait until mail that comes now is stored, from every mailbox."""
        started = time.monotonic()
        probes = arrivals.probe()
        while not _stored(house, probes):
            if not house.steady.runs:
                raise RuntimeError(f"the daemon that is never stopped has ended: see {house.steady.log}")
            if time.monotonic() - started > PATIENCE:
                raise RuntimeError(f"not recovered from {names or 'the start'}: reports {probes}")
            time.sleep(0.05)
        if names:
            self.figures.recoveries.append(Recovery(names, time.monotonic() - started))

    def _observe(self, house: House, arrivals: Arrivals) -> None:
        """Note the memory every few seconds; say each minute how it goes."""
        minute = 1
        while not self._end.wait(SAMPLE_SECONDS):
            self.figures.memory.append((self._seconds, house.steady.resident_mib()))
            if self._seconds > 60 * minute:
                minute += 1
                self._tell(arrivals)

    def _tell(self, arrivals: Arrivals) -> None:
        worst = max(self.figures.recoveries, key=lambda it: it.seconds, default=None)
        say(
            f"{self._seconds / 60:5.1f} min  {arrivals.number:6,} mails  {len(self.figures.recoveries):4} faults  "
            f"{self.figures.memory[-1][1]:6.1f} MiB  "
            + (f"worst recovery {worst.seconds:.1f} s ({', '.join(worst.faults)})" if worst else "")
        )

    def _check(self, house: House, arrivals: Arrivals) -> None:
        posts = [post for posts in arrivals.posts.values() for post in posts]
        self.figures.seconds = self._seconds
        self.figures.mails = len(posts)
        self.figures.reports = sum(len(post.reports) for post in posts)
        self.figures.starts = sum(keeper.starts - 1 for keeper in house.keepers)
        check_reports(house.url, posts)
        for user, of_user in arrivals.posts.items():
            self.figures.copies += _check_folders(house, user, of_user)


def _stored(house: House, report_ids: list[str]) -> bool:
    query = "SELECT count(*) FROM report WHERE report_id = ANY(%s)"
    try:
        return house.ask(query, report_ids) == [(len(report_ids),)]
    except psycopg.Error:  # away, or without tables yet
        return False


def _wait_until_drained(house: House, arrivals: Arrivals) -> None:
    """Wait until only ordinary mail is left where mail comes in."""
    deadline = time.monotonic() + PATIENCE
    while any(_left(house, user, posts) for user, posts in arrivals.posts.items()):
        if time.monotonic() > deadline:
            left = {user: _left(house, user, posts) for user, posts in arrivals.posts.items()}
            raise RuntimeError(f"not drained: {left}")
        time.sleep(1)


def _left(house: House, user: str, posts: list[Post]) -> set[str]:
    found = folders_of(house.dovecot, user)
    staying = {post.message_id for post in posts if post.folder == "INBOX"}
    return set(found["INBOX"] + found[REPORTS]) - staying


def _check_folders(house: House, user: str, posts: list[Post]) -> int:
    """State that every mail lies in its folder; give the number of those that lie there twice."""
    found = folders_of(house.dovecot, user)
    found["INBOX"] += found.pop(REPORTS) + found.pop(PRIVATE)
    expected = expected_folders(posts)
    for folder in expected.keys() | found.keys():
        there, wanted = found.get(folder, Counter()), expected.get(folder, Counter())
        assert not wanted - there, f"{user}: missing in {folder}: {wanted - there}"
        assert there.keys() <= wanted.keys(), f"{user}: not for {folder}: {there.keys() - wanted.keys()}"
    return sum((found.get(folder, Counter()) - mails).total() for folder, mails in expected.items())


def write_down(table: str) -> None:
    """Put the table into the documentation, in place of the one that is there."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")


def say(text: str) -> None:
    """Tell whoever waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=randrange(1 << 32), help="of what goes wrong")  # noqa: S311 (the same)
    parser.add_argument("--mails-per-second", type=float, default=2)
    parser.add_argument(
        "--write", action="store_true", help=f"put the figures into {DOCUMENT.relative_to(ROOT)}"
    )
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "soak", help="for the logs; emptied first"
    )
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    say(f"seed {options.seed}")
    soak = Soak(options.folder, options.seed, options.mails_per_second)
    try:
        soak.run(60 * options.minutes)
    except (AssertionError, RuntimeError) as error:
        say(f"failed after {soak.figures.recoveries[-3:]}: {error}\nlogs: {options.folder}")
        return 1
    table = soak.figures.table(f"{datetime.now(UTC):%Y-%m-%d}")
    say(f"\n{table}\n\n{soak.figures.copies} mails lie twice in their folder")
    if options.write:
        write_down(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
