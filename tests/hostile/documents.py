"""XML and JSON that strangers might send: entities, floods of every kind of node, depth, encodings."""

from base64 import b64encode

from fixtures.carriers import gzipped
from tests.hostile.bombs import MIB, large
from tests.hostile.inputs import BEGUN, ENDED, Hostile, over
from tests.parsers.small_reports import record, row

DTD = "refused: the XML has a document type declaration"
EXHAUSTING = "refused: XML made to exhaust whoever reads it"
NEVER_A_RECORD = over("record_bytes")
TOO_MUCH = f"{NEVER_A_RECORD}|{EXHAUSTING}"
RECORD = record()


def document(*parts: str, before: str = "") -> bytes:
    """Write a gzip file of a report with these parts."""
    return gzipped("".join((before, BEGUN, *parts, ENDED)).encode())


def flood(unit: str, size: int = 100 * MIB, *, before: str = "", after: str = "") -> bytes:
    """Write a gzip file of a report with so much of something in it."""
    return large(unit, size, BEGUN + before, after + ENDED)


def numbered(pattern: str, number: int) -> str:
    """Write a pattern so many times, another number in each."""
    return "".join(pattern.format(index) for index in range(number))


def entities(*declarations: str, used: str = "&e9;") -> bytes:
    """Write a report with a document type, which uses what that declares."""
    doctype = f"<!DOCTYPE feedback [{''.join(declarations)}]>"
    return document(record(row(count=used)), before=doctype)


def laughs() -> str:
    """Declare ten entities, each of ten of the last (billion laughs)."""
    return "<!ENTITY e0 'ha'>" + "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))


def in_attribute(declarations: str) -> bytes:
    """Write a report that uses the last entity in an attribute, where a parser must expand it."""
    return document("<record a='&e9;'/>", before=f"<!DOCTYPE feedback [{declarations}]>")


def in_utf16(unit: str, size: int) -> bytes:
    """Write a gzip file of a report in UTF-16."""
    before, after = (each.encode("utf-16-le") for each in (f"\ufeff{BEGUN}", ENDED))
    return large(unit.encode("utf-16-le"), size, before, after)


def in_utf7(text: str) -> str:
    """Write text in UTF-7 so that none of its letters is seen."""
    return "+" + b64encode(text.encode("utf-16-be")).decode().rstrip("=") + "-"


def json(unit: str, size: int, after: str = "null") -> bytes:
    """Write a gzip file of a TLS report with so much of something in it."""
    return large(unit, size, '{"organization-name":"Inselpost","report-id":"1","policies":[', f"{after}]}}")


BILLION = laughs()
QUADRATIC = f"<!ENTITY e8 '{'x' * 50_000}'><!ENTITY e9 '{'&e8;' * 50_000}'>"

