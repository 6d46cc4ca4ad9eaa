"""The children of `feedback` come one at a time, and nothing hostile in the XML comes to life."""

import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from parsers.errors import CorruptError, NotAReportError, RefusedError, ReportError
from parsers.feedback import CHUNK, children, namespace_of
from parsers.limits import DEFAULT_LIMITS, Limits
from tests.parsers.small_reports import METADATA, POLICY, chunked, feedback, record, report

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


def tags(content: bytes, limits: Limits = DEFAULT_LIMITS, size: int = 1 << 20) -> list[str]:
    return [element.tag for element in children(chunked(content, size)(), limits)]


def error(content: bytes, limits: Limits = DEFAULT_LIMITS) -> ReportError:
    with pytest.raises(ReportError) as caught:
        tags(content, limits)
    return caught.value


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_children_come_in_the_order_they_stand(size: int) -> None:
    content = feedback("<version>1.0</version>", METADATA, POLICY, record(), record())
    assert tags(content, size=size) == ["version", "report_metadata", "policy_published", "record", "record"]


@pytest.mark.parametrize(
    "namespace", ["http://dmarc.org/dmarc-xml/0.1", "urn:ietf:params:xml:ns:dmarc-2.0", "x"]
)
@pytest.mark.parametrize("prefix", ["", "d:", "feedback:"])
def test_children_are_found_in_any_namespace_under_any_prefix(namespace: str, prefix: str) -> None:
    declared = f"xmlns{':' if prefix else ''}{prefix.rstrip(':')}='{namespace}'"
    content = f"<{prefix}feedback {declared}><{prefix}record/></{prefix}feedback>".encode()
    [tag] = tags(content)
    assert tag == f"{{{namespace}}}record"
    assert namespace_of(tag) == namespace


def test_records_elsewhere_than_below_the_root_are_none() -> None:
    assert tags(feedback("<extension>", record(), "</extension>", record())) == ["extension", "record"]


def test_a_record_within_a_record_is_none() -> None:
    assert tags(feedback("<record><record/></record>")) == ["record"]


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_other_children_come_in_their_places(size: int) -> None:
    content = feedback("<a/>", "<b/>", record(), "words", record(), "<c><record/></c>", "<d/>")
    assert tags(content, size=size) == ["a", "b", "record", "record", "c", "d"]
    assert tags(feedback("<a/>"), size=size) == ["a"]


def test_comments_and_processing_instructions_are_passed_over() -> None:
    assert tags(
        b"<?xml-stylesheet href='x'?><!-- <record/> -->" + feedback("<!-- x -->", "<?y?>", record())
    ) == ["record"]


# --- what is no report


@pytest.mark.parametrize("root", ["invoice", "record", "report_metadata", "Feedback"])
def test_another_root_is_no_report_and_is_named(root: str) -> None:
    found = error(f"<{root}>{record()}</{root}>".encode())
    assert isinstance(found, NotAReportError)
    assert f"<{root}>" in str(found)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<",
        b"<feedback>",
        b"<feedback><record></feedback>",
        b"<feedback/><feedback/>",
        b"<feedback>&nobody;</feedback>",
        b"<feedback><a b='1' b='2'/></feedback>",
        b"<feedback>\x01</feedback>",
        feedback(record())[:-5],
        feedback(record()) + b"\0",
    ],
)
def test_xml_that_is_not_well_formed_is_corrupt(content: bytes) -> None:
    found = error(content)
    assert isinstance(found, CorruptError)
    assert str(found).startswith("XML is not well-formed: ")


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    "damage", ["<record><row>", "<record><row></record>", "<record>\x01", "<record a='1' a='2'/>", "</x>"]
)
def test_what_stood_before_the_damage_is_given(damage: str, size: int) -> None:
    elements = children(chunked(feedback(record(), record(), damage), size)(), DEFAULT_LIMITS)
    assert [next(elements).tag for _ in "ab"] == ["record", "record"]
    with pytest.raises(CorruptError):
        next(elements)


# --- what is hostile


@pytest.mark.parametrize(
    "declaration",
    [
        "<!DOCTYPE feedback>",
        "<!DOCTYPE feedback SYSTEM 'report.dtd'>",
        "<!DOCTYPE feedback PUBLIC '-//x' 'http://127.0.0.1/report.dtd'>",
        "<!DOCTYPE feedback [<!ENTITY domain 'example.org'>]>",
        "<!DOCTYPE feedback [<!ENTITY % outside SYSTEM 'http://127.0.0.1/x'> %outside;]>",
    ],
)
@pytest.mark.parametrize("body", [record(), "", "<unknown/>"])
def test_a_document_type_is_refused(declaration: str, body: str) -> None:
    found = error(declaration.encode() + feedback(body))
    assert isinstance(found, RefusedError)
    assert "document type" in str(found)


def test_an_entity_is_never_read_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not for strangers")
    declaration = f"<!DOCTYPE feedback [<!ENTITY file SYSTEM '{secret.as_uri()}'>]>"
    content = declaration.encode() + feedback("<record><row>&file;</row></record>")
    given: list[object] = []
    with pytest.raises(RefusedError):
        given.extend(children([content], DEFAULT_LIMITS))
    assert given == []


