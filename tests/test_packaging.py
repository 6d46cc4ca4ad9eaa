"""ruamill as a user gets it: a wheel, or a checkout installed in place, each in an environment of its own."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
PACKAGES = {"ingest", "parsers", "enrich", "store", "summary"}

REPORT = """<?xml version="1.0"?>
<feedback>
  <report_metadata>
    <org_name>Reporter</org_name>
    <email>noreply@reporter.example</email>
    <report_id>packaging-1</report_id>
    <date_range><begin>1767225600</begin><end>1767311999</end></date_range>
  </report_metadata>
  <policy_published><domain>example.org</domain><p>none</p></policy_published>
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip>
      <count>12</count>
      <policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated>
    </row>
    <identifiers><header_from>example.org</header_from></identifiers>
    <auth_results>
      <dkim><domain>example.org</domain><selector>s1</selector><result>pass</result></dkim>
      <spf><domain>example.net</domain><result>pass</result></spf>
    </auth_results>
  </record>
  <record>
    <row>
      <source_ip>2001:db8::25</source_ip>
      <count>3</count>
      <policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated>
    </row>
    <identifiers><header_from>example.org</header_from></identifiers>
    <auth_results><spf><domain>example.org</domain><result>softfail</result></spf></auth_results>
  </record>
</feedback>
"""


def run(*command: str | Path, cwd: Path, settings: Mapping[str, str] | None = None) -> str:
    """Run a program that may find nothing of this checkout by accident; its standard output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, check=False, cwd=cwd, env=environment | dict(settings or {}), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=["wheel", "editable"])
def ruamill(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install into an empty environment; the command there."""
    folder = tmp_path_factory.mktemp(request.param)
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    what: list[str | Path] = ["--editable", ROOT]
    if request.param == "wheel":
        what = [request.getfixturevalue("wheel")]
    run(folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *what, cwd=folder)
    return folder / "bin" / "ruamill"


def files_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_five_packages_and_nothing_beside_them(wheel: Path) -> None:
    assert {name.partition("/")[0] for name in files_in(wheel)} == PACKAGES | {f"ruamill-{VERSION}.dist-info"}


def test_the_wheel_holds_every_module_and_migration(wheel: Path) -> None:
    modules = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    migrations = {
        f"store/migrations/{path.relative_to(ROOT / 'alembic')}" for path in (ROOT / "alembic").rglob("*.py")
    }
    assert "store/migrations/env.py" in migrations
    assert any(name.startswith("store/migrations/versions/") for name in migrations)
    assert modules | migrations <= files_in(wheel)


def test_the_command_knows_its_version(ruamill: Path, tmp_path: Path) -> None:
    assert VERSION in run(ruamill, "--version", cwd=tmp_path)


def test_the_configuration_to_begin_with_is_there(ruamill: Path, tmp_path: Path) -> None:
    run(ruamill, "init", cwd=tmp_path)
    assert (tmp_path / "ruamill.toml").read_bytes() == (ROOT / "ingest" / "ruamill.toml").read_bytes()


def test_the_catalogue_is_there(ruamill: Path, tmp_path: Path) -> None:
    assert "microsoft365" in run(ruamill, "services", cwd=tmp_path)


def test_the_questions_are_there(ruamill: Path, tmp_path: Path) -> None:
    listed = run(ruamill, "query", "--list", cwd=tmp_path)
    names = {file.stem for file in (ROOT / "store/questions").glob("*.sql")}
    assert names
    assert not {name for name in names if name not in listed}


def test_a_letter_can_be_laid_out(ruamill: Path, tmp_path: Path) -> None:
    settings = {"RUAMILL_DATABASE": "sqlite:///letter.db"}
    run(ruamill, "summary", "--html", "letter.html", cwd=tmp_path, settings=settings)
    assert "</html>" in (tmp_path / "letter.html").read_text()


def test_the_pages_are_there_and_look_as_they_should(ruamill: Path, tmp_path: Path) -> None:
    run(ruamill, "--database", "sqlite:///pages.db", "db", "upgrade", cwd=tmp_path)
    command: list[str | Path] = [ruamill, "--database", "sqlite:///pages.db", "web", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout
        address = serving.stdout.readline().split()[0]
        try:
            page = requests.get(address, timeout=30)
            [style] = re.findall(r'href="(/static/[^"]*style\.css)"', page.text)
            sheet = requests.get(urljoin(address, style), timeout=30)
        finally:
            serving.terminate()
    assert (page.status_code, sheet.status_code, sheet.headers["Content-Type"].partition(";")[0]) == (
        HTTPStatus.OK,
        HTTPStatus.OK,
        "text/css",
    )


def test_a_report_becomes_rows(ruamill: Path, tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    settings = {"RUAMILL_DATABASE": "sqlite:///reports.db"}
    tally = json.loads(run(ruamill, "ingest", "report.xml", "--json", cwd=tmp_path, settings=settings))
    assert (tally["messages"]["seen"], tally["messages"]["stored"]) == (1, 1)
    assert (tally["reports"], tally["records"]) == (1, 2)
    with closing(sqlite3.connect(tmp_path / "reports.db")) as database:
        rows = database.execute(
            "SELECT source_ip, messages, dmarc_pass FROM record ORDER BY ordinal"
        ).fetchall()
        reports = database.execute(
            "SELECT reporter, report_id, policy_domain, counted FROM report"
        ).fetchall()
    assert rows == [("192.0.2.1", 12, 1), ("2001:db8::25", 3, 0)]
    assert reports == [("Reporter", "packaging-1", "example.org", 1)]
