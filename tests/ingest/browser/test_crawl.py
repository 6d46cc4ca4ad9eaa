"""Every link of every site: each leads somewhere, none to a stranger, and every answer has its headers."""

from tests.ingest.browser.crawling import SHAPES
from tests.ingest.browser.site import Site

POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self' data:",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def test_no_link_leads_to_an_error(site: Site) -> None:
    assert [str(page) for page in site.pages.values() if page.answer.status_code != 200] == []


def test_no_link_leads_to_strangers(site: Site) -> None:
    links = {link for page in site.pages.values() if page.is_page for link in page.links}
    assert {link for link in links if not link.startswith(f"{site.address}/")} == set()


def test_every_kind_of_page_is_linked(sample: Site) -> None:
    assert {page.kind for page in sample.pages.values()} == set(SHAPES.values())


def test_every_answer_has_its_headers(site: Site) -> None:
    for page in site.pages.values():
        headers = page.answer.headers
        assert {name: headers.get(name) for name in HEADERS} == HEADERS, page
        policy = dict(each.split(maxsplit=1) for each in headers["Content-Security-Policy"].split("; "))
        assert policy.items() >= POLICY.items(), page
        assert "Set-Cookie" not in headers, page
        assert ("no-store" in headers["Cache-Control"]) == (page.shape != "static"), page


def test_no_page_holds_scripts_or_styles_of_its_own(site: Site) -> None:
    inline = "//style | //script[not(@src)] | //*[@style] | //@*[starts-with(name(), 'on')] | //iframe | //object | //embed"
    assert {
        str(page) for page in site.pages.values() if page.is_page and page.document.xpath(inline)
    } == set()


def test_every_page_is_titled_in_its_own_way(site: Site) -> None:
    for page in site.pages.values():
        if page.is_page:
            [title] = page.document.xpath("/html/head/title/text()")
            [heading] = page.document.xpath("//h1")
            assert title.endswith("ruamill"), page
            assert heading.text_content().strip(), page
            assert page.document.get("lang") == "en", page


def test_nothing_was_a_defect(site: Site) -> None:
    assert site.pages
    log = site.log.read_text()
    assert "Traceback" not in log
    assert '"error"' not in log
