"""Elements of one report in, plain values out, with a note of every departure from the standard.

What cannot be read is left empty; a token that nobody foresaw is `unknown` with the token beside it, and never a pass.
"""

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from lxml.etree import _Element

from parsers import standards, text
from parsers.deviations import Notes
from parsers.errors import RefusedError
from parsers.fields import FieldReader, Fields
from parsers.limits import Limits
from parsers.standards import (
    DATES,
    DKIM,
    EVALUATED,
    IDENTIFIERS,
    METADATA,
    POLICY,
    REASON,
    RECORD,
    RESULTS,
    ROW,
    SPF,
    Vocabulary,
    below,
)
from parsers.values import MAX_MESSAGES, DkimResult, OverrideReason, PolicyPublished, SpfResult

Values = dict[str, Any]
"""Arguments of Record, or of ReportHeader."""

_NULL_PATHS: Final = frozenset({None, "<>"})

_FEW: Final = 4
"""Results of one record; that one is out of order is seen in so many."""
MOST_U_LABELS: Final = 100
"""Names outside ASCII in one report that are brought to A-labels: it takes up to a millisecond each."""
_DMARC_BEGAN: Final = datetime(2012, 1, 1, tzinfo=UTC)
"""Its first draft was published on 30 January 2012."""
_LONGEST_RANGE: Final = timedelta(days=2)

_POLICY_DOMAIN: Final = below(POLICY, "domain")
_SOURCE_IP: Final = below(ROW, "source_ip")
_COUNT: Final = below(ROW, "count")
_HEADER_FROM: Final = below(IDENTIFIERS, "header_from")
_ENVELOPE_FROM: Final = below(IDENTIFIERS, "envelope_from")
_ENVELOPE_TO: Final = below(IDENTIFIERS, "envelope_to")
_DKIM_DOMAIN: Final = below(DKIM, "domain")
_SPF_DOMAIN: Final = below(SPF, "domain")


