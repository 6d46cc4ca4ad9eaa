"""A mailbox of strangers who write to whoever looks at the pages: every text that a page can show is made to do harm."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.header import Header
from html import escape
from ipaddress import ip_address

from fixtures import carriers
from fixtures.carriers import Letter
from fixtures.registries.server import Network, Records

MARK = "hostile-mark"
"""An element that no page of ours has."""
TAKEN = "taken"
"""What a title becomes, and what is asked for, where any of it is carried out."""
ORDINARY = "example.org"
BEGIN = 1794268800
"""2026-11-10, a second for each report from there."""
LONGEST_DOMAIN = 255

STRINGS = {
    "markup": (
        f"""'"></a></td></title></textarea></svg><script>document.title="{TAKEN}"</script>"""
        f"""<img src="/{TAKEN}" onerror="document.title='{TAKEN}'"><{MARK} onclick="alert(1)">"""
        f"""<a href="javascript:alert(1)">&lt;&amp;<style>*{{display:none}}</style><!--"""
    ),
    "template": "{{ 7 * 191 }}{% raw %}${7*191}#{7*191}<%= 7*191 %>{{ config }}{% for",
    "bidi": "\u202emoc.knab\u202c \u2067\u2066moc\u2069\u200f\u200e\u200b\ufeff\u061c",
    "newlines": "one\ntwo\r\nthree\tfour\x85five\u2028six\x7f",
    "long": "W" * 10_000,
    "blank": " \u00a0 ",
    "stacked": "Z" + "\u0324\u0316\u035a\u0489" * 40 + " \u3164",
    "formula": '=HYPERLINK("http://127.0.0.1:9/","@SUM(1+1)*cmd|\' /C calc\'!A0")',
    "path": "../../../etc/passwd?domain=example.com&days=x#/%2e%2e/%00",
}
"""What each stranger puts wherever there is room for text."""


def registries() -> Records:
    """Say what the registries know of the strangers' networks: the same again."""
    texts = [text[:1_000] for text in STRINGS.values()]
    networks = [
        Network(ip_address(f"45.0.{number}.0"), ip_address(f"45.0.{number}.255"), "arin", text, text, text)
        for number, text in enumerate(texts)
    ]
    return Records(tuple(networks), unconfirmed={ip_address("45.0.0.9"): (f"<{MARK}>.inselpost.example",)})


def _element(name: str, *values: str) -> str:
    return "".join(f"<{name}>{value}</{name}>" for value in values)


def _text(value: str) -> str:
    """Escape for XML; its line ends survive as character references alone."""
    return escape(value).replace("\r", "&#13;").replace("\n", "&#10;")


def record(text: str, address: str, count: int, author: str) -> str:
    """Write a record of which everything but its address and its count is hostile."""
    reason = _element("reason", _element("type", text) + _element("comment", text))
    results = _element("disposition", text) + _element("dkim", text, "fail") + _element("spf", "fail")
    names = [_element(name, text) for name in ("envelope_to", "envelope_from")]
    signature = "".join(_element(name, text) for name in ("domain", "selector", "result", "human_result"))
    check = "".join(_element(name, text) for name in ("domain", "scope", "result", "human_result"))
    return _element(
        "record",
        _element(
            "row",
            _element("source_ip", address)
            + _element("count", str(count))
            + _element("policy_evaluated", results + reason),
        )
        + _element("identifiers", "".join(names) + _element("header_from", author))
        + _element("auth_results", _element("dkim", signature) + _element("spf", check)),
    )


def report(text: str, domain: str, number: int, count: int = 7) -> bytes:
    """Write a report of one stranger about a domain; another `count` makes a conflict of it."""
    begin = BEGIN + number
    text, domain = _text(text), _text(domain)
    dates = _element("date_range", _element("begin", str(begin)) + _element("end", str(begin + 86_399)))
    named = ("org_name", "email", "extra_contact_info", "report_id", "error", "generator")
    metadata = _element("report_metadata", "".join(_element(name, text) for name in named) + dates)
    published = "".join(_element(name, text) for name in ("p", "sp", "adkim", "aspf", "pct", "fo", "testing"))
    policy = _element("policy_published", _element("domain", domain) + published)
    addresses = (f"45.0.{number % len(STRINGS)}.9", text, "2001:db8::9")
    records = "".join(record(text, address, count, domain) for address in addresses)
    return f"<feedback>{_element('version', text)}{metadata}{policy}{records}</feedback>".encode()


def _mail(text: str, number: int, name: str, content: bytes) -> bytes:
    """Write the mail of a stranger, whose header fields and attachment's name are hostile too."""
    # A real one needs quoted words as well to bring them through the mail's syntax.
    word = Header(text[:2_000].replace("\r", " ").replace("\n", " "), "utf-8", maxlinelen=10_000).encode()
    letter = Letter(
        f"{word} <{number}@inselpost.example>",
        word,
        datetime.fromtimestamp(BEGIN + number, UTC),
        f"{number}.{word}",
    )
    return carriers.mail(letter, carriers.attachment("application/gzip", name, content))


def mails() -> Iterator[bytes]:
    """Write what each stranger sends: reports about a domain of theirs and of ours, a contradiction, two broken ones."""
    for number, (kind, text) in enumerate(STRINGS.items()):
        broken = report(text, ORDINARY, 500 + number)
        contents = (
            carriers.gzipped(report(text, text[:LONGEST_DOMAIN], number)),
            carriers.gzipped(report(text, ORDINARY, number)),
            carriers.gzipped(report(text, ORDINARY, number, count=9)),
            carriers.gzipped(broken[: broken.rindex(b"<record>")]),
            carriers.gzipped(b"<!DOCTYPE feedback>" + broken),
            b"no report at all",
        )
        for place, content in enumerate(contents):
            yield _mail(text, 100 * place + number, f"{kind}.xml.gz", content)
