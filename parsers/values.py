"""A DMARC aggregate report as values: frozen, valid by construction, in the nouns of RFC 7489 C and RFC 9990 3.1."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from parsers.deviations import Deviation

MAX_MESSAGES = 10_000_000_000
"""More than any receiver takes from one address in a day; a larger count is a lie that would spoil every sum."""

UNKNOWN = "unknown"
"""A token that the standard does not know; None is a token that is absent."""

Disposition = Literal["none", "pass", "quarantine", "reject", "unknown"]
Evaluated = Literal["pass", "fail", "unknown"]
Policy = Literal["none", "quarantine", "reject", "unknown"]
Alignment = Literal["r", "s", "unknown"]
DkimToken = Literal["none", "pass", "fail", "policy", "neutral", "temperror", "permerror", "unknown"]
SpfToken = Literal[
    "none", "neutral", "pass", "fail", "softfail", "policy", "temperror", "permerror", "unknown"
]
Scope = Literal["helo", "mfrom", "unknown"]
ReasonType = Literal[
    "forwarded",
    "sampled_out",
    "trusted_forwarder",
    "mailing_list",
    "local_policy",
    "policy_test_mode",
    "other",
    "unknown",
]
Testing = Literal["y", "n", "unknown"]
Discovery = Literal["psl", "treewalk", "unknown"]
Dialect = Literal["rfc7489", "rfc9990"]


@dataclass(frozen=True, slots=True)
class DkimResult:
    """One DKIM signature as the receiver saw it (auth_results/dkim)."""

    domain: str | None = None
    selector: str | None = None
    result: DkimToken | None = None
    human_result: str | None = None
    result_raw: str | None = None
    """The token as sent, where it is not the normalised one."""


@dataclass(frozen=True, slots=True)
class SpfResult:
    """One SPF check as the receiver made it (auth_results/spf)."""

    domain: str | None = None
    scope: Scope | None = None
    result: SpfToken | None = None
    human_result: str | None = None
    scope_raw: str | None = None
    result_raw: str | None = None


@dataclass(frozen=True, slots=True)
class OverrideReason:
    """Why the applied disposition differs from the published policy (policy_evaluated/reason)."""

    type: ReasonType | None = None
    comment: str | None = None
    type_raw: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Messages with one source address, one author domain and one result (feedback/record)."""

    source_ip: str | None
    """Canonical text (RFC 5952 for IPv6); None where it cannot be read."""
    messages: Annotated[int, Field(ge=0, le=MAX_MESSAGES)]
    disposition: Disposition | None = None
    dkim: Evaluated | None = None
    """The *aligned* result, as the receiver evaluated it."""
    spf: Evaluated | None = None
    header_from: str | None = None
    envelope_from: str | None = None
    envelope_to: str | None = None
    null_path: bool | None = None
    """MAIL FROM:<> (a bounce or an automatic reply); None where the report does not tell."""
    dkim_results: tuple[DkimResult, ...] = ()
    spf_results: tuple[SpfResult, ...] = ()
    reasons: tuple[OverrideReason, ...] = ()
    disposition_raw: str | None = None
    dkim_raw: str | None = None
    spf_raw: str | None = None

    @property
    def dmarc_pass(self) -> bool:
        """Whether DMARC passed: aligned DKIM or aligned SPF (RFC 7489 4.2, RFC 9989 5.3.4)."""
        return self.dkim == "pass" or self.spf == "pass"


@dataclass(frozen=True, slots=True)
class PolicyPublished:
    """The domain owner's policy as the receiver found it in the DNS."""

    domain: str | None = None
    p: Policy | None = None
    sp: Policy | None = None
    np: Policy | None = None
    adkim: Alignment | None = None
    aspf: Alignment | None = None
    pct: Annotated[int, Field(ge=0, le=100)] | None = None
    """RFC 7489 C; gone in RFC 9990 3.1.1.5."""
    fo: str | None = None
    testing: Testing | None = None
    """RFC 9990 3.1.1.5: the `t` tag."""
    discovery_method: Discovery | None = None


@dataclass(frozen=True, slots=True)
class ReportHeader:
    """A report without its records."""

    dialect: Dialect
    policy: PolicyPublished
    version: str | None = None
    reporter: str | None = None
    """org_name."""
    email: str | None = None
    extra_contact_info: str | None = None
    report_id: str | None = None
    """Without angle brackets and blanks around it (RFC 9990 3.5.2)."""
    begin: datetime | None = None
    """UTC."""
    end: datetime | None = None
    errors: tuple[str, ...] = ()
    generator: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole aggregate report in memory."""

    header: ReportHeader
    records: tuple[Record, ...]
    deviations: tuple[Deviation, ...]
    damage: str | None = None
    """Why reading stopped before the end of the document; None for a whole one."""

    def blocks(self) -> Iterator[tuple[Record, ...]]:
        """Give the records as ReportReader does, so that a report of any length is stored in one way."""
        if self.records:
            yield self.records
