"""Every link of a site followed, as a program does that has all day: its pages in, what each answered out."""

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests
from lxml import html

from tests.ingest.program import PATIENCE

ALIKE = 10
"""Pages of one shape that are followed: the sample mailbox alone has two hundred reports."""
SHAPES = {
    r"/": "overview",
    r"/domains/[^/]+": "domain",
    r"/domains/[^/]+/source": "source",
    r"/addresses/[^/]+": "address",
    r"/reports": "reports",
    r"/reports/[0-9]+": "report",
    r"/reports/[0-9]+/xml": "xml",
    r"/ledger": "ledger",
    r"/ledger/[0-9]+": "message",
    r"/conflicts": "conflicts",
    r"/about": "about",
    r"/static/[0-9a-f]+/[a-z.-]+": "static",
}
LINKS = "//a/@href | //link/@href | //script/@src | //img/@src | //form/@action"


@dataclass(frozen=True)
class Found:
    """What one address answered."""

    path: str
    """With its query."""
    answer: requests.Response
    linked_from: str

    def __str__(self) -> str:
        return f"{self.path} (linked from {self.linked_from})"

    @property
    def shape(self) -> str:
        """Name the kind of page, with the names of its parameters: pages of one shape look alike."""
        return shape(self.path)

    @property
    def kind(self) -> str:
        """Name the kind of page alone."""
        return self.shape.partition("?")[0]

    @property
    def is_page(self) -> bool:
        """Tell pages from files, and from answers that there is none."""
        return self.answer.ok and str(self.answer.headers.get("Content-Type")).startswith("text/html")

    @cached_property
    def document(self) -> html.HtmlElement:
        """Give the page's elements."""
        return html.fromstring(self.answer.text)

    @property
    def links(self) -> Iterator[str]:
        """Give where the page leads, as addresses; those within the page are left out."""
        for link in self.document.xpath(LINKS):
            if not link.startswith("#"):
                yield urljoin(self.answer.url, link).partition("#")[0]


Pages: TypeAlias = Mapping[str, Found]
"""The pages of a site, and its files, by path."""


def shape(path: str) -> str:
    """Name the kind of page that a path with its query leads to. Raises LookupError for one nobody wrote down."""
    parts = urlsplit(path)
    for pattern, name in SHAPES.items():
        if re.fullmatch(pattern, parts.path):
            parameters = sorted(name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
            return f"{name}?{'&'.join(parameters)}" if parameters else name
    raise LookupError(f"no page is at {path}")


def crawl(address: str) -> Pages:
    """Follow every link from the overview on, those of one shape ALIKE times; by path. Strangers are not asked."""
    found: dict[str, Found] = {}
    waiting = deque([("/", "nowhere")])
    seen, alike = {"/"}, Counter[str]()
    with requests.Session() as client:
        client.trust_env = False  # no proxy knows the way here
        while waiting:
            path, origin = waiting.popleft()
            page = found[path] = Found(
                path, client.get(address + path, timeout=PATIENCE, allow_redirects=False), origin
            )
            for link in page.links if page.is_page else ():
                to = link.removeprefix(address)
                if to in seen or not to.startswith("/") or alike[shape(to)] == ALIKE:
                    continue
                seen.add(to)
                alike[shape(to)] += 1
                waiting.append((to, path))
    return found


def one_of_each(pages: Pages) -> list[str]:
    """Give the path of one page of each kind, whatever its parameters: the first that was found."""
    found = [page for page in pages.values() if page.is_page]
    return list({page.kind: page.path for page in reversed(found)}.values())
