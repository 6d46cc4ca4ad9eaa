"""The floor's parser: the XML of one report in, rows for five tables out, in one pass and without a single check."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO

from lxml import etree

Row = tuple[object, ...]

HEAD = (
    *("version", "org_name", "email", "extra_contact_info", "report_id", "generator"),
    *("domain", "adkim", "aspf", "p", "sp", "np", "pct", "fo", "testing", "discovery_method"),
)
"""What a report says above its records, in the order of the table's columns."""
EVALUATED = ("disposition", "dkim", "spf")
IDENTIFIERS = ("header_from", "envelope_from", "envelope_to")
DKIM = ("domain", "selector", "result", "human_result")
SPF = ("domain", "scope", "result", "human_result")
REASON = ("type", "comment")


class LocalNames(dict[str, str]):
    """Tags with or without a namespace to local names; each is taken apart once."""

    def __missing__(self, tag: str) -> str:
        """Take a tag apart."""
        name = self[tag] = tag.rpartition("}")[2]
        return name


LOCAL = LocalNames()


@dataclass(slots=True)
class Rows:
    """What waits to be inserted, by table."""

    report: list[Row] = field(default_factory=list)
    record: list[Row] = field(default_factory=list)
    record_dkim: list[Row] = field(default_factory=list)
    record_spf: list[Row] = field(default_factory=list)
    record_reason: list[Row] = field(default_factory=list)


def parse(xml: bytes, number: int, rows: Rows) -> None:
    """Add the rows of one report, whose key is `number`."""
    head: dict[str, str | None] = {}
    ordinal = 0
    for _, element in etree.iterparse(
        BytesIO(xml),
        tag=("{*}version", "{*}report_metadata", "{*}policy_published", "{*}record"),
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    ):
        if LOCAL[element.tag] == "record":
            _record(element, number, ordinal, rows)
            ordinal += 1
        else:
            head.update({LOCAL[each.tag]: each.text for each in element.iter()})
        element.clear()
    rows.report.append((number, _instant(head["begin"]), _instant(head["end"]), *map(head.get, HEAD)))


def _record(record: etree._Element, number: int, ordinal: int, rows: Rows) -> None:
    row: dict[str, str | None] = {}
    identifiers: dict[str, str | None] = {}
    for part in record:
        name = LOCAL[part.tag]
        if name == "row":
            row = _row(part, (number, ordinal), rows)
        elif name == "identifiers":
            identifiers = _texts(part)
        elif name == "auth_results":
            _results(part, (number, ordinal), rows)
    evaluated = [row.get(name) for name in EVALUATED]
    rows.record.append(
        (
            *(number, ordinal, row["source_ip"], int(row["count"] or 0), *evaluated, "pass" in evaluated),
            *map(identifiers.get, IDENTIFIERS),
        )
    )


def _row(row: etree._Element, key: Row, rows: Rows) -> dict[str, str | None]:
    """Read `row` and the `policy_evaluated` in it into one dictionary; the reasons go to their table."""
    texts: dict[str, str | None] = {}
    for child in row:
        name = LOCAL[child.tag]
        if name != "policy_evaluated":
            texts[name] = child.text
            continue
        position = 0
        for evaluated in child:
            name = LOCAL[evaluated.tag]
            if name != "reason":
                texts[name] = evaluated.text
                continue
            rows.record_reason.append((*key, position, *map(_texts(evaluated).get, REASON)))
            position += 1
    return texts


def _results(results: etree._Element, key: Row, rows: Rows) -> None:
    dkim = spf = 0
    for result in results:
        name, texts = LOCAL[result.tag], _texts(result)
        if name == "dkim":
            rows.record_dkim.append((*key, dkim, *map(texts.get, DKIM)))
            dkim += 1
        elif name == "spf":
            rows.record_spf.append((*key, spf, *map(texts.get, SPF)))
            spf += 1


def _texts(element: etree._Element) -> dict[str, str | None]:
    return {LOCAL[child.tag]: child.text for child in element}


def _instant(seconds: str | None) -> str:
    return datetime.fromtimestamp(int(seconds or 0), UTC).isoformat()