DOCUMENTS = {
    # entities and document types
    "billion laughs in an element": Hostile(lambda: entities(BILLION), DTD),
    "billion laughs in an attribute": Hostile(lambda: in_attribute(BILLION), f"{DTD}|{EXHAUSTING}"),
    "quadratic blow-up in an element": Hostile(lambda: entities(QUADRATIC), DTD),
    "quadratic blow-up in an attribute": Hostile(lambda: in_attribute(QUADRATIC), f"{DTD}|{EXHAUSTING}"),
    "entity of itself": Hostile(lambda: entities("<!ENTITY e9 '&e9;'>"), f"{DTD}|{EXHAUSTING}"),
    "external entity of a file": Hostile(lambda: entities("<!ENTITY e9 SYSTEM 'file:///etc/hostname'>"), DTD),
    "external entity of a device": Hostile(lambda: entities("<!ENTITY e9 SYSTEM 'file:///dev/zero'>"), DTD),
    "external entity of a server": Hostile(
        lambda: entities("<!ENTITY e9 SYSTEM 'http://127.0.0.1:9/x'>"), DTD
    ),
    "external parameter entity": Hostile(
        lambda: entities("<!ENTITY % p SYSTEM 'http://127.0.0.1:9/x'>%p;", used="1"), DTD
    ),
    "external DTD": Hostile(
        lambda: document(before="<!DOCTYPE feedback SYSTEM 'http://127.0.0.1:9/x'>"), DTD
    ),
    "DTD of a million declarations": Hostile(
        lambda: entities(numbered("<!ENTITY x{} 'x'>", 1_000_000)), f"{DTD}|{NEVER_A_RECORD}"
    ),
    # elements
    "100 MiB of empty records": Hostile(lambda: flood("<record/>"), over("records", "crowded_records")),
    "100 MiB of empty records with a prefix": Hostile(
        lambda: large("<d:record/>", 100 * MIB, BEGUN.replace(">", " xmlns:d='x'>", 1), ENDED),
        over("records", "crowded_records"),
    ),
    "1,200,000 tiny records": Hostile(
        lambda: flood("<record><row/></record>", 1_200_000 * 23), over("records", "crowded_records")
    ),
    "100 MiB of empty elements beside the records": Hostile(lambda: flood("<a/>"), NEVER_A_RECORD),
    "100 MiB of empty elements in a record": Hostile(
        lambda: flood("<a/>", before="<record>"), NEVER_A_RECORD
    ),
    "100 MiB of empty elements in the header": Hostile(
        lambda: large("<email/>", 100 * MIB, "<feedback><report_metadata>"), NEVER_A_RECORD
    ),
    "1,000,000 dkim elements in a record": Hostile(
        lambda: flood(
            "<dkim/>", 7_000_000, before="<record><auth_results>", after="</auth_results></record>"
        ),
        NEVER_A_RECORD,
    ),
    "200,000 dkim elements in a record": Hostile(
        lambda: flood(
            "<dkim/>", 1_400_000, before="<record><auth_results>", after="</auth_results></record>"
        ),
        over("results"),
    ),
    "200,000 reasons in a record": Hostile(
        lambda: flood(
            "<reason/>",
            1_800_000,
            before="<record><row><policy_evaluated>",
            after="</policy_evaluated></row></record>",
        ),
        over("results"),
    ),
    "depth of 100,000 in a record": Hostile(lambda: document("<record>", "<a>" * 100_000), EXHAUSTING),
    "depth of 100,000 beside the records": Hostile(lambda: document("<a>" * 100_000), EXHAUSTING),
    "depth of 100,000 feedbacks": Hostile(lambda: gzipped(b"<feedback>" * 100_000), EXHAUSTING),
    # names and attributes
    "100,000 attributes": Hostile(
        lambda: document("<record ", numbered("a{}='' ", 100_000), "/>"), f"report$|{EXHAUSTING}"
    ),
    "1,000,000 attributes": Hostile(
        lambda: document("<record ", numbered("a{}='' ", 1_000_000), "/>"), TOO_MUCH
    ),
    "100,000 namespaces": Hostile(
        lambda: document("<record ", numbered("xmlns:n{0}='u{0}' ", 80_000), "/>"), f"report$|{EXHAUSTING}"
    ),
    "namespaces within namespaces": Hostile(
        lambda: document("<record>", numbered("<n{0}:a xmlns:n{0}='{0}'>", 100_000)), EXHAUSTING
    ),
    "100,000 made-up names": Hostile(
        lambda: document(numbered("<record><name-made-up-{0}/></record>", 100_000)), "report$|exhausted"
    ),
    "made-up names of 50 MB": Hostile(
        lambda: document(*(f"<record><{'a' * 49_000}{index}/></record>" for index in range(1_000))),
        "report$|exhausted",
    ),
    "attribute of 100 MiB": Hostile(lambda: flood("x", before="<record a='", after="'/>"), TOO_MUCH),
    "element name of 100 MiB": Hostile(lambda: flood("x", before="<record><", after="/></record>"), TOO_MUCH),
    # texts
    "text of 100 MiB": Hostile(lambda: flood("x", before="<record><row>", after="</row></record>"), TOO_MUCH),
    "text of 1 MiB": Hostile(
        lambda: flood("x", MIB, before="<record><row><count>", after="</count></row></record>"),
        over("text_bytes"),
    ),
    "text of 100 MiB beside the records": Hostile(lambda: flood("x"), TOO_MUCH),
    "100 MiB of character references": Hostile(lambda: flood("&#65;", before="<record>"), TOO_MUCH),
    "CDATA of 100 MiB": Hostile(
        lambda: flood("x", before="<record><![CDATA[", after="]]></record>"), TOO_MUCH
    ),
    "100 MiB of CDATA sections": Hostile(lambda: flood("<![CDATA[x]]>", before="<record>"), TOO_MUCH),
    "comment of 100 MiB": Hostile(lambda: flood("x", before="<!--", after="-->"), TOO_MUCH),
    "100 MiB of comments": Hostile(lambda: flood("<!---->"), TOO_MUCH),
    "100 MiB of comments in front": Hostile(
        lambda: large("<!---->", 100 * MIB, "<!---->", BEGUN + ENDED), TOO_MUCH
    ),
    "processing instruction of 100 MiB": Hostile(lambda: flood("x", before="<?x ", after="?>"), TOO_MUCH),
    "100 MiB of processing instructions": Hostile(lambda: flood("<?x?>"), TOO_MUCH),
    "blanks of 100 MiB": Hostile(lambda: flood(" "), NEVER_A_RECORD),
    # encodings
    "UTF-16 of 100 MiB of records": Hostile(
        lambda: in_utf16("<record/>", 100 * MIB), over("records", "crowded_records")
    ),
    "UTF-16 of 200 MiB of blanks": Hostile(lambda: in_utf16(" ", 200 * MIB), NEVER_A_RECORD),
    "UTF-32 of 100 MiB of records": Hostile(
        lambda: large(
            "<record/>".encode("utf-32-le"),
            100 * MIB,
            f"\ufeff{BEGUN}".encode("utf-32-le"),
            ENDED.encode("utf-32-le"),
        ),
        over("records", "crowded_records"),
    ),
    "UTF-7 of 100 MiB of hidden records": Hostile(
        lambda: large(
            in_utf7("<record/>"),
            100 * MIB,
            f"<?xml version='1.0' encoding='utf-7'?>{BEGUN}".encode() + b"\xff",
            ENDED,
        ),
        "corrupt|refused",
    ),
    "100 MiB of bytes in no encoding": Hostile(
        lambda: large(b"\x81 ", 100 * MIB, BEGUN), "refused|corrupt: more than 100000 places"
    ),
    # JSON
    "JSON of 100 MiB": Hostile(lambda: json("null,", 100 * MIB), over("json_bytes")),
    "JSON 1,000,000 deep": Hostile(lambda: json("[", 1_000_000), "refused|corrupt"),
    "JSON of 1,000,000 empty lists": Hostile(lambda: json("[],", 3_000_000), "refused|corrupt|ReadTlsReport"),
    "JSON of 500,000 objects": Hostile(lambda: json('{"a":0},', 4_000_000), "refused|corrupt|ReadTlsReport"),
    "JSON of a number of 4 MB": Hostile(
        lambda: json("9", 4_000_000, after=""), "refused|corrupt|ReadTlsReport"
    ),
    "JSON of 400,000 equal keys": Hostile(
        lambda: gzipped(b'{"organization-name":"a","policies":[],' + b'"a":1234,' * 400_000 + b'"a":1}'),
        "refused|corrupt|ReadTlsReport",
    ),
    "JSON of 100,000 numbers of 40 digits": Hostile(
        lambda: json("9" * 40 + ",", 4_000_000), "refused|corrupt|ReadTlsReport"
    ),
}
