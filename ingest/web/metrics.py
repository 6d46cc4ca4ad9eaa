"""What `ruamill web` counts and times for /metrics, in a registry of its own. docs/web.md explains each of them."""

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter: nobody asks for it

REGISTRY: Final = CollectorRegistry()
"""The library's own is the daemon's."""
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

REQUEST_SECONDS: Final = Histogram(
    "ruamill_web_request_seconds",
    "Duration of an answer, by the page that was asked for",
    ["page", "status"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
QUERIES: Final = Counter("ruamill_web_queries", "Questions to the database", registry=REGISTRY)
REFUSED_LOGINS: Final = Counter(
    "ruamill_web_refused_logins",
    "Requests with a name and a password that were refused",
    registry=REGISTRY,
)
