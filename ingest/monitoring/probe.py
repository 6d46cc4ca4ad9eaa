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
    """Ask for /healthz; None where no ruamill with that database answers. The content says what the status would."""
    connection = HTTPConnection(
        EVERYWHERE.get(settings.host, settings.host), settings.port, timeout=PATIENCE_SECONDS
    )
    try:
        connection.request("GET", "/healthz")
        answer = json.loads(connection.getresponse().read(MOST_BYTES))
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return answer if _is_ours(answer, database) else None


def _is_ours(answer: Any, database: str) -> bool:  # noqa: ANN401 (whatever JSON can say)
    """Tell whether it is ruamill, and not one with another configuration."""
    if not isinstance(answer, dict) or answer.get("program") != "ruamill":
        return False
    return bool(answer.get("database", {}).get("name") == database)
