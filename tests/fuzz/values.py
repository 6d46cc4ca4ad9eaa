"""Hypothesis makes reports here: values as parsers.values has them, and the style in which they are written."""

import string
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, get_args

from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st

from parsers import values
from parsers.feedback import NAMESPACE_7489, NAMESPACE_9990
from parsers.values import (
    MAX_MESSAGES,
    DkimResult,
    OverrideReason,
    PolicyPublished,
    Record,
    ReportHeader,
    SpfResult,
)
from tests.fuzz.report_writer import Style, write

SECONDS = st.integers(946_684_800, 4_102_444_800)
"""From 2000 to 2100."""
NOISE = ("<!-- <count>5</count> -->", "<?note pass?>", '<x:p xmlns:x="urn:x">reject</x:p>', "<hint/>")
LEGACY = ("windows-1252", "iso-8859-1", "iso-8859-2", "koi8-r", "gb18030")
ENCODINGS = (
    *[(declared, "utf-8") for declared in ("", "utf-8", "UTF-8", "us-ascii", "windows-1252", "x-none")],
    *[(declared, "utf-8-sig") for declared in ("", "UTF-8")],
    *[("utf-16", encoding) for encoding in ("utf-16", "utf-16-le", "utf-16-be")],
    *[(encoding, encoding) for encoding in LEGACY],
)
"""What the declaration says, and what is true."""


THOROUGH = settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),  # to explain a failure takes minutes
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],  # reports are not small
)
"""How properties are tried: the same examples in every run, so that none fails by chance."""


@dataclass(frozen=True)
class Written:
    """A report's values, and the XML that says them."""

    header: ReportHeader
    records: tuple[Record, ...]
    style: Style

    @property
    def xml(self) -> bytes:
        """Give the document."""
        return write(self.header, self.records, self.style)


def texts() -> st.SearchStrategy[str]:
    """Make texts that XML can hold, without blanks around them."""
    letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"))
    return st.text(letters, min_size=1, max_size=30).map(str.strip).filter(bool)


def words(extra: str = "") -> st.SearchStrategy[str]:
    """Make words of ASCII letters and digits."""
    return st.text(string.ascii_lowercase + string.digits + extra, min_size=1, max_size=12)


