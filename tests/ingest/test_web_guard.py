"""Who may look: this machine, whom a trusted proxy names, whom the users file knows; nobody else, whatever they try."""

from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from time import monotonic

import bcrypt
import pytest
from anyio import create_task_group
from anyio import run as run_async
from anyio.lowlevel import checkpoint
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from ingest.configuration import ConfigurationError, load
from ingest.settings import WebSettings
from ingest.web import guard, logins
from ingest.web.assets import path as asset
from ingest.web.logins import Logins
from ingest.web.problems import RefusedError
from store.database import Database
from store.migrate import upgrade
from tests.ingest.web_kit import STRANGER, looking

COST = 4
"""bcrypt's lowest: a thousandth of a second."""
HEADER = "X-Forwarded-User"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('web')}/ruamill.db"
    with closing(Database(url)) as database:
        upgrade(database)
    return url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "users"
    write(file, anna="tea for two", bert="pässword:with:colons")
    return file


def write(file: Path, **passwords: str) -> None:
    """Write a file as `htpasswd -B` does."""
    lines = [
        f"{name}:{bcrypt.hashpw(word.encode()[:72], bcrypt.gensalt(COST)).decode().replace('$2b$', '$2y$')}\n"
        for name, word in passwords.items()
    ]
    file.write_text(f"# who may look\n\n{''.join(lines)}", encoding="utf-8")


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


def status(browser: TestClient, headers: Mapping[str, str]) -> int:
    return browser.get("/about", headers=headers).status_code


# -- on this machine


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "127.0.0.1:8080", "127.0.0.53", "[::1]:8080", "LOCALHOST"]
)
def test_this_machine_may_look(url: str, host: str) -> None:
    with looking(url) as browser:
        assert status(browser, {"Host": host}) == 200


