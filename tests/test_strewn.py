"""10,000 ordinary mails with the hostile inputs strewn in, through one `ruamill ingest`: every ordinary one is stored.

And each hostile one is rejected with its reason, in memory that stays bounded.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.measure import Figures, measure
from fixtures.carriers import attachment
from parsers.message import looks_like_mail
from tests.hostile.containers import CONTAINERS
from tests.hostile.documents import DOCUMENTS
from tests.hostile.inputs import GZIP, MAIL, NAME, Hostile
from tests.hostile.mails import MAILS
from tests.ingest.mailbox_kit import Post, ask, check_database, report_mail
from tests.ingest.program import RUAMILL, Program
from tests.test_corpus import understandable

ORDINARY = 10_000
MOST_MIB = 450
"""Of the process: 90 when idle, 300 for the message that is read, the rest for a batch of those that were."""
MOST_MIB_A_WORKER = 350
"""50 when idle, and as much for the message that is read."""
MOST_ATTACHED = 20 << 20
"""Bytes of a file that is attached: base64 would make a larger one a mail that is not even read."""
CROWD = 25
"""Mails, so small that they come in one batch."""


def rejected(hostile: Hostile) -> bool:
    """Tell whether nothing in it is taken; what is stored in part, or fills the process with names, is tried alone."""
    said = f"{hostile.said}{hostile.besides}"
    return not any(word in said for word in ("report$", "exhausted", "ReadTlsReport"))


def hostile_mails() -> Iterator[bytes]:
    """Make the mails of which nothing is taken."""
    return (
        mailed(hostile.make()) for hostile in (CONTAINERS | DOCUMENTS | MAILS).values() if rejected(hostile)
    )


def mailed(content: bytes) -> bytes:
    """Attach a file to a mail, unless it is a mail itself."""
    if looks_like_mail(content) or len(content) > MOST_ATTACHED:
        return content
    return MAIL + attachment(GZIP, NAME, content)


def strewn(folder: Path) -> Iterator[tuple[str, Post | None]]:
    """Write the mails as files, the hostile ones spread among the others; give each name, and the ordinary mails."""
    folder.mkdir()
    hostile = hostile_mails()
    distance = ORDINARY // len(CONTAINERS | DOCUMENTS | MAILS)
    for number in range(ORDINARY):
        post = report_mail(number)
        (folder / f"{number:05}.eml").write_bytes(post.content)
        yield f"{number:05}.eml", replace(post, content=b"")
        if number % distance == 0 and (content := next(hostile, None)):
            (folder / f"{number:05}-hostile.eml").write_bytes(content)
            yield f"{number:05}-hostile.eml", None


def ingest(folder: Path, url: str, workers: int = 1) -> Figures:
    """Run `ruamill ingest` on the mails in the folder. Raises CommandFailedError unless its exit status is 0."""
    Program(folder, url)
    command = [str(RUAMILL), "ingest", "--workers", str(workers), str(folder / "mails")]
    return measure(command, cwd=folder, environment=os.environ)


class Run:
    """What was sent, what the ledger says after it, and what reading it took."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.url = f"sqlite:///{folder}/ruamill.db"
        self.workers = workers
        self.sent = dict(strewn(folder / "mails"))
        self.figures = ingest(folder, self.url, workers)
        shutil.rmtree(folder / "mails")
        rows = ask(self.url, "SELECT uid, outcome, reason FROM message")
        self.ledger = {uid: (outcome, reason) for uid, outcome, reason in rows}


@pytest.fixture(scope="module", params=[1, 2], ids=["alone", "two-workers"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("strewn"), request.param)


def test_every_mail_has_its_row_and_every_ordinary_one_is_stored(run: Run) -> None:
    assert run.ledger.keys() == run.sent.keys()
    assert {run.ledger[name][0] for name, post in run.sent.items() if post} == {"stored"}


def test_every_hostile_mail_is_rejected_with_its_reason(run: Run) -> None:
    found = [run.ledger[name] for name, post in run.sent.items() if post is None]
    assert len(found) == sum(map(rejected, (CONTAINERS | DOCUMENTS | MAILS).values()))
    assert {outcome for outcome, _ in found} <= {"refused", "corrupt"}
    assert [reason for _, reason in found if not understandable(reason)] == []


def test_the_database_holds_the_ordinary_reports_and_nothing_else(run: Run) -> None:
    rejections = [
        Post(name, b"", run.ledger[name][0], "Failed") for name, post in run.sent.items() if not post
    ]
    check_database(run.url, [*filter(None, run.sent.values()), *rejections])


def test_memory_stays_bounded(run: Run) -> None:
    workers = run.workers if run.workers > 1 else 0
    assert run.figures.peak_mib < MOST_MIB + workers * MOST_MIB_A_WORKER, run.figures


@pytest.mark.parametrize(
    "name", ["1,000,000 dkim elements in a record", "100 MiB of empty elements in the header"]
)
def test_many_in_a_row_take_no_more_memory_than_one(name: str, tmp_path: Path) -> None:
    """What was refused is let go at once, and not when the batch is stored."""
    (tmp_path / "mails").mkdir()
    content = mailed(DOCUMENTS[name].make())
    for number in range(CROWD):
        (tmp_path / "mails" / f"{number}.eml").write_bytes(content)
    assert ingest(tmp_path, f"sqlite:///{tmp_path}/ruamill.db").peak_mib < MOST_MIB
