"""Alignment is computed from the authentication results alone, and compared with what the reporter evaluated."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import values
from parsers.alignment import Recomputed, organizational_domain, recompute
from parsers.reading import read
from parsers.values import DkimResult, PolicyPublished, Record, ReportHeader, Scope, SpfResult, SpfToken

RELAXED, STRICT = PolicyPublished(adkim="r", aspf="r"), PolicyPublished(adkim="s", aspf="s")
AUTHOR = "news.example.org"


def dkim(domain: str | None, result: values.DkimToken | None = "pass") -> DkimResult:
    return DkimResult(domain=domain, result=result)


def spf(domain: str | None, result: SpfToken | None = "pass", scope: Scope | None = "mfrom") -> SpfResult:
    return SpfResult(domain=domain, result=result, scope=scope)


def record(
    *results: DkimResult | SpfResult,
    author: str | None = AUTHOR,
    null_path: bool | None = None,
    said: tuple[values.Evaluated | None, values.Evaluated | None] = ("pass", "pass"),
) -> Record:
    """Write a record; `said` is what the reporter evaluated, DKIM first."""
    return Record(
        source_ip="192.0.2.1",
        messages=1,
        header_from=author,
        null_path=null_path,
        dkim=said[0],
        spf=said[1],
        dkim_results=tuple(each for each in results if isinstance(each, DkimResult)),
        spf_results=tuple(each for each in results if isinstance(each, SpfResult)),
    )


def recomputed_dkim(*results: DkimResult | SpfResult, policy: PolicyPublished = RELAXED) -> str | None:
    return recompute(record(*results), policy).dkim


def recomputed_spf(
    *results: SpfResult, policy: PolicyPublished = RELAXED, null_path: bool | None = None
) -> str | None:
    return recompute(record(*results, null_path=null_path), policy).spf


# --- the organisational domain


@pytest.mark.parametrize(
    ("name", "organizational"),
    [
        ("example.org", "example.org"),
        ("a.b.example.org", "example.org"),
        ("example.co.uk", "example.co.uk"),
        ("mail.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("org", "org"),
        ("localhost", "localhost"),
        ("a.inselpost.example", "inselpost.example"),  # in no list: as if the last label were a public suffix
        ("a.person.github.io", "person.github.io"),  # private entries of the list
        ("github.io", "github.io"),
        ("bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com"),
        ("a.city.kawasaki.jp", "city.kawasaki.jp"),  # exceptions and wildcards
        ("a.b.other.kawasaki.jp", "b.other.kawasaki.jp"),
        ("mail.xn--55qx5d.cn", "mail.xn--55qx5d.cn"),
        ("a.mail.xn--55qx5d.cn", "mail.xn--55qx5d.cn"),
        ("a.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("2001:db8::1", "2001:db8::1"),
        ("[ipv6:2001:db8::1]", "[ipv6:2001:db8::1]"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("a..example.org", "a..example.org"),
        (".example.org", ".example.org"),
        (".", "."),
        ("", ""),
        ("a." * 130 + "example.org", "a." * 130 + "example.org"),  # longer than a name can be
    ],
)
def test_the_organisational_domain_is_a_public_suffix_and_one_label(name: str, organizational: str) -> None:
    assert organizational_domain(name) == organizational


def test_the_list_is_not_read_before_it_is_asked_for() -> None:
    code = "import parsers.alignment as a; print(a._suffixes.cache_info().currsize); a.organizational_domain('a.b')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "0\n"


# --- DKIM


@pytest.mark.parametrize(
    ("domain", "relaxed", "strict"),
    [
        (AUTHOR, "pass", "pass"),
        ("example.org", "pass", "fail"),
        ("other.example.org", "pass", "fail"),
        ("a.news.example.org", "pass", "fail"),
        ("example.net", "fail", "fail"),
        ("notexample.org", "fail", "fail"),
        ("org", "fail", "fail"),
        (None, None, None),
    ],
)
def test_a_signature_is_aligned_as_the_policy_wants(
    domain: str | None, relaxed: str | None, strict: str | None
) -> None:
    assert recomputed_dkim(dkim(domain)) == relaxed
    assert recomputed_dkim(dkim(domain), policy=STRICT) == strict


@pytest.mark.parametrize("mode", [None, "unknown", "r"])
def test_alignment_is_relaxed_unless_it_is_strict(mode: values.Alignment | None) -> None:
    policy = PolicyPublished(adkim=mode, aspf=mode)
    assert recompute(record(dkim("example.org"), spf("example.org")), policy) == Recomputed(
        "pass", "pass", "agrees"
    )


def test_each_mechanism_has_its_own_mode() -> None:
    results = record(dkim("example.org"), spf("example.org"))
    assert recompute(results, PolicyPublished(adkim="s", aspf="r")) == Recomputed("fail", "pass", "differs")
    assert recompute(results, PolicyPublished(adkim="r", aspf="s")) == Recomputed("pass", "fail", "differs")


@pytest.mark.parametrize("result", sorted(set(get_args(values.DkimToken)) - {"pass"}))
def test_only_a_pass_passes(result: values.DkimToken) -> None:
    assert recomputed_dkim(dkim(AUTHOR, result)) == "fail"
    assert recomputed_dkim(dkim(AUTHOR, None)) == "fail"


def test_one_signature_of_many_is_enough() -> None:
    assert (
        recomputed_dkim(dkim(AUTHOR, "fail"), dkim("mailer.example"), dkim(None), dkim("example.org"))
        == "pass"
    )
    assert recomputed_dkim(dkim(AUTHOR, "fail"), dkim("mailer.example")) == "fail"
    assert recomputed_dkim(dkim("mailer.example"), dkim(None)) is None


def test_a_message_without_a_signature_fails_but_a_record_without_results_tells_nothing() -> None:
    assert recomputed_dkim(spf(AUTHOR)) == "fail"
    assert recompute(record(), RELAXED) == Recomputed(None, None, "not_computable")


def test_private_suffixes_keep_neighbours_apart() -> None:
    neighbours = record(dkim("one.github.io"), author="two.github.io")
    assert recompute(neighbours, RELAXED).dkim == "fail"
    assert recompute(record(dkim("192.168.2.1"), author="192.0.2.1"), RELAXED).dkim == "fail"


# --- SPF


@pytest.mark.parametrize("result", sorted(set(get_args(SpfToken)) - {"pass"}))
def test_only_a_pass_of_spf_passes(result: SpfToken) -> None:
    assert recomputed_spf(spf(AUTHOR, result)) == "fail"


@pytest.mark.parametrize(
    ("results", "null_path", "expected"),
    [
        ([], None, None),
        ([], True, None),
        ([spf("example.org")], None, "pass"),
        ([spf("example.org", scope=None)], None, "pass"),
        ([spf("example.org", scope="unknown")], None, "pass"),
        ([spf("mailer.example")], None, "fail"),
        ([spf(None)], None, None),
        # RFC 7489 has both, and some send several
        ([spf("mx.example.org", scope="helo"), spf("example.org", "softfail")], None, "fail"),
        ([spf("mx.mailer.example", scope="helo"), spf("example.org")], None, "pass"),
        # HELO speaks for MAIL FROM only where that is empty
        ([spf("mx.example.org", scope="helo")], False, None),
        ([spf("mx.example.org", scope="helo")], None, None),
        ([spf("mx.example.org", scope="helo")], True, "pass"),
        ([spf("mx.mailer.example", scope="helo")], True, "fail"),
        ([spf(None, scope="helo")], True, None),
        ([spf(None, "none", scope="helo")], True, "fail"),
        ([spf("mx.example.org", scope="helo"), spf("mailer.example")], True, "fail"),
        # RFC 9990: scope mfrom, and the domain is HELO's all the same
        ([spf("mx.example.org")], True, "pass"),
    ],
)
def test_the_check_of_mail_from_counts(
    results: list[SpfResult], null_path: bool | None, expected: str | None
) -> None:
    assert recomputed_spf(*results, null_path=null_path) == expected


def test_spf_is_aligned_as_the_policy_wants() -> None:
    assert recomputed_spf(spf("bounce.example.org"), policy=STRICT) == "fail"
    assert recomputed_spf(spf(AUTHOR), policy=STRICT) == "pass"


# --- agreement


@pytest.mark.parametrize(
    ("said", "agreement"),
    [
        (("pass", "fail"), "agrees"),
        (("pass", None), "agrees"),
        ((None, "fail"), "agrees"),
        (("unknown", "fail"), "agrees"),
        (("pass", "pass"), "differs"),
        (("fail", "fail"), "differs"),
        ((None, "pass"), "differs"),
        ((None, None), "not_computable"),
        (("unknown", "unknown"), "not_computable"),
    ],
)
def test_what_can_be_compared_is_compared(
    said: tuple[values.Evaluated | None, values.Evaluated | None], agreement: str
) -> None:
    results = record(dkim(AUTHOR), spf("mailer.example"), said=said)
    assert recompute(results, RELAXED) == Recomputed("pass", "fail", agreement)  # type: ignore[arg-type]  # a table's text


def test_without_an_author_nothing_can_be_computed() -> None:
    results = record(dkim(AUTHOR), spf(AUTHOR), author=None)
    assert recompute(results, RELAXED) == Recomputed(None, None, "not_computable")


NAMES = (
    st.none()
    | st.text(max_size=30)
    | st.sampled_from([AUTHOR, "example.org", "example.net", "1.2.3.4", "co.uk", ".", "x" * 300])
)
RECORDS = st.builds(
    Record,
    source_ip=st.just("192.0.2.1"),
    messages=st.just(1),
    header_from=NAMES,
    null_path=st.none() | st.booleans(),
    dkim=st.sampled_from([None, *get_args(values.Evaluated)]),
    spf=st.sampled_from([None, *get_args(values.Evaluated)]),
    dkim_results=st.lists(
        st.builds(dkim, NAMES, st.sampled_from([None, *get_args(values.DkimToken)])), max_size=4
    ).map(tuple),
    spf_results=st.lists(
        st.builds(
            spf,
            NAMES,
            st.sampled_from([None, *get_args(SpfToken)]),
            st.sampled_from([None, *get_args(Scope)]),
        ),
        max_size=4,
    ).map(tuple),
)
MODES = st.sampled_from([None, *get_args(values.Alignment)])


@given(RECORDS, MODES)
def test_any_record_can_be_computed(any_record: Record, mode: values.Alignment | None) -> None:
    found = recompute(any_record, PolicyPublished(adkim=mode, aspf=mode))
    strict = recompute(any_record, STRICT)
    assert (found.dkim, found.spf) != (None, None) or found.agreement == "not_computable"
    assert "pass" not in (found.dkim, found.spf) or any_record.header_from is not None
    assert strict.dkim != "pass" or found.dkim == "pass"
    assert strict.spf != "pass" or found.spf == "pass"


# --- real reports

PSEUDONYM = re.compile(r"[0-9a-f]{32}\.\w+")
"""One publisher wrote one such name for every domain of a report: whatever passes is aligned there."""

REPORTERS_DOING = {
    # take any SPF pass for an aligned one, whatever its domain
    ("126.com", "spf", "pass"),
    ("yeah.net", "spf", "pass"),
    ("GoDaddy.com", "spf", "pass"),
    # say that DKIM passed and list no signature that did
    ("studygroup.com", "dkim", "pass"),
    ("inexio.net", "dkim", "pass"),
    ("avnet.com", "dkim", "pass"),
    # says that DKIM failed and lists an aligned signature that passed
    ("ikea.com", "dkim", "fail"),
    # written by hand, as examples
    ("Test Inc.", "dkim", "pass"),
    ("Test Inc.", "spf", "pass"),
    ("Legacy Reporter", "spf", "pass"),
    ("Sample Reporter", "dkim", "pass"),
}
"""Who evaluates otherwise than the results say: the reporter, the mechanism, what it came to there."""


def records(corpus: Path) -> Iterator[tuple[ReportHeader, Record]]:
    """Give every record of every distinct report that was published as a file."""
    seen = set()
    for line in (corpus / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["category"] != "dmarc":
            continue
        for each in read((corpus / entry["file"]).read_bytes(), entry["file"]).reports:
            if each.document.sha256 not in seen:
                seen.add(each.document.sha256)
                for block in each.open().blocks():
                    yield from ((each.header, it) for it in block)


def test_reporters_evaluate_as_we_do_or_we_know_why_not(corpus: Path) -> None:
    agreement: Counter[str] = Counter()
    differing = set()
    for header, each in records(corpus):
        found = recompute(each, header.policy)
        anonymised = PSEUDONYM.fullmatch(header.policy.domain or "") is not None
        agreement[found.agreement] += not anonymised
        for mechanism, ours, said in (("dkim", found.dkim, each.dkim), ("spf", found.spf, each.spf)):
            if {ours, said} == {"pass", "fail"} and not (anonymised and ours == "pass"):
                differing.add((header.reporter, mechanism, said))
    assert differing == REPORTERS_DOING
    assert agreement["agrees"] > 2_900
    assert agreement["not_computable"] < 20
