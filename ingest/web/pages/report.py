"""`/reports/KEY`: one report as it was published, what was noted about it, and its records."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ingest.web.filters import Report
from ingest.web.pages import deviations, records
from ingest.web.pages.reports import state
from ingest.web.pages.view import (
    Cell,
    Crumb,
    Fact,
    NothingThereError,
    Place,
    Tile,
    View,
    address,
)
from store.pages import report as figures
from store.pages.records import RecordRow
from store.pages.report import Carrier, Filed, Published, ReportFigures
from store.pages.values import Rows
from store.readonly import Connection
from summary.letter.words import share
from summary.words import counted


@dataclass(frozen=True, kw_only=True)
class ReportView(View):
    """A report."""

    reporter: str
    about: str | None
    tiles: tuple[Tile, ...]
    notes: tuple[str, ...]
    """What a reader must know before the figures."""
    published: tuple[Fact, ...]
    policy: tuple[Fact, ...]
    filed: tuple[Fact, ...]
    xml: str
    """Address of the document."""


def build(connection: Connection, asked: Report, today: date) -> ReportView:
    """Show a report. Raises NothingThereError, UnknownPlaceError."""
    del today
    found = figures.report_figures(connection, asked.key)
    if found is None:
        raise NothingThereError(f"there is no report {asked.key}")
    return view(found, figures.records(connection, asked.key, asked.after))


def view(found: ReportFigures, rows: Rows[RecordRow]) -> ReportView:
    """Say all of it. Pure."""
    published, filed = found.published, found.filed
    following = rows.following and address("reports", filed.id, after=rows.following)
    return ReportView(
        title=f"Report of {published.reporter or 'no reporter named'} about {published.policy_domain or 'no domain'}",
        place=Place.REPORTS,
        crumbs=(Crumb("Reports", "/reports"), Crumb(f"Report {filed.id}")),
        tables={
            "records": records.table(
                "Records, in their order", rows.rows, following=following, of_report=True
            ),
            "deviations": deviations.table(found.deviations),
        },
        reporter=published.reporter or "no reporter named",
        about=published.policy_domain,
        tiles=tuple(_tiles(found)),
        notes=tuple(_notes(filed)),
        published=tuple(_published(published)),
        policy=tuple(_policy(published)),
        filed=tuple(_filed(filed, found.carrier)),
        xml=f"/reports/{filed.id}/xml",
    )


def _tiles(found: ReportFigures) -> Iterator[Tile]:
    filed = found.filed
    yield Tile("Day", f"{filed.day}", _span(found.published))
    yield Tile("Messages", f"{filed.messages:,}", f"in {counted(filed.records, 'record')}")
    if found.passing is not None:
        yield Tile("Passing", share(found.passing, filed.messages), f"{found.passing:,} messages")
    number = sum(it.times for it in found.deviations)
    yield Tile("Deviations", f"{number:,}", "from the standard" if number else "as the standard wants it")


def _span(published: Published) -> str | None:
    begin, end = published.begins_at, published.ends_at
    return f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}" if begin and end else None


def _notes(filed: Filed) -> Iterator[str]:
    if not filed.counted:
        yield (
            "It is about a domain that is none of yours, and counted nowhere."
            if filed.is_foreign
            else f"It is not counted: it contradicts another report of the same name. `ruamill conflicts {filed.id}` shows how they differ."
        )
    if not filed.whole:
        yield "It is damaged: only the records before the damaged place could be read."
    if filed.sender_fits is False:
        yield "The mail that brought it is not from the reporter's domain."


def _published(it: Published) -> Iterator[Fact]:
    """Say what the report says of itself."""
    yield Fact("Reporter", Cell(it.reporter))
    yield Fact("Report id", Cell(it.report_id), "code")
    yield Fact("Domain", Cell(it.policy_domain, it.policy_domain and address("domains", it.policy_domain)))
    yield Fact("Begins", Cell(it.begins_at), "moment")
    yield Fact("Ends", Cell(it.ends_at), "moment")
    yield Fact("Mail address", Cell(it.email))
    more = (("Contact", it.extra_contact_info), ("Made by", it.generator), ("Errors", it.errors))
    yield from (Fact(title, Cell(text)) for title, text in more if text)
    yield Fact("Format", Cell("RFC 9990" if it.dialect == "rfc9990" else "RFC 7489", notes=_version(it)))


def _version(it: Published) -> tuple[str, ...]:
    return (f"version {it.version}",) if it.version else ()


def _policy(it: Published) -> Iterator[Fact]:
    """Say what policy the reporter found."""
    tags = (
        ("p", it.p),
        ("sp, for subdomains", it.sp),
        ("np, for subdomains that do not exist", it.np),
        ("adkim", it.adkim and f"{it.adkim} ({_ALIGNMENTS.get(it.adkim, 'unknown')})"),
        ("aspf", it.aspf and f"{it.aspf} ({_ALIGNMENTS.get(it.aspf, 'unknown')})"),
        ("pct", it.pct),
        ("fo", it.fo),
        ("t, testing", it.testing),
        ("Found by", it.discovery_method),
    )
    yield from (Fact(title, Cell(value)) for title, value in tags if value is not None)


_ALIGNMENTS = {"r": "relaxed", "s": "strict"}


def _filed(it: Filed, carrier: Carrier) -> Iterator[Fact]:
    """Say how it came in."""
    yield Fact("State", Cell(state(counted=it.counted, whole=it.whole, is_foreign=it.is_foreign)))
    yield Fact("Came in", Cell(it.ingested_at), "moment")
    place = carrier.uid if carrier.source == "file" else f"{carrier.source}, {carrier.folder}"
    yield Fact("By", Cell(place, address("ledger", it.message_key)))
    yield Fact("From", Cell(carrier.sender))
    yield Fact("Subject", Cell(carrier.subject))
    yield Fact("Received", Cell(carrier.received_at), "moment")
    if carrier.dmarc:
        yield Fact("DMARC of the mail", Cell(carrier.dmarc))
    yield Fact("SHA-256 of the XML", Cell(it.xml_sha256), "code")
    yield Fact("Size of the XML", Cell(f"{it.xml_bytes:,} bytes"))
