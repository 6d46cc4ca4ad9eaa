"""Reading in several processes: the same as in one, whatever becomes of them."""

import gzip
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ingest import workers
from ingest.reading import Arrival, Taken, rules
from ingest.settings import Settings
from ingest.workers import ALONE, CHUNK_MESSAGES, read_all
from parsers.feedback import is_exhausted
from store.ledger import Place, Sighting
from tests.ingest.mailbox_kit import (
    check_database,
    corrupt_mail,
    expected_folders,
    folders_of_maildir,
    make_maildir,
    mixed_mailbox,
    report_mail,
)
from tests.ingest.program import PATIENCE, RUAMILL, Program, wait_until

PLACE = Place("box", "INBOX", 1)
BY = rules(Settings())
MANY = ALONE + 10 * CHUNK_MESSAGES


def arrivals(number: int) -> list[Arrival]:
    """Give messages, a few of them damaged."""
    posts = [report_mail(each) if each % 30 else corrupt_mail(each) for each in range(1, number + 1)]
    return [
        Arrival(Sighting(PLACE, str(uid)), it.content, len(it.content)) for uid, it in enumerate(posts, 1)
    ]


def said(taken: Iterable[Taken]) -> list[tuple[Any, ...]]:
    """Give what is told of each message; errors are equal by their words."""
    return [
        (
            it.message.sighting.uid,
            it.message.problem,
            [(refusal.name, str(refusal.error)) for refusal in it.message.refusals],
            replace(it.message, refusals=()),
        )
        for it in taken
    ]


class Deadly(Arrival):
    """A message that is the death of whoever gets it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


def deadly(arrival: Arrival) -> Arrival:
    return Deadly(arrival.sighting, arrival.raw, arrival.size)


def test_what_several_read_is_what_one_reads() -> None:
    posts = arrivals(MANY)
    assert said(read_all(posts, BY, 3)) == said(read_all(posts, BY, 1))


def test_messages_that_are_heavy_together_come_in_the_same_order() -> None:
    xml = (
        Path("fixtures/reports/google.xml")
        .read_bytes()
        .replace(b"</feedback>", b" " * 1_500_000 + b"</feedback>")
    )
    heavy = [gzip.compress(xml.replace(b"<org_name>", b"<org_name>%d" % number)) for number in range(20)]
    posts = arrivals(ALONE) + [
        Arrival(Sighting(PLACE, f"{n}.xml.gz"), it, len(it)) for n, it in enumerate(heavy)
    ]
    assert said(read_all(posts, BY, 2)) == said(read_all(posts, BY, 1))


def test_few_messages_need_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(workers, "ProcessPoolExecutor")
    assert len(said(read_all(arrivals(ALONE), BY, 2))) == ALONE


def test_a_message_at_which_a_worker_dies_takes_no_other_along() -> None:
    posts = arrivals(MANY)
    worst = {ALONE + 3, ALONE + 4, MANY - 1}
    found = said(read_all((deadly(it) if n in worst else it for n, it in enumerate(posts)), BY, 2))
    expected = said(read_all(posts, BY, 1))
    for number, (it, as_expected) in enumerate(zip(found, expected, strict=True)):
        if number in worst:
            assert it[:2] == (as_expected[0], "the process that read it died")
        else:
            assert it == as_expected


def test_workers_that_are_killed_leave_nothing_unread() -> None:
    posts = arrivals(MANY)

    def coming() -> Iterator[Arrival]:
        for number, it in enumerate(posts):
            if number in {ALONE + 30, ALONE + 60}:
                for child in active_children():
                    child.kill()
            yield it

    assert said(read_all(coming(), BY, 2)) == said(read_all(posts, BY, 1))


class Exhausting(Arrival):
    """A message on whose way in names fill all that libxml2 keeps of them in a process."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exhausted, (self.sighting, self.raw, self.size)


