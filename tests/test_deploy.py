"""What deploy/ holds fits the program, the documents and itself; systemd's own tools judge the unit."""

import re
import shutil
import subprocess
import tomllib
from configparser import RawConfigParser
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest import configuration
from ingest.settings import MonitorSettings
from ingest.signals import STOP_SECONDS
from tests.ingest.program import RUAMILL

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
UNITS = {
    name: (DEPLOY / name).read_text(encoding="utf-8") for name in ("ruamill.service", "ruamill-web.service")
}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
FINAL_STAGE = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
WEB = (ROOT / "docs/web.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
PORT = MonitorSettings().port

EXPOSURE = 15
"""Tenths of the points that systemd-analyze may give the unit at most; 11 with systemd 252."""


def unit(name: str = "ruamill.service") -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # keys of systemd are in capitals and small
    parser.read_string(UNITS[name])
    return parser


def compose() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return described


def seconds(value: str) -> int:
    return int(value.removesuffix("s"))


# -- the systemd service


@pytest.fixture(params=UNITS)
def unit_of_this_environment(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Write a unit with the ruamill that the tests run: systemd wants to see the program."""
    name: str = request.param
    file = tmp_path / name
    file.write_text(UNITS[name].replace("/opt/ruamill/bin/ruamill", str(RUAMILL)), encoding="utf-8")
    return file


needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed (apt-get install systemd)"
)


@needs_systemd
def test_systemd_understands_every_line(unit_of_this_environment: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", unit_of_this_environment], check=False, capture_output=True, text=True
    )
    complaints = [line for line in done.stderr.splitlines() if unit_of_this_environment.name in line]
    assert (done.returncode, complaints) == (0, [])


@needs_systemd
def test_the_service_is_hardly_exposed(unit_of_this_environment: Path) -> None:
    done = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=true",
            f"--threshold={EXPOSURE}",
            unit_of_this_environment,
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_is_what_the_operator_is_told() -> None:
    service = unit()["Service"]
    program, option, file, command = service["ExecStart"].split()
    assert f"python3 -m venv {Path(program).parent.parent}\n" in OPERATING
    assert (option, command) == ("--config", "run")
    assert f"ruamill init {file}\n" in OPERATING
    assert Path(file) in configuration.PLACES
    assert f"--home-dir {service['WorkingDirectory']} " in OPERATING
    assert OPERATING.count("useradd") == 1
    assert re.search(rf"useradd .* {service['User']}\n", OPERATING)
    assert "deploy/ruamill.service /etc/systemd/system/" in OPERATING


def test_the_pages_are_served_by_the_same_user_in_the_same_place() -> None:
    daemon, pages = unit()["Service"], unit("ruamill-web.service")["Service"]
    assert pages["ExecStart"] == daemon["ExecStart"].removesuffix("run") + "web"
    assert {key for key in daemon if daemon[key] != pages.get(key)} == {
        "ExecStart",
        "TimeoutStopSec",
        "WatchdogSec",
        "LogRateLimitIntervalSec",
    }
    assert "deploy/ruamill-web.service /etc/systemd/system/" in WEB


def test_the_service_leaves_the_daemon_the_time_it_takes_to_stop() -> None:
    assert seconds(unit()["Service"]["TimeoutStopSec"]) > STOP_SECONDS
    assert seconds(compose()["services"]["ruamill"]["stop_grace_period"]) > STOP_SECONDS


# -- the image


def test_the_image_is_not_root_and_asks_the_monitor_how_it_is() -> None:
    (user,) = re.findall(r"^USER (.*)$", FINAL_STAGE, re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert f"EXPOSE {PORT}\n" in FINAL_STAGE
    assert f"http://127.0.0.1:{PORT}/healthz" in FINAL_STAGE
    assert "RUAMILL_MONITOR__HOST=0.0.0.0" in FINAL_STAGE


def test_no_tool_to_build_with_is_in_the_image() -> None:
    installed = re.search(r"apt-get install (.*) \\", FINAL_STAGE)
    assert installed
    assert installed[1].split() == ["--yes", "--no-install-recommends", "ca-certificates", "python3"]
    assert "--without-pip /opt/ruamill" in DOCKERFILE


def test_the_image_is_built_from_what_the_wheel_is_made_of_and_nothing_else() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if not line.startswith("#")]
    assert patterns[0] == "*"
    sent = {pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    files = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    assert sent == files | {*wheel["packages"], *wheel["force-include"]}
    assert any(fnmatch("ingest/__pycache__", pattern) for pattern in patterns[1:])


# -- compose


@pytest.mark.parametrize("name", ["ruamill", "database"])
def test_a_container_can_do_nothing_that_it_need_not(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "cap_add" not in service


def test_the_database_is_healthy_first_and_has_no_way_out() -> None:
    described = compose()
    services = described["services"]
    assert services["ruamill"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "--host=127.0.0.1" in services["database"]["healthcheck"]["test"]
    assert services["database"]["networks"] == ["inside"]
    assert described["networks"]["inside"] == {"internal": True}
    assert "ports" not in services["database"]


def test_the_monitor_is_published_on_this_machine_alone() -> None:
    assert compose()["services"]["ruamill"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]


def test_no_secret_is_in_the_environment_of_a_container() -> None:
    described = compose()
    for service in described["services"].values():
        secret = {name: value for name, value in service["environment"].items() if name.endswith("_FILE")}
        assert {value.removeprefix("/run/secrets/") for value in secret.values()} == set(service["secrets"])
        open_ones = service["environment"].keys() - secret.keys()
        assert not [name for name in open_ones if "PASSWORD" in name or "DATABASE" in name]
    named = {name for service in described["services"].values() for name in service["secrets"]}
    assert named == set(described["secrets"])
    ignored = (DEPLOY / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/secrets/", "/ruamill.toml"} <= set(ignored)


def test_the_environment_of_the_container_is_a_configuration(tmp_path: Path) -> None:
    environment: dict[str, str] = compose()["services"]["ruamill"]["environment"]
    (tmp_path / "database_url").write_text("postgresql://ruamill:0815@database/ruamill\n")
    (tmp_path / "mailbox").write_text("s3cret\n")
    (tmp_path / "ruamill.toml").write_text('[[mailbox]]\nhost = "imap.example.org"\nuser = "dmarc"\n')
    here = {name: str(tmp_path / Path(value).name) for name, value in environment.items()}
    loaded = configuration.load(environment=here)
    assert loaded.database.get_secret_value() == "postgresql://ruamill:0815@database/ruamill"
    assert [box.name for box in loaded.mailbox] == ["dmarc"]
