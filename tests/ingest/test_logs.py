"""One event a line on standard error: for people on a terminal, JSON otherwise; nobody's secrets in it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.terminal import on_terminal

ROOT = Path(__file__).parents[2]
PREPARE = """
import logging
import structlog
from ingest import logs
from ingest.settings import LogSettings

logs.set_up(LogSettings(%s), quiet=%s)
log = structlog.get_logger()
"""
FAIL = """
def log_in():
    password = "s3cret"
    raise OSError("connection reset")

try:
    log_in()
except OSError:
    log.exception("poll_failed", source="box")
    logging.getLogger("apscheduler").exception("Job raised an exception")
"""


def program(statements: str, settings: str = "", *, quiet: bool = False) -> list[str]:
    return [sys.executable, "-c", PREPARE % (settings, quiet) + statements]


def events(statements: str, settings: str = "", *, quiet: bool = False) -> list[dict[str, Any]]:
    """Log into a pipe."""
    done = subprocess.run(
        program(statements, settings, quiet=quiet), cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_into_a_pipe_goes_one_json_object_a_line() -> None:
    (event,) = events('log.info("message", source="box", outcome="stored", reason=None, records=3)')
    moment = event.pop("timestamp")
    assert moment.endswith("Z")
    assert event == {
        "event": "message",
        "level": "info",
        "source": "box",
        "outcome": "stored",
        "reason": None,
        "records": 3,
    }


def test_on_a_terminal_people_read() -> None:
    seen = on_terminal(program('log.info("message", source="box", outcome="stored")'), ROOT)
    assert "message" in seen
    assert "outcome" in seen
    assert "{" not in seen
    assert seen.count("\n") == 1


@pytest.mark.parametrize("form", ["json", "console"])
def test_the_form_can_be_chosen(form: str) -> None:
    command = program('log.info("message", source="box")', f'format="{form}"')
    piped = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stderr
    for seen in (piped, on_terminal(command, ROOT)):
        assert seen.startswith("{") == (form == "json")


@pytest.mark.parametrize(
    ("settings", "quiet", "seen"),
    [
        ("", False, ["info", "warning", "error"]),
        ('level="debug"', False, ["debug", "info", "warning", "error"]),
        ('level="warning"', False, ["warning", "error"]),
        ("", True, ["error"]),
        ('level="info"', True, ["info", "warning", "error"]),
    ],
)
def test_the_level_can_be_chosen(settings: str, quiet: bool, seen: list[str]) -> None:
    statements = "for level in ('debug', 'info', 'warning', 'error'): getattr(log, level)('said')"
    assert [event["level"] for event in events(statements, settings, quiet=quiet)] == seen


def test_libraries_log_in_the_same_form_from_warnings_on() -> None:
    statements = "library = logging.getLogger('apscheduler'); library.info('ready'); library.warning('late by %s s', 3)"
    (event,) = events(statements)
    assert (event["event"], event["level"]) == ("late by 3 s", "warning")


def test_an_error_is_told_with_its_trace_in_one_line_and_without_secrets() -> None:
    ours, theirs = events(FAIL)
    assert (ours["event"], ours["source"]) == ("poll_failed", "box")
    assert theirs["event"] == "Job raised an exception"
    for event in (ours, theirs):
        assert "in log_in" in event["exception"]
        assert "OSError: connection reset" in event["exception"]
        assert "s3cret" not in event["exception"].replace('password = "s3cret"', "")


def test_an_error_on_a_terminal_shows_its_trace_without_secrets() -> None:
    seen = on_terminal(program(FAIL), ROOT)
    assert seen.count("OSError: connection reset") == 2
    assert "s3cret" not in seen


def test_what_strangers_wrote_does_not_steer_the_terminal() -> None:
    statements = r'log.info("message", uid="\x1b]0;owned\x07", message_id="\x9b31m", reason="\u202e\r\nevil")'
    seen = on_terminal(program(statements, 'format="console"'), ROOT)
    assert "\x1b]0;" not in seen
    assert not set("\x07\x9b\u202e\r") & set(seen)
    assert seen.count("\n") == 1
