"""Records as they were published in; a table of them out. What hangs below a record stands beneath its result."""

from collections.abc import Iterator, Sequence
from typing import Final

from ingest.web.pages.view import Cell, Column, Table, address
from store.pages.records import RecordRow, Signature, SpfCheck

COLUMNS: Final = (
    Column("day", "Day", "day"),
    Column("reporter", "Reporter"),
    Column("report", "Report", "text", shown=False),
    Column("ordinal", "Record", "number", shown=False),
    Column("source_ip", "Address"),
    Column("name", "Name", shown=False),
    Column("service", "Service", "code", shown=False),
    Column("owner", "Owner", shown=False),
    Column("messages", "Messages", "number"),
    Column("header_from", "From"),
    Column("envelope_from", "Return path", shown=False),
    Column("envelope_to", "Recipients at", shown=False),
    Column("dkim", "DKIM, as evaluated", "result"),
    Column("signatures", "Signatures", shown=False),
    Column("spf", "SPF, as evaluated", "result"),
    Column("checks", "SPF checks", shown=False),
    Column("disposition", "Applied"),
    Column("reasons", "Reasons", shown=False),
    Column("recomputed", "Recomputed", shown=False),
)


def table(
    caption: str,
    found: Sequence[RecordRow],
    *,
    bound: str | None = None,
    following: str | None = None,
    of_report: bool = False,
) -> Table:
    """Give a table of records; those of one report leave out what they have in common."""
    columns = tuple(
        Column(it.name, it.title, it.kind, it.shown and not (of_report and it.name in {"day", "reporter"}))
        for it in COLUMNS
    )
    rows = tuple(_cells(it) for it in found)
    return Table("records", caption, columns, rows, bound, following, empty="No records.")


def _cells(it: RecordRow) -> tuple[Cell, ...]:
    report = address("reports", it.report_key)
    signatures, checks = tuple(map(_signature, it.signatures)), tuple(map(_check, it.checks))
    reasons = tuple(_joined(reason.type_raw or reason.type, reason.comment) for reason in it.reasons)
    return (
        Cell(it.day, report),
        Cell(it.reporter),
        Cell(it.report_key),
        Cell(it.ordinal),
        Cell(it.source_ip, it.source_ip and address("addresses", it.source_ip), _present(it.name, it.owner)),
        Cell(it.name),
        Cell(it.service),
        Cell(it.owner),
        Cell(it.messages),
        Cell(it.header_from, notes=tuple(_envelope(it))),
        Cell(it.envelope_from),
        Cell(it.envelope_to),
        Cell(it.dkim_raw or it.dkim, notes=signatures or ("no signature",)),
        Cell("; ".join(signatures)),
        Cell(it.spf_raw or it.spf, notes=checks),
        Cell("; ".join(checks)),
        Cell(it.disposition_raw or it.disposition, notes=reasons),
        Cell("; ".join(reasons)),
        Cell(it.recomputed),
    )


def _present(*texts: str | None) -> tuple[str, ...]:
    return tuple(it for it in texts if it)


def _envelope(it: RecordRow) -> Iterator[str]:
    if it.null_path:
        yield "empty return path"
    elif it.envelope_from and it.envelope_from != it.header_from:
        yield f"return path {it.envelope_from}"
    if it.envelope_to:
        yield f"to {it.envelope_to}"
    if it.recomputed == "differs":
        yield "the listed results say otherwise"


def _signature(it: Signature) -> str:
    selector = f" s={it.selector}" if it.selector else ""
    return _joined(f"d={it.domain or '?'}{selector}: {it.result_raw or it.result or '?'}", it.human_result)


def _check(it: SpfCheck) -> str:
    scope = f" ({it.scope_raw or it.scope})" if it.scope and it.scope != "mfrom" else ""
    return _joined(f"{it.domain or '?'}{scope}: {it.result_raw or it.result or '?'}", it.human_result)


def _joined(text: str | None, more: str | None) -> str:
    return " · ".join(_present(text, more))