def test_a_billion_laughs_are_not_laughed() -> None:
    entities = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
    declaration = f"<!DOCTYPE feedback [<!ENTITY l0 'ha'>{entities}]>"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert isinstance(error(declaration.encode() + feedback("<record>&l9;</record>")), RefusedError)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024


@pytest.mark.parametrize(
    "content",
    [
        "<record>" + "<a>" * 50_000,
        "<a>" * 50_000,
        "<record>" + "<a/>" * 20_000 + "</record>",
        "<a/>" * 20_000,
        "<a>" + record() * 20_000 + "</a>",
        "x" * 80_000,
        "<!--" + "x" * 80_000 + "-->",
        "<record a='" + "x" * 80_000 + "'/>",
    ],
    ids=["nested", "nested outside", "wide", "wide outside", "elsewhere", "text", "comment", "attribute"],
)
def test_whatever_goes_on_for_too_long_without_a_record_ends_it(content: str) -> None:
    limits = replace(DEFAULT_LIMITS, record_bytes=10_000)
    padding = " " * 2 * CHUNK
    found = error(feedback(content, padding), limits)
    assert isinstance(found, RefusedError)


@pytest.mark.parametrize("content", ["<a>" * 300, f"<{'a' * 60_000}/>"], ids=["depth", "name"])
def test_what_libxml2_bounds_is_refused(content: str) -> None:
    assert isinstance(error(feedback("<record>" + content)), RefusedError)


def test_over_record_bytes_is_refused_with_its_name() -> None:
    found = error(feedback("<record>" + "<a/>" * CHUNK), replace(DEFAULT_LIMITS, record_bytes=10_000))
    assert isinstance(found, RefusedError)
    assert "(limit record_bytes)" in str(found)


def test_many_small_records_are_under_record_bytes() -> None:
    limits = replace(DEFAULT_LIMITS, record_bytes=10_000)
    assert len(tags(report(*[record()] * 3_000), limits)) == 3_002


def test_many_attributes_and_namespaces_stay_cheap() -> None:
    attributes = " ".join(f"a{n}='{n}'" for n in range(20_000))
    namespaces = " ".join(f"xmlns:n{n}='u{n}'" for n in range(20_000))
    content = feedback(f"<record {attributes}/>", f"<record {namespaces}/>")
    assert tags(content, replace(DEFAULT_LIMITS, record_bytes=MIB)) == ["record", "record"]


CONSUME = """
import resource
from collections.abc import Iterator
from parsers.aggregate import ReportReader
from tests.parsers.small_reports import METADATA, POLICY, record, row

RECORDS = 200_000

def chunks() -> Iterator[bytes]:
    yield f"<feedback>{METADATA}{POLICY}".encode()
    for number in range(RECORDS // 100):
        yield "".join(record(row(f"10.{number % 250}.{number // 250}.{each}")) for each in range(100)).encode()
    yield b"</feedback>"

def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

seen = early = 0
for block in ReportReader(chunks).blocks():
    seen += len(block)
    early = early or (peak() if seen >= 5_000 else 0)
assert seen == RECORDS, seen
print(peak() - early)
"""


def test_memory_stays_flat_while_a_long_report_is_read() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONSUME], cwd=ROOT, check=True, capture_output=True, text=True
    )
    grown = int(done.stdout)
    assert grown < 16 * 1024, f"{grown} KiB more after 200,000 records than after 5,000"


MADE_UP_NAMES = """
from contextlib import suppress
from pathlib import Path
from parsers.aggregate import read_report
from parsers.errors import ParserExhaustedError, ReportError
from parsers.feedback import is_exhausted, learn_names
from tests.parsers.small_reports import METADATA, POLICY, chunked, feedback

learn_names()
# (length of a name, how many): the long ones fill what libxml2 allows, the short ones the crumbs that are left
for length, number in ((49_000, 4_000), (4_000, 20_000), (200, 20_000), (1, 30_000)):
    records = (f"<record><{'a' * length}{each}/></record>" for each in range(number))
    with suppress(ReportError, ParserExhaustedError):
        read_report(chunked(feedback(METADATA, POLICY, *records), 1 << 16))
assert is_exhausted()
for name in ("google", "yahoo", "mimecast", "gmx", "zoho", "rfc9990_without_namespace"):
    read_report(chunked(Path(f"fixtures/reports/{name}.xml").read_bytes(), 1 << 16))
try:
    read_report(chunked(feedback(METADATA, POLICY, "<record><ourown/></record>"), 1 << 16))
except ParserExhaustedError:
    pass  # no decision about the report, which another process may read
else:
    raise AssertionError
"""


def test_names_made_up_by_strangers_do_not_stop_ordinary_reports() -> None:
    subprocess.run([sys.executable, "-c", MADE_UP_NAMES], cwd=ROOT, check=True, capture_output=True)
