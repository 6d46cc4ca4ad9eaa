"""The daemon, if one runs on this machine: where it tells how it is, in; whether it is well, out."""

import json
from collections.abc import Iterator
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from ingest.doctor.findings import Finding, note, ok, warning
from ingest.settings import MonitorSettings

SECONDS = 5.0
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (whoever listens everywhere listens here too)


def findings(settings: MonitorSettings) -> Iterator[Finding]:
    """Ask the daemon how it is."""
    if not settings.enabled or not settings.port:
        yield note("monitor", "whether a daemon runs is not known: [monitor] has no port to ask")
        return
    host = ANY.get(settings.host, settings.host)
    place = f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"
    try:
        problems = _problems(place)
    except (HTTPException, KeyError, TypeError, ValueError):
        advice = "give [monitor] another port, or the daemon cannot tell how it is"
        yield warning("monitor", f"something else answers on {place}", advice)
    except OSError:
        yield note(
            "monitor", f"no daemon answers on {place}", "start it, once nothing here is wrong: ruamill run"
        )
    else:
        yield _judged(place, problems)


def _problems(place: str) -> list[str]:
    """Ask /healthz, past every proxy. Raises OSError, HTTPException, and others if it is none of ours that answers."""
    try:
        with build_opener(ProxyHandler({})).open(f"http://{place}/healthz", timeout=SECONDS) as answer:
            health = json.load(answer)
    except HTTPError as error:
        with error:
            health = json.load(error)
    return [str(problem) for problem in health["problems"]]


def _judged(place: str, problems: list[str]) -> Finding:
    if not problems:
        return ok("monitor", f"a daemon runs here ({place}), and is well")
    text = f"a daemon runs here ({place}), and is not well: {'; '.join(problems)}"
    return warning("monitor", text, "see how it does: ruamill status")
