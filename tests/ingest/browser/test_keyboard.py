"""Pages for who has no mouse: everything that can be used is reached, in the order of reading, and seen when it is."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.ingest.browser.browsing import visiting
from tests.ingest.browser.crawling import one_of_each
from tests.ingest.browser.site import Site

pytestmark = pytest.mark.chromium

MOST = 80
"""Steps of a page that are taken: a table of a thousand links goes on as it begins."""
REACHABLE = """() => Array.from(document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']"))
  .filter(it => it.checkVisibility()).map(it => it.outerHTML.slice(0, 200))"""
FOCUSED = """() => {
  const it = document.activeElement, box = it.getBoundingClientRect(), style = getComputedStyle(it);
  return {
    what: it.outerHTML.slice(0, 200),
    place: Array.from(document.querySelectorAll("*")).indexOf(it),
    ringed: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


def test_tab_reaches_everything_in_the_order_of_reading(browser: Browser, site: Site) -> None:
    with visiting(browser, site.address) as visitor:
        for path in one_of_each(site.pages):
            visitor.open(path)
            expected = visitor.page.evaluate(REACHABLE)[:MOST]
            steps = list(islice(_elements(visitor.page), len(expected)))
            assert [step["what"] for step in steps] == expected, path
            assert [step for step in steps if not (step["ringed"] and step["inside"])] == [], path


def test_the_first_step_leads_past_the_navigation(browser: Browser, sample: Site) -> None:
    with visiting(browser, sample.address) as visitor:
        visitor.open("/")
        assert "#main" in _step(visitor.page)["what"]
        visitor.page.keyboard.press("Enter")
        assert visitor.page.evaluate("document.activeElement.id") == "main"


def _elements(page: Page) -> Iterator[dict[str, Any]]:
    """Step through a page; a field for a day takes several steps, one for each part of it."""
    last = None
    while True:
        step = _step(page)
        if step["place"] != last:
            yield step
        last = step["place"]


def _step(page: Page) -> dict[str, Any]:
    page.keyboard.press("Tab")
    focused: dict[str, Any] = page.evaluate(FOCUSED)
    return focused
