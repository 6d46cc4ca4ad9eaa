"""2,000 damaged files of the corpus go through `ruamill ingest`: no defect, and none without an outcome and its reason.

The damage is the same at every run. Half of the files are bare reports, the rest is of all other kinds alike.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random

import pytest

from store.outcomes import Outcome
from tests.fuzz.mutation import mutate
from tests.ingest.mailbox_kit import ask
from tests.ingest.program import Program
from tests.test_corpus import (
    SOURCE_DAYS,
    SOURCE_DAYS_OF_RECORDS,
    SOURCES_SEEN,
    SOURCES_SEEN_OF_RECORDS,
    Line,
    lines,
    understandable,
)

FILES = {"sqlite": 2_000, "postgresql": 400}
SEED = 7489
DOMAIN_DAYS = "SELECT policy_domain, day, disposition, dkim, spf, messages, records FROM domain_day_rollup"
DOMAIN_DAYS_OF_RECORDS = """
SELECT coalesce(policy_domain, ''), day, coalesce(disposition, ''), coalesce(dkim, ''), coalesce(spf, ''),
       sum(messages), count(*)
FROM records_flat
GROUP BY 1, 2, 3, 4, 5
"""


def damaged(corpus: Path, number: int) -> Iterator[tuple[str, bytes]]:
    """Give so many damaged files with a name each."""
    for position, file in enumerate(islice(chosen(lines(corpus, "manifest.jsonl")), number)):
        path = corpus / file
        content = mutate(path.read_bytes(), Random(f"{SEED} {position}"))  # noqa: S311 (repeatable, no secret)
        yield f"{position:04}-{path.name}", content


def chosen(manifest: list[Line]) -> Iterator[str]:
    """Give a bare report and a file of another kind in turn; of the other kinds one after the other, again and again."""
    by_kind: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in manifest:
        by_kind[line["category"], line["kind"]].append(line["file"])
    bare = cycle(by_kind.pop(("dmarc", "xml")))
    others = [cycle(files) for files in by_kind.values()]
    for other in cycle(others):
        yield next(bare)
        yield next(other)


@dataclass(frozen=True)
class Ingested:
    """The database after the damaged files, what the program said, and the files' names."""

    url: str
    errors: str
    files: frozenset[str]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def ingested(
    request: pytest.FixtureRequest, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Ingested:
    folder = tmp_path_factory.mktemp("mutations")
    url = f"sqlite:///{folder}/ruamill.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").create_database()
    (folder / "files").mkdir()
    for name, content in damaged(corpus, FILES[request.param]):
        (folder / "files" / name).write_bytes(content)
    done = Program(folder, url).run("ingest", "--json", str(folder / "files"))
    assert done.returncode == 0, done.stdout + done.stderr
    return Ingested(url, done.stderr, frozenset(path.name for path in (folder / "files").iterdir()))


def test_nothing_was_unhandled(ingested: Ingested) -> None:
    assert ingested.errors == ""


def test_every_file_has_an_outcome(ingested: Ingested) -> None:
    """Two of the mails of the corpus are mboxes, of which damage may make two mails or more."""
    rows = ask(ingested.url, "SELECT uid, outcome FROM message")
    assert {uid.partition("#")[0] for uid, _ in rows} == ingested.files
    assert {outcome for _, outcome in rows} <= set(Outcome) - {Outcome.RETRY}
    assert max(Counter(uid for uid, _ in rows).values()) == 1


def test_what_was_not_stored_has_a_reason(ingested: Ingested) -> None:
    rows = ask(ingested.url, "SELECT uid, outcome, reason FROM message")
    for uid, outcome, reason in rows:
        if outcome in {"corrupt", "refused", "not_a_report", "partial"}:
            assert understandable(reason), (uid, reason)


def test_the_damage_leaves_something_of_every_outcome(ingested: Ingested) -> None:
    outcomes = {outcome for (outcome,) in ask(ingested.url, "SELECT DISTINCT outcome FROM message")}
    assert outcomes >= {"stored", "partial", "duplicate", "conflict", "not_a_report", "corrupt"}


@pytest.mark.parametrize(
    ("rollup", "records"),
    [
        (DOMAIN_DAYS, DOMAIN_DAYS_OF_RECORDS),
        (SOURCE_DAYS, SOURCE_DAYS_OF_RECORDS),
        (SOURCES_SEEN, SOURCES_SEEN_OF_RECORDS),
    ],
    ids=["domain_day_rollup", "source_day_rollup", "source_seen"],
)
def test_the_rollups_are_the_sums_of_the_records(ingested: Ingested, rollup: str, records: str) -> None:
    assert Counter(ask(ingested.url, rollup)) == Counter(ask(ingested.url, records))
