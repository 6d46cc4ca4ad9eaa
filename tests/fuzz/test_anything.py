"""Whatever arrives, what parsers.reading promises is kept: right words in wrong places, and good files damaged."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.feedback import NAMESPACE_9990
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.reading import read
from tests.fuzz import promises
from tests.fuzz.carrying import mailed, packed
from tests.fuzz.inputs import TIGHT
from tests.fuzz.mutation import mutate
from tests.fuzz.values import THOROUGH, reports

COMMON = settings(THOROUGH, max_examples=200)
LIMITS = st.sampled_from((DEFAULT_LIMITS, TIGHT))

NAMES = (
    *("feedback", "version", "report_metadata", "policy_published", "record", "extension", "row", "count"),
    *(
        "source_ip",
        "policy_evaluated",
        "disposition",
        "dkim",
        "spf",
        "reason",
        "type",
        "comment",
        "identifiers",
    ),
    *(
        "identities",
        "header_from",
        "envelope_from",
        "envelope_to",
        "auth_results",
        "domain",
        "selector",
        "scope",
    ),
    *(
        "result",
        "human_result",
        "org_name",
        "email",
        "report_id",
        "date_range",
        "begin",
        "end",
        "error",
        "pct",
    ),
)
TEXTS = (
    *(
        "",
        " ",
        "pass",
        " PASS",
        "fail",
        "hardfail",
        "none",
        "reject",
        "helo",
        "mfrom",
        "1",
        "-1",
        "0",
        "1.0",
        "1e9",
    ),
    *(
        "9" * 30,
        "1793577600",
        "1793577600000",
        "2026-11-02T00:00:00Z",
        "192.0.2.1",
        "::ffff:192.0.2.1",
        "[::1]",
    ),
    *(
        "192.0.2.1:25",
        "fe80::1%eth0",
        "EXAMPLE.org.",
        "bücher.example",
        "a" * 300 + ".example",
        "&lt;&gt;",
        "&x;",
    ),
    *("<![CDATA[pass]]>", "<!-- -->pass", "&#0;", "&#x1F600;", "x" * 200, "\x0b", "\ud7ff", "<", "]]>"),
)
ATTRIBUTES = (
    "",
    ' lang="en"',
    f' xmlns="{NAMESPACE_9990}"',
    ' xmlns=""',
    ' a="1" a="2"',
    ' xmlns:x="urn:x" x:y="1"',
)
PROLOGUES = (
    "",
    '<?xml version="1.0" encoding="utf-16"?>',
    "<!DOCTYPE feedback>",
    "\n\n<?xml version='1.0'?>",
    "\ufeff",
)


def _written(name: str, attributes: str, inner: list[str]) -> str:
    return f"<{name}{attributes}>{''.join(inner)}</{name}>"


TREES = st.recursive(
    st.sampled_from(TEXTS),
    lambda inner: st.builds(
        _written, st.sampled_from(NAMES), st.sampled_from(ATTRIBUTES), st.lists(inner, max_size=5)
    ),
    max_leaves=40,
)


def check(raw: bytes, limits: Limits = DEFAULT_LIMITS, name: str = "1") -> None:
    """Read a message and hold the outcome against every promise."""
    promises.check(read(raw, name, limits), limits)


@given(st.sampled_from(PROLOGUES), st.sampled_from(ATTRIBUTES), st.lists(TREES, max_size=6), LIMITS)
@COMMON
def test_any_elements_anywhere(prologue: str, attributes: str, trees: list[str], limits: Limits) -> None:
    xml = prologue + _written("feedback", attributes, trees)
    check(xml.encode(), limits, "report.xml.gz")


TLS_NAMES = (
    *(
        "organization-name",
        "date-range",
        "start-datetime",
        "end-datetime",
        "contact-info",
        "report-id",
        "policies",
    ),
    *("policy", "policy-type", "policy-string", "policy-domain", "mx-host", "summary", "failure-details"),
    *("total-successful-session-count", "total-failure-session-count", "failed-session-count", "result-type"),
    *(
        "sending-mta-ip",
        "receiving-ip",
        "receiving-mx-hostname",
        "additional-information",
        "failure-reason-code",
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(TEXTS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TLS_NAMES), inner, max_size=5)
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(TLS_NAMES), JSON), st.booleans(), LIMITS)
@COMMON
def test_any_json_of_the_right_names(fields: dict[str, Any], ascii_only: bool, limits: Limits) -> None:
    document = json.dumps({"organization-name": "", "policies": []} | fields, ensure_ascii=ascii_only)
    check(document.encode("utf-8", "surrogatepass"), limits)


FIELDS = st.sampled_from(
    (
        *(
            "Feedback-Type: auth-failure",
            "Version: 1",
            "User-Agent: a/1",
            "Auth-Failure: dmarc, spf",
            "Auth-Failure: x",
        ),
        *(
            "Source-IP: 192.0.2.1",
            "Source-IP: [::1]",
            "Reported-Domain: EXAMPLE.org",
            "Incidents: 99999999999999999999",
        ),
        *(
            "Arrival-Date: Mon, 2 Nov 2026 00:00:00 +0000",
            "Arrival-Date: never",
            "Identity-Alignment: none",
            ": x",
        ),
        *(
            "Delivery-Result: \x00",
            "Original-Mail-From: <>",
            "DKIM-Domain: ü.example",
            "SPF-DNS: txt : a : b",
            " folded",
        ),
    )
)


@given(
    st.lists(FIELDS), st.lists(FIELDS), st.sampled_from(("multipart/report", "multipart/mixed", "")), LIMITS
)
@COMMON
def test_any_fields_of_a_failure_report(
    fields: list[str], headers: list[str], kind: str, limits: Limits
) -> None:
    parts = [("message/feedback-report", fields), ("text/rfc822-headers", headers)]
    body = "".join(f"--b\nContent-Type: {name}\n\n" + "\n".join(lines) + "\n" for name, lines in parts)
    mail = (
        f"From: a@example.org\nContent-Type: {kind}; report-type=feedback-report; boundary=b\n\n{body}--b--\n"
    )
    check(mail.encode(), limits)


@given(st.data(), st.lists(reports(), min_size=1, max_size=3), st.integers(0, 1 << 32), LIMITS)
@THOROUGH
def test_any_damage_at_any_layer(data: st.DataObject, written: list[Any], seed: int, limits: Limits) -> None:
    rng = Random(seed)  # noqa: S311 (a repeatable choice, not a secret)
    layer = data.draw(st.sampled_from(("xml", "container", "mail")))

    def hurt(here: str, content: bytes) -> bytes:
        return mutate(content, rng) if here == layer else content

    contents = [hurt("container", data.draw(packed(hurt("xml", each.xml)))) for each in written]
    check(hurt("mail", data.draw(mailed(contents))), limits)
    check(contents[0], limits, "report.xml.gz")
