"""What RFC 7489 and RFC 9990 let stand in a report: an element's children or its token in, what departs out.

A report is judged by its own standard; what only the other one has is told apart from what neither has.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, get_args

from parsers import values
from parsers.values import UNKNOWN, Dialect

Departure = tuple[str, str]
"""A code of parsers.deviations.ACTIONS, and the place."""

_OTHER: Final[Mapping[Dialect, Dialect]] = {"rfc7489": "rfc9990", "rfc9990": "rfc7489"}

# --- elements: `a, b` in this order, `a & b` in any; ? optional, * any number, + at least one

ROOT: Final = "feedback"
METADATA: Final = "report_metadata"
DATES: Final = "report_metadata/date_range"
POLICY: Final = "policy_published"
RECORD: Final = "record"
ROW: Final = "record/row"
EVALUATED: Final = "record/row/policy_evaluated"
REASON: Final = "record/row/policy_evaluated/reason"
IDENTIFIERS: Final = "record/identifiers"
RESULTS: Final = "record/auth_results"
DKIM: Final = "record/auth_results/dkim"
SPF: Final = "record/auth_results/spf"

_CONTENTS: Final[Mapping[Dialect, Mapping[str, str]]] = {
    "rfc7489": {  # Appendix C; errata 5229 and others: sp, pct and fo are optional
        ROOT: "version, report_metadata, policy_published, record+",
        METADATA: "org_name, email, extra_contact_info?, report_id, date_range, error*",
        DATES: "begin & end",
        POLICY: "domain & adkim? & aspf? & p & sp? & pct? & fo?",
        RECORD: "row, identifiers, auth_results",
        ROW: "source_ip & count & policy_evaluated",
        EVALUATED: "disposition, dkim, spf, reason*",
        REASON: "type & comment?",
        IDENTIFIERS: "envelope_to? & envelope_from & header_from",
        RESULTS: "dkim*, spf+",
        DKIM: "domain & selector? & result & human_result?",
        SPF: "domain & scope & result",
    },
    "rfc9990": {  # 3.1.1.1 to 3.1.1.14
        ROOT: "version?, report_metadata, policy_published, extension?, record+",
        METADATA: "org_name & email & extra_contact_info? & report_id & date_range & error? & generator?",
        DATES: "begin & end",
        POLICY: "domain & discovery_method? & p & sp? & np? & fo? & adkim? & aspf? & testing?",
        RECORD: "row, identifiers, auth_results",
        ROW: "source_ip & count & policy_evaluated",
        EVALUATED: "disposition, dkim, spf, reason*",
        REASON: "type & comment?",
        IDENTIFIERS: "header_from & envelope_from? & envelope_to?",
        RESULTS: "dkim*, spf?",
        DKIM: "domain & selector & result & human_result?",
        SPF: "domain & scope? & result & human_result?",
    },
}


@dataclass(frozen=True, slots=True)
class _Contents:
    """What may stand in one element."""

    names: Mapping[str, int]
    """Each with its rank; one rank for all where the order is free."""
    required: frozenset[str]


def _read(notation: str) -> _Contents:
    ordered = "," in notation
    found = re.findall(r"(\w+)([?*+]?)", notation)
    return _Contents(
        {name: rank if ordered else 0 for rank, (name, _) in enumerate(found)},
        frozenset(name for name, often in found if often in ("", "+")),
    )


_MODELS: Final = {
    dialect: {place: _read(notation) for place, notation in contents.items()}
    for dialect, contents in _CONTENTS.items()
}

CHILDREN: Final[Mapping[str, frozenset[str]]] = {
    place: frozenset().union(*(models[place].names for models in _MODELS.values()))
    for place in _CONTENTS["rfc7489"]
}
"""What either standard lets stand in an element."""


def below(place: str, name: str) -> str:
    """Name the place of a child."""
    return name if place == ROOT else f"{place}/{name}"


@lru_cache(maxsize=1 << 12)
def departures(place: str, names: tuple[str, ...], dialect: Dialect) -> tuple[Departure, ...]:
    """Judge which of CHILDREN[place] stand in an element, and in which order."""
    model = _MODELS[dialect][place]
    given = [name for name in names if name in model.names]
    ranks = [model.names[name] for name in given]
    return (
        *(("missing", below(place, name)) for name in sorted(model.required.difference(given))),
        *(("other-standard", below(place, name)) for name in names if name not in model.names),
        *((("order", place),) if ranks != sorted(ranks) else ()),
    )


# --- tokens


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens of one element."""

    place: str
    both: frozenset[str]
    """Those that both standards know."""
    only: Mapping[Dialect, frozenset[str]]
    aliases: Mapping[str, str]
    """Other words for them that reporters are known to use."""

    def judge(self, raw: str, dialect: Dialect) -> tuple[str, str | None]:
        """Give the normalised token, and the code of its departure if it is one."""
        if raw in self.both or raw in self.only[dialect]:
            return raw, None
        if raw in self.only[_OTHER[dialect]]:
            return raw, "other-standard"
        lowered = raw.lower()
        if lowered in self.aliases:
            return self.aliases[lowered], "alias-token"
        if any(lowered in known for known in (self.both, *self.only.values())):
            return lowered, "letter-case"
        return UNKNOWN, "unknown-token"


def _vocabulary(
    place: str,
    kind: object,
    *,
    older: Iterable[str] = (),
    newer: Iterable[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> Vocabulary:
    only: dict[Dialect, frozenset[str]] = {"rfc7489": frozenset(older), "rfc9990": frozenset(newer)}
    return Vocabulary(place, frozenset(get_args(kind)) - {UNKNOWN, *older, *newer}, only, aliases or {})


# RFC 7489 C says of its own tokens: "TempError" commonly implemented as "unknown", "PermError" as "error";
# docomo.ne.jp says "hardfail", https://github.com/cry-inc/dmarc-report-viewer/issues/21
_SPF_ALIASES: Final = {"hardfail": "fail", "unknown": "temperror", "error": "permerror"}

POLICY_TOKENS: Final = {
    name: _vocabulary(below(POLICY, name), kind)
    for name, kind in {
        "p": values.Policy,
        "sp": values.Policy,
        "np": values.Policy,
        "adkim": values.Alignment,
        "aspf": values.Alignment,
        "testing": values.Testing,
        "discovery_method": values.Discovery,
    }.items()
}
DISPOSITION: Final = _vocabulary(below(EVALUATED, "disposition"), values.Disposition, newer=("pass",))
ALIGNED_DKIM: Final = _vocabulary(below(EVALUATED, "dkim"), values.Evaluated)
ALIGNED_SPF: Final = _vocabulary(below(EVALUATED, "spf"), values.Evaluated)
REASON_TYPE: Final = _vocabulary(
    below(REASON, "type"),
    values.ReasonType,
    older=("forwarded", "sampled_out"),
    newer=("policy_test_mode",),
)
DKIM_RESULT: Final = _vocabulary(below(DKIM, "result"), values.DkimToken)
SPF_RESULT: Final = _vocabulary(
    below(SPF, "result"), values.SpfToken, newer=("policy",), aliases=_SPF_ALIASES
)
SPF_SCOPE: Final = _vocabulary(below(SPF, "scope"), values.Scope, older=("helo",))
