"""Messages that were read in, committed rows out: one transaction a batch, and no message takes its neighbours along."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from parsers.deviations import Deviation
from parsers.errors import ParserExhaustedError, ReportError
from parsers.feedback import forget_abandoned
from parsers.reading import Reading, ReadReport
from parsers.unpack import Refusal
from store import schema
from store.bulk import Row, insert_rows
from store.database import Database
from store.failures import file_failures
from store.ledger import Entry, Known, Place, Sighting, known, write_entries
from store.migrate import check
from store.outcomes import KEPT, Outcome, Verdict, decide, decide_failed
from store.reports import Filed, Submission, file_reports, next_key
from store.tls import file_tls_reports


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that was read, to be stored."""

    sighting: Sighting
    raw: bytes
    """Empty where the body was not asked for."""
    size: int
    reading: Reading
    problem: str | None = None
    """Why it could not be read this time, where that may pass."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a message, committed."""

    outcome: Outcome
    reason: str | None
    reports: int
    """Aggregate reports that are new."""
    records: int
    tls_reports: int = 0
    failure_reports: int = 0


def write(database: Database, batch: Sequence[Incoming], now: datetime | None = None) -> list[Decision]:
    """Commit a batch, and say what became of each message. Raises DatabaseUnavailableError, SchemaTooNewError.

    Where the database refuses one message's data, the others are stored all the same. `now` is the moment at which its
    turn to write has come: whoever waits for the writer has all that carries an earlier one (`Database.catch_up`).
    """
    try:
        with database.writing() as connection:
            return _write(connection, batch, now or datetime.now(UTC))
    except DBAPIError as error:
        problem = f"the database refuses it: {str(error.orig).partition(chr(10))[0]}"
    if len(batch) > 1:
        return [decision for one in batch for decision in write(database, [one], now)]
    headers_alone = Reading(batch[0].reading.headers, (), (), dmarc=batch[0].reading.dmarc)
    without_reports = replace(batch[0], reading=headers_alone, problem=problem)
    with database.writing() as connection:
        return _write(connection, [without_reports], now or datetime.now(UTC))


@dataclass(slots=True)
class _Ticket:
    """A message on its way through the transaction."""

    incoming: Incoming
    sha256: str
    key: int
    known: Known | None
    refusals: list[Refusal]
    problem: str | None
    filed: list[Filed] = field(default_factory=list)
    tls_reports: list[Verdict] = field(default_factory=list)
    failures: list[Verdict] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        return 1 + (self.known.attempts if self.known else 0)

    def entry(self, outcome: Outcome, reason: str | None) -> Entry:
        incoming = self.incoming
        return Entry(
            key=self.key,
            new=self.known is None,
            sighting=incoming.sighting,
            sha256=self.sha256,
            size=incoming.size,
            raw=incoming.raw,
            headers=incoming.reading.headers,
            dmarc=incoming.reading.dmarc,
            outcome=outcome,
            reason=reason,
            attempts=self.attempts,
        )


def _write(connection: Connection, batch: Sequence[Incoming], now: datetime) -> list[Decision]:
    check(connection)  # a newer ruamill may have migrated meanwhile: what it keeps in step is not known here
    tickets = _tickets(connection, batch)
    _file(connection, tickets, now)
    outcomes = [_decide(ticket) for ticket in tickets]
    decided = list(zip(tickets, outcomes, strict=True))
    write_entries(connection, [ticket.entry(*it) for ticket, it in decided if _is_news(ticket, it[0])], now)
    _write_deviations(connection, tickets)
    return [_decision(ticket, *outcome) for ticket, outcome in decided]


def _tickets(connection: Connection, batch: Sequence[Incoming]) -> list[_Ticket]:
    """Give each message its key in the ledger: its old one where it was seen before, if only unread."""
    free = next_key(connection, schema.message)
    seen = _known(connection, batch)
    tickets = []
    for key, incoming in enumerate(batch, free):
        sha256 = hashlib.sha256(incoming.raw).hexdigest() if incoming.raw else ""
        again = seen.get((incoming.sighting, sha256)) or seen.get((incoming.sighting, ""))
        refusals = list(incoming.reading.refusals)
        tickets.append(
            _Ticket(incoming, sha256, again.key if again else key, again, refusals, incoming.problem)
        )
    return tickets


def _known(connection: Connection, batch: Sequence[Incoming]) -> dict[tuple[Sighting, str], Known]:
    uids: dict[Place, list[str]] = {}
    for incoming in batch:
        uids.setdefault(incoming.sighting.place, []).append(incoming.sighting.uid)
    return {
        (Sighting(place, uid), sha256): entry
        for place in uids
        for (uid, sha256), entry in known(connection, place, uids[place]).items()
    }


