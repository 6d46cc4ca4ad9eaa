"""The daemon, if one runs on this machine: where it tells how it is, in; whether it is well, out."""

from collections.abc import Iterator
from http.client import HTTPException

from ingest.doctor.findings import Finding, note, ok, warning
from ingest.monitoring import probe
from ingest.settings import MonitorSettings


def findings(settings: MonitorSettings) -> Iterator[Finding]:
    """Ask the daemon how it is."""
    if not settings.enabled or not settings.port:
        yield note("monitor", "whether a daemon runs is not known: [monitor] has no port to ask")
        return
    host = probe.host(settings)
    place = f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"
    try:
        problems = [str(problem) for problem in probe.health(settings)["problems"]]
    except (HTTPException, KeyError, TypeError, ValueError):
        advice = "give [monitor] another port, or the daemon cannot tell how it is"
        yield warning("monitor", f"something else answers on {place}", advice)
    except OSError:
        yield note(
            "monitor", f"no daemon answers on {place}", "start it, once nothing here is wrong: ruamill run"
        )
    else:
        yield _judged(place, problems)


def _judged(place: str, problems: list[str]) -> Finding:
    if not problems:
        return ok("monitor", f"a daemon runs here ({place}), and is well")
    text = f"a daemon runs here ({place}), and is not well: {'; '.join(problems)}"
    return warning("monitor", text, "see how it does: ruamill status")
