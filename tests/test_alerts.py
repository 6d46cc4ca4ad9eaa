"""The alert rules: right by Prometheus' own tool, each of them tested and explained, on metrics that there are."""

import os
import re
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest.database import open_database
from ingest.monitoring import exposition
from ingest.monitoring.gauges import Gauges
from ingest.monitoring.watch import Watch
from ingest.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "deploy/prometheus-alerts.yml"
TESTS = ROOT / "tests/alerts.yml"
DOCUMENT = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")

ALERTS = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None and os.environ.get("CI") != "true",
    reason="promtool is not installed (apt-get install --no-install-recommends prometheus)",
)


def promtool(*words: str | Path) -> None:
    assert PROMTOOL, "CI runs every test, but promtool is not installed (Debian: prometheus)"
    done = subprocess.run([PROMTOOL, *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_rules_are_valid() -> None:
    promtool("check", "rules", RULES)


@needs_promtool
def test_the_rules_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", TESTS)


@needs_promtool
def test_the_metrics_are_named_as_prometheus_wants_them(metrics: str) -> None:
    assert PROMTOOL
    command = [PROMTOOL, "check", "metrics"]
    done = subprocess.run(command, check=False, input=metrics, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_rule_is_tested_and_explained() -> None:
    tests = TESTS.read_text(encoding="utf-8")
    assert len(ALERTS) == len(set(ALERTS)) > 0
    assert [alert for alert in ALERTS if not re.search(rf"alertname: {alert}\n", tests)] == []
    assert [alert for alert in ALERTS if f"`{alert}`" not in DOCUMENT] == []


@pytest.fixture
def metrics(tmp_path: Path) -> str:
    """Give what a daemon with one mailbox says."""
    box = {"name": "box", "kind": "maildir", "path": str(tmp_path)}
    settings = Settings.model_validate({"database": f"sqlite:///{tmp_path}/ruamill.db", "mailbox": [box]})
    with closing(open_database(settings)) as database:
        gauges = Gauges(settings, database)
        gauges.look()
        return exposition.metrics(Watch(["box"], 300), gauges).decode()


def test_rules_are_about_metrics_that_there_are(metrics: str) -> None:
    used = set(re.findall(r"\bruamill_\w+", RULES.read_text(encoding="utf-8")))
    assert used - _names(metrics) == set()


def test_every_metric_is_explained_and_no_other(metrics: str) -> None:
    explained = set(re.findall(r"^\| `(ruamill_\w+)", DOCUMENT, re.MULTILINE))
    families = {name for name in _names(metrics) if not re.search(r"_(bucket|count|sum)$", name)}
    assert explained == {name for name in families if name.startswith("ruamill_")}


def _names(metrics: str) -> set[str]:
    """Name every family, a counter with its suffix, and the samples of histograms."""
    families = list(text_string_to_metric_families(metrics))
    names = {it.name + ("_total" if it.type == "counter" else "") for it in families}
    return names | {sample.name for family in families for sample in family.samples}