def exhausted(sighting: Sighting, raw: bytes, size: int) -> Arrival:
    """Give the message in a process that can read no new names."""
    length = 49_000
    for number in count():
        if is_exhausted():
            return Arrival(sighting, raw, size)
        names = "".join(f"<{'a' * length}{number}-{each}/>" for each in range(200))
        try:
            etree.fromstring(f"<feedback>{names}</feedback>")
        except etree.XMLSyntaxError:
            length = length // 2 or 1
    raise AssertionError


def test_a_worker_that_can_read_no_more_is_followed_by_another() -> None:
    xml = (
        Path("fixtures/reports/google.xml")
        .read_bytes()
        .replace(b"</row>", b"<a-name-that-nobody-knows/></row>")
    )
    raw = gzip.compress(xml)
    posts = [Arrival(Sighting(PLACE, f"{number}.xml.gz"), raw, len(raw)) for number in range(MANY)]
    worst = posts[ALONE]
    posts[ALONE] = Exhausting(worst.sighting, worst.raw, worst.size)
    problems = [problem for _, problem, *_ in said(read_all(posts, BY, 2))]
    assert all(
        "takes no new names" in (problem or "") for problem in problems[ALONE : ALONE + CHUNK_MESSAGES]
    )
    assert not any(problems[-CHUNK_MESSAGES:])


def members(session: int) -> list[int]:
    """Give the processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(") ")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def words(tmp_path: Path, folder: Path) -> list[str]:
    return ["--database", f"sqlite:///{tmp_path}/ruamill.db", "ingest", "--workers", "2", str(folder)]


@contextmanager
def reading(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start ruamill over more files than it gets done, in a session of its own; its workers are at work."""
    folder = tmp_path / "reports"
    folder.mkdir()
    for number in range(20 * ALONE):
        (folder / f"{number}.eml").write_bytes(report_mail(number).content)
    with subprocess.Popen(
        [RUAMILL, *words(tmp_path, folder)],
        start_new_session=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: len(members(process.pid)) >= 4)  # it, its fork server, two workers
        yield process


def test_workers_do_not_outlive_who_is_killed(tmp_path: Path) -> None:
    with reading(tmp_path) as process:
        process.kill()
        wait_until(lambda: not members(process.pid))


@pytest.fixture
def _heard() -> Iterator[None]:
    """Have Ctrl-C heard: what is started in the background of a script takes over that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heard")
def test_ctrl_c_ends_them_all_without_a_trace(tmp_path: Path) -> None:
    with reading(tmp_path) as process:
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in errors
        assert process.returncode == 130
        wait_until(lambda: not members(process.pid))


def test_a_mailbox_is_read_by_several_and_every_report_is_there_once(
    tmp_path: Path, database_url: str
) -> None:
    posts = mixed_mailbox()
    make_maildir(tmp_path / "Maildir", posts)
    box = {"kind": "maildir", "path": str(tmp_path / "Maildir")}
    done = Program(tmp_path, database_url, box).run("poll", "--json", "--workers", "3")
    assert done.returncode == 0, done.stderr
    check_database(database_url, posts)
    assert folders_of_maildir(tmp_path / "Maildir") == expected_folders(posts)


def test_nothing_is_imported_from_the_folder_it_is_started_in(tmp_path: Path) -> None:
    """Python puts it first where a program is given by -c, as multiprocessing gives them."""
    trap, folder = tmp_path / "trap", tmp_path / "reports"
    for name in ("ingest", "lxml", "multiprocessing", "socket"):
        (trap / name).mkdir(parents=True)
        (trap / name / "__init__.py").write_text(f"open({str(tmp_path / 'caught')!r}, 'w').close()\n")
    folder.mkdir()
    for number in range(ALONE + CHUNK_MESSAGES):
        (folder / f"{number}.eml").write_bytes(report_mail(number).content)
    done = subprocess.run(
        [RUAMILL, *words(tmp_path, folder)], cwd=trap, check=True, capture_output=True, text=True
    )
    assert f"{ALONE + CHUNK_MESSAGES} stored" in done.stdout
    assert not (tmp_path / "caught").exists()