def _file(connection: Connection, tickets: Sequence[_Ticket], now: datetime) -> None:
    """Store the reports: the small ones together, each large one on its own, since it may prove unreadable."""
    reads = [(ticket, read) for ticket in tickets for read in ticket.incoming.reading.reports]
    small = [(ticket, read) for ticket, read in reads if read.report is not None]
    filed = file_reports(connection, [Submission(ticket.key, read) for ticket, read in small], now)
    for (ticket, _), result in zip(small, filed, strict=True):
        ticket.filed.append(result)
    for ticket, read in reads:
        if read.report is None:
            _file_large(connection, ticket, read, now)
    _file_others(connection, tickets, now)


def _file_others(connection: Connection, tickets: Sequence[_Ticket], now: datetime) -> None:
    """Store the reports of other kinds: SMTP TLS reports and failure reports."""
    tls_reports = [(ticket, read) for ticket in tickets for read in ticket.incoming.reading.tls_reports]
    verdicts = file_tls_reports(connection, [(ticket.key, read) for ticket, read in tls_reports], now)
    for (ticket, _), verdict in zip(tls_reports, verdicts, strict=True):
        ticket.tls_reports.append(verdict)
    failures = [(ticket, read) for ticket in tickets for read in ticket.incoming.reading.failures]
    verdicts = file_failures(connection, [(ticket.key, read) for ticket, read in failures], now)
    for (ticket, _), verdict in zip(failures, verdicts, strict=True):
        ticket.failures.append(verdict)


def _file_large(connection: Connection, ticket: _Ticket, read: ReadReport, now: datetime) -> None:
    try:
        with connection.begin_nested():
            ticket.filed += file_reports(connection, [Submission(ticket.key, read)], now)
    except ReportError as error:
        ticket.refusals.append(Refusal(read.document.name, error))
        forget_abandoned()
    except ParserExhaustedError as error:
        ticket.problem = str(error)
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001 (a defect of ours in reading on: it must not stop the others)
        ticket.problem = f"defect while reading: {type(error).__name__}: {error}"


def _decide(ticket: _Ticket) -> tuple[Outcome, str | None]:
    if ticket.problem is not None:
        return decide_failed(ticket.attempts, ticket.problem)
    damages = [filed.damage for filed in ticket.filed if filed.damage]
    verdicts = [filed.verdict for filed in ticket.filed] + ticket.tls_reports + ticket.failures
    return decide(verdicts, damages + ticket.refusals, _foreign_domains(ticket.incoming.reading))


def _foreign_domains(reading: Reading) -> list[str]:
    """Name what the foreign reports of a message are about, each once."""
    aggregate = [it.header.policy.domain for it in reading.reports if it.foreign]
    tls = [policy.domain for it in reading.tls_reports if it.foreign for policy in it.report.policies]
    failures = [it.report.reported_domain for it in reading.failures if it.foreign]
    return list(dict.fromkeys(domain or "no domain" for domain in aggregate + tls + failures))


def _is_news(ticket: _Ticket, outcome: Outcome) -> bool:
    """Tell whether the ledger learns something: that its reports are stored is no news of a message read twice."""
    return ticket.known is None or outcome is not Outcome.DUPLICATE or ticket.known.outcome in KEPT


def _decision(ticket: _Ticket, outcome: Outcome, reason: str | None) -> Decision:
    new = [filed for filed in ticket.filed if filed.verdict is not Verdict.DUPLICATE]
    return Decision(
        outcome,
        reason,
        len(new),
        sum(filed.records for filed in new),
        sum(verdict is not Verdict.DUPLICATE for verdict in ticket.tls_reports),
        sum(verdict is not Verdict.DUPLICATE for verdict in ticket.failures),
    )


def _write_deviations(connection: Connection, tickets: Sequence[_Ticket]) -> None:
    """Write how reports depart from the standard, and what was not taken beside a report that was."""
    rows: list[Row] = []
    for ticket in tickets:
        if not (ticket.filed or ticket.tls_reports):
            continue
        found: list[tuple[int | None, Deviation]] = [
            (it.key, each) for it in ticket.filed for each in it.deviations
        ]
        found += [(None, each) for it in ticket.incoming.reading.tls_reports for each in it.report.deviations]
        found += [(None, _not_taken(refusal)) for refusal in ticket.refusals]
        start = _drop_old(connection, ticket) if ticket.known else 0
        rows += [
            (ticket.key, position, key, it.code, it.place, it.action, it.raw, it.times)
            for position, (key, it) in enumerate(found, start)
        ]
    insert_rows(connection, schema.deviation, rows)


def _not_taken(refusal: Refusal) -> Deviation:
    return Deviation(refusal.error.outcome, refusal.name, "not taken", str(refusal.error), 1)


def _drop_old(connection: Connection, ticket: _Ticket) -> int:
    """Forget what an earlier reading of the message did not take; return the first free position."""
    of_message = schema.deviation.c.message_key == ticket.key
    connection.execute(delete(schema.deviation).where(of_message, schema.deviation.c.report_key.is_(None)))
    last = connection.scalar(select(func.max(schema.deviation.c.position)).where(of_message))
    return 0 if last is None else last + 1
