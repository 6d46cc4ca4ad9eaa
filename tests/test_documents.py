"""The documents tell the same story as the code."""

import re
import tomllib
from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.main import get_command

from ingest import configuration, settings
from ingest.cli import app
from ingest.commands.init import template
from ingest.settings import Settings
from ingest.settings.oauth import GenericSettings, GoogleSettings, Microsoft365Settings
from parsers.limits import Limits
from store.database import Database
from store.migrate import upgrade
from tests.store.kit import rows

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*.md")]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")

TEMPLATE = template()
LINE = re.compile(r'#?(?P<key>[a-z_.]+|domains\."example\.org"\.[a-z]+) = (?P<value>.+?) +# (?P<comment>.+)')
"""A setting and what is said of it; a # right before the key comments it out, prose has a blank behind its #."""
EXAMPLES = ("required", "none by default", "by default", "instead of")
"""How the comment of a line begins that does not show what is so anyway."""

SECTIONS: list[type[BaseModel]] = [
    Settings,
    settings.DomainSettings,
    settings.AcceptSettings,
    settings.ImapSettings,
    settings.MaildirSettings,
    Microsoft365Settings,
    GoogleSettings,
    GenericSettings,
    settings.EnrichSettings,
    settings.ScheduleSettings,
    settings.RetentionSettings,
    settings.MonitorSettings,
    settings.SmtpSettings,
    settings.SummarySettings,
    settings.AlertSettings,
    settings.WebhookSettings,
    settings.WebSettings,
    settings.LogSettings,
]
KEYS = {section.__name__: set(section.model_fields) for section in SECTIONS} | {
    "Limits": {field.name for field in fields(Limits)}
}


def tables() -> list[list[str]]:
    """Cut the template, every setting commented in, into its tables; what stands above the first is one too."""
    lines = [re.sub(r"^#(?! |$)", "", line) for line in TEMPLATE.splitlines()]
    starts = [0, *(number for number, line in enumerate(lines) if line.startswith("[")), len(lines)]
    return [lines[begin:end] for begin, end in pairwise(starts)]


def said(line: str) -> str:
    """Give the comment behind a setting; empty for other lines."""
    found = LINE.fullmatch(line)
    return found["comment"] if found else ""


def loaded(folder: Path, wanted: Callable[[list[str], str], bool]) -> Settings:
    """Load the template with those lines of its tables that are wanted."""
    kept = [line for table in tables() for line in table if wanted(table, line)]
    file = folder / "ruamill.toml"
    file.write_text("\n".join(kept), encoding="utf-8")
    return configuration.load(file, {})


def alternatives(table: list[str]) -> set[str]:
    """Name the keys of a table that others may stand instead of."""
    return {found[1] for line in table if (found := re.match(r"instead of (\w+)", said(line)))}


def key_of(line: str) -> str:
    """Name the setting in a line by the last part of its key."""
    found = LINE.fullmatch(line)
    return found["key"].rpartition(".")[2] if found else ""


def test_the_page_holds_the_template() -> None:
    assert f"```toml\n{TEMPLATE}```\n" in CONFIGURATION


def test_the_template_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "ruamill.toml"
    file.write_text(TEMPLATE, encoding="utf-8")
    assert configuration.load(file, {}) == Settings()


def test_everything_in_the_template_can_be_set(tmp_path: Path) -> None:
    every = loaded(tmp_path, lambda _, line: not said(line).startswith("instead of"))
    assert [box.kind for box in every.mailbox] == ["imap", "imap", "imap", "imap", "maildir"]
    assert every.smtp is not None


def test_what_the_template_shows_is_what_is_so_anyway(tmp_path: Path) -> None:
    every = loaded(tmp_path, lambda _, line: not said(line).startswith("instead of"))
    examples = loaded(tmp_path, lambda _, line: not said(line) or said(line).startswith(EXAMPLES[:3]))
    assert every == examples


def test_what_may_stand_instead_does(tmp_path: Path) -> None:
    def chosen(table: list[str], line: str) -> bool:
        return said(line).startswith("instead of") or key_of(line) not in alternatives(table)

    other = loaded(tmp_path, chosen)
    assert other.database.get_secret_value().startswith("postgresql://")
    _, microsoft365, google, _, _ = other.mailbox
    assert isinstance(microsoft365, settings.ImapSettings)
    assert isinstance(microsoft365.oauth, Microsoft365Settings)
    assert microsoft365.oauth.certificate_file
    assert isinstance(google, settings.ImapSettings)
    assert isinstance(google.oauth, GoogleSettings)
    assert google.oauth.refresh_token


@pytest.mark.parametrize("section", KEYS)
def test_every_setting_is_in_the_template(section: str) -> None:
    lines = [found for table in tables() for line in table if (found := LINE.fullmatch(line))]
    named = {part for line in lines for part in line["key"].split(".")}
    headed = set(re.findall(r"^#?\[+(?:\w+\.)?(\w+)\]", TEMPLATE, re.MULTILINE)) | {"oauth"}
    assert KEYS[section] - named - headed == set()


def test_every_setting_is_explained() -> None:
    settings_in = [line for table in tables() for line in table if re.match(r"[a-z_.]+ = ", line)]
    assert [line for line in settings_in if not said(line)] == []


def test_nothing_else_in_a_document_is_no_toml() -> None:
    for document in DOCUMENTS:
        for block in re.findall(r"```toml\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
            tomllib.loads(block)


def test_every_command_is_in_the_readme() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]  # typer's root is a group
    assert {name for name in commands if f"`ruamill {name}" not in README} == set()


def test_every_event_of_the_log_is_explained() -> None:
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "ingest").rglob("*.py")]
    events = {name for source in sources for name in re.findall(r"log\.\w+\(\s*\"(\w+)\"", source)}
    assert "poll" in events
    assert {name for name in events if f"`{name}`" not in OPERATING} == set()


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{document.name}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


QUERIES = [
    query
    for document in DOCUMENTS
    if document.name != "sql.md"  # tests/store/test_questions.py runs those
    for block in re.findall(r"```sql\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    for query in block.split(";")
    if re.match(r"(\s*--.*\n)*\s*SELECT\b", query)
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_documented_query_runs(query: str, database_url: str) -> None:
    database = Database(database_url)
    upgrade(database)
    rows(database, query)
    database.close()
