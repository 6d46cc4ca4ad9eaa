"""The address of a page in, what it asks for as a value out: the address is all the state there is.

What cannot be read is told in a sentence, and so is a parameter that a page does not have: left out in silence, the page
would show something else than what was asked for.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Literal, TypeVar, get_args

from parsers.text import address as canonical
from store.outcomes import Outcome
from summary.findings.values import Level
from summary.readiness import PERIODS
from summary.verdicts import Verdict

Days = Literal[7, 30, 90]
Sort = Literal["verdict", "messages", "rate", "domain"]

LONGEST: Final = 1_000
"""Characters of a value."""
DAYS: Final[Days] = 30
FORMS: Final = ("html", "csv")

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
"""It fits into 64 bits."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLACE = re.compile(r"[0-9A-Za-z.:+_-]{1,100}")
"""What the address of a following page ends in."""

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value", str, int)


class BadParameterError(ValueError):
    """The address asks for something in a way that cannot be read; the message is a sentence for whoever asked."""


class Asked:
    """What stands in one address, taken out by name. Raises BadParameterError where a parameter stands twice."""

    def __init__(self, path: Mapping[str, str], query: Sequence[tuple[str, str]]) -> None:
        given = [(name, value) for name, value in (*path.items(), *query) if value]
        self._left = dict(given)
        if twice := next((name for name, _ in given if [it for it, _ in given].count(name) > 1), None):
            raise BadParameterError(f"“{twice}” stands in the address more than once: say it once")

    def text(self, name: str) -> str | None:
        """Give a text; None without one, or with an empty one, as forms send it."""
        value = self._left.pop(name, None)
        if value is not None and len(value) > LONGEST:
            raise BadParameterError(f"“{name}” is longer than {LONGEST:,} characters")
        if value is not None and "\0" in value:
            raise BadParameterError(f"“{name}” holds a character that no text has (NUL)")
        return value

    def domain(self, name: str) -> str | None:
        """Give a domain in the form in which reports are compared: lower case, without a dot at its end."""
        value = self.text(name)
        return value and value.lower().rstrip(".")

    def choice(self, name: str, choices: type[Choice]) -> Choice | None:
        """Give one of some words."""
        value = self.text(name)
        return None if value is None else choices(_one_of(name, value, choices))

    def word(self, name: str, words: Iterable[str]) -> str | None:
        """Give one of some words."""
        value = self.text(name)
        return None if value is None else _one_of(name, value, words)

    def number(self, name: str) -> int | None:
        """Give a whole number from 1 on."""
        value = self._matching(name, _NUMBER, "a number such as 12")
        return None if value is None else int(value)

    def day(self, name: str) -> date | None:
        """Give a day."""
        value = self._matching(name, _DAY, "a day such as 2026-11-05")
        try:
            return None if value is None else date.fromisoformat(value)
        except ValueError:
            raise BadParameterError(f"“{name}”: there is no day {value}") from None

    def place(self, name: str) -> str | None:
        """Give what a page wrote into the address of the one that follows it."""
        return self._matching(name, _PLACE, "one that ruamill wrote")

    def end(self) -> None:
        """Refuse what nobody asked for. Raises BadParameterError."""
        if self._left:
            raise BadParameterError(f"this page has no “{next(iter(self._left))}”")

    def _matching(self, name: str, shape: re.Pattern[str], wanted: str) -> str | None:
        value = self.text(name)
        if value is not None and not shape.fullmatch(value):
            raise BadParameterError(f"“{name}” is not {wanted}")
        return value


def _one_of(name: str, value: str, words: Iterable[str]) -> str:
    known = [str(it) for it in words]
    if value not in known:
        raise BadParameterError(f"“{name}” is none of {', '.join(known)}")
    return value


# -- what each page asks for


@dataclass(frozen=True, slots=True)
class Overview:
    """All domains."""

    level: Level | None
    sort: Sort


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain."""

    domain: str
    days: Days
    verdict: Verdict | None
    service: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """One source of a domain."""

    domain: str
    who: str
    days: Days
    after: str | None
    """The record after which the raw records go on."""


@dataclass(frozen=True, slots=True)
class Address:
    """One sending address."""

    ip: str
    """In its canonical form."""


@dataclass(frozen=True, slots=True)
class Reports:
    """Reports, the newest first."""

    domain: str | None
    reporter: str | None
    since: date | None
    """Both days are included."""
    until: date | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """One report."""

    key: int
    after: int | None
    """The ordinal after which its records go on."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Messages, the newest first."""

    outcome: Outcome | None
    mailbox: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    key: int


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Reports that contradict a counted one."""


@dataclass(frozen=True, slots=True)
class About:
    """What ruamill is, and what it reads."""


# -- how each is read


def overview(asked: Asked) -> Overview:
    """Read `/`."""
    sort: Sort = asked.word("sort", get_args(Sort)) or "verdict"  # type: ignore[assignment]  # one of them
    return Overview(asked.choice("level", Level), sort)


def domain(asked: Asked) -> Domain:
    """Read `/domains/DOMAIN`."""
    return Domain(_domain(asked), _days(asked), asked.choice("verdict", Verdict), asked.text("service"))


def source(asked: Asked) -> Source:
    """Read `/domains/DOMAIN/source`."""
    return Source(_domain(asked), _needed("who", asked.text("who")), _days(asked), asked.place("after"))


def address(asked: Asked) -> Address:
    """Read `/addresses/ADDRESS`."""
    found = canonical(_needed("ip", asked.text("ip")))
    if found is None:
        raise BadParameterError("this is no IP address: write one such as 192.0.2.1 or 2001:db8::1")
    return Address(found)


def reports(asked: Asked) -> Reports:
    """Read `/reports`."""
    since, until = asked.day("from"), asked.day("to")
    if since and until and since > until:
        raise BadParameterError(f"the first day, {since}, is after the last, {until}")
    return Reports(asked.domain("domain"), asked.text("reporter"), since, until, asked.place("after"))


def report(asked: Asked) -> Report:
    """Read `/reports/KEY`."""
    return Report(key(asked), asked.number("after"))


def ledger(asked: Asked) -> Ledger:
    """Read `/ledger`."""
    return Ledger(asked.choice("outcome", Outcome), asked.text("mailbox"), asked.place("after"))


def message(asked: Asked) -> Message:
    """Read `/ledger/KEY`."""
    return Message(key(asked))


def _domain(asked: Asked) -> str:
    return _needed("domain", asked.domain("domain"))


def _days(asked: Asked) -> Days:
    value = asked.word("days", map(str, PERIODS))
    return DAYS if value is None else int(value)  # type: ignore[return-value]  # one of them


def key(asked: Asked) -> int:
    """Read the KEY in an address."""
    return _needed("key", asked.number("key"))


def _needed(name: str, value: Value | None) -> Value:
    if not value:
        raise BadParameterError(f"“{name}” is missing in the address")
    return value
