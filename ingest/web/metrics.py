"""What `ruamill web` counts and times for /metrics, in the library's registry. docs/web.md explains each of them."""

from prometheus_client import Counter, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter: nobody asks for it

REQUEST_SECONDS = Histogram(
    "ruamill_web_request_seconds",
    "Duration of an answer, by the page that was asked for",
    ["page", "status"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10),
)
QUERIES = Counter("ruamill_web_queries", "Questions to the database")
REFUSED_LOGINS = Counter(
    "ruamill_web_refused_logins", "Requests with a name and a password that were refused"
)
