"""The documents tell the same story as the code."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from ingest import configuration, settings
from ingest.cli import app
from parsers.limits import Limits
from store.database import Database
from store.migrate import upgrade
from tests.store.kit import rows

ROOT = Path(__file__).resolve().parent.parent
OPERATING = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def documented_configuration() -> str:
    """Give the block in which every setting stands."""
    blocks: list[str] = re.findall(r"```toml\n(.*?)```", OPERATING, re.DOTALL)
    return max(blocks, key=len)


def test_the_documented_configuration_loads(tmp_path: Path) -> None:
    file = tmp_path / "ruamill.toml"
    file.write_text(documented_configuration(), encoding="utf-8")
    loaded = configuration.load(file, {})
    assert [box.kind for box in loaded.mailbox] == ["imap", "maildir"]
    assert loaded.limits == Limits()
    assert loaded.schedule == settings.ScheduleSettings()
    assert loaded.log == settings.LogSettings()


def test_every_setting_is_documented() -> None:
    text = documented_configuration()
    keys = {
        *settings.Settings.model_fields,
        *settings.AcceptSettings.model_fields,
        *settings.ScheduleSettings.model_fields,
        *settings.LogSettings.model_fields,
        *settings.ImapSettings.model_fields,
        *settings.MaildirSettings.model_fields,
        *Limits.__dataclass_fields__,
    }
    assert {key for key in keys if not re.search(rf"^(\[+)?{key}\b", text, re.MULTILINE)} == set()


def test_every_command_is_in_the_readme() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]  # typer's root is a group
    assert {name for name in commands if f"`ruamill {name}" not in README} == set()


def test_links_between_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


QUERIES = [
    query
    for block in re.findall(r"```sql\n(.*?)```", OPERATING, re.DOTALL)
    for query in block.split(";")
    if query.strip()
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_documented_query_runs(query: str, database_url: str) -> None:
    database = Database(database_url)
    upgrade(database)
    assert rows(database, query) == []
    database.close()