class ElementReader(FieldReader):
    """Reads the elements of one report, noting what departs from the standard.

    Raises RefusedError where an element is over a limit.
    """

    def __init__(self, limits: Limits, notes: Notes) -> None:
        super().__init__(limits, notes)
        self._results_length = limits.results
        self._u_labels: set[str] = set()

    # -- tokens and domains

    def _token(self, vocabulary: Vocabulary, raw: str | None) -> tuple[Any, str | None]:
        """Give the normalised token, which the values check, and the one that was sent where it is another."""
        if raw is None or raw in vocabulary.both:
            return raw, None
        token, code = vocabulary.judge(raw, self.dialect)
        if code is not None:
            self._note(code, vocabulary.place, raw)
        return token, None if code in (None, "other-standard") else raw

    def _domain(self, place: str, raw: str | None) -> str | None:
        if raw is None:
            return None
        if len(raw) > text.LONGEST_DOMAIN or not (raw.isascii() or self._may_convert(raw)):
            self._note("unreadable-domain", place, raw)
            return raw.lower()[: text.LONGEST_DOMAIN]  # no index takes a text of any length
        name, codes = text.read_domain(raw)
        for code in codes:
            self._note(code, place, raw)
        return name

    def _may_convert(self, name: str) -> bool:
        if len(self._u_labels) < MOST_U_LABELS:
            self._u_labels.add(name)
        return name in self._u_labels

    # -- the header

    def metadata(self, element: _Element) -> Values:
        """Read report_metadata into the arguments of ReportHeader (RFC 7489 C, RFC 9990 3.1.1.3)."""
        self._enter(element, METADATA)
        fields = self.fields(METADATA, element)
        range_ = fields.get("date_range")
        dates = {} if range_ is None else self.fields(DATES, range_)
        begin, end = (self._date(below(DATES, name), dates.get(name)) for name in ("begin", "end"))
        self._judge_range(begin, end)
        return {
            "reporter": fields.get("org_name"),
            "email": self._mailbox(fields.get("email")),
            "extra_contact_info": fields.get("extra_contact_info"),
            "report_id": text.report_id(fields.get("report_id")),
            "begin": begin,
            "end": end,
            "errors": self._errors(element) if "error" in fields else (),
            "generator": fields.get("generator"),
        }

    def _errors(self, metadata: _Element) -> tuple[str, ...]:
        texts = (
            self.text(below(METADATA, "error"), child)
            for child in metadata
            if self._names[child.tag] == "error"
        )
        return tuple(filter(None, texts))

    def _date(self, place: str, raw: str | None) -> datetime | None:
        if raw is None:
            return None
        moment, code = text.moment(raw)
        if moment is None:
            code = "unreadable-date"
        elif moment < _DMARC_BEGAN:
            self._note("implausible-date", place, raw)
        if code is not None:
            self._note(code, place, raw)
        return moment

    def _judge_range(self, begin: datetime | None, end: datetime | None) -> None:
        if begin is None or end is None:
            return
        if begin == end:
            self._note("zero-length-range", DATES)
        elif begin > end:
            self._note("reversed-range", DATES)
        elif end - begin > _LONGEST_RANGE:
            self._note("long-range", DATES, str(end - begin))

    def _mailbox(self, raw: str | None) -> str | None:
        if raw is None:
            return None
        address, code = text.mailbox(raw)
        if code is not None:
            self._note(code, below(METADATA, "email"), raw)
        return address

    def policy(self, element: _Element) -> PolicyPublished:
        """Read policy_published (RFC 7489 C, RFC 9990 3.1.1.5)."""
        self._enter(element, POLICY)
        return self._once(element, self._policy)

    def _policy(self, element: _Element) -> PolicyPublished:
        fields = self.fields(POLICY, element)
        tokens: dict[str, Any] = {
            name: self._token(vocabulary, fields.get(name))[0]
            for name, vocabulary in standards.POLICY_TOKENS.items()
        }
        return PolicyPublished(
            domain=self._domain(_POLICY_DOMAIN, fields.get("domain")),
            pct=self._percentage(fields.get("pct")),
            fo=fields.get("fo"),
            **tokens,
        )

    def _percentage(self, raw: str | None) -> int | None:
        number = text.integer(raw)
        if raw is None or (number is not None and 0 <= number <= 100):  # noqa: PLR2004 (a percentage)
            return number
        self._note("unreadable-percentage", below(POLICY, "pct"), raw)
        return None

    # -- records

    def record(self, element: _Element) -> Values:
        """Read a record into the arguments of Record (RFC 7489 C, RFC 9990 3.1.1.7 to 3.1.1.14)."""
        self._enter(element, RECORD)
        parts = self.fields(RECORD, element)
        found: Values = {"source_ip": None, "messages": 0}
        if (row := parts.get("row")) is not None:
            found |= self._row(row)
        if (identifiers := parts.get("identifiers")) is not None:
            found |= self._once(identifiers, self._identifiers)
        if (results := parts.get("auth_results")) is not None:
            found = self._once(results, self._results) | found  # of the return path, identifiers know better
        return found

    def _row(self, row: _Element) -> Values:
        fields = self.fields(ROW, row)
        found: Values = {
            "source_ip": self._source_ip(fields.get("source_ip")),
            "messages": self._messages(fields.get("count")),
        }
        if (evaluated := fields.get("policy_evaluated")) is not None:
            found |= self._once(evaluated, self._evaluated)
        return found

    def _evaluated(self, evaluated: _Element) -> Values:
        fields = self.fields(EVALUATED, evaluated)
        found: Values = {}
        found["disposition"], found["disposition_raw"] = self._token(
            standards.DISPOSITION, fields.get("disposition")
        )
        found["dkim"], found["dkim_raw"] = self._token(standards.ALIGNED_DKIM, fields.get("dkim"))
        found["spf"], found["spf_raw"] = self._token(standards.ALIGNED_SPF, fields.get("spf"))
        if "reason" in fields:
            found["reasons"] = self._reasons(evaluated)
        return found

    def _identifiers(self, identifiers: _Element) -> Values:
        fields = self.fields(IDENTIFIERS, identifiers)
        found: Values = {
            "header_from": self._domain(_HEADER_FROM, fields.get("header_from")),
            "envelope_to": self._domain(_ENVELOPE_TO, fields.get("envelope_to")),
        }
        if "envelope_from" in fields:
            path = fields["envelope_from"]
            if path == "<>":
                self._note("null-path", _ENVELOPE_FROM, path)
            found["null_path"] = path in _NULL_PATHS
            found["envelope_from"] = None if path in _NULL_PATHS else self._domain(_ENVELOPE_FROM, path)
        return found

    def _results(self, results: _Element) -> Values:
        dkim: list[DkimResult] = []
        spf: list[SpfResult] = []
        names: list[str] = []
        for element in results:
            name = self._names[element.tag]
            if name == "dkim":
                dkim.append(self._dkim(self.fields(DKIM, element)))
            elif name == "spf":
                spf.append(self._spf(self.fields(SPF, element)))
            else:
                self.pass_over(RESULTS, name)
                continue
            names.append(name)
            if element.text is not None:
                self.stray_text(below(RESULTS, name), element.text)
            if len(names) > self._results_length and max(len(dkim), len(spf)) > self._results_length:
                raise RefusedError(f"more than {self._results_length} <{name}> in one record (limit results)")
        self._count_results(names)
        if len(spf) > 1 and self.dialect == "rfc9990":
            self._note("other-standard", SPF)
        found: Values = {"dkim_results": tuple(dkim), "spf_results": tuple(spf)}
        if spf and all(result.scope == "helo" for result in spf):
            found["null_path"] = True  # RFC 7208 2.4: MAIL FROM:<> is checked by its HELO name
        return found

    def _count_results(self, names: list[str]) -> None:
        """Take in which results stood there; where they are many, neighbours alike are one."""
        few = names if len(names) <= _FEW else [name for name, _ in groupby(names)][:_FEW]
        self.count(RESULTS, tuple(few))

    def _source_ip(self, raw: str | None) -> str | None:
        if raw is None:
            return None
        address, code = text.read_address(raw)
        if code is not None:
            self._note(code, _SOURCE_IP, raw)
        return address

    def _messages(self, raw: str | None) -> int:
        count = text.integer(raw)
        if count is not None and 0 < count <= MAX_MESSAGES:
            return count
        if raw is not None:
            code = "unreadable-number" if count is None else "out-of-range" if count else "zero-count"
            self._note(code, _COUNT, raw)
        return 0

    def _dkim(self, fields: Fields) -> DkimResult:
        result, raw = self._token(standards.DKIM_RESULT, fields.get("result"))
        return DkimResult(
            domain=self._domain(_DKIM_DOMAIN, fields.get("domain")),
            selector=fields.get("selector"),
            result=result,
            human_result=fields.get("human_result"),
            result_raw=raw,
        )

    def _spf(self, fields: Fields) -> SpfResult:
        result, result_raw = self._token(standards.SPF_RESULT, fields.get("result"))
        scope, scope_raw = self._token(standards.SPF_SCOPE, fields.get("scope"))
        return SpfResult(
            domain=self._domain(_SPF_DOMAIN, fields.get("domain")),
            scope=scope,
            result=result,
            human_result=fields.get("human_result"),
            scope_raw=scope_raw,
            result_raw=result_raw,
        )

    def _reasons(self, evaluated: _Element) -> tuple[OverrideReason, ...]:
        found = [child for child in evaluated if self._names[child.tag] == "reason"]
        if len(found) > self._results_length:
            raise RefusedError(f"more than {self._results_length} <reason> in one record (limit results)")
        return tuple(self._reason(self.fields(REASON, child)) for child in found)

    def _reason(self, fields: Fields) -> OverrideReason:
        kind, raw = self._token(standards.REASON_TYPE, fields.get("type"))
        return OverrideReason(type=kind, comment=fields.get("comment"), type_raw=raw)
