"""Pages as people see them: on a desk and on a telephone, in light and in darkness, with and without JavaScript."""

from collections.abc import Iterator
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page

from tests.ingest.browser.browsing import LOOKS, Looks, visiting
from tests.ingest.browser.crawling import one_of_each
from tests.ingest.browser.site import Site

pytestmark = pytest.mark.chromium

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
GRAVE = ("serious", "critical")
STICKING_OUT = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const out = Array.from(document.querySelectorAll("body *")).filter(it => it.getBoundingClientRect().right > room + 1);
  return out.slice(0, 5).map(it => it.outerHTML.slice(0, 120)).concat("the page itself");
}"""


def sticking_out(page: Page) -> list[str]:
    """Tell what makes a page wider than its window; what scrolls in a box of its own does not."""
    elements: list[str] = page.evaluate(STICKING_OUT)
    return elements


def test_pages_fit_and_axe_finds_nothing_grave(browser: Browser, site: Site) -> None:
    wrong = []
    with visiting(browser, site.address) as visitor:
        for path in one_of_each(site.pages):
            visitor.open(path)
            for looks in LOOKS:
                visitor.wear(looks)
                found = [*sticking_out(visitor.page), *_violations(visitor.page)]
                wrong += [f"{path} at {looks}: {each}" for each in found]
    assert not wrong, "\n".join(wrong)


def _violations(page: Page) -> Iterator[str]:
    """Let axe-core judge what is open."""
    page.evaluate(f"() => {{ if (!window.axe) {{ {AXE} }} }}")
    for violation in page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]:
        if violation["impact"] in GRAVE:
            nodes = ", ".join(node["html"][:150] for node in violation["nodes"][:3])
            yield f"{violation['id']} ({violation['help']}): {len(violation['nodes'])} such as {nodes}"


def test_all_is_there_without_javascript(browser: Browser, sample: Site) -> None:
    with (
        visiting(browser, sample.address) as usual,
        visiting(browser, sample.address, Looks(javascript=False)) as plain,
    ):
        for path in one_of_each(sample.pages):
            usual.open(path)
            plain.open(path)
            assert plain.page.inner_text("body") == usual.page.inner_text("body"), path
