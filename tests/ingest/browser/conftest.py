"""The sites that are looked at, each made once, and the browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.ingest.browser import browsing, site
from tests.ingest.browser.site import Site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a browser for all tests of a module; each opens windows of its own.

    Not for the session: Playwright keeps an event loop running in the thread, over which tests elsewhere would stumble.
    """
    with browsing.browser() as running:
        yield running


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of all sites."""
    return tmp_path_factory.mktemp("sites")


@pytest.fixture(scope="session")
def sample(folder: Path) -> Iterator[Site]:
    """Serve the sample mailbox of `make demo`."""
    with site.serving(site.made("sample", folder)) as serving:
        yield serving


@pytest.fixture(scope="session")
def empty(folder: Path) -> Iterator[Site]:
    """Serve a database that nothing came into yet."""
    with site.serving(site.made("empty", folder)) as serving:
        yield serving


@pytest.fixture(scope="session")
def strangers(folder: Path) -> Iterator[Site]:
    """Serve what hostile.py sends."""
    with site.serving(site.made("strangers", folder)) as serving:
        yield serving


@pytest.fixture(name="site", params=site.MADE)
def each_site(request: pytest.FixtureRequest) -> Site:
    """Give each of the sites in turn."""
    found: Site = request.getfixturevalue(request.param)
    return found