def domains() -> st.SearchStrategy[str]:
    """Make domain names in the form in which they are compared."""
    return st.lists(words(), min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Make one, or none."""
    return st.none() | strategy


def known(vocabulary: object) -> st.SearchStrategy[Any]:
    """Make a token of a vocabulary, or none."""
    return maybe(st.sampled_from(sorted(set(get_args(vocabulary)) - {values.UNKNOWN})))


def tokens(vocabulary: object) -> st.SearchStrategy[tuple[Any, str | None]]:
    """Make a token and, where it is spelt otherwise or in no vocabulary, how it is sent."""
    upper = known(vocabulary).map(lambda token: (token, token and token.upper()))
    odd = words().map(lambda word: (values.UNKNOWN, f"x-{word}"))
    return known(vocabulary).map(lambda token: (token, None)) | upper | odd


@st.composite
def dkim_results(draw: st.DrawFn) -> DkimResult:
    """Make the outcome of one signature."""
    result, raw = draw(tokens(values.DkimToken))
    domain, selector = draw(maybe(domains())), draw(maybe(words("-_.")))
    return DkimResult(domain, selector, result, draw(maybe(texts())), raw)


@st.composite
def spf_results(draw: st.DrawFn) -> SpfResult:
    """Make the outcome of one SPF check."""
    (scope, scope_raw), (result, raw) = draw(tokens(values.Scope)), draw(tokens(values.SpfToken))
    return SpfResult(draw(maybe(domains())), scope, result, draw(maybe(texts())), scope_raw, raw)


@st.composite
def reasons(draw: st.DrawFn) -> OverrideReason:
    """Make one reason for another disposition."""
    kind, raw = draw(tokens(values.ReasonType))
    return OverrideReason(kind, draw(maybe(texts())), raw)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Make one record."""
    spf_checks = tuple(draw(st.lists(spf_results(), max_size=2)))
    only_helo = bool(spf_checks) and all(each.scope == "helo" for each in spf_checks)
    envelope_from = draw(maybe(domains()))
    null_path = False if envelope_from else True if only_helo else draw(st.sampled_from((None, True)))
    (disposition, disposition_raw), (dkim, dkim_raw), (spf, spf_raw) = (
        draw(tokens(vocabulary)) for vocabulary in (values.Disposition, values.Evaluated, values.Evaluated)
    )
    return Record(
        source_ip=draw(st.ip_addresses(v=4) | st.ip_addresses(v=6).filter(_is_one_of_its_own)).compressed,
        messages=draw(st.integers(1, 9) | st.integers(1, MAX_MESSAGES)),
        disposition=disposition,
        dkim=dkim,
        spf=spf,
        header_from=draw(maybe(domains())),
        envelope_from=envelope_from,
        envelope_to=draw(maybe(domains())),
        null_path=null_path,
        dkim_results=tuple(draw(st.lists(dkim_results(), max_size=3))),
        spf_results=spf_checks,
        reasons=tuple(draw(st.lists(reasons(), max_size=2))),
        disposition_raw=disposition_raw,
        dkim_raw=dkim_raw,
        spf_raw=spf_raw,
    )


def _is_one_of_its_own(address: Any) -> bool:
    return address.ipv4_mapped is None


def policies() -> st.SearchStrategy[PolicyPublished]:
    """Make a policy as either RFC knows it."""
    return st.builds(
        PolicyPublished,
        domain=maybe(domains()),
        **{name: known(values.Policy) for name in ("p", "sp", "np")},
        **{name: known(values.Alignment) for name in ("adkim", "aspf")},
        pct=maybe(st.integers(0, 100)),
        fo=maybe(st.sampled_from(("0", "1", "d:s", "1:d:s"))),
        testing=known(values.Testing),
        discovery_method=known(values.Discovery),
    )


@st.composite
def headers(draw: st.DrawFn) -> ReportHeader:
    """Make a header; its dialect is what shows without a namespace."""
    policy, generator = draw(policies()), draw(maybe(texts()))
    begin, end = sorted(draw(st.tuples(SECONDS, SECONDS)))
    newer = policy.testing or policy.discovery_method or generator
    return ReportHeader(
        dialect="rfc9990" if newer else "rfc7489",
        policy=policy,
        version=draw(st.sampled_from((None, "1.0", "1"))),
        reporter=draw(maybe(texts())),
        email=draw(maybe(domains().map("dmarc@{}".format))),
        extra_contact_info=draw(maybe(texts())),
        report_id=draw(maybe(words("-_.@!"))),
        begin=datetime.fromtimestamp(begin, UTC),
        end=datetime.fromtimestamp(end, UTC),
        errors=tuple(draw(st.lists(texts(), max_size=2))),
        generator=generator,
    )


@st.composite
def styles(draw: st.DrawFn) -> Style:
    """Make a way of writing."""
    namespace = draw(st.sampled_from(("", NAMESPACE_7489, NAMESPACE_9990, "urn:own")))
    declared, encoding = draw(st.sampled_from(ENCODINGS))
    quotings = ("escaped", "references", "cdata")
    return Style(
        namespace,
        prefix=draw(st.sampled_from(("", "d:", "dmarc-2.0:"))) if namespace else "",
        indent=draw(st.sampled_from(("", "\n", "\r\n\t", "\n    "))),
        quoting=draw(st.sampled_from(quotings[:2] if encoding in LEGACY else quotings)),
        noise=tuple(draw(st.lists(st.sampled_from(NOISE), max_size=3))),
        declared=declared,
        encoding=encoding,
    )


ANY_STYLE = styles()
PLAIN_STYLES = ANY_STYLE.map(lambda style: replace(style, declared="UTF-8", encoding="utf-8"))
"""Styles in which a cut can be placed by looking at the bytes."""


@st.composite
def reports(
    draw: st.DrawFn, *, min_records: int = 0, written_in: st.SearchStrategy[Style] = ANY_STYLE
) -> Written:
    """Make a report that says what its values say."""
    style, header = draw(written_in), draw(headers())
    if style.namespace == NAMESPACE_9990:
        header = replace(header, dialect="rfc9990")
    written = Written(header, tuple(draw(st.lists(records(), min_size=min_records, max_size=4))), style)
    assume(style.encoding not in LEGACY or not _is_utf8_too(written.xml))
    return written


def _is_utf8_too(xml: bytes) -> bool:
    """Tell whether bytes of another encoding are good UTF-8 as well, and will be taken for it."""
    try:
        return not xml.isascii() and bool(xml.decode())
    except UnicodeDecodeError:
        return False
