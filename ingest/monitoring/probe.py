"""The settings of the monitor in, what a daemon that runs on this machine says of itself out."""

import json
from http.client import HTTPConnection, HTTPException
from typing import Any

from ingest.settings import MonitorSettings

PATIENCE_SECONDS = 3.0
MOST_BYTES = 1 << 20

EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (where it listens is what was set)
"""Where to ask a daemon that listens on every address."""


def ask(settings: MonitorSettings, database: str) -> dict[str, Any] | None:
    """Ask how a daemon with that database is; None where none answers."""
    try:
        answer = health(settings)
    except (OSError, HTTPException, ValueError):
        return None
    return answer if _is_ours(answer, database) else None


def health(settings: MonitorSettings) -> Any:  # noqa: ANN401 (whatever JSON can say)
    """Give what answers at /healthz, past every proxy; the content says what the status would.

    Raises OSError where nobody answers, HTTPException or ValueError where it is no ruamill.
    """
    connection = HTTPConnection(host(settings), settings.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return json.loads(connection.getresponse().read(MOST_BYTES))
    finally:
        connection.close()


def host(settings: MonitorSettings) -> str:
    """Give the address to ask."""
    return EVERYWHERE.get(settings.host, settings.host)


def _is_ours(answer: Any, database: str) -> bool:  # noqa: ANN401 (whatever JSON can say)
    """Tell whether it is ruamill, and not one with another configuration."""
    if not isinstance(answer, dict) or answer.get("program") != "ruamill":
        return False
    return bool(answer.get("database", {}).get("name") == database)
