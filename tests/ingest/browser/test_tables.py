"""The tables of a page and the CSV beneath them say the same, and what a filter chose stays in the address."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from datetime import datetime
from functools import cache
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from lxml import html
from playwright.sync_api import Browser

from ingest.web import words
from tests.ingest.browser.browsing import Looks, visiting
from tests.ingest.browser.crawling import SHAPES, Found
from tests.ingest.browser.site import Site

WAYS: Sequence[tuple[Callable[[str], Any], Callable[[Any], str]]] = [
    (int, words.number),
    (float, words.rate),
    (float, words.points),
    (datetime.fromisoformat, words.moment),
    (str, words.verdict),
    (str, words.level),
    (str, words.outcome),
]
"""How a value of CSV is read, and how it is then shown."""
CONSTANT: Mapping[str, Sequence[str]] = {"": [words.NOTHING], "true": ["yes"], "false": ["no"]}
TOLD_OTHERWISE = "table=conflicts"
"""Each conflict has a table of its own, of both reports."""


def test_csv_says_what_the_page_says(sample: Site) -> None:
    compared = set()
    for page in sample.pages.values():
        for link in page.document.xpath("//a[contains(@href, 'format=csv')]") if page.is_page else ():
            written = sample.pages.get(link.get("href"))
            if written and TOLD_OTHERWISE not in written.path:
                _compare(written, _rows_above(link), page)
                compared.add(written.kind)
    assert compared == set(SHAPES.values()) - {"conflicts", "xml", "static"}


def _rows_above(link: html.HtmlElement) -> Iterator[list[str]]:
    """Give the rows of the table that a link to CSV stands beneath; those of groups within it are folded away."""
    caption = link.text_content().partition(" of: ")[2]
    for table in link.getroottree().iter("table"):
        if table.findtext("caption") == caption:
            yield from map(_texts, table.xpath(".//tbody/tr"))
    yield from map(_texts, link.xpath("ancestor::section[1]//details[@class='group']//tbody/tr"))


def _compare(written: Found, shown: Iterable[list[str]], page: Found) -> None:
    """Look for each row that is shown in what is written; where not all are shown, the page must say so."""
    titles, *rows = csv.reader(StringIO(written.answer.text))
    assert {len(row) for row in rows} <= {len(titles)}, written
    ways = [[_ways(value) for value in row] for row in rows]
    texts = list(shown)
    assert [row for row in texts if not any(_holds(it, row) for it in ways)] == [], written
    assert len(texts) == len(rows) or "the CSV has all of them" in page.answer.text, written


def _texts(row: html.HtmlElement) -> list[str]:
    """Give what the cells of a row say, without pictures, the quiet words beneath them, and sentences."""
    row = deepcopy(row)
    for note in row.xpath(".//*[@class='note'] | .//*[@class='evidence'] | .//svg | .//p"):
        note.drop_tree()
    cells = (" ".join(cell.text_content().split()) for cell in row.xpath("./td | ./th"))
    return [cell for cell in cells if cell]


def _holds(ways: Iterable[frozenset[str]], texts: Iterable[str]) -> bool:
    """Tell whether a row that is written has what is shown, in that order; it may have more."""
    left = iter(ways)
    return all(any(text in it for it in left) for text in texts)


@cache
def _ways(value: str) -> frozenset[str]:
    """Give all the ways in which a value might be shown: CSV does not say of what kind it is."""
    ways = {" ".join(words.clipped(value).split()), *CONSTANT.get(value, ())}
    for kind, show in WAYS:
        with suppress(ValueError):
            ways.add(show(kind(value)))
    return frozenset(ways)


@pytest.mark.chromium
@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/", "level", "act"),
        ("/", "sort", "messages"),
        ("/domains/example.org", "days", "7"),
        ("/domains/example.org", "verdict", "failing_own"),
        ("/reports", "domain", "example.net"),
        ("/ledger", "outcome", "stored"),
    ],
)
def test_a_filter_stays_in_the_address(
    browser: Browser, sample: Site, path: str, name: str, value: str
) -> None:
    address = sample.address
    with visiting(browser, address, Looks(javascript=False)) as chosen:
        chosen.open(path)
        chosen.page.select_option(f"select[name={name}]", value)
        chosen.page.click("main form button")
        here = chosen.page.url.removeprefix(address)
        assert f"{name}={value}" in urlsplit(here).query
        assert chosen.page.input_value(f"select[name={name}]") == value
        with visiting(browser, address) as colleague:
            colleague.open(here)
            assert colleague.page.inner_text("body") == chosen.page.inner_text("body")
