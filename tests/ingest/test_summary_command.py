"""`ruamill summary`: the letter on the terminal, in files, and on its way; and the one that docs/letter.md shows."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.ingest import letter_page, sample
from tests.ingest.program import RUAMILL
from tests.ingest.terminal import on_terminal, printed
from tests.ingest.test_sources import ruamill
from tests.servers.mail import MailServer

SMTP = '[smtp]\nhost = "{host}"\nport = {port}\nca_file = "{ca}"\nsender = "dmarc@example.org"\n'


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the sample mailbox, looked up."""
    return sample.make(tmp_path_factory.mktemp("demo"))


def with_settings(demo: Path, folder: Path, settings: str) -> Path:
    """Give a folder with the demo's database, and more settings than it has."""
    demo_settings = (demo / "ruamill.toml").read_text(encoding="utf-8")
    (folder / "ruamill.toml").write_text(
        demo_settings.replace("build/demo", f"{demo}/build/demo") + settings, encoding="utf-8"
    )
    return folder


def smtp(server: MailServer) -> str:
    return SMTP.format(host=server.host, port=server.port, ca=server.ca_file)


# --- shown


def test_it_is_printed_the_verdict_first(demo: Path) -> None:
    done = ruamill("summary", cwd=demo)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("DMARC example.org: act, Mimecast is failing DKIM\n=====")
    assert max(map(len, done.stdout.splitlines())) <= 72


def test_it_is_written_into_files(demo: Path, tmp_path: Path) -> None:
    html, text = tmp_path / "letter.html", tmp_path / "letter.txt"
    done = ruamill("summary", "--html", html, "--text", text, cwd=demo)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [f"the letter is in {html}", f"the letter is in {text}"]
    assert html.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert text.read_text(encoding="utf-8").startswith("DMARC example.org: act, ")


def test_about_one_domain(demo: Path) -> None:
    text = ruamill("summary", "--domain", "Example.NET.", cwd=demo).stdout
    assert text.startswith("DMARC example.net: all well\n")
    assert "example.org" not in text


def test_since_a_moment(demo: Path) -> None:
    whole = ruamill("summary", "--since", "2026-01-01", cwd=demo).stdout
    nothing = ruamill("summary", "--since", datetime.now(UTC).isoformat(), cwd=demo).stdout
    assert "about 2026-09-01 to\n2026-11-15" in whole
    assert nothing.startswith("DMARC 2 domains: nothing reported\n")
    future = ruamill("summary", "--since", "2999-01-01", cwd=demo)
    assert (future.returncode, future.stdout) == (2, "")
    assert future.stderr.startswith("ruamill: --since 2999-01-01 is not past: the time is ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--since", "yesterday"),
            '--since "yesterday" is no moment: write it as 2026-11-01 or 2026-11-01T06:30',
        ),
        (
            ("--domain", "example.com"),
            "No reports about example.com; there are reports about example.org, example.net",
        ),
        (("--send",), "--send needs a mail server: fill in [smtp] of ruamill.toml"),
    ],
)
def test_wrong_use_is_answered_with_advice(demo: Path, words: tuple[str, ...], said: str) -> None:
    done = ruamill("summary", *words, cwd=demo)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_database_without_reports(tmp_path: Path) -> None:
    done = ruamill("--database", f"sqlite:///{tmp_path}/new.db", "summary", cwd=tmp_path)
    assert done.returncode == 0
    assert "No report" in done.stdout


def test_on_a_terminal_as_in_a_pipe(demo: Path) -> None:
    shown = printed(on_terminal([RUAMILL, "summary"], demo, columns=80, environment=sample.OFFLINE))
    assert "DMARC example.org: act, Mimecast is failing DKIM" in shown


def test_a_file_that_cannot_be_written_is_named(demo: Path) -> None:
    done = ruamill("summary", "--html", "nowhere/letter.html", cwd=demo)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nowhere/letter.html: No such file or directory: nothing was written there" in done.stderr


# --- sent


def test_everybody_is_sent_what_is_theirs(demo: Path, tmp_path: Path) -> None:
    with MailServer(login=False) as server:
        people = '[summary]\nrecipients = "a@example.org"\n'
        folder = with_settings(demo, tmp_path, smtp(server) + people)
        done = ruamill("summary", "--send", cwd=folder)
        letters = [letter for _, letter in server.letters]
    subject = "DMARC example.org: act, Mimecast is failing DKIM"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"sent to a@example.org: {subject}"]
    assert [(it["To"], it["Subject"]) for it in letters] == [("a@example.org", subject)]


def test_who_could_not_be_reached_is_named(demo: Path, tmp_path: Path) -> None:
    with MailServer(login=False) as server:
        server.play("RCPT", "550 5.1.1 no such user")
        people = '[summary]\nrecipients = ["a@example.org", "b@example.org"]\n'
        folder = with_settings(demo, tmp_path, smtp(server) + people)
        done = ruamill("summary", "--send", cwd=folder)
        assert len(server.letters) == 1
    assert done.returncode == 75
    assert done.stderr.startswith("ruamill: a@example.org: ")
    assert "no such user" in done.stderr
    assert done.stdout.startswith("sent to b@example.org: ")


def test_nobody_to_send_it_to(demo: Path, tmp_path: Path) -> None:
    folder = with_settings(demo, tmp_path, SMTP.format(host="mail.example.org", port=587, ca=""))
    done = ruamill("summary", "--send", cwd=folder)
    assert done.returncode == 2
    assert "--send needs somebody to send it to: set recipients in [summary]" in done.stderr


# --- documented


def test_the_letter_in_the_documents_is_that_of_the_sample_mailbox() -> None:
    for name, content in letter_page.pages(letter_page.bulletin()).items():
        kept = (letter_page.FOLDER / name).read_text(encoding="utf-8")
        assert content == kept, "write it anew: python -m tests.ingest.letter_page --write"
