"""Values in; what a reader of the pages sees of them out. The filters and names that templates know."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from jinja2 import Environment, pass_environment
from markupsafe import Markup, escape

from ingest.web.charts import SPARK_HEIGHT, SPARK_WIDTH
from store.outcomes import Outcome
from summary.findings.values import Level
from summary.letter.parts import READING, called
from summary.verdicts import Verdict
from summary.words import VERDICTS, counted, stopped_by_receivers

NOTHING: Final = "\N{EN DASH}"
"""What stands where there is nothing to tell."""
LONGEST: Final = 300
"""Characters of a strangers' string on a page; CSV has all of it."""
MOST: Final = 200
"""Rows of a table on a page; CSV has all of them."""
LONG: Final = 28
"""Characters from which on a string may be broken anywhere, so that no column is wider for it."""

SHAPES: Final[Mapping[str, str]] = {
    Level.ACT: "act",
    Level.LOOK: "look",
    Level.WELL: "well",
    Verdict.FAILING_OWN: "act",
    Verdict.FRAGILE: "look",
    Verdict.BOUNCES: "look",
    Verdict.UNKNOWN: "unknown",
    Verdict.PASSING: "well",
    Verdict.FORWARDED: "forwarded",
    Verdict.RECIPIENT_GATEWAY: "forwarded",
    Outcome.STORED: "well",
    Outcome.PARTIAL: "look",
    Outcome.DUPLICATE: "quiet",
    Outcome.CONFLICT: "look",
    Outcome.NOT_A_REPORT: "quiet",
    Outcome.UNSUPPORTED: "quiet",
    Outcome.CORRUPT: "act",
    Outcome.REFUSED: "act",
    Outcome.RETRY: "look",
}
"""The look of a badge: a shape and a colour."""


def number(value: int) -> str:
    """Write a number with its thousands apart."""
    return f"{value:,}"


def rate(value: float) -> str:
    """Write a share in per cent, cut and not rounded, so that 100% means all of it."""
    return f"{int(value * 1000 + 1e-9) / 10:.1f}%"


def points(value: float) -> str:
    """Write a change in points of per cent; the sign is a minus, which is as wide as the plus."""
    written = f"{value * 100:+.1f}".replace("-", "\N{MINUS SIGN}")
    return "0.0" if written.endswith("0.0") and len(written) == len("+0.0") else written


def day(value: date) -> str:
    """Write a day."""
    return value.isoformat()


def moment(value: datetime) -> str:
    """Write a moment in UTC; what stands above it says so."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"


def verdict(value: str) -> str:
    """Name a verdict."""
    return VERDICTS[Verdict(value)]


def outcome(value: str) -> str:
    """Name an outcome."""
    return value.replace("_", " ")


def clipped(value: str, longest: int = LONGEST) -> str:
    """Shorten."""
    return value if len(value) <= longest else f"{value[: longest - 1]}…"


@pass_environment
def said(environment: Environment, value: object, longest: int = LONGEST) -> Markup:
    """Set a stranger's string apart from what stands around it, shortened, and with nothing in it that cannot be seen."""
    shown = environment.filters["shown"](clipped(str(value), longest))
    look = ' class="long"' if len(shown) > LONG else ""
    return Markup(f"<bdi{look}>{escape(shown)}</bdi>")  # noqa: S704 (escaped)


@pass_environment
def prose(environment: Environment, sentence: str) -> Markup:
    """Set what stands between back-quotes as what one types."""
    shown = str(escape(environment.filters["shown"](sentence)))
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", shown))  # noqa: S704 (escaped)


def level(value: str) -> str:
    """Name a level, as the letter does."""
    return called(Level(value))


MEANINGS: Final = (
    (
        Verdict.FAILING_OWN,
        "something that you use sends it, and it fails DMARC: take the step of that service",
    ),
    (Verdict.FRAGILE, "it passes by one mechanism where two are expected: mend the other before you enforce"),
    (Verdict.BOUNCES, "bounces and automatic replies of yours fail: have them signed"),
    (
        Verdict.UNKNOWN,
        "it fails, and nothing ties it to you: a new sender of yours, or abuse, which a policy stops",
    ),
    (Verdict.PASSING, "all of it passes DMARC, or nearly all"),
    (Verdict.FORWARDED, "others pass your mail on: keep DKIM healthy, which survives it"),
    (Verdict.RECIPIENT_GATEWAY, "a scanner in front of recipients puts mail back: nothing of yours is wrong"),
)
"""What each verdict means; docs/verdicts.md says it at length."""

FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "number": number,
    "rate": rate,
    "points": points,
    "day": day,
    "moment": moment,
    "verdict": verdict,
    "outcome": outcome,
    "level": level,
    "clipped": clipped,
    "said": said,
    "prose": prose,
    "counted": counted,
    "stopped": stopped_by_receivers,
}
GLOBALS: Final[Mapping[str, Any]] = {
    "SHAPES": SHAPES,
    "NOTHING": NOTHING,
    "MEANINGS": MEANINGS,
    "MOST": MOST,
    "READING": READING,
    "SPARK_HEIGHT": SPARK_HEIGHT,
    "SPARK_WIDTH": SPARK_WIDTH,
}
