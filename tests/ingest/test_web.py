"""The application as browsers meet it: statuses, header fields, CSV, and a plain page for whatever goes wrong."""

import csv
import re
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from fixtures.carriers import gzipped
from ingest.web import assets, rendering
from ingest.web.app import PAGES
from ingest.web.frame import Frame
from ingest.web.pages.view import address
from store.database import Database, DatabaseUnavailableError
from store.migrate import upgrade
from store.readonly import TookTooLongError
from tests.ingest.web_kit import asking, looking
from tests.servers.ports import free_port
from tests.store.kit import feedback, half, large, report_mail, take

HTML = "text/html; charset=utf-8"
FORMULA = "=HYPERLINK('https://example.net','x')"
PLACES = [
    "/",
    "/domains/example.org",
    "/reports",
    "/reports/1",
    "/ledger",
    "/ledger/1",
    "/conflicts",
    "/about",
]
PLACES += ["/addresses/192.0.2.1"]


def stored(url: str) -> str:
    """Store two reports about one domain."""
    with closing(Database(url)) as database:
        upgrade(database)
        reports = feedback("1", reporter=FORMULA), feedback("2", reporter="Other")
        take(database, *(report_mail(("report.xml.gz", gzipped(it))) for it in reports))
    return url


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give a database with two reports, which no page changes."""
    return stored(f"sqlite:///{tmp_path_factory.mktemp('web')}/ruamill.db")


@pytest.fixture(scope="module")
def browser(url: str) -> Iterator[TestClient]:
    with looking(url) as browser:
        yield browser


# -- pages


def test_every_page_is_there(database_url: str) -> None:
    with looking(stored(database_url)) as browser:
        for place in PLACES:
            answer = browser.get(place)
            assert (answer.status_code, answer.headers["content-type"]) == (200, HTML), place
            assert "<h1" in answer.text, place


def test_every_page_is_there_before_the_first_report(database_url: str) -> None:
    with closing(Database(database_url)) as database:
        upgrade(database)
    with looking(database_url) as browser:
        for place in ("/", "/reports", "/ledger", "/conflicts", "/about"):
            assert browser.get(place).status_code == 200, place


def test_a_page_may_be_asked_for_without_its_content(browser: TestClient) -> None:
    answer = browser.head("/")
    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_nothing_but_reading_is_answered(browser: TestClient, method: str) -> None:
    answer = browser.request(method, "/")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert "nothing can be changed here" in answer.text


@pytest.mark.parametrize(
    "place", [*PLACES, "/nowhere", "/metrics", "/healthz", "/reports/1/xml", "/?level=x"]
)
def test_every_answer_is_fenced_in(browser: TestClient, place: str) -> None:
    headers = browser.get(place).headers
    policy = dict(it.split(" ", 1) for it in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "set-cookie" not in headers


@pytest.mark.parametrize(
    ("address", "status", "sentence"),
    [
        ("/nowhere", 404, "There is no such page"),
        ("/reports/", 404, "There is no such page"),
        ("/domains/example.net", 404, "example.net"),
        ("/domains/%2e%2e%2fetc%2fpasswd", 404, "etc/passwd"),
        ("/domains/", 400, "is missing"),
        ("/domains/example.org?days=31", 400, "is none of 7, 30, 90"),
        ("/domains/example.org/source", 400, "is missing"),
        ("/addresses/x", 400, "This is no IP address"),
        ("/addresses/198.51.100.200", 404, "198.51.100.200"),
        ("/reports/3", 404, "3"),
        ("/reports/3/xml", 404, "there is no such report"),
        ("/reports/1?after=5000", 404, "Not found"),
        ("/reports/1/xml?format=csv", 400, "has no “format”"),
        ("/ledger/3", 404, "3"),
        ("/ledger?day=1", 400, "has no “day”"),
        ("/?format=pdf", 400, "is none of html, csv"),
        ("/?format=csv&table=x", 400, "name one table of this page"),
        ("/static/0/style.css", 404, "no such file"),
        ("/static/0/../../app.py", 404, "There is no such page"),
    ],
)
def test_what_cannot_be_shown_is_said_on_a_plain_page(
    browser: TestClient, address: str, status: int, sentence: str
) -> None:
    answer = browser.get(address)
    assert answer.status_code == status
    assert sentence.lower() in answer.text.lower()
    assert "Traceback" not in answer.text


def test_what_somebody_wrote_into_an_address_is_never_markup(browser: TestClient) -> None:
    for place in (
        "/domains/<script>x</script>",
        "/?%3Cscript%3E=1",
        "/ledger?outcome=%3Cscript%3E",
        "/reports?reporter=<b>",
    ):
        answer = browser.get(place)
        assert "<script>" not in answer.text
        assert "<b>" not in answer.text


# -- files


def test_a_file_of_the_pages_may_be_kept_for_ever(browser: TestClient) -> None:
    answer = browser.get(assets.path("style.css"))
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert assets.path("style.css") in browser.get("/").text


def test_the_xml_of_a_report_is_given_as_it_came(browser: TestClient) -> None:
    answer = browser.get("/reports/1/xml")
    assert answer.content == feedback("1", reporter=FORMULA)
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["content-disposition"] == 'attachment; filename="report-1.xml"'


def test_the_xml_of_a_report_that_was_cut_off_is_given_as_far_as_it_goes(tmp_path: Path) -> None:
    url, report = f"sqlite:///{tmp_path}/ruamill.db", large()
    with closing(Database(url)) as database:
        upgrade(database)
        take(database, report_mail(("report.xml.gz", half(report))))
    with looking(url) as browser:
        content = browser.get("/reports/1/xml").content
    assert 0 < len(content) < len(report)
    assert report.startswith(content)


def test_a_table_is_given_as_csv_that_no_spreadsheet_computes(browser: TestClient) -> None:
    answer = browser.get("/reports?format=csv&table=reports")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="ruamill-reports.csv"'
    titles, *rows = csv.reader(StringIO(answer.text))
    reporters = {row[titles.index("reporter")] for row in rows}
    assert reporters == {f"'{FORMULA}", "Other"}


def test_every_table_is_given_as_csv(browser: TestClient) -> None:
    for place in PLACES:
        links = re.findall(r'href="([^"]*format=csv[^"]*)"', browser.get(place).text)
        for link in links:
            answer = browser.get(unescape(link))
            assert answer.status_code == 200, link
            assert len({len(row) for row in csv.reader(StringIO(answer.text))}) == 1, link


@pytest.mark.parametrize("name", ["a/b", "a\nb", "a\n", "..\n/x?y#z"])
def test_a_domain_may_be_called_anything(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path}/ruamill.db"
    with closing(Database(url)) as database:
        upgrade(database)
        take(database, report_mail(("report.xml", feedback())))
        with database.writing() as connection:
            for table in ("report", "domain_day_rollup", "source_day_rollup", "source_seen"):
                connection.execute(text(f"UPDATE {table} SET policy_domain = :name"), {"name": name})  # noqa: S608 (our own names)
    with looking(url) as browser:
        assert browser.get(address("domains", name) or "").status_code == 200


def test_a_filter_narrows_the_csv_too(browser: TestClient) -> None:
    answer = browser.get("/reports?reporter=Other&format=csv&table=reports")
    assert len(list(csv.reader(StringIO(answer.text)))) == 2


# -- behind a proxy


@pytest.mark.parametrize("prefix", ["", "/dmarc"])
def test_links_begin_where_the_proxy_has_put_the_pages(url: str, prefix: str) -> None:
    with looking(url, root_path="/dmarc/") as browser:
        page = browser.get(f"{prefix}/reports?domain=example.org").text
        assert 'href="/dmarc/ledger"' in page
        assert f'href="/dmarc{assets.path("style.css")}"' in page
        assert "/dmarc/reports?domain=example.org&amp;format=csv" in page.replace("&#38;", "&amp;")
        assert browser.get(f"{prefix}{assets.path('style.css')}").status_code == 200


def test_the_root_of_the_pages_needs_no_slash(url: str) -> None:
    with looking(url, root_path="/dmarc") as browser:
        assert browser.get("/dmarc").status_code == 200


# -- databases that cannot be shown


def test_a_database_without_tables_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "ruamill.db").touch()
    with looking(f"sqlite:///{tmp_path}/ruamill.db") as browser:
        answer = browser.get("/")
    assert answer.status_code == 503
    assert "ruamill db upgrade" in answer.text


def test_a_database_that_is_not_there_yet_says_what_to_do(tmp_path: Path) -> None:
    with looking(f"sqlite:///{tmp_path}/ruamill.db") as browser:
        answer = browser.get("/")
        assert answer.status_code == 503
        assert "there is no such file" in answer.text
        with closing(Database(f"sqlite:///{tmp_path}/ruamill.db")) as database:
            upgrade(database)
        assert browser.get("/").status_code == 200


def test_a_database_of_a_newer_ruamill_says_what_to_do(tmp_path: Path) -> None:
    url = stored(f"sqlite:///{tmp_path}/ruamill.db")
    with closing(Database(url)) as database, database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with looking(url) as browser:
        assert "install the newer one" in browser.get("/").text


def test_a_server_that_is_away_is_not_told_of_to_strangers() -> None:
    url = f"postgresql://ruamill:s3cret@127.0.0.1:{free_port()}/reports"
    with looking(url) as browser:
        page, health = browser.get("/"), browser.get("/healthz")
    assert (page.status_code, health.status_code) == (503, 503)
    assert "The database cannot be read now" in page.text
    assert health.text == "the database cannot be read\n"
    assert "s3cret" not in page.text


# -- what goes wrong within


def _defect(_request: Request) -> Response:
    raise ZeroDivisionError


def _too_long(_request: Request) -> Response:
    raise TookTooLongError("no answer in 5 seconds")


def _away(_request: Request) -> Response:
    raise DatabaseUnavailableError("database x: gone")


def _half(_request: Request) -> Response:
    def parts() -> Iterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    return StreamingResponse(parts())


@pytest.fixture
def broken() -> Iterator[TestClient]:
    """Ask an application whose pages fail, each in its way."""
    routes = [Route(f"/{it.__name__}", it) for it in (_defect, _too_long, _away, _half)]
    with asking(Starlette(routes=routes, middleware=[Middleware(Frame, "")])) as browser:
        yield browser


def test_a_defect_is_a_plain_page_and_a_trace_in_the_log(broken: TestClient) -> None:
    with capture_logs() as events:
        answer = broken.get("/_defect")
    assert answer.status_code == 500
    assert "ruamill has a defect here" in answer.text
    assert "ZeroDivisionError" not in answer.text
    (event,) = (it for it in events if it["event"] == "page_defect")
    assert isinstance(event["exc_info"], ZeroDivisionError)


def test_a_question_that_took_too_long_is_answered_with_advice(broken: TestClient) -> None:
    answer = broken.get("/_too_long")
    assert answer.status_code == 503
    assert "The database gave no answer in 5 seconds" in answer.text
    assert "Narrow the period" in answer.text


def test_an_outage_is_told_without_its_details(broken: TestClient) -> None:
    assert "gone" not in broken.get("/_away").text


def test_half_an_answer_is_cut_off(broken: TestClient) -> None:
    with pytest.raises(ZeroDivisionError):
        broken.get("/_half")


# -- what is counted


def test_pages_and_questions_are_counted(browser: TestClient) -> None:
    def counted(line: str) -> float:
        found = [it for it in browser.get("/metrics").text.splitlines() if it.startswith(f"{line} ")]
        return float(found[0].split()[1]) if found else 0

    page = 'ruamill_web_request_seconds_count{page="ledger",status="200"}'
    other = 'ruamill_web_request_seconds_count{page="other",status="404"}'
    before = [counted(it) for it in (page, other, "ruamill_web_queries_total")]
    browser.get("/ledger?outcome=stored")
    browser.get("/no/such/page")
    after = [counted(it) for it in (page, other, "ruamill_web_queries_total")]
    assert after[:2] == [before[0] + 1, before[1] + 1]
    assert after[2] > before[2]


def test_every_page_has_a_name_and_a_template() -> None:
    assert len({it.name for it in PAGES}) == len(PAGES)
    for page in PAGES:
        rendering.environment().get_template(f"{page.name}.html.j2")


# -- strings of strangers


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("Example Org", "Example Org"),
        ("Bücher ✉ 中文", "Bücher ✉ 中文"),
        ("a\u202egpj.exe", "a<U+202E>gpj.exe"),
        ("two\r\nlines\0", "two<U+000D><U+000A>lines<U+0000>"),
        ("de\x7flete\x9b", "de<U+007F>lete<U+009B>"),
        ("zero\u200bwidth\ufeff", "zero<U+200B>width<U+FEFF>"),
        ("wide\u00a0blank\u3000", "wide blank "),
    ],
)
def test_what_has_no_shape_is_given_one(text: str, visible: str) -> None:
    assert rendering.shown(text) == visible
