"""What the tests stand on: real servers, a fresh database on each engine, the corpus of real reports.

What is missing skips the tests that need it, and the run ends by saying so; with CI=true it is an error.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import dovecot, postfix, postgres
from tests.servers.dovecot import DovecotServer
from tests.servers.postgres import PostgresServer

ROOT = Path(__file__).resolve().parent.parent
CORPUS = Path(os.environ.get("DMARC_CORPUS") or ROOT.parent / "shared" / "corpus").resolve()

FIXTURES = {"dovecot_server": "dovecot", "postgres_server": "postgresql", "corpus": "corpus"}
"""Who asks for the fixture gets the marker."""


def _missing_corpus() -> str | None:
    if not (CORPUS / "truth.jsonl").is_file():
        return f"no corpus of real reports in {CORPUS} (DMARC_CORPUS names its folder)"
    return None


def _missing_chromium() -> str | None:
    return None if shutil.which("chromium") else "no Chromium (Debian: chromium)"


MISSING = {
    "dovecot": dovecot.missing(),
    "postgresql": postgres.missing(),
    "postfix": postfix.missing(),
    "chromium": _missing_chromium(),
    "corpus": _missing_corpus(),
}
"""Marker -> why its tests cannot run here and how to get them; None where they can."""


def pytest_configure() -> None:
    """Insist on everything in CI, and keep the settings of whoever runs the tests out of them."""
    reasons = [reason for reason in MISSING.values() if reason]
    if reasons and os.environ.get("CI") == "true":
        raise pytest.UsageError("CI runs every test, but " + "; ".join(reasons))
    for variable in [name for name in os.environ if name.startswith("RUAMILL_")]:
        del os.environ[variable]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark who uses a server before `-m` chooses."""
    for item in items:
        for fixture in FIXTURES.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(FIXTURES[fixture])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot run here."""
    for marker, reason in MISSING.items():
        if reason and item.get_closest_marker(marker):
            pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests could not run, and how to get what they need."""
    skipped = [(str(report.longrepr), report.nodeid) for report in terminalreporter.getreports("skipped")]
    lines = []
    for reason in filter(None, MISSING.values()):
        files = Counter(nodeid.partition("::")[0] for why, nodeid in skipped if reason in why)
        lines += [f"{number} of {file}: {reason}" for file, number in files.items()]
    if lines:
        terminalreporter.section("tests that could not run here")
        terminalreporter.write("\n".join([*lines, ""]))


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[DovecotServer]:
    """One Dovecot for all tests; each takes a user name of its own."""
    with DovecotServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests; each makes a database of its own."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a fresh, empty database, on each engine in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ruamill.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Give the folder of the corpus of real reports."""
    return CORPUS