@pytest.mark.parametrize(
    "host",
    [
        "example.net",
        "example.net:8080",
        "localhost.example.net",
        "127.0.0.1.example.net",
        "192.0.2.1",
        "",
        "[::1",
        "a@b",
    ],
)
def test_a_page_of_a_stranger_that_asks_in_our_name_gets_nothing(url: str, host: str) -> None:
    with looking(url) as browser:
        answer = browser.get("/", headers={"Host": host})
    assert answer.status_code == 400
    assert "answer to localhost only" in answer.text


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::", "2001:db8::1"])  # noqa: S104 (that is the point)
def test_it_is_not_served_to_strangers_without_names(address: str) -> None:
    with pytest.raises(ConfigurationError, match="set users_file or user_header"):
        guard.check(WebSettings(host=address), address)
    guard.check(WebSettings(host=address, users_file=Path("users")), address)
    guard.check(WebSettings(host=address, user_header=HEADER), address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_it_is_served_to_this_machine_as_it_is(address: str) -> None:
    guard.check(WebSettings(), address)


# -- behind a proxy


def test_whom_a_proxy_names_is_believed(url: str) -> None:
    with looking(url, user_header=HEADER) as browser:
        answer = browser.get(
            "/about", headers=[(HEADER.encode(), "Änne".encode()), (b"Host", b"dmarc.example.org")]
        )
    assert answer.status_code == 200
    assert "Änne" in answer.text


@pytest.mark.parametrize("proxies", [[STRANGER], ["192.0.2.0/24"], ["2001:db8::/32", "192.0.2.66/32"]])
def test_a_proxy_on_another_machine_is_believed_once_it_is_named(url: str, proxies: list[str]) -> None:
    with looking(url, STRANGER, user_header=HEADER, proxies=proxies) as browser:
        assert status(browser, {HEADER: "anna"}) == 200
    with looking(url, f"::ffff:{STRANGER}", user_header=HEADER, proxies=proxies) as browser:
        assert status(browser, {HEADER: "anna"}) == 200


def test_nobody_else_is_believed(url: str) -> None:
    with looking(url, STRANGER, user_header=HEADER, proxies=["192.0.2.1"]) as browser:
        answer = browser.get(
            "/", headers={HEADER: "anna", "X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
        )
    assert answer.status_code == 403
    assert "through a reverse proxy" in answer.text


@pytest.mark.parametrize(
    "headers", [[], [(HEADER, "")], [(HEADER, " ")], [(HEADER, "anna"), (HEADER, "bert")]]
)
def test_a_proxy_that_names_nobody_shows_nothing(url: str, headers: list[tuple[str, str]]) -> None:
    with looking(url, user_header=HEADER) as browser:
        answer = browser.get("/", headers=headers)
    assert answer.status_code == 403
    assert "did not say who you are" in answer.text


def test_a_user_of_the_file_may_come_past_the_proxy(url: str, file: Path) -> None:
    with looking(url, STRANGER, user_header=HEADER, users_file=file) as browser:
        assert status(browser, {HEADER: "anna"}) == 401
        assert status(browser, basic("anna", "tea for two")) == 200


# -- by name and password


def test_a_name_and_a_password_let_in(url: str, file: Path) -> None:
    with looking(url, STRANGER, users_file=file) as browser:
        for _ in range(2):
            assert status(browser, basic("anna", "tea for two")) == 200
        assert status(browser, basic("bert", "pässword:with:colons")) == 200


def test_a_password_that_is_longer_than_bcrypt_looks_is_cut_as_htpasswd_cuts_it(
    url: str, tmp_path: Path
) -> None:
    write(tmp_path / "users", anna="ä" * 50)
    with looking(url, STRANGER, users_file=tmp_path / "users") as browser:
        assert status(browser, basic("anna", "ä" * 50)) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": f"Basic {b64encode(b'anna').decode()}"},
        {"Authorization": f"Basic {b64encode(bytes([0xFF, 0x3A, 0xFF])).decode()}"},
        {"Authorization": "Bearer dGVhIGZvciB0d28="},
        basic("anna", "a\0b"),
        basic("anna", ""),
        basic("anna", "Tea for two"),
        basic("Anna", "tea for two"),
        basic("", "tea for two"),
        basic("# who may look", ""),
        {HEADER: "anna"},
    ],
)
def test_nothing_else_does(
    url: str, file: Path, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "PAUSE_SECONDS", 0.01)
    with looking(url, users_file=file) as browser:
        answer = browser.get("/", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="ruamill", charset="UTF-8"'
    assert "no-store" in answer.headers["cache-control"]


def test_what_is_of_nobody_is_shown_to_everybody(url: str, file: Path) -> None:
    with looking(url, STRANGER, users_file=file) as browser:
        assert browser.get(asset("style.css")).status_code == 200
        assert browser.get("/healthz").text == "ok\n"
        assert browser.get("/metrics").status_code == 401
        assert browser.get("/static/../about").status_code == 401
        assert browser.get("/healthz/../about").status_code in {401, 404}


def test_a_guess_is_logged_without_what_was_typed(url: str, file: Path) -> None:
    with looking(url, STRANGER, users_file=file) as browser, capture_logs() as events:
        status(browser, basic("anna", "wrong"))
        status(browser, basic("tea for two", "anna"))
    told = [(it["client"], it["user"]) for it in events if it["event"] == "login_refused"]
    assert told == [(STRANGER, "anna"), (STRANGER, None)]
    assert "tea" not in str(events)
    assert "wrong" not in str(events)


# -- the file changes


def test_a_change_of_the_file_counts_at_once(url: str, file: Path) -> None:
    with looking(url, STRANGER, users_file=file) as browser:
        assert status(browser, basic("anna", "tea for two")) == 200
        write(file, anna="coffee for one", carl="water")
        assert status(browser, basic("carl", "water")) == 200
        assert status(browser, basic("anna", "tea for two")) == 401
        assert status(browser, basic("anna", "coffee for one")) == 200


def test_a_file_that_cannot_be_used_any_more_lets_nobody_in(url: str, file: Path) -> None:
    with looking(url, STRANGER, users_file=file) as browser:
        assert status(browser, basic("anna", "tea for two")) == 200
        for spoil in (lambda: file.write_text("anna:tea for two\n"), file.unlink):
            spoil()
            with capture_logs() as events:
                assert status(browser, basic("anna", "tea for two")) == 503
            assert {it["event"] for it in events} >= {"users_file_failed"}
        write(file, anna="tea for two")
        assert status(browser, basic("anna", "tea for two")) == 200


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"", "names nobody: `htpasswd -B"),
        (b"# nobody\n", "names nobody"),
        (b"anna:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=\n", "line 1: it must be a name, a colon and a bcrypt hash"),
        (b"anna:$apr1$x$y\n", "line 1"),
        (b"\nanna:$2y$31$" + b"a" * 53, "line 2: .* of a cost up to 14"),
        (b":$2y$05$" + b"a" * 53, "line 1"),
        (b"\xff\xfe", "it is no text in UTF-8"),
    ],
)
def test_a_file_that_is_no_use_is_told_at_the_start(tmp_path: Path, content: bytes, advice: str) -> None:
    (tmp_path / "users").write_bytes(content)
    with pytest.raises(ConfigurationError, match=advice):
        Logins(tmp_path / "users")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Logins(tmp_path / "missing")


