"""A message's bytes in, what will be written of it out, by the rules of the settings: in whatever process it is done."""

import time
from dataclasses import dataclass
from traceback import format_exception

from ingest.acceptance import accept
from ingest.settings import AcceptSettings, Settings
from parsers.errors import ParserExhaustedError, ReportError
from parsers.limits import Limits
from parsers.message import read_headers
from parsers.reading import Reading, read
from parsers.unpack import Refusal
from store.ledger import Sighting
from store.preparing import Incoming, Prepared, prepare


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it comes out of a mailbox or a file."""

    sighting: Sighting
    raw: bytes
    size: int
    refused: ReportError | None = None
    """Why it was not fetched whole; raw then holds at most its header section."""
    problem: str | None = None
    """Why it could not be fetched this time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about reading; no secret is in it."""

    limits: Limits
    accept: AcceptSettings
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read of an arrival."""

    message: Prepared
    seconds: float
    """It took by the clock."""
    defect: str | None = None
    """The trace of an error that is ours."""


def rules(settings: Settings) -> Rules:
    """Give what is to be known for reading."""
    return Rules(settings.limits, settings.accept, tuple(settings.domains))


def take(arrival: Arrival, by: Rules) -> Taken:
    """Read one message. A defect of ours must not stop the others: it leaves the message for another try."""
    started = time.perf_counter()
    defect = None
    try:
        message = prepare(_read(arrival, by))
    except ParserExhaustedError as error:
        message = unread(arrival, str(error))
    except Exception as error:  # noqa: BLE001 (whatever it is: it is told with its trace)
        defect = "".join(format_exception(error))
        message = unread(arrival, f"defect while reading: {type(error).__name__}: {error}")
    return Taken(message, time.perf_counter() - started, defect)


def unread(arrival: Arrival, problem: str) -> Prepared:
    """Leave a message for another try."""
    return prepare(_unread(arrival, problem))


def _unread(arrival: Arrival, problem: str) -> Incoming:
    return Incoming(arrival.sighting, arrival.raw, arrival.size, Reading(None, (), ()), problem)


def _read(arrival: Arrival, by: Rules) -> Incoming:
    if arrival.problem is not None:
        return _unread(arrival, arrival.problem)
    if arrival.refused is not None:
        return _refused(arrival, arrival.refused)
    reading = accept(read(arrival.raw, arrival.sighting.uid, by.limits), by.accept, by.domains)
    return Incoming(arrival.sighting, arrival.raw, arrival.size, reading)


def _refused(arrival: Arrival, error: ReportError) -> Incoming:
    headers = read_headers(arrival.raw) if arrival.raw else None
    reading = Reading(headers, (), (Refusal(arrival.sighting.uid, error),))
    return Incoming(arrival.sighting, b"", arrival.size, reading)
