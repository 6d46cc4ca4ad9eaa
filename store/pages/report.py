"""One report: as it was published, what was noted about it, the mail that brought it, its records, its XML."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, case, select

from parsers.streams import Packing, Stream
from store.pages import records as raw
from store.pages.records import RecordRow
from store.pages.values import PER_PAGE, Rows, UnknownPlaceError, total
from store.schema import deviation, message, record, report, report_xml

LAST: Final = 2**31 - 1
"""No record of a report stands beyond."""
SUMMED: Final = 100_000
"""Records of a report that are summed up for a page, at most."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a report says of itself and of the policy, as it was read; None: it does not say."""

    reporter: str | None
    report_id: str | None
    policy_domain: str | None
    begins_at: datetime | None
    ends_at: datetime | None
    email: str | None
    extra_contact_info: str | None
    dialect: str
    """rfc7489 or rfc9990"""
    version: str | None
    generator: str | None
    p: str | None
    sp: str | None
    np: str | None
    adkim: str | None
    aspf: str | None
    pct: int | None
    fo: str | None
    testing: str | None
    discovery_method: str | None
    errors: str | None
    """One a line."""


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a report."""

    id: int
    """Its key."""
    message_key: int
    day: date
    ingested_at: datetime
    records: int
    messages: int
    counted: bool
    """False: it is in no sum."""
    decision: str | None
    """What a person decided of a conflict: left, replaced, replacing, added."""
    whole: bool
    """False: only the records before a damaged place could be read."""
    is_foreign: bool
    """About a domain that is none of ours."""
    sender_fits: bool | None
    """Whether the mail came from the reporter's domain; None: not known."""
    xml_sha256: str
    xml_bytes: int


@dataclass(frozen=True, slots=True)
class Carrier:
    """The mail or the file that brought a report."""

    source: str
    """The mailbox, or 'file'."""
    folder: str
    uid: str
    """Or the name of the file."""
    sender: str | None
    subject: str | None
    received_at: datetime | None
    dmarc: str | None
    """Our receiving server's verdict on the mail."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How a report departs from the standard."""

    code: str
    place: str
    """Path of the element, or name of the attachment."""
    action: str
    """What was done about it."""
    raw: str | None
    """What stood there, the first time."""
    times: int


@dataclass(frozen=True, slots=True)
class ReportFigures:
    """A report."""

    published: Published
    filed: Filed
    carrier: Carrier
    passing: int | None
    """Of its messages; None: it has too many records to sum them up for a page."""
    deviations: tuple[Deviation, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report's XML as it is kept."""

    xml_bytes: int
    """Bytes of the XML, uncompressed."""
    packing: Packing
    packed: bytes

    def chunks(self) -> Iterator[bytes]:
        """Give the XML from the start, as far as it goes."""
        return Stream(self.packed, self.packing).pieces()


def report_figures(connection: Connection, key: int) -> ReportFigures | None:
    """Give a report by its key; None: there is none."""
    columns = [
        *(report.c[field.name] for kind in (Published, Filed) for field in fields(kind)),
        *(message.c[field.name].label(f"of_{field.name}") for field in fields(Carrier)),
    ]
    query = select(*columns).join_from(report, message, message.c.id == report.c.message_key)
    row = connection.execute(query.where(report.c.id == key)).mappings().first()
    if row is None:
        return None
    return ReportFigures(
        Published(**{field.name: row[field.name] for field in fields(Published)}),
        Filed(**{field.name: row[field.name] for field in fields(Filed)}),
        Carrier(**{field.name: row[f"of_{field.name}"] for field in fields(Carrier)}),
        _passing(connection, key) if row["records"] <= SUMMED else None,
        _deviations(connection, key),
    )


def records(connection: Connection, key: int, after: int | None = None) -> Rows[RecordRow]:
    """Give a page of a report's records in their order, those after an ordinal. Raises UnknownPlaceError."""
    if after is not None and after > LAST:
        raise UnknownPlaceError
    query = raw.selected().where(
        record.c.report_key == key, record.c.ordinal > (-1 if after is None else after)
    )
    found = raw.read(connection, query.order_by(record.c.ordinal).limit(PER_PAGE + 1))
    if not found and after is not None:
        raise UnknownPlaceError
    following = str(found[PER_PAGE - 1].ordinal) if len(found) > PER_PAGE else None
    return Rows(found[:PER_PAGE], following)


def document(connection: Connection, key: int) -> Document | None:
    """Give a report's XML by its key; None: there is none."""
    query = select(report.c.xml_bytes, report_xml.c.packing, report_xml.c.data).join_from(report, report_xml)
    row = connection.execute(query.where(report.c.id == key)).first()
    return None if row is None else Document(row.xml_bytes, Packing(row.packing), bytes(row.data))


def _passing(connection: Connection, key: int) -> int:
    messages = total(case((record.c.dmarc_pass, record.c.messages), else_=0))
    return connection.scalar(select(messages).where(record.c.report_key == key)) or 0


def _deviations(connection: Connection, key: int) -> tuple[Deviation, ...]:
    query = select(*(deviation.c[field.name] for field in fields(Deviation)))
    query = query.where(deviation.c.report_key == key).order_by(deviation.c.message_key, deviation.c.position)
    return tuple(Deviation(*row) for row in connection.execute(query))
