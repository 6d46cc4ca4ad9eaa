"""What is kept of how domains stand is what the commands say, of the sample mailbox as `make demo` makes it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from store import standing
from store.database import Database
from store.policies import policy_domains
from summary import standing_json
from summary.readiness import PERIODS, Readiness
from summary.sources import SourceLine
from summary.standing import KEPT_ADDRESSES, Standing
from tests.ingest import sample
from tests.ingest.test_sources import ruamill, told


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the sample mailbox, looked up and judged."""
    return sample.make(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def kept(demo: Path) -> Iterator[dict[str, Standing]]:
    """Give how every domain of the sample mailbox stands."""
    database = Database(f"sqlite:///{demo}/build/demo/ruamill.db")
    with database.reading() as connection:
        found = {name: standing.load(connection, name, PERIODS) for name in policy_domains(connection)}
    read = {name: standing_json.read(it) for name, it in found.items() if it}
    yield {name: it for name, it in read.items() if it}
    database.close()


def as_json(value: object, kind: Any) -> Any:
    """Give a value as the commands print it."""
    return json.loads(TypeAdapter(kind).dump_json(value))


def test_every_domain_is_kept(demo: Path, kept: dict[str, Standing]) -> None:
    assert kept.keys() == {it["domain"] for it in told(cwd=demo)}
    assert len(kept) > 1


@pytest.mark.parametrize("days", PERIODS)
def test_the_sources_are_those_of_the_command(demo: Path, kept: dict[str, Standing], days: int) -> None:
    for found in told("--days", str(days), cwd=demo):
        stands = kept[found["domain"]]
        assert found["last_day"] == stands.last_day.isoformat()
        assert found["reported_days"] == stands.reported_days[days]
        lines = stands.lines[days]
        assert [len(it["addresses"]) for it in found["sources"]] == [it.addresses for it in lines]
        shown = [it | {"addresses": it["addresses"][:KEPT_ADDRESSES]} for it in found["sources"]]
        assert as_json(tuple(it.source for it in lines), tuple[SourceLine, ...]) == shown


def test_readiness_is_that_of_the_command(demo: Path, kept: dict[str, Standing]) -> None:
    for name, stands in kept.items():
        found = json.loads(ruamill("readiness", name, "--json", cwd=demo).stdout)
        assert as_json(stands.readiness, Readiness) == found
