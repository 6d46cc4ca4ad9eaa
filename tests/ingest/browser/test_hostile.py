"""What strangers wrote into every field of their reports is shown, and nothing more: it is neither carried out nor obeyed."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.ingest.browser import hostile
from tests.ingest.browser.browsing import Looks, visiting
from tests.ingest.browser.crawling import Found
from tests.ingest.browser.site import Site
from tests.ingest.browser.test_looks import sticking_out

INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Control and direction characters."""
PILE = re.compile("[\u0300-\u036f\u0489]{8}")
SAID = "//text() | //@title | //@aria-label | //@alt | //@placeholder | //@content"
"""What a person is told; what a form sends back and where a link leads stays as the stranger wrote it."""


@pytest.fixture
def strange(strangers: Site) -> list[Found]:
    """Give the pages about strangers."""
    return [page for page in strangers.pages.values() if page.is_page]


def test_it_is_all_shown(strange: list[Found]) -> None:
    said = "\n".join(page.document.text_content() for page in strange)
    for piece in (
        """<script>document.title="taken"</script>""",
        "{{ 7 * 191 }}",
        "<U+202E>moc.knab<U+202C>",
        "one<U+000A>two",
        "WWWWWWWWWW",
        '''=HYPERLINK("http://127.0.0.1:9/"''',
        "../../../etc/passwd?domain=example.com",
    ):
        assert piece in said


def test_none_of_it_becomes_markup(strange: list[Found]) -> None:
    foreign = f"//{hostile.MARK} | //img | //style | //iframe | //@onclick | //@onerror"
    assert {str(page) for page in strange if page.document.xpath(foreign)} == set()
    links = {link for page in strange for link in page.document.xpath("//@href | //@src | //@action")}
    assert {link for link in links if urlsplit(link).scheme} == set()


def test_none_of_it_is_reckoned(strange: list[Found]) -> None:
    assert {str(page) for page in strange if str(7 * 191) in page.document.text_content()} == set()


def test_none_of_it_hides(strange: list[Found]) -> None:
    hidden = {
        str(page): [text for text in page.document.xpath(SAID) if INVISIBLE.search(text)] for page in strange
    }
    assert {page: texts for page, texts in hidden.items() if texts} == {}


def test_none_of_it_piles_up(strange: list[Found]) -> None:
    """Marks that stand on one another reach over the lines around them."""
    piled = {str(page) for page in strange for text in page.document.xpath(SAID) if PILE.search(text)}
    assert piled == set()


@pytest.mark.chromium
def test_none_of_it_breaks_a_page(browser: Browser, strangers: Site, strange: list[Found]) -> None:
    out = {}
    with visiting(browser, strangers.address, Looks(width=375)) as visitor:
        for page in strange:
            assert visitor.open(page.path).ok
            assert visitor.page.title() != hostile.TAKEN
            out[page.path] = sticking_out(visitor.page)
    assert {path: elements for path, elements in out.items() if elements} == {}
