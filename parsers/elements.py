"""Elements of one report in, plain values out, with a note of every departure from the standard.

Fields are read by local name, the first where there are several. What cannot be read is left empty; a token that
nobody foresaw is `unknown` with the token beside it, and never a pass.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, get_args

from lxml.etree import _Element

from parsers import text, values
from parsers.deviations import Notes
from parsers.errors import RefusedError
from parsers.feedback import LOCAL_NAMES
from parsers.limits import Limits
from parsers.values import MAX_MESSAGES, UNKNOWN, PolicyPublished

_NULL_PATHS: Final = frozenset({None, "<>"})

Fields = dict[str, str | None]
"""Local names to texts: None is an empty element, a missing key an absent one."""


def _vocabulary(kind: object) -> frozenset[str]:
    return frozenset(get_args(kind)) - {UNKNOWN}


DISPOSITIONS = _vocabulary(values.Disposition)
EVALUATED = _vocabulary(values.Evaluated)
POLICIES = _vocabulary(values.Policy)
ALIGNMENTS = _vocabulary(values.Alignment)
DKIM_RESULTS = _vocabulary(values.DkimToken)
SPF_RESULTS = _vocabulary(values.SpfToken)
SCOPES = _vocabulary(values.Scope)
REASONS = _vocabulary(values.ReasonType)
TESTING = _vocabulary(values.Testing)
DISCOVERY = _vocabulary(values.Discovery)


_POLICY_TOKENS: Final = {
    "p": POLICIES,
    "sp": POLICIES,
    "np": POLICIES,
    "adkim": ALIGNMENTS,
    "aspf": ALIGNMENTS,
    "testing": TESTING,
    "discovery_method": DISCOVERY,
}


def first_child(elements: Iterable[_Element], name: str) -> Iterable[_Element]:
    """Give the first element of that name, to go through its children; nothing where there is none."""
    return next((element for element in elements if LOCAL_NAMES[element.tag] == name), ())


class ElementReader:
    """Reads the elements of one report, noting what departs from the standard.

    Raises RefusedError where an element is over a limit.
    """

    def __init__(self, limits: Limits, notes: Notes) -> None:
        self._text_length = limits.text_bytes
        self._results_length = limits.results
        self._note = notes.add

    # -- texts

    def fields(self, elements: Iterable[_Element]) -> Fields:
        """Give the texts of elements by name: the first of each name, without the white space around it."""
        found: Fields = {}
        for element in elements:
            name = LOCAL_NAMES[element.tag]
            if name in found:
                continue
            text = element.text
            if text is None:
                found[name] = None
                continue
            if len(text) > self._text_length:
                raise RefusedError(
                    f"more than {self._text_length} characters in one element (limit text_bytes)"
                )
            found[name] = text.strip() or None
        return found

    def text(self, element: _Element) -> str | None:
        """Give the text of one element."""
        return self.fields((element,))[LOCAL_NAMES[element.tag]]

    def _token(self, known: frozenset[str], raw: str | None, place: str) -> tuple[str | None, str | None]:
        """Give the normalised token, and the one that was sent where it is another."""
        if raw is None or raw in known:
            return raw, None
        lowered = raw.lower()
        if lowered in known:
            self._note("letter-case", place, raw)
            return lowered, raw
        self._note("unknown-token", place, raw)
        return UNKNOWN, raw

    # -- the header

    def metadata(self, element: _Element) -> dict[str, Any]:
        """Read report_metadata into the arguments of ReportHeader (RFC 7489 C, RFC 9990 3.1.1.3)."""
        fields = self.fields(element)
        dates = self.fields(first_child(element, "date_range"))
        for name in ("org_name", "report_id"):
            if fields.get(name) is None:
                self._note("missing", f"report_metadata/{name}")
        errors = (self.text(child) for child in element if LOCAL_NAMES[child.tag] == "error")
        return {
            "reporter": fields.get("org_name"),
            "email": fields.get("email"),
            "extra_contact_info": fields.get("extra_contact_info"),
            "report_id": text.report_id(fields.get("report_id")),
            "begin": self._date(dates.get("begin"), "begin"),
            "end": self._date(dates.get("end"), "end"),
            "errors": tuple(error for error in errors if error),
            "generator": fields.get("generator"),
        }

    def _date(self, raw: str | None, name: str) -> datetime | None:
        place = f"report_metadata/date_range/{name}"
        moment, cut = text.epoch(raw)
        if moment is None:
            self._note("unreadable-date" if raw else "missing", place, raw)
        elif cut:
            self._note("date-fraction", place, raw)
        return moment

    def policy(self, element: _Element) -> PolicyPublished:
        """Read policy_published (RFC 7489 C, RFC 9990 3.1.1.5)."""
        fields = self.fields(element)
        domain = text.domain(fields.get("domain"))
        if domain is None:
            self._note("missing", "policy_published/domain")
        tokens: dict[str, Any] = {
            name: self._token(known, fields.get(name), f"policy_published/{name}")[0]
            for name, known in _POLICY_TOKENS.items()
        }
        return PolicyPublished(
            domain=domain, pct=self._percentage(fields.get("pct")), fo=fields.get("fo"), **tokens
        )

    def _percentage(self, raw: str | None) -> int | None:
        number = text.integer(raw)
        if raw is None or (number is not None and 0 <= number <= 100):  # noqa: PLR2004 (a percentage)
            return number
        self._note("unreadable-percentage", "policy_published/pct", raw)
        return None

    # -- records

    def record(self, element: _Element) -> dict[str, Any]:
        """Read a record into the arguments of Record (RFC 7489 C, RFC 9990 3.1.1.6 to 3.1.1.14)."""
        parts: dict[str, Iterable[_Element]] = {}
        for child in element:
            parts.setdefault(LOCAL_NAMES[child.tag], child)
        dkim, spf = self._results(parts.get("auth_results", ()))
        values = self._row(parts.get("row", ()))
        values |= self._identifiers(self.fields(parts.get("identifiers", ())), spf)
        values["dkim_results"] = dkim
        values["spf_results"] = spf
        return values

    def _results(self, elements: Iterable[_Element]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        dkim: list[dict[str, Any]] = []
        spf: list[dict[str, Any]] = []
        for element in elements:
            name = LOCAL_NAMES[element.tag]
            if name == "dkim":
                dkim.append(self._dkim(self.fields(element)))
            elif name == "spf":
                spf.append(self._spf(self.fields(element)))
            if len(dkim) > self._results_length or len(spf) > self._results_length:
                raise RefusedError(f"more than {self._results_length} <{name}> in one record (limit results)")
        return dkim, spf

    def _row(self, elements: Iterable[_Element]) -> dict[str, Any]:
        row = self.fields(elements)
        evaluated = first_child(elements, "policy_evaluated")
        fields = self.fields(evaluated)
        place = "record/row/policy_evaluated/"
        disposition, disposition_raw = self._token(
            DISPOSITIONS, fields.get("disposition"), place + "disposition"
        )
        dkim, dkim_raw = self._token(EVALUATED, fields.get("dkim"), place + "dkim")
        spf, spf_raw = self._token(EVALUATED, fields.get("spf"), place + "spf")
        return {
            "source_ip": self._source_ip(row.get("source_ip")),
            "messages": self._messages(row.get("count")),
            "disposition": disposition,
            "disposition_raw": disposition_raw,
            "dkim": dkim,
            "dkim_raw": dkim_raw,
            "spf": spf,
            "spf_raw": spf_raw,
            "reasons": self._reasons(evaluated) if "reason" in fields else [],
        }

    def _source_ip(self, raw: str | None) -> str | None:
        address = text.address(raw) if raw else None
        if address is None:
            self._note("unreadable-address" if raw else "missing", "record/row/source_ip", raw)
        elif raw and ":" in raw and ":" not in address:
            self._note("ipv4-mapped", "record/row/source_ip", raw)
        return address

    def _messages(self, raw: str | None) -> int:
        count = text.integer(raw)
        if count is not None and 0 <= count <= MAX_MESSAGES:
            return count
        code = "missing" if raw is None else "unreadable-number" if count is None else "out-of-range"
        self._note(code, "record/row/count", raw)
        return 0

    def _identifiers(self, fields: Fields, spf: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "header_from": text.domain(fields.get("header_from")),
            "envelope_to": text.domain(fields.get("envelope_to")),
            **_return_path(fields, spf),
        }

    def _dkim(self, fields: Fields) -> dict[str, Any]:
        result, raw = self._token(DKIM_RESULTS, fields.get("result"), "record/auth_results/dkim/result")
        return {
            "domain": text.domain(fields.get("domain")),
            "selector": fields.get("selector"),
            "result": result,
            "human_result": fields.get("human_result"),
            "result_raw": raw,
        }

    def _spf(self, fields: Fields) -> dict[str, Any]:
        result, result_raw = self._token(SPF_RESULTS, fields.get("result"), "record/auth_results/spf/result")
        scope, scope_raw = self._token(SCOPES, fields.get("scope"), "record/auth_results/spf/scope")
        return {
            "domain": text.domain(fields.get("domain")),
            "scope": scope,
            "result": result,
            "human_result": fields.get("human_result"),
            "scope_raw": scope_raw,
            "result_raw": result_raw,
        }

    def _reasons(self, evaluated: Iterable[_Element]) -> list[dict[str, Any]]:
        found = [child for child in evaluated if LOCAL_NAMES[child.tag] == "reason"]
        if len(found) > self._results_length:
            raise RefusedError(f"more than {self._results_length} <reason> in one record (limit results)")
        return [self._reason(self.fields(child)) for child in found]

    def _reason(self, fields: Fields) -> dict[str, Any]:
        kind, raw = self._token(REASONS, fields.get("type"), "record/row/policy_evaluated/reason/type")
        return {"type": kind, "comment": fields.get("comment"), "type_raw": raw}


def _return_path(fields: Fields, spf: list[dict[str, Any]]) -> dict[str, Any]:
    """Tell a domain, the null path and nothing apart (RFC 7208 2.4: MAIL FROM:<> is checked by its HELO name)."""
    if "envelope_from" in fields:
        null = fields["envelope_from"] in _NULL_PATHS
        return {"envelope_from": None if null else text.domain(fields["envelope_from"]), "null_path": null}
    only_helo = bool(spf) and all(result["scope"] == "helo" for result in spf)
    return {"envelope_from": None, "null_path": True if only_helo else None}
