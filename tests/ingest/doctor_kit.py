"""What the tests of `ruamill doctor` ask of its findings."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ingest.doctor.findings import Finding, Level

NOBODY = 65534


def the(findings: list[Finding], check: str) -> Finding:
    """Give the only finding of a check."""
    found = [finding for finding in findings if finding.check == check]
    assert len(found) == 1, findings
    return found[0]


def worst(findings: list[Finding]) -> Level:
    """Give the level of the worst of them."""
    order = [Level.OK, Level.NOTE, Level.WARNING, Level.SKIPPED, Level.WRONG]
    return max((finding.level for finding in findings), key=order.index)


@contextmanager
def nobodys_folder() -> Iterator[Path]:
    """Give an empty folder that only root may write to; for tests that become somebody else."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with TemporaryDirectory(prefix="ruamill-doctor-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be an ordinary user for a while."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