# -- guesses


def test_guesses_wait_for_one_another(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "PAUSE_SECONDS", 0.1)
    known = Logins(file)
    ends: list[float] = []

    async def guess(word: str) -> None:
        with pytest.raises(RefusedError):
            await known.user(basic("anna", word)["Authorization"], STRANGER)
        ends.append(monotonic())

    async def all_at_once() -> None:
        async with create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(guess, str(number))

    began = monotonic()
    run_async(all_at_once)
    assert max(ends) - began >= 5 * 0.1


def test_too_many_guesses_are_sent_away_while_who_is_known_comes_in(file: Path) -> None:
    known = Logins(file)
    good = basic("anna", "tea for two")["Authorization"]
    statuses: list[int] = []

    async def guess(word: str) -> None:
        try:
            await known.user(basic("anna", word)["Authorization"], STRANGER)
        except RefusedError as error:
            statuses.append(error.problem.status)

    async def crowd() -> None:
        assert await known.user(good, STRANGER) == "anna"
        async with create_task_group() as tasks:
            for number in range(logins.QUEUE + 5):
                tasks.start_soon(guess, str(number))
            await known_comes_in(known, good)
            tasks.cancel_scope.cancel()

    run_async(crowd)
    assert statuses.count(503) == 5


async def known_comes_in(known: Logins, good: str) -> None:
    """Let the guesses begin, and come in all the same."""
    for _ in range(logins.QUEUE):
        await checkpoint()
    assert await known.user(good, STRANGER) == "anna"


# -- the settings


def test_the_users_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    (tmp_path / "ruamill.toml").touch()
    variables = {
        "RUAMILL_WEB__USERS_FILE": "/run/credentials/users",
        "RUAMILL_WEB__PROXIES": "10.0.0.0/8",
        "RUAMILL_WEB__PORT": "8443",
        "RUAMILL_WEB__ROOT_PATH": "/dmarc/",
    }
    web = load(tmp_path / "ruamill.toml", variables).web
    assert (web.users_file, web.port, web.root_path) == (Path("/run/credentials/users"), 8443, "/dmarc")
    assert [str(it) for it in web.proxies] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ('root_path = "dmarc"', 'must be a path such as "/dmarc"'),
        ('root_path = "/a b"', 'must be a path such as "/dmarc"'),
        ('user_header = "X User"', "must be the name of a header field"),
        ('proxies = ["proxy.example.org"]', "web.proxies"),
        ('password = "x"', "is no known key"),
    ],
)
def test_a_setting_that_is_no_use_is_told(tmp_path: Path, line: str, advice: str) -> None:
    (tmp_path / "ruamill.toml").write_text(f"[web]\n{line}\n")
    with pytest.raises(ConfigurationError, match=advice):
        load(tmp_path / "ruamill.toml", {})
