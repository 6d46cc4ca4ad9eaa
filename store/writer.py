"""Messages that were prepared in, committed rows out: one transaction a batch, and no message takes its neighbours along."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from parsers.errors import ParserExhaustedError, ReportError
from parsers.feedback import forget_abandoned
from parsers.unpack import Refusal
from store import schema
from store.bulk import Row, insert_rows
from store.database import Database
from store.failures import file_failures
from store.ledger import Entry, Known, Place, Sighting, known, write_entries
from store.migrate import check
from store.outcomes import KEPT, Outcome, Verdict, decide, decide_failed
from store.preparing import Prepared, PreparedReport
from store.reports import Filed, Submission, file_reports, next_key
from store.rows import deviation_row
from store.tls import file_tls_reports


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


def write(database: Database, batch: Sequence[Prepared], now: datetime | None = None) -> list[Decision]:
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
    headers_alone = replace(
        batch[0], reports=(), tls_reports=(), failures=(), refusals=(), foreign=(), problem=problem
    )
    with database.writing() as connection:
        return _write(connection, [headers_alone], now or datetime.now(UTC))


@dataclass(slots=True)
class _Ticket:
    """A message on its way through the transaction."""

    message: Prepared
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
        message = self.message
        return Entry(
            key=self.key,
            new=self.known is None,
            sighting=message.sighting,
            sha256=message.sha256,
            size=message.size,
            raw=message.raw,
            headers=message.headers,
            dmarc=message.dmarc,
            outcome=outcome,
            reason=reason,
            attempts=self.attempts,
        )


def _write(connection: Connection, batch: Sequence[Prepared], now: datetime) -> list[Decision]:
    check(connection)  # a newer ruamill may have migrated meanwhile: what it keeps in step is not known here
    tickets = _tickets(connection, batch)
    _file(connection, tickets, now)
    outcomes = [_decide(ticket) for ticket in tickets]
    decided = list(zip(tickets, outcomes, strict=True))
    write_entries(connection, [ticket.entry(*it) for ticket, it in decided if _is_news(ticket, it[0])], now)
    _write_deviations(connection, tickets)
    return [_decision(ticket, *outcome) for ticket, outcome in decided]


def _tickets(connection: Connection, batch: Sequence[Prepared]) -> list[_Ticket]:
    """Give each message its key in the ledger: its old one where it was seen before, if only unread."""
    free = next_key(connection, schema.message)
    seen = _known(connection, batch)
    tickets = []
    for key, each in enumerate(batch, free):
        again = seen.get((each.sighting, each.sha256)) or seen.get((each.sighting, ""))
        tickets.append(_Ticket(each, again.key if again else key, again, list(each.refusals), each.problem))
    return tickets


def _known(connection: Connection, batch: Sequence[Prepared]) -> dict[tuple[Sighting, str], Known]:
    uids: dict[Place, list[str]] = {}
    for each in batch:
        uids.setdefault(each.sighting.place, []).append(each.sighting.uid)
    return {
        (Sighting(place, uid), sha256): entry
        for place in uids
        for (uid, sha256), entry in known(connection, place, uids[place]).items()
    }


def _file(connection: Connection, tickets: Sequence[_Ticket], now: datetime) -> None:
    """Store the reports: the small ones together, each large one on its own, since it may prove unreadable."""
    reports = [(ticket, report) for ticket in tickets for report in ticket.message.reports]
    small = [(ticket, report) for ticket, report in reports if not report.is_large]
    filed = file_reports(connection, [Submission(ticket.key, report) for ticket, report in small], now)
    for (ticket, _), result in zip(small, filed, strict=True):
        ticket.filed.append(result)
    for ticket, report in reports:
        if report.is_large:
            _file_large(connection, ticket, report, now)
    _file_others(connection, tickets, now)


def _file_others(connection: Connection, tickets: Sequence[_Ticket], now: datetime) -> None:
    """Store the reports of other kinds: SMTP TLS reports and failure reports."""
    tls_reports = [(ticket, read) for ticket in tickets for read in ticket.message.tls_reports]
    verdicts = file_tls_reports(connection, [(ticket.key, read) for ticket, read in tls_reports], now)
    for (ticket, _), verdict in zip(tls_reports, verdicts, strict=True):
        ticket.tls_reports.append(verdict)
    failures = [(ticket, read) for ticket in tickets for read in ticket.message.failures]
    verdicts = file_failures(connection, [(ticket.key, read) for ticket, read in failures], now)
    for (ticket, _), verdict in zip(failures, verdicts, strict=True):
        ticket.failures.append(verdict)


def _file_large(connection: Connection, ticket: _Ticket, report: PreparedReport, now: datetime) -> None:
    try:
        with connection.begin_nested():
            ticket.filed += file_reports(connection, [Submission(ticket.key, report)], now)
    except ReportError as error:
        ticket.refusals.append(Refusal(report.name, error))
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
    return decide(verdicts, damages + ticket.refusals, ticket.message.foreign)


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
        found: list[tuple[int | None, Row]] = [(it.key, row) for it in ticket.filed for row in it.deviations]
        read = [each for it in ticket.message.tls_reports for each in it.report.deviations]
        found += [(None, deviation_row(each)) for each in read]
        found += [(None, _not_taken(refusal)) for refusal in ticket.refusals]
        start = _drop_old(connection, ticket) if ticket.known else 0
        rows += [(ticket.key, position, key, *row) for position, (key, row) in enumerate(found, start)]
    insert_rows(connection, schema.deviation, rows)


def _not_taken(refusal: Refusal) -> Row:
    return (refusal.error.outcome, refusal.name, "not taken", str(refusal.error), 1)


def _drop_old(connection: Connection, ticket: _Ticket) -> int:
    """Forget what an earlier reading of the message did not take; return the first free position."""
    of_message = schema.deviation.c.message_key == ticket.key
    connection.execute(delete(schema.deviation).where(of_message, schema.deviation.c.report_key.is_(None)))
    last = connection.scalar(select(func.max(schema.deviation.c.position)).where(of_message))
    return 0 if last is None else last + 1
