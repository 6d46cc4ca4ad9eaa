"""One JSON document in, one SMTP TLS report out (RFC 8460 4): frozen values, every departure noted.

Numbers are read from the text they were sent as, whether in quotes or not. What cannot be read is left empty; a token
that nobody foresaw is `unknown` with the token beside it.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field
from pydantic.dataclasses import dataclass

from parsers import text
from parsers.deviations import Deviation, Notes
from parsers.encoding import utf8
from parsers.errors import CorruptError, NotAReportError, RefusedError
from parsers.limits import DEFAULT_LIMITS, Limits
from parsers.printable import one_line
from parsers.values import MAX_MESSAGES, UNKNOWN

_MARKS: Final = frozenset({"organization-name", "date-range", "report-id", "policies"})
"""Two of these names make a JSON object a TLS report (RFC 8460 4.4)."""

PolicyType = Literal["tlsa", "sts", "no-policy-found", "unknown"]
ResultType = Literal[
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-expired",
    "certificate-not-trusted",
    "validation-failure",
    "tlsa-invalid",
    "dnssec-invalid",
    "dane-required",
    "sts-policy-fetch-error",
    "sts-policy-invalid",
    "sts-webpki-invalid",
    "unknown",
]
"""RFC 8460 4.3."""

Sessions = Annotated[int, Field(ge=0, le=MAX_MESSAGES)]

_ZONE: Final = re.compile(r"(?:z|:\d\d[+-]\d\d:?\d\d)\Z", re.IGNORECASE)
_POLICY_TYPES: Final = frozenset(get_args(PolicyType)) - {UNKNOWN}
_RESULT_TYPES: Final = frozenset(get_args(ResultType)) - {UNKNOWN}


@dataclass(frozen=True, slots=True)
class TlsFailure:
    """Failed sessions of one kind (failure-details)."""

    result_type: ResultType | None
    result_type_raw: str | None
    """The token as sent, where it is not the normalised one."""
    sending_mta_ip: str | None
    """Canonical text, as receiving_ip."""
    receiving_mx_hostname: str | None
    receiving_mx_helo: str | None
    receiving_ip: str | None
    sessions: Sessions
    reason_code: str | None
    additional_information: str | None


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """One policy that the reporter applied, and how many sessions kept it."""

    type: PolicyType | None
    type_raw: str | None
    domain: str | None
    strings: tuple[str, ...]
    mx_hosts: tuple[str, ...]
    successful: Sessions
    failed: Sessions
    failures: tuple[TlsFailure, ...]


@dataclass(frozen=True, slots=True)
class TlsReport:
    """A whole TLS report."""

    organization: str | None
    contact: str | None
    report_id: str | None
    begin: datetime | None
    """UTC."""
    end: datetime | None
    policies: tuple[TlsPolicy, ...]
    deviations: tuple[Deviation, ...]


Fields = dict[str, Any]
"""A JSON object: its numbers are texts."""


def read_tls_report(raw: bytes, limits: Limits = DEFAULT_LIMITS) -> TlsReport:
    """Read a report. Raises NotAReportError for JSON of another kind, CorruptError, RefusedError over a limit."""
    if len(raw) > limits.json_bytes:
        raise RefusedError(f"more than {limits.json_bytes} bytes of JSON (limit json_bytes)")
    notes = Notes(limits.deviations)
    fields = _parse(raw, notes)
    return _Reader(limits, notes).report(fields)


def _parse(raw: bytes, notes: Notes) -> Fields:
    bare = raw.removeprefix(BOM_UTF8).lstrip(b" \t\r\n")
    document = b"".join(utf8(lambda: iter((bare,)), notes)).decode("utf-8", "replace")

    def first_of_each(pairs: list[tuple[str, Any]]) -> Fields:
        fields = dict(reversed(pairs))
        if len(fields) < len(pairs):
            notes.add("repeated", "tls")
        return fields

    try:
        parsed = json.loads(
            document,
            strict=False,
            object_pairs_hook=first_of_each,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
        )
    except RecursionError as error:
        raise RefusedError("JSON is nested deeper than its parser goes") from error
    except ValueError as error:
        if any(f'"{mark}"' in document for mark in _MARKS):
            raise CorruptError(f"JSON cannot be read: {error}") from error
        raise NotAReportError("neither JSON that can be read nor a report") from error
    if not isinstance(parsed, dict) or len(_MARKS & parsed.keys()) < 2:  # noqa: PLR2004 (see _MARKS)
        raise NotAReportError("JSON, not an SMTP TLS report")
    return parsed


class _Reader:
    """Reads one report's JSON values, noting what departs from RFC 8460."""

    def __init__(self, limits: Limits, notes: Notes) -> None:
        self._text_length = limits.text_bytes
        self._notes = notes
        self._most_entries = limits.tls_entries
        self._entries = 0

    def report(self, fields: Fields) -> TlsReport:
        dates = _object(fields.get("date-range"))
        policies = tuple(self._policy(_object(it)) for it in self._list(fields.get("policies")))
        if not policies:
            self._notes.add("missing", "tls/policies")
        return TlsReport(
            organization=self._required(fields, "organization-name", "tls"),
            contact=self._required(fields, "contact-info", "tls"),
            report_id=text.report_id(self._required(fields, "report-id", "tls")),
            begin=self._date(dates, "start-datetime"),
            end=self._date(dates, "end-datetime"),
            policies=policies,
            deviations=self._notes.deviations(),
        )

    def _policy(self, fields: Fields) -> TlsPolicy:
        policy, summary = _object(fields.get("policy")), _object(fields.get("summary"))
        place = "tls/policies/policy"
        kind, raw = self._token(policy, "policy-type", place, _POLICY_TYPES)
        return TlsPolicy(
            type=kind,
            type_raw=raw,
            domain=self._domain(self._required(policy, "policy-domain", place), f"{place}/policy-domain"),
            strings=self._texts(policy.get("policy-string")),
            # RFC 8460 4.4 has both names: its text says mx-host-pattern, its format mx-host
            mx_hosts=self._texts(policy.get("mx-host") or policy.get("mx-host-pattern")),
            successful=self._sessions(summary, "total-successful-session-count", "tls/policies/summary"),
            failed=self._sessions(summary, "total-failure-session-count", "tls/policies/summary"),
            failures=tuple(self._failure(_object(it)) for it in self._list(fields.get("failure-details"))),
        )

    def _failure(self, fields: Fields) -> TlsFailure:
        place = "tls/policies/failure-details"
        kind, raw = self._token(fields, "result-type", place, _RESULT_TYPES)
        return TlsFailure(
            result_type=kind,
            result_type_raw=raw,
            sending_mta_ip=self._address(fields, "sending-mta-ip", place),
            receiving_mx_hostname=self._host(fields, "receiving-mx-hostname", place),
            receiving_mx_helo=self._host(fields, "receiving-mx-helo", place),
            receiving_ip=self._address(fields, "receiving-ip", place),
            sessions=self._sessions(fields, "failed-session-count", place),
            reason_code=self._text(fields.get("failure-reason-code")),
            additional_information=self._text(fields.get("additional-information")),
        )

    # -- values

    def _list(self, value: object) -> list[Any]:
        """Give a list; a single value where one belongs is a list of it (mx-host in RFC 8460 B)."""
        values = value if isinstance(value, list) else [] if value is None else [value]
        self._entries += len(values)
        if self._entries > self._most_entries:
            raise RefusedError(
                f"more than {self._most_entries} policies, failure details and strings in one TLS report "
                "(limit tls_entries)"
            )
        return values

    def _texts(self, value: object) -> tuple[str, ...]:
        return tuple(it for it in map(self._text, self._list(value)) if it)

    def _text(self, value: object) -> str | None:
        if not isinstance(value, str):
            return None
        if len(value) > self._text_length:
            raise RefusedError(f"more than {self._text_length} characters in one text (limit text_bytes)")
        return one_line(value) or None

    def _required(self, fields: Fields, name: str, place: str) -> str | None:
        value = self._text(fields.get(name))
        if value is None:
            self._notes.add("missing", f"{place}/{name}")
        return value

    def _token(self, fields: Fields, name: str, place: str, known: Iterable[str]) -> tuple[Any, str | None]:
        """Give the normalised token, and the one that was sent where it is another."""
        raw = self._required(fields, name, place)
        if raw is None or raw in known:
            return raw, None
        lowered = raw.lower()
        code = "letter-case" if lowered in known else "unknown-token"
        self._notes.add(code, f"{place}/{name}", raw)
        return lowered if lowered in known else UNKNOWN, raw

    def _domain(self, raw: str | None, place: str) -> str | None:
        if raw is None:
            return None
        if len(raw) > text.LONGEST_DOMAIN:  # before it is read: what was read is remembered
            self._notes.add("missing", place, raw)
            return None
        domain, codes = text.read_domain(raw)
        for code in codes:
            self._notes.add(code, place, raw)
        return domain

    def _host(self, fields: Fields, name: str, place: str) -> str | None:
        return self._domain(self._text(fields.get(name)), f"{place}/{name}")

    def _sessions(self, fields: Fields, name: str, place: str) -> int:
        raw = self._text(fields.get(name))
        count = text.integer(raw)
        if count is not None and 0 <= count <= MAX_MESSAGES:
            return count
        code = "missing" if raw is None else "unreadable-number" if count is None else "out-of-range"
        self._notes.add(code, f"{place}/{name}", raw)
        return 0

    def _address(self, fields: Fields, name: str, place: str) -> str | None:
        raw = self._text(fields.get(name))
        address, code = text.read_address(raw) if raw else (None, None)
        if code:
            self._notes.add(code, f"{place}/{name}", raw)
        return address

    def _date(self, fields: Fields, name: str) -> datetime | None:
        """Read a date as RFC 3339 writes it; in UTC where it names no zone, and seconds since 1970 too."""
        place = f"tls/date-range/{name}"
        raw = self._required(fields, name, "tls/date-range")
        if raw is None:
            return None
        moment, code = text.moment(raw.upper())
        if moment is None:
            code = "unreadable-date"
        elif code == "date-iso":
            code = None if _ZONE.search(raw) else code
        else:
            code = code or "other-standard"
        if code:
            self._notes.add(code, place, raw)
        return moment


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}
